"""How long to wait before asking again: exponential back-off with full jitter, and what Retry-After says."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from diwan.terms.time import Instant, instant

BASE: Final = 1.0
"""Seconds that the first wait may last."""
CAP: Final = 60.0
"""Seconds that any wait may last."""
LONGEST: Final = 86_400.0
"""Seconds that a server may ask us to stay away: a slip of the pen there must not end a feed."""
_DIGITS: Final = 9
_DOUBLINGS: Final = 32


def delay(attempt: int, chance: float, *, base: float = BASE, cap: float = CAP) -> float:
    """Return the seconds to wait after the failed `attempt`, counted from 0, for a chance in [0, 1).

    Full jitter: anything from nothing to the doubled bound, so that many nodes do not come back at once.
    """
    return chance * float(min(cap, base * 2 ** min(attempt, _DOUBLINGS)))


def retry_after(text: str, now: Instant) -> float:
    """Return the seconds that a Retry-After header asks for, seconds or an HTTP date; 0 for none or nonsense.

    Source: RFC 9110, 10.2.3. Never more than `LONGEST`.
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return min(LONGEST, float(text))
    at = http_date(text)
    return 0.0 if at is None else min(LONGEST, max(0.0, (at - now) / 1_000_000))


def http_date(text: str) -> Instant | None:
    """Return the instant of an HTTP date, `Tue, 24 Jan 2017 08:00:00 GMT`, or None."""
    try:
        at = parsedate_to_datetime(text)
        return instant(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
