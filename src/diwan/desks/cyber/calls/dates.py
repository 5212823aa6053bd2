"""Dates as TAXII servers write them, read leniently and written exactly (TAXII 2.1, section 2: six decimals and Z)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from diwan.terms.time import Instant, instant, moment

SECOND: Final = 1_000_000
_DECIMALS: Final = 6
_FIRST: Final = instant(datetime.min.replace(tzinfo=UTC))
_LAST: Final = instant(datetime.max.replace(tzinfo=UTC))
_FORM: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:[.,]([0-9]{1,18}))?(?:[Zz]|([+-][0-9]{2}:?[0-9]{2}))?"
)


def instant_of(text: str) -> Instant | None:
    """Return the instant that a date names, cut to microseconds, or None: real servers send `undefined` and nothing.

    A date without a zone counts as UTC.
    """
    found = _FORM.fullmatch(text.strip())
    if not found:
        return None
    try:
        at = instant(datetime.fromisoformat(f"{found[1]}T{found[2]}{found[4] or '+00:00'}"))
    except (ValueError, OverflowError):
        return None
    at += int((found[3] or "0")[:_DECIMALS].ljust(_DECIMALS, "0"))
    return at if _FIRST <= at <= _LAST else None


def grain_of(text: str) -> int:
    """Return the microseconds that one last place of a date stands for: a whole second when it has no fraction."""
    found = _FORM.fullmatch(text.strip())
    decimals = len(found[3] or "") if found else 0
    return int(10 ** max(0, _DECIMALS - decimals))


def written(at: Instant) -> str:
    """Return an instant as TAXII 2.1 writes it, `2017-01-24T08:00:00.000000Z`; before the year 1 there is nothing."""
    return moment(max(at, _FIRST)).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
