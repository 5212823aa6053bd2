"""A CAP 1.2 alert as a frozen value: every element, in the order of the standard, repeatables as tuples.

The structs are also the desk's only statement of the structure rules (CAP 1.2, section 3.2): field order is element
order, a field without default is required, a tuple repeats, a code list is an enumeration. Reader, checker and writer
all follow `slots`. Texts are kept as written; times too, for `-00:00` and `+00:00` are not the same statement.
"""

from __future__ import annotations

from functools import cache
from typing import Final, get_args

import msgspec

from diwan.desks.crisis.kinds.codes import (
    Category,
    Certainty,
    MsgType,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from diwan.terms.gate import World
from diwan.terms.item import Alias

ALERT: Final = "crisis.alert"
CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE: Final = "application/cap+xml"
LABEL: Final = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
"""The parameter whose value is an ADatP-4774 label, XML as text."""
MARKING: Final = "marking"
"""The parameter whose value is the marking as people read it."""


class Pair(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A named value: an event code, a parameter or a geocode."""

    value_name: str
    value: str

    def __str__(self) -> str:
        """Return it as facets and correlation write it: `ISO3166-2=KW-AH`."""
        return f"{self.value_name}={self.value}"


class Resource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A file that belongs to the alert; size in bytes, digest SHA-1, `deref_uri` the content in base 64."""

    resource_desc: str
    mime_type: str
    size: str | None = None
    uri: str | None = None
    deref_uri: str | None = None
    digest: str | None = None


class Area(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where: WGS 84 `lat,lon` pairs, circles with a radius in km, heights in feet above mean sea level."""

    area_desc: str
    polygon: tuple[str, ...] = ()
    circle: tuple[str, ...] = ()
    geocode: tuple[Pair, ...] = ()
    altitude: str | None = None
    ceiling: str | None = None


class Info(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What, how bad, where and until when, in one language; no language means en-US."""

    language: str | None = None
    category: tuple[Category, ...]
    event: str
    response_type: tuple[ResponseType, ...] = ()
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    audience: str | None = None
    event_code: tuple[Pair, ...] = ()
    effective: str | None = None
    onset: str | None = None
    expires: str | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    web: str | None = None
    contact: str | None = None
    parameter: tuple[Pair, ...] = ()
    resource: tuple[Resource, ...] = ()
    area: tuple[Area, ...] = ()

    @property
    def tongue(self) -> str:
        """Return the language, with the default of the standard filled in."""
        return self.language or "en-US"


class Alert(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One message; signatures stay in the original bytes, which alone they sign."""

    identifier: str
    sender: str
    sent: str
    status: Status
    msg_type: MsgType
    source: str | None = None
    scope: Scope
    restriction: str | None = None
    addresses: str | None = None
    code: tuple[str, ...] = ()
    note: str | None = None
    references: str | None = None
    incidents: str | None = None
    info: tuple[Info, ...] = ()


class Slot(msgspec.Struct, frozen=True):
    """One element's place under its parent, and what it holds: a struct, a code list, or text."""

    element: str
    field: str
    holds: type
    required: bool
    many: bool


@cache
def slots(of: type[msgspec.Struct]) -> tuple[Slot, ...]:
    """Return the places under an element, in the order of the standard."""
    return tuple(_slot(field) for field in msgspec.structs.fields(of))


def _slot(field: msgspec.structs.FieldInfo) -> Slot:
    many = getattr(field.type, "__origin__", None) is tuple
    holds = next((t for t in get_args(field.type) if isinstance(t, type) and t is not type(None)), field.type)
    return Slot(field.encode_name, field.name, holds, field.required, many)


def alias(sender: str, identifier: str, sent: str) -> Alias:
    """Return the name by which other alerts refer to this one: `sender,identifier,sent` (CAP 1.2, references)."""
    return Alias("cap", f"{sender},{identifier},{sent}")


def world(status: Status) -> World:
    """Return the world an alert speaks of; System, Test and Draft are all nobody's emergency."""
    match status:
        case Status.ACTUAL:
            return World.ACTUAL
        case Status.EXERCISE:
            return World.EXERCISE
        case _:
            return World.TEST
