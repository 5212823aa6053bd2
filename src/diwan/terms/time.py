"""Instants: whole microseconds since 1970-01-01T00:00:00Z, so that headers carry no floats and no zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

Instant = int
"""Microseconds since the epoch, UTC; below 2^53 until the year 2255."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(moment: datetime) -> Instant:
    """Return `moment` as an instant; a moment without a zone is refused.

    Raises:
        ValueError: `moment` carries no offset.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset is not an instant")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(at: Instant) -> datetime:
    """Return the UTC date and time of an instant."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: Instant) -> str:
    """Return an instant as RFC 3339 with whole seconds, `2017-01-24T08:00:00Z`."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(at: Instant) -> date:
    """Return the UTC calendar day of an instant."""
    return moment(at).date()


def midnight(on: date) -> Instant:
    """Return the instant at which a UTC calendar day begins."""
    return instant(datetime(on.year, on.month, on.day, tzinfo=UTC))
