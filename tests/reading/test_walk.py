"""A walk reads pages of the size it was asked for, and yields the same whatever that is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest

from counting import counted
from diwan.house import House
from diwan.reading import Query
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader

COUNT = 30
READER = Reader("r", "QAT")


@pytest.fixture
def filled(house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]) -> House:
    house.take_all(hand("KWT"), [(note(f"note {n}"), amber("QAT")) for n in range(COUNT)], originator="KWT")
    return house


@pytest.mark.parametrize("size", [1, 7, COUNT, COUNT + 1])
@pytest.mark.parametrize("query", [Query(), Query(order="oldest"), Query(kind="crisis.alert")], ids=str)
def test_a_walk_yields_the_same_in_pages_of_any_size(filled: House, query: Query, size: int) -> None:
    room = filled.room(READER)

    assert [item.ref for item in room.walk(query, size)] == [item.ref for item in room.page(query, limit=500).items]


def test_who_takes_the_first_few_reads_no_more_entries_than_a_page_of_that_size(filled: House) -> None:
    with counted() as work:
        taken = list(islice(filled.room(READER).walk(size=5), 5))

    read = sum(len(bound) for query, bound in work.questions if "JOIN text" in query)
    assert (len(taken), read) == (5, 5)
