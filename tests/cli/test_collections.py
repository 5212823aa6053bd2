"""Collections at the console: entered, listed, and taken back when something was mistyped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def add(diwan: Run, node: Path) -> Callable[..., str]:
    """Enter a collection and return its id."""

    def run(title: str, by: str, label: str, *more: str) -> str:
        words = ("--title", title, "--originator", by, "--label", label, "--node", node, "--json")
        return str(diwan("collection", "add", *words, *more).told[0]["id"])

    return run


def test_each_hosted_party_s_collections_are_listed_newest_first(
    diwan: Run, node: Path, add: Callable[..., str]
) -> None:
    first = add("Indicators", "KWT", "TLP:RED // KWT ONLY", "--type", "indicator", "--words", "oil gas")
    second = add("Everything", "QAT", "TLP:AMBER // Releasable to KWT", "--push", "TLP:CLEAR")

    rows = diwan("collection", "list", "--node", node, "--json").told

    assert [{name: value for name, value in row.items() if name != "ref"} for row in rows] == [
        {
            "id": second,
            "title": "Everything",
            "originator": "QAT",
            "marking": "TLP:AMBER // Releasable to KWT",
            "selects": [],
            "push": "TLP:CLEAR",
        },
        {
            "id": first,
            "title": "Indicators",
            "originator": "KWT",
            "marking": "TLP:RED // KWT ONLY",
            "selects": ["indicator", "oil", "gas"],
            "push": None,
        },
    ]
    assert diwan("collection", "list", "--world", "Test", "--node", node).err.startswith("No party that is hosted here")


def test_a_collection_is_recalled_by_its_id_in_its_originator_s_name_alone(
    diwan: Run, node: Path, add: Callable[..., str]
) -> None:
    mistyped = add("Idnicators", "KWT", "TLP:AMBER // Releasable to QAT")
    kept = add("Indicators", "KWT", "TLP:AMBER // Releasable to QAT")

    others = diwan("collection", "recall", mistyped, "--originator", "QAT", "--node", node)
    unknown = diwan("collection", "recall", "no-such-id", "--originator", "QAT", "--node", node)
    done = diwan("collection", "recall", mistyped.upper(), "--originator", "KWT", "--node", node)

    assert (others.code, others.err) == (2, unknown.err)
    assert (done.code, done.err) == (0, f"Idnicators ({mistyped}) is recalled.\n")
    assert [row["id"] for row in diwan("collection", "list", "--node", node, "--json").told] == [kept]
