"""Leaks that the matrix found, each told as the smallest story in which it could be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.terms.errors import NotAllowed
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link, Part, Ref
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader

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


def test_a_relabel_is_not_stopped_by_a_name_among_what_stands_hidden_under_it(
    house: House, note: Make, hand: Callable[..., Hand], amber: Callable[..., Label], reader: Callable[..., Reader]
) -> None:
    """Else a reader could keep an originator from narrowing, and the refusal would tell of their answers."""
    parents = [
        house.take(hand("KWT"), note(f"alert {party}"), amber("QAT", party), originator="KWT").refs[0]
        for party in ("BHR", "JOR")
    ]
    hidden = Label(
        "TLP", "UNCLASSIFIED", (Category("Only", CategoryType.PERMISSIVE, ("QAT",)),), Handling(tlp="TLP:RED")
    )
    for parent in parents:
        answer = msgspec.structs.replace(note("answer", name="A-1"), parent=parent)
        house.take(hand("QAT"), answer, hidden, originator="QAT")
    kwt, qat = house.room(reader("KWT")), house.room(reader("QAT"))

    for parent in parents:
        house.relabel(hand("KWT"), parent, amber("QAT"))

    assert [len(qat.children(qat.get(parent))) for parent in parents] == [1, 1]
    assert len(qat.known_as(Alias("cap", "A-1"))) == 2
    assert [kwt.children(kwt.get(parent)) for parent in parents] == [(), ()]


def test_a_relabel_tells_nothing_of_what_a_cancel_ends_beyond_the_hands_clearance(
    house: House, note: Make, hand: Callable[..., Hand], amber: Callable[..., Label]
) -> None:
    cancel = note("cancel", links=(Link("cancels", Alias("cap", "H-1")),))
    ref = house.take(hand("KWT"), cancel, amber(tlp="TLP:CLEAR"), originator="KWT").refs[0]
    cleared = Clearance("NATO-EXAMPLE", "SECRET")
    context = Category("Context", CategoryType.PERMISSIVE, ("NATO", "Releasable"))
    secret = Label("NATO-EXAMPLE", "SECRET", (context, Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("KWT",))))
    house.take(hand("KWT", cleared), note("hidden", name="H-1"), secret, originator="KWT")
    with pytest.raises(NotAllowed, match="never narrower"):
        house.relabel(hand("KWT", cleared), ref, amber("QAT"))

    house.relabel(hand("KWT"), ref, amber("QAT"))
