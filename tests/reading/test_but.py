"""A list that leaves kinds out holds all the rest, in order, and reads nothing of what it leaves out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from counting import Work, counted
from diwan.house import House
from diwan.reading import Query, ReadingRoom, Selection
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader

READER = Reader("r", "QAT")
KINDS = ("crisis.alert", "cyber.report", "cyber.relationship", "cyber.identity")
BUT = ("cyber.identity", "cyber.relationship", "no.kind")


@pytest.fixture
def enter(
    house: House,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    note: Callable[..., Draft],
    small_segments: None,
) -> Callable[[str, int, str], None]:
    """Enter so many of a kind for a party; segments are small here."""

    def make(kind: str, count: int, party: str) -> None:
        drafts = [msgspec.structs.replace(note(f"{kind} {n} odd{n % 2}"), kind=kind) for n in range(count)]
        house.take_all(hand("KWT"), [(draft, amber(party)) for draft in drafts], originator="KWT")

    return make


@pytest.fixture
def mixed(house: House, enter: Callable[[str, int, str], None]) -> ReadingRoom:
    for turn in range(4):
        for place, kind in enumerate(KINDS):
            enter(kind, 3 + 7 * place, "QAT")
            enter(kind, 2, "BHR")
        if turn == 2:
            house.book.words.catch_up(everything=True)
    return house.room(READER)


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("words", ["", "odd1"])
def test_what_is_left_out_is_all_that_is_missing(mixed: ReadingRoom, words: str, order: str) -> None:
    every = list(mixed.walk(Query(words=words, order=order)))  # type: ignore[arg-type]
    rest = [item.ref for item in every if item.kind not in BUT]
    query = Query(words=words, order=order, but=BUT)  # type: ignore[arg-type]

    for size in (1, 5, 500):
        assert [item.ref for item in mixed.walk(query, size)] == rest
    assert mixed.tally(query).found == len(rest) > 10
    assert mixed.tally(query, 7).more
    assert dict(mixed.facets(query, ("kind",))["kind"]).keys() == set(KINDS) - set(BUT)


def test_all_conditions_hold_so_a_kind_that_is_left_out_is_nothing_and_another_is_itself(mixed: ReadingRoom) -> None:
    alerts = [item.ref for item in mixed.walk(Query(kind="crisis.alert"))]

    assert [item.ref for item in mixed.walk(Query(kind="crisis.alert", but=BUT))] == alerts
    assert list(mixed.walk(Query(kind="cyber.identity", but=BUT))) == []
    assert list(mixed.walk(Query(but=KINDS))) == []
    assert list(mixed.walk(Query(but=("no.kind",)))) == list(mixed.walk())


def test_a_kind_that_comes_while_someone_reads_on_does_not_spoil_their_cursor(
    mixed: ReadingRoom, enter: Callable[[str, int, str], None]
) -> None:
    first = mixed.page(Query(but=BUT), limit=5)
    whole = [item.ref for item in mixed.walk(Query(but=BUT))]

    enter("cyber.malware", 1, "QAT")

    rest = mixed.page(Query(but=BUT), first.cursor, limit=500)
    assert [item.ref for item in (*first.items, *rest.items)] == whole


@pytest.mark.parametrize("words", ["", "odd1"])
def test_a_page_costs_what_asking_for_the_kinds_that_are_left_costs_however_much_is_left_out(
    house: House, enter: Callable[[str, int, str], None], words: str
) -> None:
    enter("crisis.alert", 30, "QAT")
    costs = []

    for _ in range(2):
        enter("cyber.relationship", 200, "QAT")
        house.book.words.catch_up(everything=True)
        named, left = (work_for(house, Query(words=words, **how)) for how in ({"kind": "crisis.alert"}, {"but": BUT}))
        assert left.steps + left.rows <= 1.05 * (named.steps + named.rows) + 100
        costs.append(left.steps)

    # Of SQLite, whose plans do not turn on how much there is, the steps can be compared from one size to the next.
    assert costs[1] <= 1.5 * costs[0], "200 more are left out, and none of them is looked at"


def work_for(house: House, query: Query) -> Work:
    room = house.room(READER)
    room.page(query, limit=10)
    with counted(explain=True) as work:
        assert len(room.page(query, limit=10).items) == 10
    return work


def test_cursors_of_lists_that_leave_nothing_out_are_those_of_software_that_could_not() -> None:
    known = Query(kind="crisis.alert").fingerprint(), Selection(scheme="stix").fingerprint()

    assert known == ("be1a7dcd8017fe55", "c4f33186d6cc4ad2")
