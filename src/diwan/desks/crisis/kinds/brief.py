"""The brief of an alert: what a list, a small map and the fold show without opening the XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

import msgspec

from diwan.desks.crisis.kinds.alert import LABEL, MARKING, Alert, Area, alias
from diwan.desks.crisis.kinds.codes import Category, Certainty, MsgType, Scope, Severity, Status, Urgency
from diwan.desks.crisis.kinds.dates import instant_of
from diwan.desks.crisis.kinds.geometry import Box, Circle, Point, box_of, circle_of, on_earth, polygon_points
from diwan.terms.time import Instant

POINTS: Final = 64
"""Points kept of one outline: enough for a thumbnail, never for a decision."""
SHAPES: Final = 32
"""Outlines and circles kept of one alert."""
NAMES: Final = 500
"""Area names, references and incidents kept of one alert; real updates name some twenty earlier messages."""

T = TypeVar("T")

_QUOTED: Final = re.compile(r'"([^"]*)"|(\S+)')


class LabelClaim(msgspec.Struct, frozen=True, omit_defaults=True):
    """The label that came inside the alert: a claim, shown beside the label its originator sets here."""

    label: str | None = None
    """ADatP-4774 XML, as text, unread."""
    marking: str | None = None


class Brief(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a list shows; event, severity, urgency and certainty are those of the gravest information block."""

    identifier: str
    sender: str
    sent: str
    """As written; with sender and identifier it is the name that other alerts refer to."""
    sent_at: Instant
    status: Status
    msg_type: MsgType
    scope: Scope
    headlines: dict[str, str] = {}
    """By language; the event where a block has no headline."""
    event: str | None = None
    severity: Severity | None = None
    urgency: Urgency | None = None
    certainty: Certainty | None = None
    categories: tuple[Category, ...] = ()
    effective: Instant | None = None
    onset: Instant | None = None
    expires: Instant | None = None
    """When the last block ends; None when one of them names no end."""
    areas: tuple[str, ...] = ()
    has_geometry: bool = False
    boxes: tuple[Box, ...] = ()
    outlines: tuple[tuple[Point, ...], ...] = ()
    circles: tuple[Circle, ...] = ()
    references: tuple[str, ...] = ()
    """As `sender,identifier,sent`."""
    incidents: tuple[str, ...] = ()
    note: str | None = None
    languages: tuple[str, ...] = ()
    signed: bool = False
    """That it carries a signature; not that anyone checked it."""
    cap_version: str = "1.2"
    label_claim: LabelClaim | None = None

    @property
    def name(self) -> str:
        """Return the name by which other alerts refer to this one."""
        return alias(self.sender, self.identifier, self.sent).value


def brief_of(alert: Alert, *, signed: bool = False, cap_version: str = "1.2") -> Brief:
    """Return the brief of an alert that `check` found without errors."""
    gravest = min(alert.info, key=lambda info: list(Severity).index(info.severity), default=None)
    areas = tuple(area for info in alert.info for area in info.area)
    rings = tuple(islice(_rings(areas), SHAPES))
    return Brief(
        identifier=alert.identifier,
        sender=alert.sender,
        sent=alert.sent,
        sent_at=instant_of(alert.sent) or 0,
        status=alert.status,
        msg_type=alert.msg_type,
        scope=alert.scope,
        headlines=_headlines(alert),
        event=gravest.event if gravest else None,
        severity=gravest.severity if gravest else None,
        urgency=gravest.urgency if gravest else None,
        certainty=gravest.certainty if gravest else None,
        categories=_distinct(category for info in alert.info for category in info.category),
        effective=min(_instants(alert, "effective"), default=None),
        onset=min(_instants(alert, "onset"), default=None),
        expires=_end(alert),
        areas=_distinct(area.area_desc for area in areas),
        has_geometry=any(area.polygon or area.circle for area in areas),
        boxes=tuple(box_of(ring) for ring in rings),
        outlines=tuple(_thinned(ring) for ring in rings),
        circles=tuple(islice(_circles(areas), SHAPES)),
        references=_distinct((alert.references or "").split()),
        incidents=incidents_of(alert),
        note=alert.note,
        languages=_distinct(info.tongue for info in alert.info),
        signed=signed,
        cap_version=cap_version,
        label_claim=_claim(alert),
    )


def incidents_of(alert: Alert) -> tuple[str, ...]:
    """Return the incident names; one with a space in it stands in double quotes (CAP 1.2, incidents)."""
    return _distinct(found[1] or found[2] for found in _QUOTED.finditer(alert.incidents or ""))


def _headlines(alert: Alert) -> dict[str, str]:
    said: dict[str, str] = {}
    for info in alert.info:
        said.setdefault(info.tongue, info.headline or info.event)
    return said


def _instants(alert: Alert, field: str) -> Iterator[Instant]:
    for info in alert.info:
        at = instant_of(getattr(info, field) or "")
        if at is not None:
            yield at


def _end(alert: Alert) -> Instant | None:
    ends = tuple(_instants(alert, "expires"))
    return max(ends) if ends and len(ends) == len(alert.info) else None


def _claim(alert: Alert) -> LabelClaim | None:
    said: dict[str, str] = {}
    for info in alert.info:
        for parameter in info.parameter:
            said.setdefault(parameter.value_name, parameter.value)
    if LABEL not in said and MARKING not in said:
        return None
    return LabelClaim(said.get(LABEL), said.get(MARKING))


def _rings(areas: Iterable[Area]) -> Iterator[tuple[Point, ...]]:
    for text in _distinct(text for area in areas for text in area.polygon):
        ring = polygon_points(text)
        if ring and all(map(on_earth, ring)):
            yield ring


def _circles(areas: Iterable[Area]) -> Iterator[Circle]:
    for text in _distinct(text for area in areas for text in area.circle):
        circle = circle_of(text)
        if circle and on_earth(circle[:2]):
            yield circle


def _thinned(ring: tuple[Point, ...]) -> tuple[Point, ...]:
    stride = -(-len(ring) // POINTS)
    return ring if stride == 1 else (*ring[:-1:stride], ring[-1])


def _distinct(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(islice(dict.fromkeys(found), NAMES))
