"""STIX objects as the desk files them: kinds, names, versions, and the brief that a list shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from diwan.terms.item import Alias
from diwan.terms.time import Instant, instant

MEDIA_TYPE: Final = "application/stix+json"
"""The media type of one object. Source: STIX 2.1, section 1.5 (IANA registration); the version is the object's own."""
SCHEME: Final = "stix"
"""The scheme of the objects' names."""

SDOS: Final = frozenset(
    """
    attack-pattern campaign course-of-action grouping identity incident indicator infrastructure intrusion-set
    location malware malware-analysis note observed-data opinion report threat-actor tool vulnerability
    """.split()  # noqa: SIM905 -- a list of its own would be a page
)
SROS: Final = frozenset(("relationship", "sighting"))
SCOS: Final = frozenset(
    """
    artifact autonomous-system directory domain-name email-addr email-message file ipv4-addr ipv6-addr mac-addr
    mutex network-traffic process software url user-account windows-registry-key x509-certificate
    """.split()  # noqa: SIM905 -- a list of its own would be a page
)
METAS: Final = frozenset(("marking-definition", "language-content", "extension-definition"))
TYPES: Final = SDOS | SROS | SCOS | METAS
"""Every type of STIX 2.1 (sections 4 to 7)."""
CUSTOM: Final = "cyber.custom"
KINDS: Final = frozenset(f"cyber.{name}" for name in TYPES) | {CUSTOM}
BESIDE: Final = frozenset(("attack-pattern", "course-of-action", "identity", "location", "relationship"))
"""Who and where, what catalogues say of techniques and against them, and what ties objects together."""
BACKGROUND: Final = frozenset(f"cyber.{name}" for name in BESIDE | METAS | SCOS) | {CUSTOM}
"""What stands beside reports, indicators, actors and their like; of a bare value, they tell what it means."""

_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,32}))?Z", re.ASCII)
_LEAP: Final = 60


class Brief(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What lists, boards and the fold show of an object without opening its bytes."""

    id: str
    type: str
    name: str = ""
    version: str = ""
    """As the object writes it."""
    revoked: bool = False
    confidence: int | None = None
    tlp: str | None = None
    pap: str | None = None
    relation: str = ""
    source: str = ""
    target: str = ""
    """Of a relationship; of a sighting, `target` is what was sighted."""
    pattern: str = ""
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    seen: int | None = None
    """How often, of a sighting; 0 says that it was looked for and is a false positive."""
    opinion: str = ""
    tactics: tuple[str, ...] = ()
    """Of an attack pattern: the phases of its kill chains."""
    technique: str = ""
    """Its id in ATT&CK, `T1059.003`."""
    platforms: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """The keys of its observables."""
    original: bool = False
    """Converted from STIX 2.0; the original is its second part."""


def kind_of(type_name: str) -> str:
    """Return the kind under which objects of a type are filed."""
    return f"cyber.{type_name}" if type_name in TYPES else CUSTOM


def alias(ident: str) -> Alias:
    """Return the name by which other objects refer to one."""
    return Alias(SCHEME, ident)


def sortable(written: str) -> str | None:
    """Return a STIX timestamp so that text order is time order and equal instants are equal; None where it is none.

    Fractions of any length are kept (STIX 2.1, section 3.2: comparison is by value, `.1Z` equals `.100Z`).
    """
    found = _TIME.fullmatch(written)
    if found is None:
        return None
    whole, fraction = found.groups()
    try:
        # A leap second is a second that the calendar does not have.
        datetime.fromisoformat(f"{whole[:-2]}59" if whole.endswith(f":{_LEAP}") else whole)
    except ValueError:
        return None
    fraction = (fraction or "").rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def instant_of(written: str) -> Instant | None:
    """Return a STIX timestamp as an instant, cut to microseconds; None where it is none."""
    if sortable(written) is None:
        return None
    whole, _, fraction = written[:-1].partition(".")
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    second = int(whole[17:19])
    if second == _LEAP:  # no instant of its own: the last one before it, so that instants keep the order of the texts
        second, micro = _LEAP - 1, 999_999
    return instant(datetime.fromisoformat(f"{whole[:17]}{second:02}+00:00")) + micro


def written(at: Instant) -> str:
    """Return an instant as TAXII 2.1 writes timestamps, `2017-01-24T08:00:00.000001Z` (section 2)."""
    seconds, micro = divmod(at, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micro:06}Z"


def written_ms(at: Instant) -> str:
    """Return an instant as STIX writes `created` and `modified`, to the millisecond (STIX 2.1, section 3.2)."""
    return f"{written(at)[:-4]}Z"
