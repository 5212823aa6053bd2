"""A query bounded in time finds what a plain filter finds, and looks at nothing outside its bounds."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from counting import counted
from diwan.house import House
from diwan.reading import Query
from diwan.registry import ink
from diwan.registry.search import find
from diwan.registry.words import field
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader

OTHERS = ((), ("BHR",), ("ARE",), ("JOR",), ("BHR", "ARE"), ("BHR", "JOR"))
READER = Reader("r", "QAT")


@pytest.fixture
def enter(
    house: House,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    note: Callable[..., Draft],
    small_segments: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[int], None]:
    """Enter so many notes behind six gates, each with a word that one in three shares; every step is small here."""
    monkeypatch.setattr(ink, "_MILE", 16)
    chance = random.Random(4)

    def make(count: int) -> None:
        drafts = [note(f"note {chance.random()} third{n % 3}") for n in range(count)]
        labelled = [(draft, amber("QAT", *chance.choice(OTHERS))) for draft in drafts]
        house.take_all(hand("KWT"), labelled, originator="KWT")

    return make


def test_bounds_and_cursor_together_find_what_a_plain_filter_finds(house: House, enter: Callable[[int], None]) -> None:
    enter(150)
    house.book.words.catch_up()
    enter(20)
    room, chance = house.room(READER), random.Random(9)
    everything = list(room.walk(Query(order="oldest")))
    edges = [None, *(item.at + off for item in everything[::7] for off in (-1, 0, 1))]
    met = 0

    for _ in range(120):
        since, until = chance.choice(edges), chance.choice(edges)
        words = chance.choice(("", "", "third1", "note third2"))
        order = chance.choice(("newest", "oldest"))
        expected = [
            item.ref
            for item in (everything if order == "oldest" else reversed(everything))
            if (since is None or item.at >= since) and (until is None or item.at < until)
            if set(words.split()) <= set(item.title.split())
        ]

        query = Query(since=since, until=until, words=words, order=order)  # type: ignore[arg-type]
        assert [item.ref for item in room.walk(query, size=chance.choice((1, 4, 40, 500)))] == expected
        met += bool(expected)
    assert met > 40


@pytest.mark.parametrize("density", [0.0001, 0.5, 1.0])
@pytest.mark.parametrize("newest", [True, False])
def test_every_plan_keeps_both_bounds(house: House, enter: Callable[[int], None], density: float, newest: bool) -> None:
    enter(100)
    house.book.words.catch_up()
    with house.book.shelf(READER, World.ACTUAL) as opened:
        shelf = opened.shelf
        places = shelf.oldest(0, 500, 1.0)
        for low, high, limit in ((0, 99, 3), (10, 90, 1), (20, 24, 50), (30, 31, 5), (60, 40, 5)):
            after, before = places[low], places[high]
            inside = [place for place in places if after < place < before]
            expected = (inside[::-1] if newest else inside)[:limit]
            start, end = (before, after) if newest else (after, before)
            listed = (
                shelf.newest(before, limit, density, after) if newest else shelf.oldest(after, limit, density, before)
            )
            assert listed == expected
            terms = [field("kind", "crisis.alert")]
            assert find(shelf, terms, start, limit, density, end, newest=newest) == expected


@pytest.mark.parametrize("words", ["", "third1"])
@pytest.mark.parametrize("kind", [None, "crisis.alert"])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("future", [True, False], ids=["from now on", "before it all"])
def test_a_query_that_nothing_can_meet_costs_the_same_however_much_there_is(
    house: House, enter: Callable[[int], None], words: str, kind: str | None, order: str, future: bool
) -> None:
    enter(40)
    began = next(iter(house.room(READER).walk(Query(order="oldest")))).at
    costs = []

    for _ in range(2):
        house.book.words.catch_up(everything=True)
        bound = {"since": house.book.clock()} if future else {"until": began}
        query = Query(kind=kind, words=words, order=order, **bound)  # type: ignore[arg-type]
        cost, spare = work_for(house, query)
        costs.append(cost)
        enter(160)

    assert costs[1] <= costs[0] + spare, "160 more were entered, and none of them is looked at"


def work_for(house: House, query: Query) -> tuple[int, int]:
    """Return how much the engine looked at to answer with nothing, and what of that may differ by chance.

    Of SQLite it is steps of its machine, of which a row takes more than ten; of PostgreSQL it is rows.
    """
    room = house.room(READER)
    room.page(query)
    with counted(explain=True) as work:
        assert room.page(query).items == ()
    assert len(work.asked) > 1
    return (work.steps, 100) if work.steps else (work.rows, 20)
