from __future__ import annotations

import msgspec
import pytest

from diwan.desks.crisis.kinds import (
    LABEL,
    Alert,
    LabelClaim,
    MsgType,
    Scope,
    State,
    Status,
    brief_of,
    courses,
    instant_of,
)
from diwan.desks.crisis.parse import check, read_alert
from diwan.desks.crisis.render import ack, alert_edition, cancel, cap_xml, error, scope_for, update, with_label
from diwan.terms.errors import Unlabelled
from diwan.terms.item import Ref

LATER = instant_of("2017-01-24T09:00:00+03:00") or 0
LATEST = instant_of("2017-01-24T10:00:00+03:00") or 0
NAME = "watch@centre.example,KW-2017-014,2017-01-24T08:00:00+03:00"


@pytest.fixture
def alert(oil: bytes) -> Alert:
    return read_alert(oil)


def test_an_acknowledgement_goes_to_the_sender_alone_and_conforms(alert: Alert) -> None:
    message = ack(brief_of(alert), identifier="QA-1", sender="ops@qat.example", sent=LATER)

    assert (message.msg_type, message.scope, message.addresses) == (MsgType.ACK, Scope.PRIVATE, alert.sender)
    assert (message.references, message.sent) == (NAME, "2017-01-24T06:00:00-00:00")
    assert check(cap_xml(message)) == ()


def test_an_exercise_is_acknowledged_in_the_exercise_under_its_name(alert: Alert) -> None:
    exercise = msgspec.structs.replace(alert, status=Status.EXERCISE, note="Exercise SAFE HARBOUR")

    message = ack(brief_of(exercise), identifier="QA-1", sender="ops@qat.example", sent=LATER)

    assert (message.status, message.note) == (Status.EXERCISE, "Exercise SAFE HARBOUR")
    assert check(cap_xml(message)) == ()


def test_a_rejection_says_why_and_conforms(alert: Alert) -> None:
    message = error(brief_of(alert), identifier="QA-2", sender="ops@qat.example", sent=LATER, note="Wrong area")

    assert (message.msg_type, message.note, message.references) == (MsgType.ERROR, "Wrong area", NAME)
    assert check(cap_xml(message)) == ()


def test_an_update_names_the_whole_chain_so_that_a_missed_middle_does_no_harm(alert: Alert) -> None:
    first = update(alert, identifier="KW-2017-015", sent=LATER, info=alert.info)
    second = update(first, identifier="KW-2017-016", sent=LATEST, info=alert.info)

    assert second.references == f"{NAME} watch@centre.example,KW-2017-015,2017-01-24T06:00:00-00:00"
    assert check(cap_xml(second)) == ()
    told = courses([(Ref("KWT", "1"), brief_of(alert)), (Ref("KWT", "3"), brief_of(second))], LATEST)
    assert [course.state for course in told] == [State.SUPERSEDED, State.IN_FORCE]


def test_a_cancel_ends_the_alert_and_conforms_without_information(alert: Alert) -> None:
    message = cancel(alert, identifier="KW-2017-015", sent=LATER, note="Stood down")

    assert (message.msg_type, message.info, message.note) == (MsgType.CANCEL, (), "Stood down")
    assert check(cap_xml(message)) == ()
    told = courses([(Ref("KWT", "1"), brief_of(alert)), (Ref("KWT", "2"), brief_of(message))], LATEST)
    assert [course.state for course in told] == [State.CANCELLED]


def test_an_edition_of_an_update_tells_nothing_of_what_was_before(alert: Alert) -> None:
    message = update(alert, identifier="KW-2017-015", sent=LATER, info=alert.info)

    edition = alert_edition(message, identifier="KW-2017-901", sent=LATEST)

    assert (edition.msg_type, edition.references, edition.identifier) == (MsgType.ALERT, None, "KW-2017-901")
    assert edition.info == message.info
    assert b"KW-2017-014" not in cap_xml(edition)
    assert check(cap_xml(edition)) == ()


def test_a_label_goes_into_every_block_once(alert: Alert) -> None:
    labelled = with_label(with_label(alert, "<old/>", "OLD"), "<label/>", "NATO UNCLASSIFIED")

    said = [[(p.value_name, p.value) for p in info.parameter] for info in labelled.info]
    assert said == [[(LABEL, "<label/>"), ("marking", "NATO UNCLASSIFIED")]] * 3
    claim = brief_of(read_alert(cap_xml(labelled))).label_claim
    assert claim == LabelClaim(label="<label/>", marking="NATO UNCLASSIFIED")


def test_a_message_without_blocks_has_no_place_for_a_label(alert: Alert) -> None:
    message = cancel(alert, identifier="KW-2017-015", sent=LATER)

    assert with_label(message, "<label/>", "M") == message


def test_scope_renders_the_audience() -> None:
    assert scope_for(True, ["QAT"]) == (Scope.PUBLIC, None, None)
    assert scope_for(False, ["QAT", "KWT"]) == (Scope.RESTRICTED, "Releasable to KWT, QAT", None)


def test_an_audience_of_nobody_has_no_scope() -> None:
    with pytest.raises(Unlabelled, match="audience is empty"):
        scope_for(False, [])
