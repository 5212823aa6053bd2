"""Whether two events say the same in one edit: a MISP that fetched an event writes it down anew in its own way.

It gives other local numbers, distributions and tags, spells values its own way, leaves out what it does not take and
adds sightings, and raises no timestamp by any of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from diwan.desks.cyber.kinds.misp.event import Attribute, Event, Sighting, sightings_of
from diwan.desks.cyber.kinds.misp.types import halves, observables_of

Said = tuple[object, ...]

_BEYOND: Final = re.compile("[^\0-\uffff]|\\?")
"""What MISP writes as a question mark, and a question mark."""


def substance(event: Event) -> tuple[Said, tuple[Said, ...]]:
    """Return what an event says, however MISP spells it: its head, and its parts in order, without what is deleted.

    Who it is for, tags and sightings are left out; so are moments, but for that of the event's last edit.
    """
    head = (event.uuid, event.timestamp, _words(event.info), event.date, event.threat_level, event.analysis)
    return (*head, event.extends), tuple(sorted(set(_parts(event)), key=repr))


def says_no_more(event: Event, held: Event) -> bool:
    """Return whether an event is the same edit as one that is held, and says nothing that the held one does not."""
    head, parts = substance(event)
    known, more = substance(held)
    return event.timestamp is not None and head == known and set(parts) <= set(more)


def sighted(event: Event) -> tuple[Said, ...]:
    """Return the names of an event's sightings in order: the uuid of each, or where it has none what it says."""
    return tuple(sorted({_name(one) for one in sightings_of(event)}, key=repr))


def new_sightings(event: Event, held: Event) -> tuple[Sighting, ...]:
    """Return the sightings of an event that one that is held does not have; of an attribute without a uuid, none."""
    known = {_name(one) for one in sightings_of(held)}
    return tuple(one for one in sightings_of(event) if one.attribute and _name(one) not in known)


def _name(one: Sighting) -> Said:
    return (one.uuid,) if one.uuid else (one.attribute, one.kind, one.at, one.source, one.org)


def _parts(event: Event) -> Iterator[Said]:
    yield from (("attribute", "", *_said(one)) for one in event.attributes if not one.deleted)
    for thing in event.objects:
        if thing.deleted:
            continue
        yield "object", thing.uuid, thing.name, _words(thing.comment)
        yield from (("reference", thing.uuid, one.to, one.relation) for one in thing.references)
        yield from (("attribute", thing.uuid, *_said(one)) for one in thing.attributes if not one.deleted)
    yield from (("report", one.name, _words(one.content)) for one in event.reports)


def _said(one: Attribute) -> Said:
    value = tuple(_spelt(*half) for half in halves(one.type, one.value))
    return one.uuid, one.type, one.category, value, one.to_ids, _words(one.comment)


def _spelt(kind: str, value: str) -> str:
    seen = observables_of(kind, value.strip())
    return seen[0].key if seen else "".join(one for one in value.casefold() if one.isalnum() and one <= "\uffff")


def _words(text: str) -> str:
    return " ".join(_BEYOND.sub("", text).split())
