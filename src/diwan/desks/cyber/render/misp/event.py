"""An event of ours as MISP's JSON: made from a STIX report, a grouping or a bare set of objects; and sightings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final
from uuid import uuid5

import msgspec

from diwan.desks.cyber.kinds.misp import INHERIT, SIGHTED, Attribute, Claims, Event, Group, Org, Sighting
from diwan.desks.cyber.kinds.observable import Observable
from diwan.desks.cyber.render.misp.attributes import MADE, attributes_of, stored
from diwan.desks.cyber.render.misp.feed import tag_of
from diwan.terms.errors import Malformed, NotAllowed

_NUMBERS: Final = {kind: number for number, kind in SIGHTED.items()}
_ANY: Final = "1"
"""A sharing group needs a number other than 0 for some readers; MISP finds the group by its uuid."""


def event_from_stix(
    head: Mapping[str, Any],
    objects: Sequence[Mapping[str, Any]],
    claims: Claims,
    *,
    orgc: Org,
    observables: Mapping[str, Sequence[Observable]],
    sightings: Iterable[Sighting] = (),
) -> bytes:
    """Return a MISP event, `{"Event": …}`, made from what a STIX report or grouping holds.

    `head` gives id, name, and created or modified; for a bare set of objects the caller makes one. `observables` has
    them by STIX id: of an indicator's pattern, or of a cyber-observable itself. `claims` is what `distribution_of` said
    of the label that all of it stands under. A sighting goes to the attributes of its value. Equal input gives equal
    bytes, and the same ids again the same event.

    Raises:
        Malformed: the head has no id, or no created or modified that is a date and time.
        NotAllowed: the claims have no distribution.
    """
    source = head.get("id")
    if not isinstance(source, str) or not source:
        raise Malformed("The STIX report has no id, so its event could have no uuid. Nothing was exported.")
    at = _seconds(head.get("modified") or head.get("created"))
    seen = _by_value(sightings)
    each = (attributes_of(obj, observables.get(str(obj.get("id")), ()), at, source=source) for obj in objects)
    made = _once(chain.from_iterable(each))
    event = Event(
        uuid=str(uuid5(MADE, source)),
        info=stored(" ".join(str(head.get("name") or source).split())),
        date=_day(head.get("published") or head.get("created") or head.get("modified")),
        analysis=2,
        published=True,
        timestamp=at,
        orgc=orgc,
        claims=claims,
        tags=claims.tags,
        attributes=tuple(msgspec.structs.replace(one, sightings=seen.get(one.value, ())) for one in made),
    )
    return event_json(event)


def event_json(event: Event) -> bytes:
    """Return the JSON of an event that this node made, as MISP writes one; objects of an event are not written.

    Raises:
        NotAllowed: the event's claims have no distribution that an event can have.
    """
    if event.claims.distribution not in range(5):
        raise NotAllowed("An event that goes out says who it is for, 0 to 4. Nothing was exported.")
    at = str(event.timestamp or 0)
    made = {
        "uuid": event.uuid,
        "info": event.info,
        "date": event.date,
        "threat_level_id": str(event.threat_level),
        "analysis": str(event.analysis),
        "published": event.published,
        "timestamp": at,
        "publish_timestamp": at if event.published else "0",
        "extends_uuid": event.extends,
        "attribute_count": str(len(event.attributes)),
        "Orgc": {"name": event.orgc.name, "uuid": event.orgc.uuid},
        **_distribution(event.claims),
        "Tag": [tag_of(name) for name in event.tags],
        "Attribute": [_attribute(one, at) for one in event.attributes],
    }
    return msgspec.json.encode({"Event": made})


def sightings_json(sightings: Iterable[Sighting]) -> bytes:
    """Return sightings as a list of what MISP takes for one each: value or uuid, type, source, and when."""
    return msgspec.json.encode([_sent(one) for one in sightings])


def _distribution(claims: Claims) -> dict[str, Any]:
    if claims.distribution != 4 or claims.group is None:
        return {"distribution": str(claims.distribution), "sharing_group_id": "0"}
    number = claims.group.number or _ANY
    return {"distribution": "4", "sharing_group_id": number, "SharingGroup": _group(claims.group, number)}


def _group(group: Group, number: str) -> dict[str, Any]:
    orgs = [{"extend": False, "Organisation": {"name": org.name, "uuid": org.uuid}} for org in group.organisations]
    return {
        "id": number,
        "uuid": group.uuid,
        "name": stored(group.name, 255),
        "releasability": stored(group.name),
        "active": True,
        "roaming": True,
        "SharingGroupOrg": orgs,
        "SharingGroupServer": [],
    }


def _attribute(one: Attribute, at: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uuid": one.uuid,
        "type": one.type,
        "category": one.category,
        "value": one.value,
        "to_ids": one.to_ids,
        "comment": one.comment,
        "timestamp": at if one.timestamp is None else str(one.timestamp),
        "distribution": str(INHERIT),
        "sharing_group_id": "0",
        "deleted": False,
        "disable_correlation": False,
        "Tag": [tag_of(name) for name in one.tags],
    }
    return made | ({"Sighting": [_sighting(said) for said in one.sightings]} if one.sightings else {})


def _sighting(said: Sighting) -> dict[str, Any]:
    made: dict[str, Any] = {"uuid": said.uuid, "type": str(_NUMBERS[said.kind]), "source": stored(said.source, 255)}
    if said.at is not None:
        made["date_sighting"] = str(said.at)
    return made | ({"Organisation": {"name": said.org.name, "uuid": said.org.uuid}} if said.org else {})


def _sent(said: Sighting) -> dict[str, Any]:
    target = {"uuid": said.attribute} if said.attribute else {"value": said.value}
    when = {} if said.at is None else {"timestamp": str(said.at)}
    return {**target, "type": str(_NUMBERS[said.kind]), "source": said.source, **when}


def _once(found: Iterable[Attribute]) -> Iterable[Attribute]:
    """Return each value once, as MISP takes it.

    Where several objects tell of one value, the first counts that is for detection.
    """
    told: dict[tuple[str, str], Attribute] = {}
    for one in found:
        held = told.get((one.type, one.value))
        if held is None or (one.to_ids and not held.to_ids):
            told[one.type, one.value] = one
    return told.values()


def _by_value(sightings: Iterable[Sighting]) -> dict[str, tuple[Sighting, ...]]:
    told: dict[str, list[Sighting]] = {}
    for one in sightings:
        told.setdefault(one.value, []).append(one)
    return {value: tuple(said) for value, said in told.items()}


def _day(text: object) -> str:
    return datetime.fromtimestamp(_seconds(text), UTC).date().isoformat()


def _seconds(text: object) -> int:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Malformed("The STIX report has no created or modified date and time. Nothing was exported.")
    return int(at.timestamp())
