from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Path]:
    """A file of a warning list as MISP publishes them."""

    def make(name: str, *entries: str, kind: str = "hostname") -> Path:
        file = tmp_path / f"{name.replace(' ', '_')}-{len(entries)}.json"
        said = {"name": name, "description": "", "version": 3, "type": kind, "list": entries}
        file.write_text(json.dumps({**said, "matching_attributes": ["hostname", "domain"]}))
        return file

    return make


def names(told: list[Any]) -> list[tuple[str, int, str]]:
    return [(row["name"], row["entries"], row["file"]) for row in told]


def test_a_list_is_laid_beside_the_node_and_says_what_was_left_out(
    diwan: Run, node: Path, listed: Callable[..., Path]
) -> None:
    added = diwan("warning-list", "add", listed("Top sites", "www.example.net", "not a name"), "--node", node, "--json")
    shown = diwan("warning-list", "list", "--node", node, "--json")

    assert (added.code, names(added.told)) == (0, [("Top sites", 1, "top-sites.json")])
    assert added.told[0]["left out"] == 1
    assert "Top sites: 1 entries are left out:" in added.err
    assert "warninglist.entry at /list/1" in added.err
    assert [row["file"] for row in shown.told] == ["comes with the software"] * 3 + ["top-sites.json"]
    assert (node / "desks" / "cyber" / "warninglists" / "top-sites.json").stat().st_mode & 0o077 == 0


def test_a_list_of_the_same_name_replaces_the_one_before(diwan: Run, node: Path, listed: Callable[..., Path]) -> None:
    diwan("warning-list", "add", listed("Top sites", "a.example"), "--node", node)
    diwan("warning-list", "add", listed("Top sites", "a.example", "b.example"), "--node", node)

    shown = diwan("warning-list", "list", "--node", node, "--json").told

    assert names(shown)[3:] == [("Top sites", 2, "top-sites.json")]


def test_of_several_files_all_are_laid_down_or_none(
    diwan: Run, node: Path, listed: Callable[..., Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")

    refused = diwan("warning-list", "add", listed("Top sites", "a.example"), broken, "--node", node)
    twice = listed("Top sites", "a.example"), listed("Top sites", "a.example", "b.example")
    same = diwan("warning-list", "add", *twice, "--node", node)

    assert (refused.code, same.code) == (2, 2)
    assert "broken.json is no warning list in MISP's format" in refused.err
    assert "Two of the files hold a list of one name" in same.err
    assert len(diwan("warning-list", "list", "--node", node, "--json").told) == 3
