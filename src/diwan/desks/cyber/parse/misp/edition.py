"""An edition of an event: without what is for fewer readers, under a name of its own, and telling of nothing left out.

What stays is named here; everything else goes: local numbers (a gap would count what is missing), correlations,
proposals, galaxies with their clusters, other people's notes, and the moment of the last edit, which may be that of a
hidden part. What stays inherits the event's distribution. Texts that repeat a hidden value go too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from diwan.desks.cyber.kinds.misp import Claims, Event
from diwan.desks.cyber.kinds.misp.marks import is_mark
from diwan.desks.cyber.parse.misp.apart import is_apart, is_local_tag
from diwan.desks.cyber.parse.misp.document import Found, found_in, times_in
from diwan.desks.cyber.parse.misp.draft import NAME, draft_of, event_of
from diwan.desks.cyber.parse.misp.read import read_event
from diwan.terms.errors import Malformed, NotAllowed
from diwan.terms.finding import Reject
from diwan.terms.item import Draft

Tree = dict[str, Any]

_EVENT: Final = ("info", "date", "threat_level_id", "analysis", "published", "distribution", "sharing_group_id")
_FREE: Final = frozenset(("comment", "text", "other", "email-body"))
"""Attribute types whose values are words that may tell of anything."""
_ATTRIBUTE: Final = ("type", "category", "value", "to_ids", "uuid", "timestamp", "comment", "deleted", "first_seen")
_MORE: Final = ("last_seen", "disable_correlation", "object_relation", "data")
_OBJECT: Final = ("name", "meta-category", "description", "template_uuid", "template_version", "uuid", "timestamp")
_OBJECT_MORE: Final = ("comment", "deleted", "first_seen", "last_seen")
_REPORT: Final = ("uuid", "name", "content", "timestamp", "deleted")
_TAG: Final = ("name", "colour", "exportable")
_SIGHTING: Final = ("uuid", "type", "date_sighting", "source")
_REFERENCE: Final = ("uuid", "referenced_uuid", "relationship_type", "comment", "object_uuid", "timestamp")
_UUIDS: Final = ("uuid", "referenced_uuid", "object_uuid")
_PAIRS: Final = 500_000_000
"""Hidden texts times characters kept that are compared; beyond, every free text goes."""
_SHORT: Final = 4
"""Hidden values shorter than this are not looked for in texts: a port number stands everywhere."""


def edition(draft: Draft, ident: str) -> Draft:
    """Return the edition of an event's draft under a random name, 32 hexadecimal digits, that tells nothing.

    Raises:
        Malformed: the draft's first part is no event.
        NotAllowed: the event's own title tells what the edition leaves out.
    """
    whole = event_of(draft.parts[0].data)
    return _drafted(edition_of(draft.parts[0].data, whole, str(UUID(hex=ident, version=4))), draft)


def is_as_before(draft: Draft, before: bytes) -> bool:
    """Return whether an edition says what one that was made before says, but for when."""
    return _undated(draft.parts[0].data) == _undated(before)


def later(draft: Draft, than: int) -> Draft:
    """Return an edition dated after a moment, seconds since 1970: MISP takes no edit that is not newer.

    What is for fewer readers now, or deleted, leaves no moment of its own; the next second tells of none.
    """
    (made,) = msgspec.json.decode(draft.parts[0].data).values()
    at = str(max(than + 1, int(made["timestamp"])))
    return _drafted(msgspec.json.encode({"Event": made | {"timestamp": at, "publish_timestamp": at}}), draft)


def _undated(data: bytes) -> Tree:
    (made,) = msgspec.json.decode(data).values()
    return {key: one for key, one in made.items() if key not in ("timestamp", "publish_timestamp")}


def _drafted(data: bytes, of: Draft) -> Draft:
    (found,) = found_in(data, NAME)
    event = read_event(found.event)[0] if isinstance(found, Found) else None
    if event is None or isinstance(found, Reject):
        raise Malformed("MISP: the edition is no event. Nothing was entered.")
    return msgspec.structs.replace(draft_of(event, found, {}), parent=of.parent, world=of.world)


def edition_of(data: bytes, event: Event, uuid: str) -> bytes:
    """Return the JSON of an event's edition, `{"Event": …}`.

    Raises:
        NotAllowed: the event's own title tells what the edition leaves out.
    """
    (found,) = (one for one in found_in(data, NAME) if isinstance(one, Found))
    cut = _Cutting(found.event, event.claims)
    return msgspec.json.encode({"Event": cut.made(uuid)})


class _Cutting:
    """One event on its way to its edition."""

    def __init__(self, event: Tree, claims: Claims) -> None:
        self._event = event
        self._claims = claims
        self._hidden = _Hidden(event, claims)

    def made(self, uuid: str) -> Tree:
        if self._hidden.tells(str(self._event.get("info", ""))):
            raise NotAllowed("MISP: the event's title tells what its edition leaves out. Nothing was entered.")
        attributes = list(self._attributes(self._event))
        objects = [self._object(one) for one in self._kept(self._event, "Object")]
        objects = self._related(attributes, objects)
        made = _only(self._event, _EVENT) | {"Orgc": _only(self._event.get("Orgc") or {}, ("name", "uuid"))}
        if self._claims.distribution == 4:
            made |= _group(self._event)
        made |= {"uuid": uuid, "extends_uuid": "", "Tag": self._tags(self._event)}
        parts = {"Attribute": attributes, "Object": objects, "EventReport": list(self._reports())}
        made |= _named_anew(parts, UUID(uuid))
        count = len(attributes) + sum(len(one["Attribute"]) for one in objects)
        at = str(max(times_in(made), default=_midnight(made)))
        return made | {"attribute_count": str(count), "timestamp": at, "publish_timestamp": at}

    def _kept(self, node: Tree, key: str) -> Iterator[Tree]:
        for one in node.get(key) or ():
            if not is_apart(one, self._claims):
                yield one

    def _attributes(self, node: Tree) -> Iterator[Tree]:
        for one in self._kept(node, "Attribute"):
            if one.get("type") not in _FREE or not self._hidden.tells(str(one.get("value", ""))):
                yield self._attribute(one)

    def _attribute(self, node: Tree) -> Tree:
        seen = self._kept(node, "Sighting")
        sightings = [self._quiet(_only(one, _SIGHTING), "source") | _sighter(one) for one in seen]
        made = _only(node, (*_ATTRIBUTE, *_MORE)) | {"distribution": "5", "Tag": self._tags(node)}
        return self._quiet(made, "comment") | ({"Sighting": sightings} if sightings else {})

    def _object(self, node: Tree) -> Tree:
        attributes = list(self._attributes(node))
        references = [self._quiet(_only(one, _REFERENCE), "comment") for one in self._kept(node, "ObjectReference")]
        made = _only(node, (*_OBJECT, *_OBJECT_MORE)) | {"distribution": "5", "Attribute": attributes}
        return self._quiet(self._quiet(made, "comment"), "description") | {"ObjectReference": references}

    def _related(self, attributes: list[Tree], objects: list[Tree]) -> list[Tree]:
        """Return the objects with references to what stays alone: another uuid would tell that something is there."""
        inside = {one.get("uuid") for thing in objects for one in (thing, *thing["Attribute"])}
        inside |= {one.get("uuid") for one in attributes}
        for thing in objects:
            kept = [one for one in thing["ObjectReference"] if one.get("referenced_uuid") in inside]
            thing["ObjectReference"] = kept
        return objects

    def _tags(self, node: Tree) -> list[Tree]:
        tags = (_only(one, _TAG) for one in self._kept(node, "Tag"))
        return [tag for tag in tags if is_mark(name := str(tag.get("name", ""))) or not self._hidden.tells(name)]

    def _reports(self) -> Iterator[Tree]:
        for one in self._kept(self._event, "EventReport"):
            if not self._hidden.tells(f"{one.get('name', '')}\n{one.get('content', '')}"):
                yield _only(one, _REPORT) | {"distribution": "5"}

    def _quiet(self, node: Tree, key: str) -> Tree:
        return node | {key: ""} if self._hidden.tells(str(node.get(key) or "")) else node


class _Hidden:
    """The names, values and words of what an edition leaves out, to find where a text tells of them."""

    def __init__(self, event: Tree, claims: Claims) -> None:
        whole = (str(event.get(key) or "") for key in ("uuid", "extends_uuid"))
        told = (half for text in (*whole, *_told(event, claims, hidden=False)) for half in (text, *text.split("|", 1)))
        self._told = {half.casefold() for half in told if len(half) >= _SHORT}
        self._left = _PAIRS

    def tells(self, text: str) -> bool:
        if not self._told or not text:
            return False
        self._left -= len(self._told) * (len(text) + 64)
        said = text.casefold()
        return self._left < 0 or any(one in said for one in self._told)


def _told(node: Any, claims: Claims, *, hidden: bool) -> Iterator[str]:
    """Yield the values, names and uuids of hidden parts, and of clusters whose tags would name them."""
    if isinstance(node, list):
        for one in node:
            within = hidden or (isinstance(one, dict) and is_apart(one, claims))
            yield from _told(one, claims, hidden=within)
    elif isinstance(node, dict):
        if hidden:
            keys = ("uuid", "value", "tag_name", *(("name",) if is_local_tag(node) else ()))
            yield from (text for key in keys if isinstance(text := node.get(key), str))
        for key, one in node.items():
            within = hidden or key == "RelatedEvent" or (isinstance(one, dict) and is_apart(one, claims))
            yield from _told(one, claims, hidden=within)


def _named_anew(node: Any, edition: UUID) -> Any:
    """Return parts under UUIDs of the edition's own: MISP takes a UUID once, and whole and edition may meet there."""
    if isinstance(node, list):
        return [_named_anew(one, edition) for one in node]
    if not isinstance(node, dict):
        return node
    own = {
        key: str(uuid5(edition, node[key].lower())) for key in _UUIDS if isinstance(node.get(key), str) and node[key]
    }
    return {key: one if key == "Organisation" else _named_anew(one, edition) for key, one in node.items()} | own


def _only(node: Tree, keys: tuple[str, ...]) -> Tree:
    return {key: node[key] for key in keys if key in node}


def _group(event: Tree) -> Tree:
    """Return a sharing group as MISP takes it: of every organisation it asks whether it may extend the group."""
    group = event.get("SharingGroup")
    if not isinstance(group, dict):
        return _only(event, ("SharingGroup",))
    orgs = group.get("SharingGroupOrg")
    told = (
        [{"extend": False} | one if isinstance(one, dict) else one for one in orgs] if isinstance(orgs, list) else orgs
    )
    return {"SharingGroup": group | ({"SharingGroupOrg": told} if told else {})}


def _sighter(sighting: Tree) -> Tree:
    org = sighting.get("Organisation")
    return {"Organisation": _only(org, ("name", "uuid"))} if isinstance(org, dict) else {}


def _midnight(event: Tree) -> int:
    return int(datetime.strptime(event["date"], "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
