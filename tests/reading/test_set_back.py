"""A clock that jumped ahead and was set right opens nothing before its date, and keeps nothing open past it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.label import Succession
from diwan.terms.reader import Reader

Make = Callable[..., Any]
DAY = 86_400_000_000


def titles(house: House, party: str, colleague: str = "") -> list[str]:
    return [item.title for item in house.room(Reader(f"reader of {party}{colleague}", party)).page().items]


@pytest.mark.parametrize("looked_before", [False, True])
def test_what_opens_later_is_shut_again_once_the_clock_is_right(
    house: House, hand: Callable[..., Hand], amber: Make, note: Make, clock: Any, belong: Make, looked_before: bool
) -> None:
    belong("ICI", "QAT", since=date(2017, 6, 1))
    house.take(hand("KWT"), note("before"), amber("ICI"), originator="KWT")
    if looked_before:
        assert titles(house, "QAT") == []
    clock.pass_days(200)
    assert titles(house, "QAT") == ["before"]

    clock.pass_days(-200)
    house.take(hand("KWT"), note("after"), amber("ICI"), originator="KWT")
    house.take(hand("KWT"), note("behind another gate"), amber("ICI", "BHR"), originator="KWT")

    assert titles(house, "QAT") == []
    assert titles(house, "QAT", "who looks for the first time") == []
    clock.pass_days(140)
    assert len(titles(house, "QAT")) == 3


def test_what_ends_is_noticed_though_positions_lie_ahead_of_the_clock(
    house: House, hand: Callable[..., Hand], amber: Make, note: Make, clock: Any
) -> None:
    clock.pass_days(30)
    house.take(hand("KWT"), note("early"), amber("QAT"), originator="KWT")
    assert titles(house, "QAT") == ["early"]
    clock.pass_days(-30)

    label = replace(amber("QAT"), succession=Succession(clock() + 10 * DAY, amber("BHR")))
    house.take(hand("KWT"), note("ten days for Qatar, then for Bahrain"), label, originator="KWT")

    assert len(titles(house, "QAT")) == 2
    clock.pass_days(15)
    assert titles(house, "QAT") == ["early"]
    assert titles(house, "BHR") == ["ten days for Qatar, then for Bahrain"]
