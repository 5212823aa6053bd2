"""A Cancel is never narrower than what it cancels, when it is entered and whatever is relabelled later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.terms.errors import NotAllowed
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label

ALERTS = Path(__file__).parents[2] / "src/diwan/demo/content/alerts"
Hands = Callable[..., Hand]
Labels = Callable[..., Label]


def _draft(house: House, name: str) -> Draft:
    return house.draft("application/cap+xml", (ALERTS / name).read_bytes())


@pytest.fixture
def alert(house: House, hand: Hands, amber: Labels) -> Ref:
    return house.take(hand("KWT"), _draft(house, "01-oil-sheen.xml"), amber("QAT", "BHR"), originator="KWT").refs[0]


def _cancel(house: House, hand: Hands, label: Label) -> Ref:
    return house.take(hand("KWT"), _draft(house, "03-oil-sheen-cancel.xml"), label, originator="KWT").refs[0]


def test_cancel_to_fewer_than_the_alerts_readers_is_refused(
    house: House, hand: Hands, amber: Labels, alert: Ref
) -> None:
    with pytest.raises(NotAllowed, match="never narrower than what it ends"):
        _cancel(house, hand, amber("QAT"))

    assert house.room(hand("KWT").reader).count() == 1


@pytest.mark.parametrize("wide", [("QAT", "BHR"), ("QAT", "BHR", "ARE")], ids=["as wide", "wider"])
def test_cancel_as_wide_as_the_alert_or_wider_is_entered(
    house: House, hand: Hands, amber: Labels, alert: Ref, wide: tuple[str, ...]
) -> None:
    _cancel(house, hand, amber(*wide))

    assert house.room(hand("KWT").reader).count() == 2


def test_cancel_to_the_world_covers_every_alert(house: House, hand: Hands, amber: Labels, alert: Ref) -> None:
    _cancel(house, hand, amber(tlp="TLP:CLEAR"))

    assert house.room(hand("OMN").reader).count() == 1


def test_another_partys_cancel_may_be_as_narrow_as_it_likes_for_it_ends_nothing(
    house: House, hand: Hands, amber: Labels, alert: Ref
) -> None:
    draft = _draft(house, "03-oil-sheen-cancel.xml")

    assert house.take(hand("QAT"), draft, amber("KWT"), originator="QAT", beyond=Beyond.REFUSE).refs


def test_relabel_that_would_leave_the_cancel_narrower_than_its_alert_is_refused_on_either_side(
    house: House, hand: Hands, amber: Labels, alert: Ref
) -> None:
    cancel = _cancel(house, hand, amber("QAT", "BHR"))

    with pytest.raises(NotAllowed, match="Nothing was changed"):
        house.relabel(hand("KWT"), cancel, amber("QAT"))
    with pytest.raises(NotAllowed, match="Nothing was changed"):
        house.relabel(hand("KWT"), alert, amber("QAT", "BHR", "ARE"))
    house.relabel(hand("KWT"), cancel, amber("QAT", "BHR", "ARE"))
    house.relabel(hand("KWT"), alert, amber("QAT", "BHR", "ARE"))
