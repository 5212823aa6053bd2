"""One event's JSON to an Event and what is wrong with it, by what MISP itself demands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.misp import (
    INHERIT,
    SIGHTED,
    Attribute,
    Claims,
    Event,
    Object,
    Org,
    Reference,
    Report,
    Sighting,
)
from diwan.desks.cyber.kinds.misp.event import every_attribute
from diwan.desks.cyber.kinds.misp.marks import is_known, is_mark
from diwan.desks.cyber.kinds.misp.types import CATEGORIES, TYPES
from diwan.desks.cyber.kinds.misp.values import value_fault
from diwan.desks.cyber.parse.misp.apart import apart_in, group_of, is_apart, marks_of
from diwan.desks.cyber.parse.misp.notes import Node, Notes
from diwan.terms.finding import Finding

INFO: Final = 65_535
"""Characters of an event's `info`, as MISP's database holds them."""
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates (Unicode, UAX 9)."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def read_event(tree: dict[str, Any]) -> tuple[Event | None, tuple[Finding, ...]]:
    """Return the event that JSON holds, and every finding; None where an error keeps it out.

    An event needs uuid, info and date; its distribution, threat level and analysis must be MISP's. An attribute with
    a type or value that MISP would not take is read, with a warning; nothing is correlated by it.
    """
    notes = Notes()
    node = Node(tree, "/Event", notes)
    claims = _claims(node, range(5), None)
    event = Event(
        uuid=_needed_uuid(node),
        info=_info(node),
        date=_date(node),
        threat_level=_or(node.choice("threat_level_id", range(1, 5), "misp.threat_level"), 4),
        analysis=_or(node.choice("analysis", range(3), "misp.analysis"), 0),
        published=node.flag("published"),
        timestamp=_timestamp(node),
        extends=_extends(node),
        orgc=_org(node),
        claims=claims,
        tags=_tags(node),
        attributes=tuple(_attribute(one, claims, within=False) for one in node.nodes("Attribute")),
        objects=tuple(_object(one, claims) for one in node.nodes("Object")),
        reports=tuple(Report(one.text("name"), one.text("content")) for one in node.nodes("EventReport")),
        apart=apart_in(tree, claims),
        galaxies=sum(1 for _ in node.nodes("Galaxy")),
        proposals=sum(1 for _ in node.nodes("ShadowAttribute")),
    )
    _check_complete(node)
    _check_once(event, notes)
    return (None if notes.refused else _summed(event)), tuple(notes.findings)


def _summed(event: Event) -> Event:
    proposals = event.proposals + sum(one.proposals for one in every_attribute(event))
    return msgspec.structs.replace(event, proposals=proposals)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _claims(node: Node, allowed: range, otherwise: int | None) -> Claims:
    distribution = node.choice("distribution", allowed, "misp.distribution")
    group = group_of(node) if distribution == 4 else None
    if distribution == 4 and group is None:
        node.notes.warning("misp.sharing_group", node.path, "distribution 4 without a sharing group reaches nobody")
    if distribution == 4 and (block := node.node("SharingGroup")) is not None:
        _check_group(block)
    return Claims(otherwise if distribution is None else distribution, group, marks_of(node))


def _check_group(block: Node) -> None:
    """Note what keeps a group out of MISP, and with it what it is for; here its organisations count all the same."""
    orgs = block.tree.get("SharingGroupOrg")
    for number, one in enumerate(orgs if isinstance(orgs, list) else ()):
        if isinstance(one, dict) and "extend" not in one:
            path = f"{block.path}/SharingGroupOrg/{number}"
            said = (
                "without extend, whether this organisation may extend the group, MISP stores neither it nor the event"
            )
            block.notes.warning("misp.sharing_group", path, said)
            return


def _needed_uuid(node: Node) -> str:
    uuid = node.uuid()
    if not uuid:
        node.notes.error("misp.uuid", f"{node.path}/uuid", "an event needs a UUID (RFC 4122)")
    return uuid


def _info(node: Node) -> str:
    info = node.text("info")
    path = f"{node.path}/info"
    if not info.strip():
        node.notes.error("misp.info", path, "an event needs an info, its title")
    elif len(info) > INFO:
        node.notes.error("misp.info", path, f"an info has at most {INFO} characters")
    elif _TURNS.search(info):
        node.notes.error("misp.info", path, "an info turns no reading direction")
    elif not info.isprintable():
        node.notes.warning("misp.info", path, "an info should hold no line breaks or control characters")
    return info


def _date(node: Node) -> str:
    text = node.text("date")
    try:
        if _DATE.fullmatch(text) and date.fromisoformat(text):
            return text
    except ValueError:
        pass
    node.notes.error("misp.date", f"{node.path}/date", "an event needs a date, YYYY-MM-DD")
    return ""


def _timestamp(node: Node) -> int | None:
    if node.number("timestamp") is None:
        node.notes.warning("misp.timestamp", f"{node.path}/timestamp", "without a timestamp no update can be told")
    return node.moment("timestamp")


def _extends(node: Node) -> str:
    uuid = node.uuid("extends_uuid")
    if not uuid and node.tree.get("extends_uuid"):
        node.notes.warning("misp.uuid", f"{node.path}/extends_uuid", "what it extends is no UUID")
    return uuid


def _org(node: Node) -> Org:
    org = node.node("Orgc")
    if org is None or not org.text("name"):
        node.notes.warning("misp.orgc", f"{node.path}/Orgc", "the event does not say which organisation made it")
    if org is not None and _TURNS.search(org.text("name")):
        node.notes.error("misp.orgc", f"{org.path}/name", "an organisation's name turns no reading direction")
    return Org(org.text("name"), org.uuid()) if org else Org()


def _tags(node: Node) -> tuple[str, ...]:
    names: list[str] = []
    for tag in node.nodes("Tag"):
        name = tag.text("name")
        if is_mark(name) and not is_known(name):
            tag.notes.warning("misp.tlp", tag.path, "a TLP or PAP tag that the protocol does not define; read as RED")
        if name and not tag.flag("local"):
            names.append(name)
    return tuple(dict.fromkeys(names))


def _attribute(node: Node, event: Claims, *, within: bool) -> Attribute:
    apart = within or is_apart(node.tree, event)
    kind, category, value = node.text("type"), node.text("category"), node.text("value")
    uuid = node.uuid()
    _check_attribute(node, uuid, kind, category, value)
    return Attribute(
        uuid=uuid,
        type=kind,
        category=category,
        value=value,
        to_ids=node.flag("to_ids"),
        comment=node.text("comment"),
        tags=_tags(node),
        claims=_claims(node, range(6), INHERIT),
        deleted=node.flag("deleted"),
        apart=apart,
        timestamp=node.moment("timestamp"),
        sightings=tuple(_sightings(node, uuid, value, apart=apart)),
        proposals=sum(1 for _ in node.nodes("ShadowAttribute")),
    )


def _check_attribute(node: Node, uuid: str, kind: str, category: str, value: str) -> None:
    if not uuid:
        node.notes.warning("misp.uuid", f"{node.path}/uuid", "an attribute has a UUID (RFC 4122)")
    if kind not in TYPES:
        node.notes.warning("misp.type.unknown", f"{node.path}/type", "no attribute type that is known here")
    if category not in CATEGORIES:
        node.notes.warning("misp.category", f"{node.path}/category", "no category of MISP's")
    if fault := value_fault(kind, value):
        node.notes.warning("misp.attribute.value", f"{node.path}/value", fault)


def _sightings(node: Node, attribute: str, value: str, *, apart: bool) -> Iterator[Sighting]:
    for one in node.nodes("Sighting"):
        kind = _or(one.choice("type", range(3), "misp.sighting"), 0)
        org = one.node("Organisation")
        yield Sighting(
            SIGHTED[kind],
            one.uuid(),
            attribute,
            value,
            one.moment("date_sighting"),
            one.text("source"),
            Org(org.text("name"), org.uuid()) if org else None,
            apart,
        )


def _object(node: Node, event: Claims) -> Object:
    within = is_apart(node.tree, event)
    name = node.text("name")
    if not name:
        node.notes.warning("misp.object.name", f"{node.path}/name", "an object has a name, that of its template")
    told = node.nodes("ObjectReference")
    references = (Reference(one.uuid("referenced_uuid"), one.text("relationship_type")) for one in told)
    return Object(
        uuid=node.uuid(),
        name=name,
        comment=node.text("comment"),
        attributes=tuple(_attribute(one, event, within=within) for one in node.nodes("Attribute")),
        references=tuple(one for one in references if one.to),
        claims=_claims(node, range(6), INHERIT),
        deleted=node.flag("deleted"),
    )


def _check_complete(node: Node) -> None:
    # A line of MISP's index has an event's name and moment; taken for the event, it would keep the event itself out.
    if node.number("attribute_count") and not node.tree.keys() & {"Attribute", "Object"}:
        node.notes.error("misp.incomplete", node.path, "it counts attributes and holds none: an index, not the event")


def _check_once(event: Event, notes: Notes) -> None:
    uuids = [one.uuid for one in every_attribute(event) if one.uuid]
    if len(set(uuids)) != len(uuids):
        notes.warning("misp.uuid.twice", "/Event", "two attributes share a UUID, so that one cannot be told apart")
