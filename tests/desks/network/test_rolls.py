"""The fold: who belongs as of any day, and what counts as a claim."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.desks.network.kinds import Belonging, Framework, FrameworkType, Roll, Told, rolls
from diwan.release.decide import member_of
from diwan.terms.item import Ref
from diwan.terms.party import Standing

Tell = Callable[..., tuple[Told, ...]]
ICI = Framework(id="ICI", type=FrameworkType.FRAMEWORK, names={"en": "Initiative"}, keeper="NATO", since="2004")
UP2011 = Framework(
    id="UP2011",
    type=FrameworkType.OPERATION,
    names={"en": "Unified Protector"},
    keeper="NATO",
    since="2011",
    until="2011-11",
)
FIRST = date(2004, 6, 28)
TODAY = date(2017, 1, 24)


def member(party: str, since: date | None = FIRST, until: date | None = None, of: str = "ICI") -> Belonging:
    return Belonging(framework=of, party=party, standing=Standing.MEMBER, since=since, until=until)


def stands(roll: Roll) -> dict[str, Standing]:
    return {place.party: place.standing for place in roll.places}


def test_membership_holds_from_its_first_day_until_before_its_last(told: Tell) -> None:
    said = told(("NATO", ICI), ("NATO", member("KWT", until=date(2010, 1, 1))))

    days = (date(2004, 6, 27), FIRST, date(2009, 12, 31), date(2010, 1, 1))
    assert [stands(rolls(said, on)[0]) for on in days] == [
        {},
        {"KWT": Standing.MEMBER},
        {"KWT": Standing.MEMBER},
        {"KWT": Standing.FORMER},
    ]


def test_aspirant_becomes_a_member_on_the_day_the_keeper_says(told: Tell) -> None:
    aspires = Belonging(framework="ICI", party="OMN", standing=Standing.ASPIRANT)
    said = told(("NATO", ICI), ("NATO", aspires), ("NATO", member("OMN", date(2019, 1, 1))))

    assert stands(rolls(said, TODAY)[0]) == {"OMN": Standing.ASPIRANT}
    assert stands(rolls(said, date(2019, 1, 1))[0]) == {"OMN": Standing.MEMBER}


def test_framework_is_absent_before_it_began(told: Tell) -> None:
    said = told(("NATO", ICI))

    assert [len(rolls(said, on)) for on in (date(2003, 12, 31), date(2004, 1, 1))] == [0, 1]


def test_operation_that_ended_still_shows_who_contributed(told: Tell) -> None:
    said = told(("NATO", UP2011), ("NATO", member("QAT", date(2011, 3, 31), date(2011, 11, 1), of="UP2011")))

    during, after = rolls(said, date(2011, 6, 1))[0], rolls(said, TODAY)[0]
    assert (during.operation, during.ended, stands(during)) == (True, False, {"QAT": Standing.MEMBER})
    assert (after.ended, stands(after)) == (True, {"QAT": Standing.FORMER})


def test_word_of_anyone_but_the_keeper_is_a_claim(told: Tell) -> None:
    (roll,) = rolls(told(("NATO", ICI), ("NATO", member("KWT")), ("QAT", member("OMN"))), TODAY)

    assert (roll.keeper, stands(roll)) == ("NATO", {"KWT": Standing.MEMBER})
    assert [(claim.party, claim.by) for claim in roll.claims] == [("OMN", "QAT")]


def test_description_by_another_makes_nobody_the_keeper(told: Tell) -> None:
    (roll,) = rolls(told(("QAT", ICI), ("NATO", member("KWT"))), TODAY)

    assert (roll.keeper, stands(roll)) == (None, {})
    assert [claim.party for claim in roll.claims] == ["KWT"]


def test_second_self_declared_keeper_gets_a_roll_of_its_own_and_both_are_contested(told: Tell) -> None:
    rival = Framework(id="ICI", type=FrameworkType.FRAMEWORK, names={"en": "Mine"}, keeper="QAT")
    first, second = rolls(told(("NATO", ICI), ("NATO", member("KWT")), ("QAT", rival), ("QAT", member("OMN"))), TODAY)

    assert (first.keeper, stands(first), first.contested) == ("NATO", {"KWT": Standing.MEMBER}, True)
    assert (second.keeper, stands(second), second.contested) == ("QAT", {"OMN": Standing.MEMBER}, True)
    assert [claim.party for claim in first.claims] == ["OMN"]


def test_membership_in_a_framework_that_nobody_describes_is_shown_as_claimed(told: Tell) -> None:
    (roll,) = rolls(told(("KWT", member("KWT", of="GULF"))), TODAY)

    assert (roll.id, roll.framework, [claim.by for claim in roll.claims]) == ("GULF", None, ["KWT"])


_days = st.none() | st.integers(0, 6).map(lambda n: FIRST + timedelta(days=n))
_spans = st.tuples(_days, _days).filter(lambda span: None in span or span[0] < span[1])
_said = st.builds(
    lambda framework, party, standing, span: Belonging(
        framework=framework, party=party, standing=standing, since=span[0], until=span[1]
    ),
    st.sampled_from(["ICI", "MD"]),
    st.sampled_from(["KWT", "QAT"]),
    st.sampled_from(Standing),
    _spans,
)


@given(st.lists(_said, max_size=8), st.integers(-1, 7))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_board_and_release_agree_on_who_is_a_member(said: list[Belonging], offset: int) -> None:
    on = FIRST + timedelta(days=offset)
    kept = (
        Framework(id=name, type=FrameworkType.FRAMEWORK, names={"en": name}, keeper="NATO") for name in ("ICI", "MD")
    )
    told = [Told(statement=one, ref=Ref("NATO", f"{n:032x}"), at=n) for n, one in enumerate((*kept, *said))]

    shown = {(roll.id, place.party) for roll in rolls(told, on) for place in roll.members}

    memberships = [one.membership for one in said]
    assert shown == {(name, party) for party in ("KWT", "QAT") for name in member_of(party, memberships, on)}
