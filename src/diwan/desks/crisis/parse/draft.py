"""An alert's bytes become a draft: everything but the bytes is derived, so every node derives the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final, TypeVar

import msgspec

from diwan.desks.crisis.kinds import ALERT, LABEL, MARKING, MEDIA_TYPE, Alert, Info, alias, brief_of, world
from diwan.desks.crisis.kinds.brief import incidents_of
from diwan.desks.crisis.kinds.codes import MsgType
from diwan.desks.crisis.parse.check import Checked, Nonconforming, examine
from diwan.desks.crisis.parse.document import LIMIT
from diwan.desks.crisis.parse.names import named_in
from diwan.terms.item import Alias, Draft, Link, Part

NAME: Final = "alert.xml"
ORIGINAL: Final = "original.xml"
"""The second part of an edition: the message in the version of CAP that it came in."""
VALUES: Final = 500
"""Facets, values and links kept of one alert each; the bytes keep the rest."""

T = TypeVar("T")

_RELATIONS: Final = {
    MsgType.ALERT: "references",
    MsgType.UPDATE: "updates",
    MsgType.CANCEL: "cancels",
    MsgType.ACK: "acknowledges",
    MsgType.ERROR: "rejects",
}
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def parse(data: bytes, names: Mapping[str, str], *, limit: int = LIMIT) -> Draft:
    """Return the draft of a CAP 1.2 alert, with the bytes as they came as its only part.

    `names` maps names and codes, in any of the three languages, to party ids; see `named_in`.

    Raises:
        Nonconforming: the file has error findings; it is a Malformed.
    """
    return derive((Part(NAME, MEDIA_TYPE, data),), names, limit=limit)


def derive(parts: Sequence[Part], names: Mapping[str, str], *, version: str = "1.2", limit: int = LIMIT) -> Draft:
    """Return the draft of an alert from its parts; only the first, the CAP 1.2 document, is read.

    Raises:
        Nonconforming: the first part has error findings; it is a Malformed.
    """
    checked = examine(parts[0].data, limit=limit)
    if checked.alert is None or checked.errors:
        raise Nonconforming(checked.errors)
    return _draft(checked, checked.alert, tuple(parts), names, version)


def _draft(checked: Checked, alert: Alert, parts: tuple[Part, ...], names: Mapping[str, str], version: str) -> Draft:
    brief = brief_of(alert, signed=checked.signed, cap_version=version)
    first = alert.info[0] if alert.info else None
    return Draft(
        kind=ALERT,
        title=(first and (first.headline or first.event)) or f"{alert.msg_type} {alert.identifier}",
        parts=parts,
        world=world(alert.status),
        text=_capped(_text(alert)),
        facets=_capped(_facets(alert)),
        values=_capped(_values(alert)),
        aliases=(alias(alert.sender, alert.identifier, alert.sent),),
        links=tuple(Link(_RELATIONS[alert.msg_type], Alias("cap", name)) for name in brief.references),
        names=named_in(chain(_text(alert), _asides(alert)), names),
        author=next((info.sender_name for info in alert.info if info.sender_name), alert.sender),
        brief=_encode(brief),
    )


def _capped(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(islice(dict.fromkeys(found), VALUES))


def _text(alert: Alert) -> Iterator[str]:
    for info in alert.info:
        said = (info.event, info.headline, info.description, info.instruction, info.sender_name)
        yield from filter(None, said)
        yield from (area.area_desc for area in info.area if area.area_desc)


def _asides(alert: Alert) -> Iterator[str]:
    """Yield what search does not cover but a reader of the file sees; the label speaks for itself."""
    yield from filter(None, (alert.source, alert.restriction, alert.addresses, alert.note, alert.incidents))
    for info in alert.info:
        yield from filter(None, (info.audience, info.contact))
        yield from (pair.value for pair in info.parameter if pair.value_name not in (LABEL, MARKING))
        yield from (resource.resource_desc for resource in info.resource)


def _facets(alert: Alert) -> Iterator[tuple[str, str]]:
    yield "status", alert.status.value
    yield "msgType", alert.msg_type.value
    yield "sender", alert.sender
    for info in alert.info:
        yield from _info_facets(info)


def _info_facets(info: Info) -> Iterator[tuple[str, str]]:
    yield "severity", info.severity.value
    yield "urgency", info.urgency.value
    yield "certainty", info.certainty.value
    yield "language", info.tongue
    yield from (("category", category.value) for category in info.category)
    yield from (("eventCode", str(code)) for code in info.event_code)


def _values(alert: Alert) -> Iterator[str]:
    yield from incidents_of(alert)
    for info in alert.info:
        for area in info.area:
            yield from map(str, area.geocode)
