"""A house in which parties say who belongs to what, and ways to look at what they said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from diwan.desk import Request
from diwan.desks.network.kinds import MEDIA_TYPE, Statement, Told
from diwan.desks.network.pages import network_board
from diwan.desks.network.render import write
from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

Say = Callable[..., Ref]


@pytest.fixture
def say(house: House, hand: Callable[..., Hand], amber: Callable[..., Label]) -> Say:
    """Enter a statement in a party's name, to the world unless a label is given."""

    def make(by: str, statement: Statement, label: Label | None = None) -> Ref:
        draft = house.draft(MEDIA_TYPE, write(statement))
        return house.take(hand(by), draft, label or amber(tlp="TLP:CLEAR"), originator=by).refs[0]

    return make


@pytest.fixture
def board(house: House, reader: Callable[..., Reader]) -> Callable[..., dict[str, object]]:
    """Return the board's view for a reader of a party."""

    def make(party: str, as_of: date | None = None) -> dict[str, object]:
        query = {"as_of": as_of.isoformat()} if as_of else {}
        return dict(network_board(house.room(reader(party)), Request(query=query)))

    return make


@pytest.fixture
def told() -> Callable[..., tuple[Told, ...]]:
    """Return statements as a fold takes them, from (by, statement) in the order in which they were entered."""

    def make(*said: tuple[str, Statement]) -> tuple[Told, ...]:
        return tuple(
            Told(statement=statement, ref=Ref(by, f"{number:032x}"), at=number)
            for number, (by, statement) in enumerate(said, 1)
        )

    return make


@pytest.fixture
def json() -> Callable[..., bytes]:
    """Return fields as the JSON of a statement."""
    return lambda **fields: msgspec.json.encode(fields)
