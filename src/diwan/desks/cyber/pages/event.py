"""One MISP event: its attributes and objects, what is tagged and sighted, bounded; what is for fewer stays unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.aging import Sense
from diwan.desks.cyber.kinds.defang import fenced
from diwan.desks.cyber.kinds.misp import ANALYSIS, THREAT, Attribute, Event, Object, count_of, sightings_of
from diwan.desks.cyber.kinds.misp.types import observables_of
from diwan.desks.cyber.kinds.sightings import told_in
from diwan.desks.cyber.pages.briefs import said_by, type_of
from diwan.desks.cyber.pages.object import RAW
from diwan.desks.cyber.pages.sightings import MOST, OPINION, SIGHTING
from diwan.desks.cyber.parse.misp import event_of
from diwan.reading import ReadingRoom, Released

ROWS: Final = 500
"""Attributes shown of one event at most, in its own order; the event's original holds them all."""
_SIGHTINGS: Final = 100
_SHARED: Final = 20


class Row(msgspec.Struct, frozen=True):
    """One attribute as the page shows it."""

    attribute: Attribute
    shown: str
    """Its value, in a writing that nothing turns into a link."""
    seen: int
    doubted: int


def event_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return a MISP event as people read it."""
    data = room.parts(item)[0].data
    event = event_of(data)
    since = _since(room, item, {one.uuid for one in sightings_of(event) if one.uuid})
    rows = list(_rows(event.attributes, since))[:ROWS]
    groups = list(_objects(event, ROWS - len(rows), since))
    count = count_of(event)
    shown = len(rows) + sum(len(inside) for _, inside in groups)
    return {
        "told": frozenset({"related"}),
        "event": event,
        "threat": THREAT.get(event.threat_level, ""),
        "analysis": ANALYSIS.get(event.analysis, ""),
        "rows": rows,
        "objects": groups,
        "count": count,
        "shown": shown,
        "sightings": sightings_of(event)[:_SIGHTINGS],
        "tags": event.tags[:_SIGHTINGS],
        "shared": [(_fenced(value), others) for value, others in room.related(item, _SHARED)],
        "raw": data.decode("utf-8", "replace")[:RAW],
        "raw_most": RAW,
        "type_of": type_of,
    }


_Since = Mapping[tuple[str, Sense | None], int]
"""How often what stands under an event says something of an attribute, by its UUID."""


def _since(room: ReadingRoom, item: Released, known: set[str]) -> _Since:
    told: Counter[tuple[str, Sense | None]] = Counter()
    under = [one for one in room.children(item) if one.kind in (SIGHTING, OPINION)]
    for one in sorted(under, key=lambda child: -child.at)[:MOST]:
        said = said_by(room, one)
        heard = told_in(said)
        # A later edit brings along what came as an item of its own.
        if heard is not None and str(said["id"]).partition("--")[2] not in known:
            told.update((about.partition("--")[2], heard.sense) for about in heard.about)
    return told


def _rows(attributes: tuple[Attribute, ...], since: _Since) -> Iterator[Row]:
    for one in attributes:
        if not one.deleted:
            kinds = [said.kind for said in one.sightings]
            seen = kinds.count("sighting") + since.get((one.uuid, Sense.SEEN), 0)
            doubted = kinds.count("false positive") + since.get((one.uuid, Sense.FALSE_POSITIVE), 0)
            yield Row(one, shown(one), seen, doubted)


def _objects(event: Event, left: int, since: _Since) -> Iterator[tuple[Object, list[Row]]]:
    for thing in event.objects:
        if not thing.deleted and left > 0:
            inside = list(_rows(thing.attributes, since))[:left]
            left -= len(inside)
            yield thing, inside


def shown(one: Attribute) -> str:
    """Return an attribute's value so that nobody clicks on it by mistake."""
    seen = observables_of(one.type, one.value)
    if len(seen) == 1 and one.value.lower() == seen[0].value.lower():
        return fenced(seen[0].kind, one.value)
    return fenced("text", one.value.replace("://", "[:]//"))


def _fenced(key: str) -> str:
    kind, _, value = key.partition(":")
    return fenced(kind, value)
