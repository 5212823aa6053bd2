"""Versions: every question finds its rows by an index, and a page costs what is on it, whatever is hidden around it.

SQLite's own plans, and the steps of its machine.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from diwan.reading.arrivals import arrivals
from diwan.registry.book import Book
from diwan.registry.chance import Chance
from diwan.registry.engines import sqlite_wall
from diwan.registry.engines.sqlite import Sqlite
from diwan.registry.engines.sqlite_file import REGISTER, WORDS
from diwan.registry.engines.sqlite_wall import Pages, reading_connection
from diwan.registry.grants import Grant
from diwan.registry.shelf import NEVER, Shelf
from diwan.registry.versions import Held, Pick, held, held_at

STEP = 100
"""Positions from one entry to the next."""
ALL = Pick(scheme="stix", which=("all",))
LAST = Pick(scheme="stix")
PAGE = 100
SEVERAL = tuple(range(1, 41))
"""More gates than are merged one by one."""
FEW = (1, 2, 3)


def begun(folder: Path) -> Path:
    """Begin a register, and nothing in it."""
    Book(folder, clock=lambda: 1, chance=Chance(1), synchronous="OFF").close()
    return folder


class Kept(Pages):
    """A connection that keeps what it was asked, with what was bound."""

    asked: list[tuple[str, list[Any]]]

    def execute(self, query: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.asked.append((query, list(parameters)))
        return super().execute(query, parameters)


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[Kept]:
    """The views of the wall under their names, without the authorizer: it refuses to explain."""
    begun(tmp_path)
    with closing(sqlite3.connect(tmp_path / REGISTER, factory=Kept)) as pages:
        pages.asked = []
        pages.execute("ATTACH DATABASE ? AS words", [str(tmp_path / WORDS)])
        for table in ("allowed", "ever"):
            pages.execute(f"CREATE TEMP TABLE {table}(gate INTEGER PRIMARY KEY)")
        for name, select in sqlite_wall.VIEWS.items():
            pages.execute(f"CREATE TEMP VIEW {name} AS {select}")
        pages.asked.clear()
        yield pages


def plan_of(pages: Kept, query: str, parameters: list[Any]) -> list[str]:
    return [row[3] for row in sqlite3.Connection.execute(pages, f"EXPLAIN QUERY PLAN {query}", parameters)]


def shelf_of(pages: Pages, gates: tuple[int, ...], *moved: Grant) -> Shelf:
    return Shelf(pages, frozenset(gates), moved, Sqlite.merging)


WHICH = [("last",), ("first",), ("all",), ("first", "last")]
OPENED = Grant(2, 50, None, 3)
# What is asked, of how many gates and how dense, and how the rows of versions are found first.
SHAPES: dict[str, tuple[Pick, tuple[int, ...], float, str]] = {
    "by time": (LAST, SEVERAL, 1.0, "SEARCH a USING COVERING INDEX alias_since (since>? AND since<?)"),
    "by many gates": (
        LAST,
        SEVERAL,
        1e-6,
        "SEARCH a USING COVERING INDEX alias_version (gate=? AND since>? AND since<?)",
    ),
    "by few gates": (LAST, FEW, 1e-6, "SEARCH a USING COVERING INDEX alias_version (gate=? AND since>? AND since<?)"),
    "by name": (Pick(scheme="stix", names=("a", "b")), FEW, 1.0, "SEARCH a USING PRIMARY KEY (value=?)"),
}


@pytest.mark.parametrize("which", WHICH, ids=lambda which: "-".join(which))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_question_finds_its_rows_by_the_index_it_should(plans: Kept, shape: str, which: Any) -> None:
    pick, gates, density, first = SHAPES[shape]
    shelf = shelf_of(plans, gates)

    held(shelf, msgspec.structs.replace(pick, which=which, ids=True), 5, NEVER, PAGE, density)

    asked = [one for one in plans.asked if " a WHERE " in one[0]]
    assert asked
    for query, bound in asked:
        plan = plan_of(plans, query, bound)
        assert plan[0] == first
        assert [line for line in plan if line.startswith("SCAN")] == []


@pytest.mark.parametrize("which", ["last", "first"])
def test_a_newer_or_older_version_is_looked_for_once_and_not_once_for_each_gate(plans: Kept, which: Any) -> None:
    held(shelf_of(plans, SEVERAL), Pick(scheme="stix", which=(which,)), 5, NEVER, PAGE, 1.0)

    (query, bound) = next(one for one in plans.asked if " a WHERE " in one[0])
    way = {"last": "version>?", "first": "version<?"}[which]
    told = f"SEARCH main.alias USING PRIMARY KEY (value=? AND originator=? AND {way})"
    assert told in plan_of(plans, query, bound)


@pytest.mark.parametrize("gates", [FEW, SEVERAL])
def test_rows_of_few_gates_need_no_sorting_and_of_many_only_what_is_the_readers(
    plans: Kept, gates: tuple[int, ...]
) -> None:
    held(shelf_of(plans, gates), ALL, 5, NEVER, PAGE, 1e-6)

    sorts = [
        "USE TEMP B-TREE FOR ORDER BY" in plan_of(plans, *one) for one in plans.asked if "version_by_gate" in one[0]
    ]
    assert sorts == ([False] * len(FEW) if gates == FEW else [True])


@pytest.mark.parametrize(("density", "view"), [(0.4, "mentioned_by_gate"), (0.6, "mentioned_by_time")])
def test_who_sees_less_than_half_reads_nothing_that_is_hidden_under_a_value(
    plans: Kept, density: float, view: str
) -> None:
    shelf_of(plans, FEW).mentioning("url:http://example/", PAGE, density)

    assert [view in query for query, _ in plans.asked] == [True]


@pytest.mark.parametrize(("density", "view"), [(0.05, "by_gate"), (0.1, "by_time")])
def test_a_page_is_read_in_time_order_where_that_costs_less_than_merging(
    plans: Kept, density: float, view: str
) -> None:
    shelf_of(plans, FEW).newest(None, PAGE, density)

    assert f"FROM {view} " in next(query for query, _ in plans.asked if "milestone" not in query)


def test_places_that_search_found_are_looked_up_one_by_one(plans: Kept) -> None:
    held_at(shelf_of(plans, FEW), LAST, [100, 200, 300])

    (query, bound) = plans.asked[-1]
    plan = plan_of(plans, query, bound)
    assert plan[0].startswith("SEARCH a USING COVERING INDEX alias_since (since=?")
    assert [line for line in plan if line.startswith("SCAN")] == []


def test_what_came_with_an_opening_and_its_rank_are_found_behind_the_gates_that_opened(plans: Kept) -> None:
    shelf = shelf_of(plans, FEW, OPENED)

    shelf.placed((2,), 50, 0, PAGE)
    shelf.rank((2,), 50, 40)
    arrivals(shelf, ALL, 0, PAGE, 1.0)

    asked = [one for one in plans.asked if "FROM stood" in one[0]]
    assert len(asked) >= 3
    for query, bound in asked:
        assert [line for line in plan_of(plans, query, bound) if line.startswith("SCAN")] == []


# What a page costs ---------------------------------------------------------------------------------------------------


class Laid:
    """A register with rows of versions alone, laid as the ink would lay them."""

    def __init__(self, folder: Path) -> None:
        self.folder = begun(folder)
        self.rows: list[tuple[int, int, str, str, str]] = []

    def add(self, at: int, gate: int, name: str, party: str = "KWT", version: str = "") -> None:
        self.rows.append((at, gate, f"stix:{name}", party, version or f"2017-{at:012}"))

    def done(self) -> Path:
        self.rows.sort()
        heads: dict[int, tuple[int, int]] = {}
        for at, gate, *_ in self.rows:
            heads[gate] = heads.get(gate, (0, 0))[0] + 1, at
        with closing(sqlite3.connect(self.folder / REGISTER)) as ink:
            ink.execute("PRAGMA synchronous=OFF")
            ink.execute("UPDATE state SET value=? WHERE name='stands'", [len(self.rows)])
            ink.executemany(
                "INSERT INTO alias(since, gate, value, originator, version, written, content, part)"
                " VALUES(?,?,?,?,?,'',x'',0)",
                self.rows,
            )
            ink.executemany(
                "INSERT INTO stand(since, item, gate, revision) VALUES(?,?,?,?)",
                [(at, at, gate, at) for at, gate, *_ in self.rows],
            )
            miles = [(at,) for n, (at, *_) in enumerate(self.rows, 1) if n % 1024 == 0]
            ink.executemany("INSERT INTO mile(since) VALUES(?)", miles)
            ink.executemany(
                "INSERT INTO head(gate, entries, newest, ended) VALUES(?,?,?,0)",
                [(gate, entries, newest) for gate, (entries, newest) in heads.items()],
            )
            ink.commit()
        return self.folder


def cost(folder: Path, gates: tuple[int, ...], pick: Pick = LAST, after: int = 0) -> tuple[list[Held], int]:
    """Return a page and how many steps the engine's machine took for it, in tens."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(reading_connection(folder, gates, ())) as pages:
        shelf = shelf_of(pages, gates)
        density = shelf.density()
        pages.set_progress_handler(step, 10)
        found = held(shelf, msgspec.structs.replace(pick, data=False), after, NEVER, PAGE, density)
        pages.set_progress_handler(None, 0)
    return found, steps


SIZES = (1_000, 50_000)


@pytest.mark.parametrize("gates", [FEW, SEVERAL], ids=["three gates", "forty gates"])
@pytest.mark.parametrize("which", ["last", "first", "all"])
def test_a_page_of_little_costs_the_same_among_a_thousand_and_fifty_thousand_hidden(
    tmp_path: Path, gates: tuple[int, ...], which: Any
) -> None:
    """The hidden ones lie between, behind many gates, and some bear the names of what the reader sees."""
    pages = []
    for hidden in SIZES:
        rng, laid = random.Random(1), Laid(tmp_path / str(hidden))
        for n in range(hidden):
            laid.add(n * STEP + 1, rng.randrange(1000, 1300), f"hidden-{n}")
        for n in range(200):
            laid.add(int((n + 0.5) / 200 * hidden * STEP), gates[n % len(gates)], f"mine-{n}")
            laid.add(int((n + 0.5) / 200 * hidden * STEP) + 7, 1000 + n, f"mine-{n}", version="2999")
        pages.append(cost(laid.done(), gates, Pick(scheme="stix", which=(which,))))

    (few, cheap), (many, dear) = pages
    assert [one.name for one in few] == [one.name for one in many] == [f"mine-{n}" for n in range(PAGE)]
    assert dear <= 1.2 * cheap


@pytest.mark.parametrize("which", ["last", "all"])
def test_a_page_of_much_costs_the_same_in_a_register_fifty_times_as_large(tmp_path: Path, which: Any) -> None:
    """Nine in ten entries are the reader's, behind four thousand gates."""
    gates, pages = tuple(range(1, 4001)), []
    for size in SIZES:
        rng, laid = random.Random(1), Laid(tmp_path / str(size))
        for n in range(size):
            laid.add(n * STEP + 1, rng.choice(gates) if n % 10 else 5000 + n % 300, f"entry-{n}")
        pages.append(cost(laid.done(), gates, Pick(scheme="stix", which=(which,))))

    (few, cheap), (many, dear) = pages
    assert [one.name for one in few] == [one.name for one in many]
    assert len(many) == PAGE
    assert dear <= 1.2 * cheap
    assert dear < 30 * PAGE


@pytest.mark.parametrize("hidden", ["others'", "their originators' own"])
def test_a_page_costs_little_more_where_what_is_on_it_was_superseded_elsewhere(tmp_path: Path, hidden: str) -> None:
    """Of another originator nothing is looked at; of the same one, each hidden newer version once."""
    pages = []
    for newer in (0, 10):
        laid = Laid(tmp_path / str(newer))
        for n in range(PAGE):
            laid.add(n * STEP + 1, FEW[n % 3], f"mine-{n}")
            for more in range(newer):
                party = "KWT" if hidden != "others'" else "QAT"
                laid.add(10**9 + n * STEP + more, 1000, f"mine-{n}", party, f"2999-{more}")
        pages.append(cost(laid.done(), FEW))

    (plain, cheap), (crowded, dear) = pages
    assert [one.name for one in plain] == [one.name for one in crowded] == [f"mine-{n}" for n in range(PAGE)]
    assert dear <= (1.1 if hidden == "others'" else 4) * cheap


def test_the_last_page_costs_what_the_first_one_does(tmp_path: Path) -> None:
    laid = Laid(tmp_path)
    for n in range(20_000):
        laid.add(n * STEP + 1, FEW[n % 3] if n % 2 else 1000, f"entry-{n}")
    folder = laid.done()

    first, last = cost(folder, FEW), cost(folder, FEW, after=19_700 * STEP)

    assert len(first[0]) == len(last[0]) == PAGE
    assert last[1] <= 1.2 * first[1]


def test_the_names_that_are_asked_for_cost_what_they_are(tmp_path: Path) -> None:
    laid = Laid(tmp_path)
    for n in range(20_000):
        laid.add(n * STEP + 1, FEW[n % 3] if n % 2 else 1000, f"entry-{n}")

    found, steps = cost(laid.done(), FEW, Pick(scheme="stix", names=("entry-7", "entry-19999", "entry-2", "nothing")))

    assert [one.name for one in found] == ["entry-7", "entry-19999"]
    assert steps < 40
