"""Who reads: a person, a program, a feed's subscriber or a partner node."""

from __future__ import annotations

from datetime import date

import msgspec


class Clearance(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """Up to where a reader is cleared under one policy; everything below is included."""

    policy: str
    classification: str
    caveats: tuple[tuple[str, str], ...] = ()
    """Restrictive values held, as (tag, value)."""
    until: date | None = None
    """The first day on which the clearance no longer holds."""

    def __post_init__(self) -> None:
        """Bring the caveats into their one canonical order."""
        msgspec.structs.force_setattr(self, "caveats", tuple(sorted(set(self.caveats))))


class Reader(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """Everything about a reader that a release decision may depend on, and nothing that would bypass it.

    A role is not here: no role opens a gate.
    """

    id: str
    party: str
    clearances: tuple[Clearance, ...] = ()

    def __post_init__(self) -> None:
        """Bring the clearances into their one canonical order."""
        msgspec.structs.force_setattr(self, "clearances", tuple(sorted(set(self.clearances), key=msgspec.json.encode)))
