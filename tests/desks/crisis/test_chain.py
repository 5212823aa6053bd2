from __future__ import annotations

import random
import time
from itertools import permutations

import msgspec
import pytest

from diwan.desks.crisis.kinds import Brief, MsgType, Scope, Severity, State, Status, courses, in_force, instant_of
from diwan.terms.item import Ref

NOON = instant_of("2017-01-24T12:00:00+00:00") or 0
Told = tuple[Ref, Brief]


def said(
    name: str,
    kind: str = "Alert",
    about: str = "",
    *,
    at: str = "",
    by: str = "KWT",
    sender: str = "watch@kwt",
    status: Status = Status.ACTUAL,
    expires: str | None = "18:00",
    severity: Severity = Severity.SEVERE,
) -> Told:
    """A message named `A8`: its identifier, sent at 8 o'clock; `about` names others so, or as `sender/A8`."""
    sent = f"2017-01-24T{at or f'{int(name[1:]):02}:00:00'}-00:00"
    brief = Brief(
        identifier=name,
        sender=sender,
        sent=sent,
        sent_at=instant_of(sent) or 0,
        status=status,
        msg_type=MsgType(kind),
        scope=Scope.PUBLIC,
        severity=severity,
        references=tuple(reference(word) for word in about.split()),
        expires=instant_of(f"2017-01-24T{expires}:00-00:00") if expires else None,
    )
    return Ref(by, f"{by}-{name}"), brief


def reference(word: str) -> str:
    sender, _, name = word.rpartition("/")
    return f"{sender or 'watch@kwt'},{name},2017-01-24T{int(name[1:]):02}:00:00+00:00"


def states(*told: Told, by_sender: bool = False) -> str:
    return " ".join(f"{c.brief.identifier}:{c.state.name}" for c in courses(told, NOON, by_sender=by_sender))


A = said("A8")
CHAINS = {
    "an alert alone is in force": ((A,), "A8:IN_FORCE"),
    "an alert past its end has expired": ((said("A8", expires="11:00"),), "A8:EXPIRED"),
    "an alert ends in the very second it names": ((said("A8", expires="12:00"),), "A8:EXPIRED"),
    "an alert that names no end stays": ((said("A8", expires=None),), "A8:IN_FORCE"),
    "an update supersedes what it references": ((A, said("U9", "Update", "A8")), "A8:SUPERSEDED U9:IN_FORCE"),
    "a cancel ends what it references": ((A, said("C9", "Cancel", "A8")), "A8:CANCELLED"),
    "an acknowledgement ends nothing": ((A, said("K9", "Ack", "A8")), "A8:IN_FORCE"),
    "a rejection ends nothing": ((A, said("E9", "Error", "A8")), "A8:IN_FORCE"),
    "an alert with references ends nothing": ((A, said("B9", "Alert", "A8")), "A8:IN_FORCE B9:IN_FORCE"),
    "updates follow one another": (
        (A, said("U9", "Update", "A8"), said("V10", "Update", "U9")),
        "A8:SUPERSEDED U9:SUPERSEDED V10:IN_FORCE",
    ),
    "a cancelled update does not bring back what it superseded": (
        (A, said("U9", "Update", "A8"), said("C10", "Cancel", "U9")),
        "A8:SUPERSEDED U9:CANCELLED",
    ),
    "an expired update does not bring back what it superseded": (
        (A, said("U9", "Update", "A8", expires="11:00")),
        "A8:SUPERSEDED U9:EXPIRED",
    ),
    "who cancels the first message cancels what it had become": (
        (A, said("U9", "Update", "A8"), said("V10", "Update", "U9"), said("C11", "Cancel", "A8")),
        "A8:CANCELLED U9:CANCELLED V10:CANCELLED",
    ),
    "an update after the cancel stands": (
        (A, said("C9", "Cancel", "A8"), said("U10", "Update", "A8")),
        "A8:CANCELLED U10:IN_FORCE",
    ),
    "a second cancel reaches the update after the first": (
        (A, said("C9", "Cancel", "A8"), said("U10", "Update", "A8"), said("D11", "Cancel", "A8")),
        "A8:CANCELLED U10:CANCELLED",
    ),
    "an alert that split in two updates is in force twice": (
        (A, said("U9", "Update", "A8"), said("V10", "Update", "A8")),
        "A8:SUPERSEDED U9:IN_FORCE V10:IN_FORCE",
    ),
    "two alerts merge in one update": (
        (A, said("B9"), said("U10", "Update", "A8 B9")),
        "A8:SUPERSEDED B9:SUPERSEDED U10:IN_FORCE",
    ),
    "without the middle, the first message seems to stand": (
        (A, said("V10", "Update", "U9")),
        "A8:IN_FORCE V10:IN_FORCE",
    ),
    "an update that names the whole chain holds without the middle": (
        (A, said("V10", "Update", "U9 A8")),
        "A8:SUPERSEDED V10:IN_FORCE",
    ),
    "a cancel of something unseen ends nothing": ((A, said("C9", "Cancel", "B8")), "A8:IN_FORCE"),
    "a cancel cancels no cancel": (
        (A, said("C9", "Cancel", "A8"), said("D10", "Cancel", "C9")),
        "A8:CANCELLED",
    ),
    "references in a circle end only the earlier one": (
        (said("U8", "Update", "V9"), said("V9", "Update", "U8")),
        "U8:SUPERSEDED V9:IN_FORCE",
    ),
    "a message does not end itself": ((said("U8", "Update", "U8"),), "U8:IN_FORCE"),
    "an exercise cancel ends no actual alert": (
        (A, said("C9", "Cancel", "A8", status=Status.EXERCISE)),
        "A8:IN_FORCE",
    ),
    "an exercise cancel ends the exercise alert": (
        (said("A8", status=Status.EXERCISE), said("C9", "Cancel", "A8", status=Status.EXERCISE)),
        "A8:CANCELLED",
    ),
    "an originator ends its alert under another sender's name": (
        (A, said("C9", "Cancel", "A8", sender="ops@kwt")),
        "A8:CANCELLED",
    ),
    "another originator under the same sender's name ends nothing": (
        (A, said("C9", "Cancel", "A8", by="QAT")),
        "A8:IN_FORCE",
    ),
    "an update within the same second supersedes its alert": (
        (A, said("U8", "Update", "A8", at="08:00:00")),
        "A8:SUPERSEDED U8:IN_FORCE",
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_in_whatever_order_it_is_told(chain: str) -> None:
    told, expected = CHAINS[chain]

    assert {states(*order) for order in permutations(told)} == {expected}


def test_the_sender_is_believed_only_on_demand() -> None:
    chain = (A, said("U9", "Update", "A8", by="QAT"), said("C10", "Cancel", "U9", by="BHR"))

    assert states(*chain) == "A8:IN_FORCE U9:IN_FORCE"
    assert states(*chain, by_sender=True) == "A8:SUPERSEDED U9:CANCELLED"


def test_a_contested_alert_says_by_whom() -> None:
    cancel = said("C9", "Cancel", "A8", by="QAT")

    (course,) = courses((A, cancel), NOON)

    assert (course.state, course.ended_by, course.contested_by) == (State.IN_FORCE, None, (cancel[0],))


def test_an_ended_alert_says_by_what() -> None:
    update = said("U9", "Update", "A8")

    first, second = courses((A, update), NOON)

    assert (first.ended_by, second.ended_by) == (update[0], None)


def test_answers_stand_with_what_they_answer_even_from_a_slow_clock() -> None:
    answers = (
        said("K9", "Ack", "A8", by="QAT", sender="ops@qat"),
        said("K7", "Ack", "A8", by="BHR", sender="ops@bhr"),
        said("E9", "Error", "A8", by="OMN", sender="ops@omn"),
    )

    (course,) = courses((A, *answers), NOON)

    assert set(course.acknowledged_by) == {answers[0][0], answers[1][0]}
    assert course.rejected_by == (answers[2][0],)


def test_two_copies_of_one_alert_each_follow_their_own_originator() -> None:
    copy = said("A8", by="QAT")

    told = courses((A, copy, said("C9", "Cancel", "A8", by="QAT")), NOON)

    assert {c.ref.originator: c.state for c in told} == {"KWT": State.IN_FORCE, "QAT": State.CANCELLED}


def test_in_force_is_gravest_first_then_newest() -> None:
    told = [
        said("A6", severity=Severity.MINOR),
        said("B7", severity=Severity.EXTREME),
        said("D8", severity=Severity.EXTREME),
        said("E9", expires="10:00"),
    ]

    assert [course.brief.identifier for course in in_force(told, NOON)] == ["D8", "B7", "A6"]


def test_the_same_item_told_twice_is_one() -> None:
    assert len(courses((A, A), NOON)) == 1


def test_what_a_reader_sees_depends_on_nothing_else() -> None:
    chance = random.Random(4)
    names = [f"M{n}" for n in range(1, 20)]
    told = [
        said(name, chance.choice(["Alert", "Update", "Cancel", "Ack"]), " ".join(chance.sample(names, 2)))
        for name in names
    ]
    for _ in range(50):
        seen = chance.sample(told, 8)
        narrow = {c.ref: c.state for c in courses(seen, NOON)}
        assert narrow == {c.ref: c.state for c in courses(sorted(seen), NOON)}
        assert len(narrow) == sum(b.msg_type in (MsgType.ALERT, MsgType.UPDATE) for _, b in seen)


def test_a_long_chain_folds_quickly() -> None:
    begin = said("A1")
    chain = [begin]
    for n in range(3_000):
        _, brief = said("A1", "Update")
        last = chain[-1][1]
        later = msgspec.structs.replace(
            brief, identifier=f"U{n}", sent_at=brief.sent_at + (n + 1) * 1_000_000, references=(last.name,)
        )
        sent = f"2017-01-24T{1 + (n + 1) // 3600:02}:{(n + 1) // 60 % 60:02}:{(n + 1) % 60:02}-00:00"
        chain.append((Ref("KWT", f"U{n}"), msgspec.structs.replace(later, sent=sent)))
    cancel = said("C9", "Cancel", "A1")

    began = time.perf_counter()
    told = courses([*chain, cancel], NOON)

    assert {course.state for course in told} == {State.CANCELLED}
    assert time.perf_counter() - began < 2
