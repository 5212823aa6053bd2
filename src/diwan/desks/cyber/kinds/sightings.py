"""Sightings and opinions as values: what one of them says, of what, and whether it calls that a false positive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.aging import Sense
from diwan.desks.cyber.kinds.stix import instant_of
from diwan.terms.time import Instant

AGAINST: Final = "strongly-disagree"
FALSE: Final = "false-positive"
EXPIRED: Final = "expiration"
"""Marks an opinion that says what MISP's third sort of sighting says, for which STIX has no word."""


class Told(msgspec.Struct, frozen=True):
    """What a sighting or an opinion says."""

    about: tuple[str, ...]
    """The ids of the objects that it is about."""
    at: Instant | None
    """Of what was seen, or else of saying so; None where it gives no date."""
    sense: Sense | None
    """None: an opinion that is no sighting."""
    count: int = 1
    opinion: str = ""
    note: str = ""
    by: str = ""
    """The UUID of the identity that says so, where another than its originator does; claimed."""


def told_in(said: Mapping[str, Any]) -> Told | None:
    """Return what a sighting or opinion says; None where it is revoked.

    A sighting of count 0 and an opinion "strongly-disagree" marked `false-positive` both say that what they are about
    is a false positive; a neutral one marked `expiration` that it is over.
    """
    if said.get("revoked") is True:
        return None
    at = instant_of(str(said.get("last_seen") or said.get("modified") or said.get("created")))
    seen = said.get("type") == "sighting"
    note = said.get("description" if seen else "explanation")
    words = note if isinstance(note, str) else ""
    by = str(said.get("created_by_ref") or "").partition("--")[2]
    if seen:
        count = said.get("count", 1)
        number = count if isinstance(count, int) else 1
        sense = Sense.SEEN if number else Sense.FALSE_POSITIVE
        return Told((str(said.get("sighting_of_ref")),), at, sense, number, note=words, by=by)
    labels = said.get("labels") or ()
    against = said.get("opinion") == AGAINST and FALSE in labels
    about = tuple(str(ref) for ref in said.get("object_refs") or ())
    over = said.get("opinion") == "neutral" and EXPIRED in labels
    meant = Sense.FALSE_POSITIVE if against else Sense.EXPIRATION if over else None
    return Told(about, at, meant, 0, str(said.get("opinion", "")), words, by)
