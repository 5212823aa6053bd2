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


class Heard(msgspec.Struct, frozen=True, order=True):
    """One sighting that is released to the reader, and in whose words its originator says so."""

    said: Sighted
    by: str = ""
    """The UUID of who says so, as claimed; empty where it is not said."""

    def of(self, originator: str, own: str) -> Sighted:
        """Return it as one of an event of `originator`, made by the organisation `own`.

        Of their own event its originator may hand on what other organisations say; whoever else tells of it speaks for
        themselves, else one party could be as many as it likes.
        """
        other = self.said.party == originator and self.by not in ("", own)
        return msgspec.structs.replace(self.said, party=self.by) if other else self.said


def heard_of(room: ReadingRoom) -> Mapping[str, tuple[Heard, ...]]:
    """Return for each object's id what was said of it: seen, a false positive, or over; by whom and when.

    What is not released to the reader has no part in it.
    """
    found: dict[str, set[Heard]] = {}
    for one in arrivals_of(room, Selection(scheme=SCHEME, alternatives=_BOTH)):
        for ident, heard in _heard(one):
            found.setdefault(ident, set()).add(heard)
    return {ident: tuple(sorted(told)) for ident, told in found.items()}


def _heard(one: Arrival) -> Iterator[tuple[str, Heard]]:
    told = told_in(msgspec.json.decode(one.data))
    if told is not None and told.sense is not None:
        heard = Heard(Sighted(told.at or one.at, one.originator, told.sense), told.by)
        yield from ((ident, heard) for ident in told.about)
