"""What to watch for: the values of released indicators that still count, each with what is left of its score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.aging import Sense, Sighted, State, age, course_of
from diwan.desks.cyber.kinds.misp import EVENT, Attribute, Event, Org, every_attribute
from diwan.desks.cyber.kinds.misp.types import COMPOSITE, observables_of
from diwan.desks.cyber.kinds.observable import Observable
from diwan.desks.cyber.kinds.stix import SCHEME, instant_of
from diwan.desks.cyber.kinds.warning import Warnings
from diwan.desks.cyber.kinds.watched import Watched
from diwan.desks.cyber.parse.misp import event_of
from diwan.desks.cyber.parse.observed import alone_in
from diwan.desks.cyber.watch.gather import MISP, arrivals_of
from diwan.desks.cyber.watch.sightings import Heard, heard_of
from diwan.reading import Query, ReadingRoom, Selection
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.time import Instant

INDICATOR: Final = "cyber.indicator"
_SECOND: Final = 1_000_000
_SENSES: Final = {
    "sighting": Sense.SEEN,
    "false positive": Sense.FALSE_POSITIVE,
    "expiration": Sense.EXPIRATION,
}


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What an originator says of values that are to be watched for."""

    values: tuple[Observable, ...]
    title: str
    ref: str
    party: str
    marking: str
    valid_from: Instant
    valid_until: Instant | None = None
    confidence: int | None = None
    sightings: tuple[Sighted, ...] = ()


def short_marking(label: Label) -> str:
    """Return a label's TLP, or its policy and classification: enough where no policy is at hand to print it."""
    return label.handling.tlp or f"{label.policy} {label.classification}"


def watched_of(
    room: ReadingRoom,
    now: Instant,
    warnings: Warnings | None,
    marking: Callable[[Label], str] = short_marking,
) -> Iterator[Watched]:
    """Yield the values of which one by itself makes a released indicator match, or that MISP says are for detection.

    Left out is what is not valid yet or any more, revoked, older than its kind lasts, called a false positive by its
    originator, by the reader's own party or by two others, and what stands on a list of `warnings`.
    """
    heard = heard_of(room)
    for claim in chain(_of_objects(room, heard, marking), _of_events(room, heard, marking)):
        if claim.valid_from <= now and not _is_false(claim, room.reader.party):
            yield from _aged(claim, now, warnings)


def _aged(claim: _Claim, now: Instant, warnings: Warnings | None) -> Iterator[Watched]:
    for seen in claim.values:
        if warnings is not None and warnings.hits(seen):
            continue
        told = age(
            course_of(seen.kind),
            valid_from=claim.valid_from,
            now=now,
            confidence=claim.confidence,
            valid_until=claim.valid_until,
            sightings=claim.sightings,
        )
        if told.state not in (State.EXPIRED, State.REVOKED):
            yield Watched(
                observable=seen,
                title=claim.title,
                ref=claim.ref,
                marking=claim.marking,
                score=told.score,
                valid_until=told.expires_at,
                confidence=claim.confidence,
            )


def _is_false(claim: _Claim, party: str) -> bool:
    word = {one.party: one.sense for one in sorted(claim.sightings)}
    doubters = {of for of, sense in word.items() if sense is Sense.FALSE_POSITIVE}
    return bool(doubters & {claim.party, party}) or len(doubters) >= 2


_Heard = Mapping[str, tuple[Heard, ...]]


def _of_objects(room: ReadingRoom, heard: _Heard, marking: Callable[[Label], str]) -> Iterator[_Claim]:
    labels = _labels(room, INDICATOR, marking)
    chosen = Selection(scheme=SCHEME, query=Query(kind=INDICATOR), refs=True)
    for one in arrivals_of(room, chosen):
        told: dict[str, Any] = msgspec.json.decode(one.data)
        begins = instant_of(str(told.get("valid_from")))
        if one.ref not in labels or begins is None or told.get("revoked") is True:
            continue
        yield _Claim(
            values=alone_in(told),
            title=str(told.get("name") or told["id"]),
            ref=one.name,
            party=one.originator,
            marking=labels[one.ref],
            valid_from=begins,
            valid_until=instant_of(str(told.get("valid_until"))),
            confidence=told.get("confidence"),
            sightings=tuple(one.said for one in heard.get(one.name, ()) if one.said.sense is not Sense.EXPIRATION),
        )


def _of_events(room: ReadingRoom, heard: _Heard, marking: Callable[[Label], str]) -> Iterator[_Claim]:
    labels = _labels(room, EVENT, marking)
    for one in arrivals_of(room, Selection(scheme=MISP, query=Query(kind=EVENT), refs=True)):
        if one.ref in labels:
            event = event_of(one.data)
            yield from _of_attributes(event, heard, one.originator, labels[one.ref], one.at)


def _of_attributes(event: Event, heard: _Heard, party: str, marking: str, came: Instant) -> Iterator[_Claim]:
    for one in every_attribute(event):
        at = one.timestamp or event.timestamp
        if one.to_ids and (values := tuple(_for_detection(one))):
            yield _Claim(
                values=values,
                title=event.info,
                ref=one.uuid or event.uuid,
                party=party,
                marking=marking,
                valid_from=came if at is None else at * _SECOND,
                sightings=tuple(chain(_sighted(one, event.orgc, party), _since(one, heard, event.orgc, party))),
            )


def _for_detection(one: Attribute) -> Iterator[Observable]:
    # A file's name that stands beside its checksum is a hint for people; by itself it matches far too much.
    named = COMPOSITE.get(one.type, ("", ""))[0] == "filename"
    yield from (seen for seen in observables_of(one.type, one.value) if not (named and seen.kind == "filename"))


def _sighted(one: Attribute, orgc: Org, party: str) -> Iterator[Sighted]:
    for said in one.sightings:
        if said.at is not None:
            own = said.org is None or said.org == orgc
            by = (said.org.uuid or said.org.name) if said.org else ""
            yield Sighted(said.at * _SECOND, party if own else by, _SENSES[said.kind])


def _since(one: Attribute, heard: _Heard, orgc: Org, party: str) -> Iterator[Sighted]:
    """Yield what is said of an attribute by items of their own, which go by the names that MISP's STIX gives it.

    That it is over, only the event's originator can say.
    """
    for kind in ("indicator", "observed-data"):
        for told in heard.get(f"{kind}--{one.uuid}", ()):
            if told.said.sense is not Sense.EXPIRATION or told.said.party == party:
                yield told.of(party, orgc.uuid)


def _labels(room: ReadingRoom, kind: str, marking: Callable[[Label], str]) -> Mapping[Ref | None, str]:
    known: dict[Label, str] = {}
    found: dict[Ref | None, str] = {}
    for item in room.walk(Query(kind=kind), size=1_000):
        if item.label not in known:
            known[item.label] = marking(item.label)
        found[item.ref] = known[item.label]
    return found
