"""A MISP event as the desk understands it: attributes, objects, tags, sightings, and who each of them is for.

Source: MISP core format (draft-dulaunoy-misp-core-format), section 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

INHERIT: Final = 5
"""The distribution of an attribute, object or report that goes where its event goes."""
THREAT: Final = {1: "High", 2: "Medium", 3: "Low", 4: "Undefined"}
ANALYSIS: Final = {0: "Initial", 1: "Ongoing", 2: "Complete"}
SIGHTED: Final = {0: "sighting", 1: "false positive", 2: "expiration"}


class Org(msgspec.Struct, frozen=True, order=True):
    """An organisation as MISP knows it; the uuid is global, the name is what it calls itself."""

    name: str = ""
    uuid: str = ""


class Group(msgspec.Struct, frozen=True, order=True):
    """A sharing group as an event carries it; empty where only a number of the sending instance was given."""

    uuid: str = ""
    name: str = ""
    organisations: tuple[Org, ...] = ()
    number: str = ""
    """`sharing_group_id`, which means something at the sending instance only."""


class Claims(msgspec.Struct, frozen=True, order=True):
    """What MISP says about who something is for."""

    distribution: int | None = None
    """0 own organisation, 1 community, 2 connected communities, 3 all, 4 sharing group, 5 inherit; None: not said."""
    group: Group | None = None
    tags: tuple[str, ...] = ()
    """The `tlp:` and `PAP:` tags, as written."""


class Sighting(msgspec.Struct, frozen=True, order=True):
    """That somebody saw an attribute's value, found it a false positive, or says when it expires."""

    kind: str
    """`sighting`, `false positive` or `expiration`."""
    uuid: str
    attribute: str
    """The attribute's uuid."""
    value: str
    at: int | None = None
    """Seconds since 1970-01-01T00:00:00Z."""
    source: str = ""
    org: Org | None = None
    apart: bool = False
    """Whether its attribute is for fewer readers than the event is."""


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute, alone or within an object."""

    uuid: str
    type: str
    category: str
    value: str
    to_ids: bool = False
    comment: str = ""
    tags: tuple[str, ...] = ()
    claims: Claims = Claims(INHERIT)
    deleted: bool = False
    apart: bool = False
    """Whether it, or the object it is in, is for fewer readers than the event is."""
    timestamp: int | None = None
    sightings: tuple[Sighting, ...] = ()
    proposals: int = 0


class Reference(msgspec.Struct, frozen=True, order=True):
    """That an object points to another object, an attribute, or another event."""

    to: str
    relation: str


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes that belong together under a template's name."""

    uuid: str
    name: str
    comment: str = ""
    attributes: tuple[Attribute, ...] = ()
    references: tuple[Reference, ...] = ()
    claims: Claims = Claims(INHERIT)
    deleted: bool = False


class Report(msgspec.Struct, frozen=True):
    """A report in words that stands in an event."""

    name: str
    content: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One MISP event."""

    uuid: str
    info: str
    date: str
    """`YYYY-MM-DD`."""
    threat_level: int = 4
    analysis: int = 0
    published: bool = False
    timestamp: int | None = None
    extends: str = ""
    orgc: Org = Org()
    claims: Claims = Claims()
    tags: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    objects: tuple[Object, ...] = ()
    reports: tuple[Report, ...] = ()
    apart: tuple[Claims, ...] = ()
    """What the parts say that are for fewer readers than the event, each once; empty where there are none."""
    galaxies: int = 0
    proposals: int = 0


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much an event holds."""

    attributes: int = 0
    objects: int = 0
    sightings: int = 0
    false_positives: int = 0
    reports: int = 0
    galaxies: int = 0
    proposals: int = 0


class EventBrief(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What lists and a feed's manifest show of an event without opening its bytes."""

    uuid: str
    info: str
    date: str
    threat_level: int
    analysis: int
    published: bool = False
    timestamp: int | None = None
    distribution: int | None = None
    group: Group | None = None
    """Without its organisations: a list does not tell who is in it."""
    orgc: Org = Org()
    tags: tuple[str, ...] = ()
    tlp: str | None = None
    pap: str | None = None
    apart: int = 0
    """How many different audiences its narrower parts have."""
    count: Count = Count()


def every_attribute(event: Event) -> Iterator[Attribute]:
    """Yield the attributes of an event and of its objects that are not deleted."""
    yield from (one for one in event.attributes if not one.deleted)
    for thing in event.objects:
        if not thing.deleted:
            yield from (one for one in thing.attributes if not one.deleted)


def sightings_of(event: Event) -> tuple[Sighting, ...]:
    """Return every sighting, false positive and expiration of an event's attributes, each once.

    One that says `apart` tells of an attribute that not every reader of the event may know.
    """
    return tuple(dict.fromkeys(said for one in every_attribute(event) for said in one.sightings))


def count_of(event: Event) -> Count:
    """Return how much the event holds; what is deleted is not counted."""
    said = [one.kind for one in sightings_of(event)]
    return Count(
        attributes=sum(1 for _ in every_attribute(event)),
        objects=sum(1 for thing in event.objects if not thing.deleted),
        sightings=said.count(SIGHTED[0]),
        false_positives=said.count(SIGHTED[1]),
        reports=len(event.reports),
        galaxies=event.galaxies,
        proposals=event.proposals,
    )
