"""Parties, frameworks and who belongs to what, since when."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class Standing(StrEnum):
    """Where a party stands in a framework; only a member is released to."""

    MEMBER = "member"
    ASPIRANT = "aspirant"
    FORMER = "former"


class Membership(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """That a party stood so in a framework (or an operation, as a contributor) from one day until before another."""

    framework: str
    party: str
    standing: Standing
    since: date | None = None
    until: date | None = None

    def holds(self, on: date) -> bool:
        """Return whether this statement covers the day `on`."""
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)
