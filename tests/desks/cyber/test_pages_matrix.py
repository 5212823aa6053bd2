"""The matrix of ATT&CK as a board: real objects, counted for each reader."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from diwan.desk import Request
from diwan.desks.cyber.acts import open_stix
from diwan.desks.cyber.pages.matrix import heat, matrix_board
from diwan.house import House
from diwan.reading import ReadingRoom
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader


@pytest.fixture
def objects(data: Path) -> list[dict[str, Any]]:
    file = data / "stix" / "attack-ics-18.1.json.gz"
    if not file.is_file():
        pytest.skip("ATT&CK for ICS lies in ../shared/data/stix, which is not here")
    found: list[dict[str, Any]] = json.loads(gzip.decompress(file.read_bytes()))["objects"]
    return found


@pytest.fixture
def fill(house: House, hand: Callable[..., Hand], amber: Callable[..., Label]) -> Callable[..., None]:
    def make(objects: list[dict[str, Any]], *releasable_to: str) -> None:
        label = amber(*releasable_to)
        lines = b"\n".join(json.dumps(one).encode() for one in objects)
        drafts = [(one, label) for one in open_stix(lines, "attack", None) if isinstance(one, Draft)]
        assert len(drafts) == len(objects)
        house.take_all(hand("KWT"), drafts, originator="KWT")

    return make


@pytest.fixture
def room(house: House, reader: Callable[..., Reader]) -> Callable[[str], ReadingRoom]:
    return lambda party: house.room(reader(party))


def counted(view: Mapping[str, Any]) -> dict[str, int]:
    tops = [cell for column in view["matrix"].columns for cell in column.cells]
    return {cell.id: cell.count for top in tops for cell in (top, *top.below) if cell.count}


def used(objects: list[dict[str, Any]]) -> dict[str, int]:
    """Count in the objects themselves: different users of each technique that is neither revoked nor deprecated."""
    names = {
        one["id"]: one["external_references"][0]["external_id"]
        for one in objects
        if one["type"] == "attack-pattern" and not one.get("revoked") and not one.get("x_mitre_deprecated")
    }
    users: dict[str, set[str]] = {}
    for one in objects:
        if one["type"] == "relationship" and one["relationship_type"] == "uses" and one["target_ref"] in names:
            users.setdefault(names[one["target_ref"]], set()).add(one["source_ref"])
    return {name: len(by) for name, by in users.items()}


def test_each_technique_is_counted_as_the_objects_themselves_say(
    objects: list[dict[str, Any]], fill: Callable[..., None], room: Callable[[str], ReadingRoom]
) -> None:
    live = [one for one in objects if not one.get("revoked")]
    fill(live, "QAT", "BHR")

    view = matrix_board(room("QAT"), Request())

    assert (view["domain"], len(view["matrix"].columns)) == ("ics-attack", 12)  # type: ignore[attr-defined]
    assert counted(view) == used(live)
    assert sum(counted(view).values()) > 100


def test_uses_that_are_not_released_are_counted_for_nobody_else(
    objects: list[dict[str, Any]], fill: Callable[..., None], room: Callable[[str], ReadingRoom]
) -> None:
    frame = [one for one in objects if one["type"] in ("x-mitre-matrix", "x-mitre-tactic", "attack-pattern")]
    uses = [one for one in objects if one.get("relationship_type") == "uses" and not one.get("revoked")]
    fill(frame, "QAT", "BHR")
    fill(uses[:40], "QAT", "BHR")
    fill(uses[40:], "BHR")

    assert counted(matrix_board(room("QAT"), Request())) == used([*frame, *uses[:40]])
    assert counted(matrix_board(room("BHR"), Request())) == used([*frame, *uses])
    assert matrix_board(room("JOR"), Request())["matrix"] is None


def test_a_cell_is_coloured_by_steps_and_an_unused_one_not_at_all() -> None:
    assert [heat(number) for number in (0, 1, 4, 5, 19, 20, 59, 60, 9999)] == [0, 1, 1, 2, 2, 3, 3, 4, 4]
