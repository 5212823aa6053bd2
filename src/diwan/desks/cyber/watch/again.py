"""What comes in again: a MISP event that its originator has here already, and what was sighted of it since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from diwan.desks.cyber.kinds.misp import EVENT, Claims, Event, EventBrief, every_attribute
from diwan.desks.cyber.kinds.misp.same import new_sightings, says_no_more
from diwan.desks.cyber.parse.misp import event_of
from diwan.desks.cyber.parse.misp.sighting import sighting_draft
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import Malformed
from diwan.terms.item import Alias, Draft

_brief: Final = msgspec.json.Decoder(EventBrief)


class Again(msgspec.Struct, frozen=True):
    """An event that is here already."""

    sightings: tuple[tuple[Draft, tuple[Claims, ...]], ...]
    """What was sighted since and is not here, each an item of its own under the event, and who it is for by what the
    event says that brought it."""


def again(room: ReadingRoom, event: Event, originator: str) -> Again | None:
    """Return what an event is that its originator has here in the same edit and with all that it says, or None.

    Its label does not matter: who may read what is here its originator has said, and changes by relabelling it.
    """
    for item, held in _held(room, event, originator):
        if says_no_more(event, held):
            return Again(tuple(_new(room, item, event, held)))
    return None


def _held(room: ReadingRoom, event: Event, originator: str) -> Iterator[tuple[Released, Event]]:
    known = room.known_as(Alias("misp", event.uuid))
    for item in sorted(known, key=lambda one: (one.entered, str(one.ref))):
        own = item.kind == EVENT and item.ref.originator == originator
        if own and _brief.decode(item.brief).timestamp == event.timestamp:
            yield item, event_of(room.parts(item)[0].data)


def _new(room: ReadingRoom, item: Released, event: Event, held: Event) -> Iterator[tuple[Draft, tuple[Claims, ...]]]:
    found = new_sightings(event, held)
    detected = {one.uuid for one in every_attribute(held) if one.to_ids} if found else set()
    for said in found:
        try:
            draft = sighting_draft(said, detected=said.attribute in detected, edited=event.timestamp or 0)
        except Malformed:
            continue  # no uuid of STIX's, so nothing could name it
        if not any(one.ref.originator == item.ref.originator for one in room.known_as(draft.aliases[0])):
            claims = (event.claims, *(event.apart if said.apart else ()))
            yield replace(draft, world=room.world, parent=item.ref), claims
