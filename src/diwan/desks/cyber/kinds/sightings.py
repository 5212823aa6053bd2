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


def told_in(said: Mapping[str, Any]) -> Told | None:
    """Return what a sighting or opinion says; None where it is revoked.

    A sighting of count 0 and an opinion "strongly-disagree" marked `false-positive` both say that what they are about
    is a false positive.
    """
    if said.get("revoked") is True:
        return None
    at = instant_of(str(said.get("last_seen") or said.get("modified") or said.get("created")))
    seen = said.get("type") == "sighting"
    note = said.get("description" if seen else "explanation")
    words = note if isinstance(note, str) else ""
    if seen:
        count = said.get("count", 1)
        number = count if isinstance(count, int) else 1
        sense = Sense.SEEN if number else Sense.FALSE_POSITIVE
        return Told((str(said.get("sighting_of_ref")),), at, sense, number, note=words)
    against = said.get("opinion") == AGAINST and FALSE in (said.get("labels") or ())
    about = tuple(str(ref) for ref in said.get("object_refs") or ())
    return Told(about, at, Sense.FALSE_POSITIVE if against else None, 0, str(said.get("opinion", "")), words)
