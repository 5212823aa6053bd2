"""Sightings: what the parties whose word a reader may see say of each object, by its STIX id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.aging import Sighted
from diwan.desks.cyber.kinds.sightings import told_in
from diwan.desks.cyber.kinds.stix import SCHEME
from diwan.desks.cyber.watch.gather import arrivals_of
from diwan.reading import Arrival, ReadingRoom, Selection

_BOTH: Final = ((("type", "sighting"), ("type", "opinion")),)


def sightings_of(room: ReadingRoom) -> Mapping[str, tuple[Sighted, ...]]:
    """Return for each object's id what was said of it: seen, or a false positive, by whom and when.

    What is not released to the reader has no part in it.
    """
    found: dict[str, set[Sighted]] = {}
    for one in arrivals_of(room, Selection(scheme=SCHEME, alternatives=_BOTH)):
        for ident, said in _said(one):
            found.setdefault(ident, set()).add(said)
    return {ident: tuple(sorted(told)) for ident, told in found.items()}


def _said(one: Arrival) -> Iterator[tuple[str, Sighted]]:
    told = told_in(msgspec.json.decode(one.data))
    if told is not None and told.sense is not None:
        said = Sighted(told.at or one.at, one.originator, told.sense)
        yield from ((ident, said) for ident in told.about)
