"""Answers to an alert: items of their own, for its originator alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from diwan.desk import Request
from diwan.desks.crisis.acts import ACTS
from diwan.desks.crisis.pages import alert_view
from diwan.house import House
from diwan.reading import ReadingRoom, Released
from diwan.terms.hand import Hand
from diwan.terms.label import Label
from diwan.terms.reader import Reader

ACKNOWLEDGE, REJECT, CANCEL = ACTS
SPECIMEN = Path(__file__).parents[3] / "src/diwan/demo/content/alerts/01-oil-sheen.xml"


def _alert(house: House, hand: Callable[..., Hand], label: Label) -> tuple[ReadingRoom, Released]:
    draft = house.draft("application/cap+xml", SPECIMEN.read_bytes())
    taken = house.take(hand("KWT"), draft, label, originator="KWT")
    room = house.room(hand("KWT").reader)
    return room, room.get(taken.refs[0])


def test_acknowledgement_is_seen_by_the_alerts_originator_and_by_its_author_and_by_no_other_reader_of_the_alert(
    house: House, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    room, alert = _alert(house, hand, amber("QAT", "BHR"))
    qatar, bahrain = house.room(hand("QAT").reader), house.room(reader("BHR"))

    taken = house.act(hand("QAT"), qatar.get(alert.ref), ACKNOWLEDGE)

    assert [child.ref for child in room.children(alert)] == list(taken.refs)
    assert [child.ref for child in qatar.children(alert)] == list(taken.refs)
    assert bahrain.get(alert.ref).ref == alert.ref
    assert bahrain.children(alert) == ()
    assert bahrain.count() == 1


def test_board_of_answers_names_for_the_originator_who_answered_and_who_has_not_and_is_shown_to_nobody_else(
    house: House,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    belong: Callable[..., None],
) -> None:
    for party in ("QAT", "BHR"):
        belong("ICI", party)
    room, alert = _alert(house, hand, amber("ICI"))
    qatar = house.room(hand("QAT").reader)
    house.act(hand("QAT"), qatar.get(alert.ref), ACKNOWLEDGE)
    house.act(hand("BHR"), house.room(hand("BHR").reader).get(alert.ref), REJECT, "wrong area")

    answers = alert_view(room, alert)["answers"]

    said = [(one.party, bool(one.item), one.rejected) for one in answers]  # type: ignore[attr-defined]
    assert said == [("BHR", True, True), ("QAT", True, False)]
    assert alert_view(qatar, qatar.get(alert.ref))["answers"] is None


def test_answer_keeps_the_alert_in_force_and_a_rejection_says_why(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], clock: object
) -> None:
    room, alert = _alert(house, hand, amber("QAT"))
    before = house.desks["crisis"].boards[0].view(room, Request())["rows"]

    house.act(hand("QAT"), house.room(hand("QAT").reader).get(alert.ref), REJECT, "wrong area")

    (row,) = house.desks["crisis"].boards[0].view(room, Request())["rows"]  # type: ignore[misc]
    assert [one.item.ref for one in before] == [alert.ref]  # type: ignore[attr-defined]
    assert row.item.ref == alert.ref
    assert len(row.course.rejected_by) == 1
    assert b"<note>wrong area</note>" in room.parts(room.get(row.course.rejected_by[0]))[0].data
