"""Times as CAP 1.2 writes them: `2017-01-24T08:00:00+03:00`, whole seconds, an offset and never a Z (section 3.3.2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from diwan.terms.time import Instant, instant, moment

_FORM: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T)([0-9]{2})(:[0-9]{2}:[0-9]{2}[-+](?:0[0-9]|1[0-3]):[0-5][0-9]|:[0-9]{2}:[0-9]{2}[-+]14:00)"
)
_FIRST: Final = instant(datetime.min.replace(tzinfo=UTC))
_LAST: Final = instant(datetime.max.replace(tzinfo=UTC))


def instant_of(text: str) -> Instant | None:
    """Return the instant that a CAP time names, or None when it has another form or is not a real date.

    `24:00:00` is the midnight that ends the day (XML Schema 1.0, part 2, 3.2.7).
    """
    found = _FORM.fullmatch(text)
    if not found:
        return None
    midnight = found[2] == "24" and found[3].startswith(":00:00")
    try:
        at = instant(datetime.fromisoformat(f"{found[1]}00{found[3]}" if midnight else text))
    except ValueError:
        return None
    at += timedelta(days=1) // timedelta(microseconds=1) if midnight else 0
    return at if _FIRST <= at <= _LAST else None


def written(at: Instant) -> str:
    """Return an instant as CAP writes UTC: whole seconds and `-00:00`."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S-00:00")
