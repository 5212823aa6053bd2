"""Days as sources give them: a day, a month or only a year; never made more exact than they were said."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_SHAPE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


def first_day(text: str | None) -> date | None:
    """Return the first day that `2016`, `2016-11` or `2016-11-24` may mean (ISO 8601-1, 5.2.2); None gives None.

    Raises:
        ValueError: none of the three, or no such day in the calendar.
    """
    if text is None:
        return None
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not YYYY, YYYY-MM or YYYY-MM-DD")
    return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))


def holds(since: str | None, until: str | None, on: date) -> bool:
    """Return whether the time from `since` until before `until` covers a day; a bare year counts from its first."""
    first, after = first_day(since), first_day(until)
    return (first is None or first <= on) and (after is None or on < after)
