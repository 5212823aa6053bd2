"""The plan of every question about versions: an index for every table of the register, and never a scan of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from diwan.house import House
from diwan.registry.shelf import Shelf
from diwan.registry.versions import Pick, held, held_at
from diwan.settings import Settings
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part, Version
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader

BOTH = Pick(scheme="stix")
SHAPES: dict[str, tuple[Pick, float, str]] = {
    "last, much": (BOTH, 1.0, "alias_since"),
    "last, little": (BOTH, 0.001, "alias_version"),
    "all, much": (Pick(scheme="stix", which=("all",)), 1.0, "alias_since"),
    "all, little": (Pick(scheme="stix", which=("all",)), 0.001, "alias_version"),
    "first and one by its time": (Pick(scheme="stix", which=("first",), versions=("2020",)), 0.001, "alias_version"),
    "by id": (Pick(scheme="stix", names=("a--1", "a--2")), 1.0, "PRIMARY KEY (value=?"),
    "by id, every version": (Pick(scheme="stix", names=("a--1",), which=("all",)), 1.0, "PRIMARY KEY (value=?"),
    "by type": (Pick(scheme="stix", terms=("type=tool",)), 1.0, "posting_by_time USING PRIMARY KEY"),
    "by one of two types": (
        Pick(scheme="stix", groups=(("type=tool", "type=malware"),)),
        1.0,
        "posting_by_time USING PRIMARY KEY",
    ),
}
"""What is asked, the reader's share, and the index by which the versions are found."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A register in which two parties see versions of the same names through twelve labels each, and P3 through one."""
    opened = House(tmp_path_factory.mktemp("node"), Settings(keeper="NATO", hosted=("KWT",)), synchronous="OFF")
    hand = Hand(Reader("officer", "KWT"), frozenset({Role.DUTY_OFFICER}))
    drafts = [(draft(n), label(("QAT", "BHR")[n % 2], f"P{n % 24}")) for n in range(240)]
    opened.take_all(hand, drafts, originator="KWT")
    opened.book.words.catch_up(everything=True)
    yield opened
    opened.close()


def draft(number: int) -> Draft:
    return Draft(
        kind="cyber.tool",
        title=f"tool {number}",
        parts=(Part("object.json", "application/stix+json", b"{%d}" % number),),
        facets=(("type", ("tool", "malware")[number % 3 == 0]),),
        aliases=(Alias("stix", f"a--{number % 60}"),),
        version=Version(f"20{number // 60:02}", f"20{number // 60:02}", number.to_bytes(2, "big")),
    )


def label(*parties: str) -> Label:
    audience = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, parties)
    return Label("TLP", "UNCLASSIFIED", (audience,), Handling(tlp="TLP:AMBER"))


def plans(shelf: Shelf, ask: Callable[[Shelf], object]) -> list[str]:
    """Return the steps of the plans of every question that `ask` puts, as the walled connection itself plans them."""
    asked: list[tuple[str, list[Any]]] = []
    pages = shelf._sql

    class Recording:
        def execute(self, query: str, parameters: Any = ()) -> Any:
            asked.append((query, list(parameters)))
            return pages.execute(query, parameters)

    shelf._sql = Recording()  # type: ignore[assignment]
    ask(shelf)
    return [row[3] for query, bound in asked for row in pages.execute(f"EXPLAIN QUERY PLAN {query}", bound)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gates", ["few", "many"])
def test_every_filter_finds_versions_by_an_index_and_scans_no_table(house: House, shape: str, gates: str) -> None:
    pick, density, index = SHAPES[shape]
    reader = Reader("a Qatari", "QAT") if gates == "many" else Reader("of one label", "P3")

    with house.book.shelf(reader, World.ACTUAL) as opened:
        assert (len(opened.shelf.gates) > 8) == (gates == "many")
        steps = plans(opened.shelf, lambda shelf: held(shelf, pick, 0, 1 << 62, 50, density))

    assert any(index in step for step in steps), steps
    # What may be walked is what holds nothing of any item: the connection's own gates, and where segments lie.
    assert [step for step in steps if re.match("SCAN", step) and not re.search("allowed|ever|segment|VIEW", step)] == []


def test_what_came_with_an_opening_is_found_by_gate_and_read_by_its_place(house: House) -> None:
    with house.book.shelf(Reader("a Qatari", "QAT"), World.ACTUAL) as opened:
        gates = sorted(opened.shelf.gates)
        late = 1 << 61
        steps = plans(
            opened.shelf,
            lambda shelf: (held_at(shelf, BOTH, shelf.placed(gates, late, 0, 50)), shelf.rank(gates, late, late)),
        )

    assert any("alias_since (since=?" in step for step in steps), steps
    assert [step for step in steps if step.startswith("SCAN")] == []


def test_asking_for_a_newer_version_is_one_look_up_whatever_the_number_of_open_gates(house: House) -> None:
    with house.book.shelf(Reader("a Qatari", "QAT"), World.ACTUAL) as opened:
        steps = plans(opened.shelf, lambda shelf: held(shelf, BOTH, 0, 1 << 62, 50, 1.0))

    assert any("PRIMARY KEY (value=? AND originator=? AND version>?)" in step for step in steps), steps
