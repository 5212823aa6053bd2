"""The matrix is worth something: a door that lets one thing through too many makes an oracle fail.

The registers are written and purged with the true rule; only the looking is done with the loosened door.  Of the views
of the wall those are loosened here behind which no second filter stands; what each of the others holds back by itself
is tested in `tests/walls`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from leaks import asks, rooms
from leaks.ground import Ground, lay_ground
from leaks.pairs import Three, compare, scratch, three_of

from diwan.reading import Released, feed
from diwan.reading.room import ReadingRoom
from diwan.registry import search
from diwan.registry.engines import sqlite
from diwan.registry.engines.sqlite import REGISTER
from diwan.registry.shelf import Shelf
from diwan.release import decide
from diwan.terms.errors import NotAllowed, NotFound
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.web import labels

Patch = pytest.MonkeyPatch
Hunt = Callable[..., str | None]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Three:
    folder = tmp_path_factory.mktemp("mutations")
    ground: Ground = lay_ground(folder / "ground", 1)
    return three_of(ground, "emirates", 7, folder / "three")


@pytest.fixture
def hunt(three: Three, tmp_path: Path) -> Hunt:
    """Look through the door until an oracle fails, and say at which question; None if none does."""
    numbers = count()

    def look(*names: str) -> str | None:
        routes = {name: asks.GENERATORS[name] for name in names if name in asks.GENERATORS}
        methods = {name: rooms.GENERATORS[name] for name in names if name in rooms.GENERATORS}
        mine = scratch(three, tmp_path / str(next(numbers)))
        how = {"worlds": (World.ACTUAL,), "with_commands": False, "routes": routes, "methods": methods}
        return next((difference for _, difference in compare(mine, **how) if difference), None)

    return look


def everything(room: ReadingRoom, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Read the register without a wall: what a forgotten condition would amount to."""
    with closing(sqlite3.connect(room._book.folder / REGISTER)) as pages:
        return pages.execute(query, parameters).fetchall()


def test_without_a_mutation_these_questions_show_no_difference(hunt: Hunt) -> None:
    assert (
        hunt(*rooms.GENERATORS, "GET /", "GET /api/items", "GET /compose", "GET /items/{originator:str}/{ident:str}")
        is None
    )


@pytest.mark.parametrize(
    ("view", "asked"),
    [
        ("open_head", "changes"),
        ("open_counter", "count"),
        ("by_gate", "page"),
        ("by_time", "page"),
        ("by_item", "get"),
        ("last_end", "changes"),
        ("text", "history"),
        ("mentioned", "related"),
        ("fresh_words", "page"),
    ],
)
def test_a_view_of_the_wall_that_forgets_its_gates_is_noticed(
    monkeypatch: Patch, hunt: Hunt, view: str, asked: str
) -> None:
    loose = re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite._VIEWS[view])
    assert loose != sqlite._VIEWS[view]
    monkeypatch.setitem(sqlite._VIEWS, view, loose)

    assert hunt(asked, "changes") is not None


@pytest.mark.parametrize("together", [("words_by_time", "by_time"), ("also_known", "by_time"), ("ended", "by_item")])
def test_two_walls_that_fall_together_are_noticed(monkeypatch: Patch, hunt: Hunt, together: tuple[str, str]) -> None:
    for view in together:
        monkeypatch.setitem(
            sqlite._VIEWS, view, re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite._VIEWS[view])
        )

    assert hunt("page", "known_as", "get", "changes") is not None


def test_a_release_rule_that_asks_for_no_audience_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    monkeypatch.setattr(decide._Holding, "audience", lambda self, label: True)

    assert hunt("page") is not None


def test_a_release_rule_that_asks_for_no_clearance_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    monkeypatch.setattr(decide._Holding, "clearance", lambda self, label: True)
    monkeypatch.setattr(decide._Holding, "audience", lambda self, label: label.policy == "NATO-EXAMPLE")

    assert hunt("page") is not None


def test_facets_counted_over_everything_are_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    def facets(self: ReadingRoom, query: object, names: object, bound: int = 1000) -> dict[str, dict[str, int]]:
        parties = [row[0] for row in everything(self, "SELECT originator FROM item")]
        return {"originator": {party: parties.count(party) for party in sorted(set(parties))}}

    monkeypatch.setattr(ReadingRoom, "facets", facets)

    assert hunt("facets") is not None
    assert hunt("GET /api/facets") is not None


def test_a_feed_that_ignores_grants_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    monkeypatch.setattr(feed, "_stretches", lambda shelf, gate: [(0, feed._STILL)])

    assert hunt("changes") is not None
    assert hunt("GET /api/changes") is not None


def test_a_count_taken_from_the_total_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    monkeypatch.setattr(Shelf, "count", lambda self, kind: self.facts()["stands"])

    assert hunt("count") is not None


def test_saying_forbidden_instead_of_not_found_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    properly = ReadingRoom.get

    def get(self: ReadingRoom, ref: Ref) -> Released:
        try:
            return properly(self, ref)
        except NotFound:
            if everything(self, "SELECT 1 FROM item WHERE id=?", bytes.fromhex(ref.id)):
                raise NotAllowed("This is not for you.") from None
            raise

    monkeypatch.setattr(ReadingRoom, "get", get)

    assert hunt("get") is not None
    assert hunt("GET /items/{originator:str}/{ident:str}") is not None


def test_a_cursor_that_carries_the_registers_last_position_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    monkeypatch.setattr(Shelf, "newest_change", lambda self: self.facts()["last_position"])

    assert hunt("changes") is not None
    assert hunt("GET /changes") is not None


def test_a_search_without_a_look_at_the_gates_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    for view in ("fresh_words", "words_by_gate", "words_by_time", "by_time", "filed"):
        monkeypatch.setitem(
            sqlite._VIEWS, view, re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite._VIEWS[view])
        )

    assert hunt("tally") is not None
    assert hunt("GET /api/count") is not None


def test_an_order_that_rests_on_the_size_of_the_register_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    """As every rank does that weighs a word by how rare it is among all documents."""
    plainly = search.find

    def find(shelf: Shelf, terms: Any, *rest: Any, newest: bool) -> list[int]:
        found = plainly(shelf, terms, *rest, newest=newest)
        first = shelf.facts()["stands"] % max(1, len(found))
        return found[first:] + found[:first]

    monkeypatch.setattr("diwan.reading.room.find", find)

    assert hunt("page") is not None


def test_a_pick_list_of_everyone_known_here_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    def known(house: Any, room: Any) -> tuple[str, ...]:
        return tuple(sorted({membership.party for membership in house.rules().memberships}))

    monkeypatch.setattr(labels, "known_parties", known)

    assert hunt("GET /compose") is not None


def test_a_child_counted_though_it_is_hidden_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    def children(self: ReadingRoom, item: Released) -> tuple[object, ...]:
        parent = "SELECT number FROM item WHERE originator=? AND id=?"
        asked = f"SELECT originator FROM item WHERE parent=({parent})"
        return tuple(everything(self, asked, item.ref.originator, bytes.fromhex(item.ref.id)))

    monkeypatch.setattr(ReadingRoom, "children", children)

    assert hunt("children") is not None
