"""What releases: the keeper's word on a member, and nothing else that this desk enters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from diwan.desks.network.kinds import Belonging, Statement
from diwan.house import House
from diwan.terms.errors import NotFound
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.party import Standing
from diwan.terms.reader import Reader

Say = Callable[[str, Statement], Ref]


def stands(standing: Standing, since: date = date(2004, 6, 28), until: date | None = None) -> Belonging:
    return Belonging(framework="ICI", party="KWT", standing=standing, since=since, until=until)


@pytest.fixture
def readable(
    house: House,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    note: Callable[..., Draft],
    reader: Callable[..., Reader],
) -> Callable[[], bool]:
    """Whether a Kuwaiti reader can read an item of NATO's that is releasable to ICI."""
    ref = house.take(hand("NATO"), note("To the Initiative"), amber("ICI"), originator="NATO").refs[0]

    def ask() -> bool:
        try:
            return house.room(reader("KWT")).get(ref).ref == ref
        except NotFound:
            return False

    return ask


def test_keepers_word_opens_the_gate_and_anothers_claim_does_not(say: Say, readable: Callable[[], bool]) -> None:
    before = readable()
    say("KWT", stands(Standing.MEMBER))
    claimed = readable()
    say("NATO", stands(Standing.MEMBER))

    assert (before, claimed, readable()) == (False, False, True)


@pytest.mark.parametrize("standing", [Standing.ASPIRANT, Standing.FORMER])
def test_aspirant_and_former_member_read_nothing_even_by_the_keepers_word(
    say: Say, readable: Callable[[], bool], standing: Standing
) -> None:
    say("NATO", stands(standing))

    assert not readable()


def test_gate_shuts_when_a_membership_of_the_keeper_runs_out(
    say: Say, readable: Callable[[], bool], clock: object
) -> None:
    say("NATO", stands(Standing.MEMBER, until=date(2017, 2, 1)))
    before = readable()
    clock.pass_days(10)  # type: ignore[attr-defined]  # the clock of the tests goes on when told

    assert (before, readable()) == (True, False)


def test_gate_shuts_when_the_keeper_rectifies_the_member_to_former(
    house: House, hand: Callable[..., Hand], say: Say, readable: Callable[[], bool]
) -> None:
    ref = say("NATO", stands(Standing.MEMBER))
    before = readable()
    former = b'{"kind":"membership","framework":"ICI","party":"KWT","standing":"former","since":"2004-06-28"}'
    house.rectify(hand("NATO"), ref, house.draft("application/vnd.diwan.network+json", former))

    assert (before, readable()) == (True, False)
