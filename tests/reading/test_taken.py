"""What a feed takes back costs what is on the page, however much stood behind the gate that shut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from counting import counted
from diwan.house import House
from diwan.reading import feed
from diwan.reading.feed import Mark, Step, steps
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

COUNT = 60
BEFORE, SINCE = Reader("r", "BHR"), Reader("r", "JOR")


@pytest.fixture
def refs(house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]) -> list[Ref]:
    """Items behind two gates that BHR may read, in turn."""
    labels = [amber("BHR"), amber("BHR", "ARE")]
    labelled = [(note(f"note {n}"), labels[n % 2]) for n in range(COUNT)]
    return [one.refs[0] for one in house.take_all(hand("KWT"), labelled, originator="KWT")]  # type: ignore[union-attr]


def asked(house: House, reader: Reader, mark: Mark, limit: int) -> tuple[list[Step], list[str]]:
    """Return a page of the feed and the statements it took."""
    with house.book.shelf(reader, World.ACTUAL) as opened, counted() as work:
        found = steps(opened.shelf, opened.density, mark, limit)
    return found, work.asked


def test_gates_that_shut_are_taken_back_page_by_page_in_order_and_once(
    house: House, refs: list[Ref], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_CHUNK", 4)
    given = house.room(BEFORE).changes(limit=COUNT)
    cursor, gone, more = given.cursor, [], True

    while more:
        answer = house.room(SINCE).changes(cursor, 7)
        gone += [(change.what, change.ref) for change in answer.changes]
        cursor, more = answer.cursor, answer.more

    assert gone == [("retracted", change.ref) for change in given.changes]
    assert len(gone) == len(refs)


def test_items_recalled_after_their_gate_shut_are_taken_back_in_the_same_order(
    house: House, refs: list[Ref], hand: Callable[..., Hand], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_CHUNK", 4)
    given = house.room(BEFORE).changes(limit=COUNT)
    assert house.room(SINCE).count() == 0
    for ref in reversed(refs[::3]):
        house.recall(hand("KWT"), ref)
    cursor, gone, more = given.cursor, [], True

    while more:
        answer = house.room(SINCE).changes(cursor, 7)
        gone += [change.ref for change in answer.changes]
        cursor, more = answer.cursor, answer.more

    assert gone == [change.ref for change in given.changes]
    assert len(gone) == len(refs)


def test_a_page_of_what_was_taken_looks_at_no_more_than_is_on_it(house: House, refs: list[Ref]) -> None:
    room = house.room(BEFORE)
    room.changes(limit=COUNT)
    with house.book.shelf(BEFORE, World.ACTUAL) as opened:
        newest = opened.shelf.newest_change()
    mark = Mark((newest, newest), newest, newest)

    found, statements = asked(house, SINCE, mark, 5)

    assert len(found) == 5
    looked_at = [said for said in statements if "FROM stood WHERE item" in said]
    items = sum(said.count("?") for said in looked_at)
    assert 5 <= items <= 15, "one page of each gate, and of what ended, may be looked at in vain"


def test_who_holds_nothing_yet_is_not_asked_what_was_taken(house: House, refs: list[Ref]) -> None:
    assert house.room(BEFORE).count() == len(refs)

    found, statements = asked(house, SINCE, Mark(seen=1 << 61), 5)

    assert found == []
    assert not [said for said in statements if "FROM stood" in said or "FROM ended" in said]
