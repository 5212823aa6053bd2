"""Sightings: what the parties whose word a reader may see say of each object, by its STIX id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.aging import Sense, Sighted
from diwan.desks.cyber.kinds.stix import SCHEME, instant_of
from diwan.desks.cyber.watch.gather import arrivals_of
from diwan.reading import Arrival, ReadingRoom, Selection

_BOTH: Final = ((("type", "sighting"), ("type", "opinion")),)
_AGAINST: Final = "strongly-disagree"
_FALSE: Final = "false-positive"


def sightings_of(room: ReadingRoom) -> Mapping[str, tuple[Sighted, ...]]:
    """Return for each object's id what was said of it: seen, or a false positive, by whom and when.

    A sighting of count 0 and an opinion "strongly-disagree" marked `false-positive` both say that it is a false
    positive. What is not released to the reader has no part in it.
    """
    found: dict[str, set[Sighted]] = {}
    for one in arrivals_of(room, Selection(scheme=SCHEME, alternatives=_BOTH)):
        for ident, said in _said(one):
            found.setdefault(ident, set()).add(said)
    return {ident: tuple(sorted(told)) for ident, told in found.items()}


def _said(one: Arrival) -> Iterator[tuple[str, Sighted]]:
    told: dict[str, Any] = msgspec.json.decode(one.data)
    at = instant_of(str(told.get("last_seen") or told.get("modified") or told.get("created"))) or one.at
    if told.get("revoked") is True:
        return
    if told.get("type") == "sighting":
        sense = Sense.FALSE_POSITIVE if told.get("count") == 0 else Sense.SEEN
        yield str(told.get("sighting_of_ref")), Sighted(at, one.originator, sense)
    elif told.get("opinion") == _AGAINST and _FALSE in told.get("labels", ()):
        yield from ((str(ref), Sighted(at, one.originator, Sense.FALSE_POSITIVE)) for ref in told["object_refs"])
