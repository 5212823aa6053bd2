"""What a text refers to beyond its audience: warned of, refused, narrowed, or issued as an edition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from diwan.desk import Request
from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.terms.errors import NotAllowed
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

ALERTS = Path(__file__).parents[2] / "src/diwan/demo/content/alerts"
Hands = Callable[..., Hand]
Labels = Callable[..., Label]


def _draft(house: House, name: str) -> Draft:
    return house.draft("application/cap+xml", (ALERTS / name).read_bytes())


@pytest.fixture
def alert(house: House, hand: Hands, amber: Labels) -> Ref:
    """An alert of Kuwait that Qatar may read and Bahrain may not."""
    draft = _draft(house, "01-oil-sheen.xml")
    return house.take(hand("KWT"), draft, amber("QAT"), originator="KWT").refs[0]


def _titles(house: House, party: str) -> list[str]:
    return [item.title for item in house.room(Reader(party, party)).walk()]


def test_update_to_readers_of_the_alert_alone_is_entered_without_a_notice(
    house: House, hand: Hands, amber: Labels, alert: Ref
) -> None:
    taken = house.take(hand("KWT"), _draft(house, "02-oil-sheen-update.xml"), amber("QAT"), originator="KWT")

    assert (len(taken.refs), taken.notices) == (1, ())


def test_wider_update_warns_whom_it_tells_of_an_alert_they_do_not_know(
    house: House, hand: Hands, amber: Labels, alert: Ref, belong: Callable[..., None]
) -> None:
    belong("ICI", "BHR")
    belong("ICI", "QAT")

    taken = house.take(hand("KWT"), _draft(house, "02-oil-sheen-update.xml"), amber("ICI"), originator="KWT")

    assert [notice.parties for notice in taken.notices if "refers to" in notice.text] == [("ICI",)]


def test_wider_update_is_refused_when_asked_to_be(
    house: House, hand: Hands, amber: Labels, alert: Ref, belong: Callable[..., None]
) -> None:
    belong("ICI", "BHR")

    with pytest.raises(NotAllowed, match="ICI may not know"):
        house.take(
            hand("KWT"), _draft(house, "02-oil-sheen-update.xml"), amber("ICI"), originator="KWT", beyond=Beyond.REFUSE
        )


def test_wider_update_can_be_narrowed_to_those_who_know_the_alert(
    house: House, hand: Hands, amber: Labels, alert: Ref, belong: Callable[..., None]
) -> None:
    belong("ICI", "BHR")
    update = _draft(house, "02-oil-sheen-update.xml")

    taken = house.take(hand("KWT"), update, amber("QAT", "BHR"), originator="KWT", beyond=Beyond.NARROW)

    assert len(taken.refs) == 1
    assert (len(_titles(house, "QAT")), _titles(house, "BHR")) == (2, [])


def test_widening_update_is_an_update_for_old_readers_and_an_alert_edition_for_new_ones(
    house: House, hand: Hands, amber: Labels, alert: Ref, belong: Callable[..., None]
) -> None:
    belong("ICI", "BHR")
    belong("ICI", "QAT")
    update = _draft(house, "02-oil-sheen-update.xml")

    taken = house.take(hand("KWT"), update, amber("QAT", "BHR"), originator="KWT", beyond=Beyond.EDITION)

    board = house.desks["crisis"].boards[0].view
    old = board(house.room(Reader("QAT", "QAT")), Request())["rows"]
    new = board(house.room(Reader("BHR", "BHR")), Request())["rows"]
    assert len(taken.refs) == 2
    assert [(row.item.ref, row.brief.msg_type) for row in old] == [(taken.refs[0], "Update")]  # type: ignore[attr-defined]
    assert [(row.item.ref, row.brief.msg_type) for row in new] == [(taken.refs[1], "Alert")]  # type: ignore[attr-defined]
    (edition,) = house.room(Reader("BHR", "BHR")).walk()
    data = house.room(Reader("BHR", "BHR")).parts(edition)[0].data
    assert b"<references>" not in data
    assert update.aliases[0].value.split(",")[1].encode() not in data


def test_reference_to_an_alert_that_the_hand_itself_may_not_read_is_not_remarked_on(
    house: House, hand: Hands, amber: Labels, alert: Ref, belong: Callable[..., None]
) -> None:
    belong("ICI", "BHR")

    taken = house.take(hand("BHR"), _draft(house, "02-oil-sheen-update.xml"), amber("ICI"), originator="BHR")

    assert [notice for notice in taken.notices if "refers to" in notice.text] == []
