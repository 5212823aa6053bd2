"""The word index can be lost, and several may build it: search finds all the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from diwan.house import House
from diwan.reading import Query
from diwan.registry import search
from diwan.registry.engines.sqlite import WORDS
from diwan.registry.search import WordIndex
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label

FIRST, LATER = 150, 90


@pytest.fixture
def filled(
    house: House,
    hand: Callable[..., Hand],
    note: Callable[..., Draft],
    amber: Callable[..., Label],
    monkeypatch: object,
) -> Callable[[int, int], None]:
    """Enter notes by number, each with the word `harbour` and one of its own."""
    monkeypatch.setattr(search, "_BATCH", 16)  # type: ignore[attr-defined]
    label = amber("QAT")

    def enter(start: int, count: int) -> None:
        drafts = [(note(f"harbour w{n}"), label) for n in range(start, start + count)]
        house.take_all(hand("KWT"), drafts, originator="KWT")

    return enter


def _found(house: House, hand: Callable[..., Hand], words: str) -> int:
    return sum(1 for _ in house.room(hand("QAT").reader).walk(Query(words=words)))


def test_lost_index_is_made_anew_from_the_register_when_the_node_opens(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None], clock: Callable[[], int]
) -> None:
    filled(0, FIRST)
    house.book.words.catch_up(everything=True)
    waiting = house.book.facts()["waiting"]
    house.close()
    for left in house.folder.glob(f"{WORDS}*"):
        left.unlink()

    again = House(house.folder, house.settings, clock=clock, synchronous="OFF")
    try:
        before = _found(again, hand, "harbour")
        again.book.words.catch_up(everything=True)
        assert (waiting, before, _found(again, hand, "harbour"), _found(again, hand, "w7")) == (0, FIRST, FIRST, 1)
    finally:
        again.close()


def test_two_that_index_one_register_in_turn_leave_no_overlap_and_lose_nothing(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None]
) -> None:
    second = WordIndex(house.folder, house.book._pen)
    try:
        filled(0, FIRST)
        rows = second._waiting(everything=False)
        house.book.words.catch_up()
        filled(FIRST, LATER)
        assert second.catch_up(everything=True) > 0
        house.book.words.catch_up(everything=True)

        spans = second._ink.execute("SELECT low, high FROM segment ORDER BY low").fetchall()
    finally:
        second._closing.set()
        second._ink.close()
        second._register.close()
    assert rows
    assert all(high < low for (_, high), (low, _) in pairwise(spans))
    assert _found(house, hand, "harbour") == FIRST + LATER


def test_segment_that_cannot_be_written_leaves_everything_waiting(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(0, FIRST)

    def broken(_: str) -> int:
        raise OverflowError

    with monkeypatch.context() as patch, pytest.raises(OverflowError):
        patch.setattr(search, "number", broken)
        house.book.words.catch_up()

    assert (house.book.facts()["waiting"], _found(house, hand, "harbour")) == (FIRST, FIRST)
    assert house.book.words.catch_up(everything=True) == FIRST
