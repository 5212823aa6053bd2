"""Leaks that the matrix found, each told as the smallest story in which it could be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.terms.errors import NotAllowed
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link, Part, Ref
from diwan.terms.label import Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Reader

Make = Callable[..., Draft]


def state(house: House, hand: Callable[..., Hand], label: Label, framework: str, party: str) -> Ref:
    draft = Draft(
        kind="network.membership",
        title=f"{party} in {framework}",
        parts=(Part("said.json", "application/json", f"{party} {framework}".encode()),),
        membership=Membership(framework, party, Standing.MEMBER, date(2004, 1, 1)),
    )
    return house.take(hand("NATO"), draft, label, originator="NATO").refs[0]


def test_the_end_of_something_lost_long_ago_moves_no_cursor(
    house: House,
    note: Make,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    reader: Callable[..., Reader],
) -> None:
    membership = state(house, hand, amber("NATO"), "ICI", "QAT")
    lost = house.take(hand("KWT"), note("lost"), amber("ICI"), originator="KWT").refs[0]
    house.take(hand("KWT"), note("kept"), amber("QAT"), originator="KWT")
    room = house.room(reader("QAT"))
    assert [change.what for change in room.changes().changes] == ["released", "released"]
    house.recall(hand("NATO"), membership)
    assert [change.item.title for change in room.changes().changes if change.item] == ["kept"]
    before = room.changes()

    house.recall(hand("KWT"), lost)

    assert room.changes() == before


def test_of_an_item_for_everyone_no_party_is_listed(
    house: House,
    note: Make,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    reader: Callable[..., Reader],
) -> None:
    ref = house.take(hand("KWT"), note("for all"), amber(tlp="TLP:CLEAR"), originator="KWT").refs[0]
    room = house.room(reader("KWT"))
    before = room.reach(room.get(ref))
    assert before.world

    state(house, hand, amber("NATO"), "UP2011", "SAU")

    assert room.reach(room.get(ref)) == before


def test_who_is_left_out_of_what_everyone_may_read_is_not_listed(
    house: House, note: Make, hand: Callable[..., Hand], amber: Callable[..., Label]
) -> None:
    house.take(hand("KWT"), note("narrow", name="N-1"), amber("QAT"), originator="KWT")

    def refusal() -> str:
        wide = note("wide", links=(Link("references", Alias("cap", "N-1")),))
        with pytest.raises(NotAllowed) as said:
            house.take(hand("KWT"), wide, amber(tlp="TLP:CLEAR"), originator="KWT", beyond=Beyond.REFUSE)
        return str(said.value)

    before = refusal()
    assert "WORLD may not know" in before
    state(house, hand, amber("NATO"), "UP2011", "SAU")

    assert refusal() == before
