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

import msgspec
import pytest
from leaks import asks, rooms
from leaks.ground import Ground, lay_ground
from leaks.pairs import Three, compare, scratch, three_of

from diwan.desks.cyber import acts
from diwan.desks.cyber.kinds.markings import said_by
from diwan.desks.cyber.kinds.taxii import Status
from diwan.desks.cyber.routes import collections, taxii
from diwan.intake.neighbours import Neighbours
from diwan.reading import Released, feed
from diwan.reading.room import ReadingRoom
from diwan.registry import positions, search
from diwan.registry.engines import sqlite_wall
from diwan.registry.engines.sqlite_file import REGISTER
from diwan.registry.shelf import Shelf
from diwan.release import decide
from diwan.terms.errors import NotAllowed, NotFound
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.label import Handling, Label, unpack
from diwan.web import labels

ROOT = "/taxii2/root"
PUSH = f"POST {ROOT}/collections/{{collection:str}}/objects"
Patch = pytest.MonkeyPatch
Hunt = Callable[..., str | None]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("mutations") / "ground", 1)


@pytest.fixture(scope="module")
def three(ground: Ground) -> Three:
    return three_of(ground, "emirates", 7, ground.folder.parent / "three")


@pytest.fixture(scope="module")
def gaining(ground: Ground) -> Three:
    """The registers of someone to whom gates opened behind which cyber things stood already."""
    return three_of(ground, "jordan", 7, ground.folder.parent / "gaining")


@pytest.fixture
def hunt(three: Three, tmp_path: Path) -> Hunt:
    """Look through the door until an oracle fails, and say at which question; None if none does."""
    return _hunt(three, tmp_path)


@pytest.fixture
def later_hunt(gaining: Three, tmp_path: Path) -> Hunt:
    """Look as someone who gained gates."""
    return _hunt(gaining, tmp_path)


def _hunt(three: Three, tmp_path: Path) -> Hunt:
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
    routes = ("GET /", "GET /api/items", "GET /compose", "GET /items/{originator:str}/{ident:str}", "GET /cyber", PUSH)

    assert hunt(*rooms.GENERATORS, *routes) is None


@pytest.mark.parametrize(
    ("view", "asked"),
    [
        ("open_head", "changes"),
        ("open_counter", "count"),
        ("by_gate", "page"),
        ("by_time", "page"),
        ("by_item", "get"),
        ("text", "history"),
        ("version_by_time", "arrivals"),
        ("version_by_gate", "arrivals"),
        ("version_by_name", "arrivals"),
        ("also_known", "arrivals"),
        ("fresh_words", "page"),
    ],
)
def test_a_view_of_the_wall_that_forgets_its_gates_is_noticed(
    monkeypatch: Patch, hunt: Hunt, view: str, asked: str
) -> None:
    loose = re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite_wall.VIEWS[view])
    assert loose != sqlite_wall.VIEWS[view]
    monkeypatch.setitem(sqlite_wall.VIEWS, view, loose)

    assert hunt(asked, "changes") is not None


@pytest.mark.parametrize("asked", ["related", "seen"])
def test_mentions_behind_other_gates_are_noticed_in_whichever_order_they_are_read(
    monkeypatch: Patch, hunt: Hunt, asked: str
) -> None:
    for view in ("mentioned_by_gate", "mentioned_by_time"):
        loose = re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite_wall.VIEWS[view])
        assert loose != sqlite_wall.VIEWS[view]
        monkeypatch.setitem(sqlite_wall.VIEWS, view, loose)

    assert hunt(asked) is not None


@pytest.mark.parametrize("together", [("words_by_time", "by_time"), ("also_known", "by_time"), ("ended", "by_item")])
def test_two_walls_that_fall_together_are_noticed(monkeypatch: Patch, hunt: Hunt, together: tuple[str, str]) -> None:
    for view in together:
        monkeypatch.setitem(
            sqlite_wall.VIEWS,
            view,
            re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite_wall.VIEWS[view]),
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
    monkeypatch.setattr(Shelf, "newest_change", lambda self: self.facts()["stands"])

    assert hunt("changes") is not None
    assert hunt("GET /changes") is not None


def test_a_search_without_a_look_at_the_gates_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    for view in ("fresh_words", "words_by_gate", "words_by_time", "by_time", "filed"):
        monkeypatch.setitem(
            sqlite_wall.VIEWS,
            view,
            re.sub(r"IN \(SELECT gate FROM temp\.\w+\)", "IS NOT NULL", sqlite_wall.VIEWS[view]),
        )

    assert hunt("tally") is not None
    assert hunt("GET /api/count") is not None


def test_an_order_that_rests_on_the_size_of_the_register_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    """As every rank does that weighs a word by how rare it is among all documents."""
    plainly = search.find

    def find(shelf: Shelf, terms: Any, *rest: Any, **more: Any) -> list[int]:
        found = plainly(shelf, terms, *rest, **more)
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


def test_an_arrival_counted_among_what_others_see_is_noticed(monkeypatch: Patch, later_hunt: Hunt) -> None:
    """Of what came with an opening, the rank is a date: it must not count what stood behind other gates."""
    stood = "FROM stood WHERE since < ? AND (until IS NULL OR until >= ?)"
    loose = re.sub(r" WHERE gate IN \(SELECT gate FROM temp\.\w+\)", "", sqlite_wall.VIEWS["stood"])

    def placed(self: Shelf, gates: Any, opening: int, skip: int, limit: int) -> list[int]:
        rows = self.ask(f"SELECT since {stood} ORDER BY since LIMIT ? OFFSET ?", [opening, opening, limit, skip])
        return [row[0] for row in rows]

    monkeypatch.setitem(sqlite_wall.VIEWS, "stood", loose)
    monkeypatch.setattr(Shelf, "placed", placed)

    assert later_hunt("arrivals") is not None


def test_a_rank_among_what_stands_behind_every_gate_is_noticed(monkeypatch: Patch, later_hunt: Hunt) -> None:
    stood = "FROM stood WHERE since < ? AND (until IS NULL OR until >= ?)"
    loose = re.sub(r" WHERE gate IN \(SELECT gate FROM temp\.\w+\)", "", sqlite_wall.VIEWS["stood"])

    def rank(self: Shelf, gates: Any, opening: int, since: int, start: int = 0) -> int:
        return int(self.ask(f"SELECT count(*) {stood} AND since >= ?", [since, opening, start])[0][0])

    monkeypatch.setitem(sqlite_wall.VIEWS, "stood", loose)
    monkeypatch.setattr(Shelf, "rank", rank)

    assert later_hunt("arrivals") is not None


def test_positions_that_lie_the_wider_the_more_is_entered_are_noticed(
    monkeypatch: Patch, ground: Ground, tmp_path: Path
) -> None:
    monkeypatch.setattr(positions, "_wide", lambda count: 512 * count)
    hunt = _hunt(three_of(ground, "emirates", 7, tmp_path / "three"), tmp_path)

    assert hunt("page") is not None


def test_what_moves_along_unseen_and_shifts_what_is_seen_is_noticed(
    monkeypatch: Patch, ground: Ground, tmp_path: Path
) -> None:
    def scattered(self: positions.Positions, moved: Any) -> list[int]:
        last = self.position()
        self.set_fact("last_position", last + len(moved))
        return [last + len(moved) - place for place in range(len(moved))]

    monkeypatch.setattr(positions.Positions, "scattered", scattered)
    hunt = _hunt(three_of(ground, "emirates", 7, tmp_path / "three"), tmp_path)

    assert hunt("changes") is not None


def test_labels_of_everything_are_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    def labels(self: ReadingRoom) -> tuple[Label, ...]:
        return tuple(unpack(value) for (value,) in everything(self, "SELECT value FROM label"))

    monkeypatch.setattr(ReadingRoom, "labels", labels)

    assert hunt("labels") is not None
    assert hunt(f"GET {ROOT}/markings") is not None


def test_a_status_told_to_whoever_asks_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    def status_of(clerk: Any, ident: str) -> Status:
        kept = clerk.kept(f"status/{ident}")
        if kept is None:
            raise NotFound
        return msgspec.json.decode(kept, type=Status)

    monkeypatch.setattr(taxii, "status_of", status_of)

    assert hunt(f"GET {ROOT}/status/{{status:str}}") is not None


def test_a_hidden_definition_that_makes_a_label_stricter_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    asked = "SELECT p.data FROM alias a JOIN part p ON p.number=a.part WHERE a.value=?"

    def look_up(self: acts.Definitions, ident: str) -> Handling:
        found = everything(self._room, asked, f"stix:{ident}") if self._room else []
        return next((said_by(msgspec.json.decode(data)) for (data,) in found), Handling())

    monkeypatch.setattr(acts.Definitions, "_look_up", look_up)

    assert hunt(PUSH) is not None


def test_a_push_refused_for_what_another_has_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    def holder(self: Neighbours, alias: Any, gate: int, originator: str, version: Any) -> Any:
        held = self._named.get(alias, ())
        found = (self._ink.alias_holder(alias, one.gate, one.originator, version) for one in held)
        return next((one for one in found if one), None)

    monkeypatch.setattr(Neighbours, "holder", holder)

    assert hunt(PUSH) is not None


def test_a_collection_found_by_anyone_who_knows_its_id_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    asked = "SELECT r.brief FROM alias a JOIN revision r ON r.position=a.since WHERE a.value=?"

    def collection_of(clerk: Any, ident: str) -> Any:
        if ident == collections.whole(clerk).id:
            return collections.whole(clerk)
        found = everything(clerk.room, asked, f"collection:{ident}")
        if not found:
            raise NotFound
        return collections.read_collection(found[0][0])

    monkeypatch.setattr(taxii, "collection_of", collection_of)

    assert hunt(f"GET {ROOT}/collections/{{collection:str}}") is not None


def test_a_sighting_counted_though_it_is_hidden_is_noticed(monkeypatch: Patch, hunt: Hunt) -> None:
    properly = ReadingRoom.kinds

    def kinds(self: ReadingRoom) -> dict[str, int]:
        rows = everything(self, "SELECT kind, count(*) FROM item GROUP BY kind")
        return {kind: number for kind, number in rows if kind in properly(self)}

    monkeypatch.setattr(ReadingRoom, "kinds", kinds)

    assert hunt("GET /cyber") is not None
