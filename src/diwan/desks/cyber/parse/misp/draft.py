"""An event's bytes become a draft: everything but the bytes is derived, so every node derives the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final, TypeVar

import msgspec

from diwan.desks.cyber.kinds.misp import (
    ANALYSIS,
    EVENT,
    MEDIA_TYPE,
    THREAT,
    Event,
    EventBrief,
    Group,
    count_of,
    every_attribute,
)
from diwan.desks.cyber.kinds.misp.marks import pap_of, tlp_of
from diwan.desks.cyber.kinds.misp.same import sighted, substance
from diwan.desks.cyber.kinds.misp.types import TYPES, WORDS, observables_of
from diwan.desks.cyber.parse.misp.document import Found, found_in
from diwan.desks.cyber.parse.misp.names import parties_in
from diwan.desks.cyber.parse.misp.read import read_event
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.item import Alias, Draft, Link, Part, Version

NAME: Final = "event.json"
VALUES: Final = 20_000
"""Observables kept of one event; the bytes keep the rest."""
FACETS: Final = 500
"""Texts, facets and links kept of one event each."""
TAGS: Final = 100
"""Tags that the brief shows."""
_TEXT: Final = 2_000
_TITLE: Final = 300

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def events_in(data: bytes, file: str, names: Mapping[str, str]) -> Iterator[Draft | Reject]:
    """Yield a draft for every event in a file that can be read, and a reject with its errors for every other.

    `names` maps names of parties, as texts may write them, to party ids. What an event is taken with in spite of, its
    warnings, `check_events` says.
    """
    for found in found_in(data, file):
        yield found if isinstance(found, Reject) else _drafted(found, names)


def parse_event(data: bytes, names: Mapping[str, str]) -> Draft:
    """Return the draft of the one event that bytes hold.

    Raises:
        Malformed: not exactly one event, or one with errors; the text says the first.
    """
    drafts = list(islice(events_in(data, NAME, names), 2))
    if len(drafts) != 1:
        raise Malformed("MISP: not exactly one event. Not registered.")
    if isinstance(drafts[0], Reject):
        raise Malformed(str(drafts[0].findings[0]))
    return drafts[0]


def event_of(data: bytes) -> Event:
    """Return the event that bytes hold, for a part that was registered.

    Raises:
        Malformed: not exactly one event, or one with errors.
    """
    for found in found_in(data, NAME):
        event, findings = (None, found.findings) if isinstance(found, Reject) else read_event(found.event)
        if event is not None:
            return event
        raise Malformed(str(_errors(findings)[0]))
    raise Malformed("MISP: no event. Not registered.")


def check_events(data: bytes) -> Sequence[Finding]:
    """Return everything that is wrong with the events in a file, errors and warnings, 200 at most."""
    told: list[Finding] = []
    for found in found_in(data, NAME):
        findings = found.findings if isinstance(found, Reject) else read_event(found.event)[1]
        told.extend(findings)
        if len(told) >= 200:
            break
    return told[:200]


def _drafted(found: Found, names: Mapping[str, str]) -> Draft | Reject:
    event, findings = read_event(found.event)
    if event is None:
        return Reject(found.file, found.where, _errors(findings))
    return draft_of(event, found, names)


def _errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.severity is Weight.ERROR)


def draft_of(event: Event, found: Found, names: Mapping[str, str]) -> Draft:
    """Return the draft of an event that was read from `found`, with those bytes as its only part."""
    text = _capped(_text(event))
    return Draft(
        kind=EVENT,
        title=_line(event.info)[:_TITLE],
        parts=(Part(NAME, MEDIA_TYPE, found.data),),
        text=text,
        facets=_capped(_facets(event)),
        values=tuple(islice(dict.fromkeys(_values(event)), VALUES)),
        aliases=(Alias("misp", event.uuid),),
        version=_version(event, found),
        links=_capped(_links(event)),
        names=parties_in(chain((event.info, event.orgc.name), _text(event)), names),
        author=_line(event.orgc.name)[:_TITLE] or None,
        brief=_encode(brief_of(event)),
    )


def brief_of(event: Event) -> EventBrief:
    """Return what lists and a manifest show of an event."""
    group = event.claims.group
    return EventBrief(
        uuid=event.uuid,
        info=event.info[:_TEXT],
        date=event.date,
        threat_level=event.threat_level,
        analysis=event.analysis,
        published=event.published,
        timestamp=event.timestamp,
        distribution=event.claims.distribution,
        group=Group(group.uuid, group.name, number=group.number) if group else None,
        orgc=event.orgc,
        tags=event.tags[:TAGS],
        tlp=tlp_of(event.claims.tags),
        pap=pap_of(event.claims.tags),
        apart=len(event.apart),
        count=count_of(event),
    )


def _version(event: Event, found: Found) -> Version:
    if event.timestamp is None:
        return Version(content=hashlib.sha256(_encode(found.event)).digest())
    # MISP raises no timestamp by publishing, by correlating, and by writing down what it fetched; nor by a sighting,
    # which must not be lost silently all the same.
    said = hashlib.sha256(_encode((substance(event), sighted(event)))).digest()
    return Version(f"{event.timestamp:015d}", str(event.timestamp), said)


def _capped(told: Iterable[T]) -> tuple[T, ...]:
    return tuple(islice(dict.fromkeys(told), FACETS))


def _line(text: str) -> str:
    """Return a text as one line that turns nothing: line breaks are spaces, other controls a replacement sign."""
    spaced = " ".join(text.split())
    return "".join(c if c.isprintable() or c in "\u200c\u200d" else "\N{REPLACEMENT CHARACTER}" for c in spaced)


def _text(event: Event) -> Iterator[str]:
    yield from (tag[:_TEXT] for tag in event.tags)
    for thing in event.objects:
        yield from (said[:_TEXT] for said in (thing.name, thing.comment) if said and not thing.deleted)
    for one in every_attribute(event):
        said = (one.comment, one.value if one.type in WORDS else "", *one.tags)
        yield from (text[:_TEXT] for text in said if text)
    for report in event.reports:
        yield from (said[: 10 * _TEXT] for said in (report.name, report.content) if said)


def _facets(event: Event) -> Iterator[tuple[str, str]]:
    yield "threat_level", THREAT[event.threat_level]
    yield "analysis", ANALYSIS[event.analysis]
    if tlp := tlp_of(event.claims.tags):
        yield "tlp", tlp
    if event.orgc.name:
        yield "org", _line(event.orgc.name)[:_TITLE]
    yield from (("type", one.type) for one in every_attribute(event) if one.type in TYPES)


def _values(event: Event) -> Iterator[str]:
    for one in every_attribute(event):
        yield from (seen.key for seen in observables_of(one.type, one.value))


def _links(event: Event) -> Iterator[Link]:
    if event.extends:
        yield Link("extends", Alias("misp", event.extends))
    inside = {one.uuid for one in (*event.attributes, *(one for thing in event.objects for one in thing.attributes))}
    inside.update(thing.uuid for thing in event.objects)
    for thing in event.objects:
        # A relation is the sender's own word; some words of ours, "cancels", do something.
        yield from (Link("references", Alias("misp", one.to)) for one in thing.references if one.to not in inside)
