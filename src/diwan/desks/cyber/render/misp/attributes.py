"""What STIX says, as attributes of MISP: observables, patterns, and the names of actors, campaigns and weaknesses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from diwan.desks.cyber.kinds.misp import INHERIT, Attribute, Claims
from diwan.desks.cyber.kinds.misp.values import value_fault
from diwan.desks.cyber.kinds.observable import Observable

MADE: Final = UUID("b4e1a3b6-6f0e-5d39-8a57-2d1c7ce7c9a5")
"""The name space of what is made from STIX: the same object gives the same uuid again."""
_TYPES: Final = {
    "ipv4": ("ip-dst", "Network activity"),
    "ipv6": ("ip-dst", "Network activity"),
    "cidr": ("ip-dst", "Network activity"),
    "domain": ("domain", "Network activity"),
    "url": ("url", "Network activity"),
    "email": ("email", "Payload delivery"),
    "mac": ("mac-address", "Network activity"),
    "asn": ("AS", "Network activity"),
    "user-agent": ("user-agent", "Network activity"),
    "filename": ("filename", "Payload delivery"),
    "mutex": ("mutex", "Artifacts dropped"),
    "regkey": ("regkey", "Persistence mechanism"),
    "cve": ("vulnerability", "External analysis"),
    "btc": ("btc", "Financial fraud"),
    **{name: (name, "Payload delivery") for name in ("md5", "sha1", "sha256", "sha512", "ssdeep", "tlsh")},
}
_PATTERNS: Final = {
    "stix": ("stix2-pattern", "Payload installation"),
    "yara": ("yara", "Payload installation"),
    "sigma": ("sigma", "Payload installation"),
    "snort": ("snort", "Network activity"),
    # MISP has no type for a rule of Suricata's.
    "suricata": ("pattern-in-traffic", "Network activity"),
}
_COLUMN: Final = 65_535
"""Bytes that a text has in MISP's tables at most; a longer one ends the import of its event where it stands."""
_BEYOND: Final = re.compile("[^\0-\uffff]")
"""What MISP's tables do not hold (`utf8`, three bytes a character); it ends the import likewise."""
_UNNUMBERED: Final = ("text", "External analysis")
"""MISP takes nothing but a CVE id as a `vulnerability`."""
_NAMED: Final = {
    "threat-actor": ("threat-actor", "Attribution"),
    "intrusion-set": ("threat-actor", "Attribution"),
    "campaign": ("campaign-name", "Attribution"),
    "malware": ("malware-type", "Payload delivery"),
    "vulnerability": ("vulnerability", "External analysis"),
}


def attribute_of(
    seen: Observable, *, source: str, to_ids: bool, comment: str = "", at: int | None = None
) -> Attribute | None:
    """Return an observable as an attribute, or None where MISP has no type for its kind, or does not take its value.

    `source` is the STIX id that its event is made from: with the value it makes the attribute's uuid, which MISP takes
    in one event alone. `at` is seconds since 1970. What names no single thing to look for, a CVE or an autonomous
    system, is never for detection.
    """
    known = _TYPES.get(seen.kind)
    if known is None:
        return None
    kind, category = known
    if value_fault(kind, seen.value):
        return None
    looked_for = to_ids and seen.kind not in ("cve", "asn")
    return _attribute(source, kind, category, seen.value, to_ids=looked_for, comment=comment, timestamp=at)


def attributes_of(
    obj: Mapping[str, Any], observables: Sequence[Observable], at: int, *, source: str
) -> Iterator[Attribute]:
    """Yield the attributes of one STIX object, given its observables: those of its pattern, or its own value.

    An indicator that is not revoked is for detection, also as a pattern where it names no observable; a
    cyber-observable by itself only tells what was seen. Relationships and what has no place in MISP yield nothing.
    """
    kind = _said(obj, "type")
    indicator = kind == "indicator"
    to_ids = indicator and obj.get("revoked") is not True
    comment = _said(obj, "name") if indicator else ""
    made = [attribute_of(seen, source=source, to_ids=to_ids, comment=comment, at=at) for seen in observables]
    found = [one for one in made if one is not None]
    yield from found
    if indicator and not found:
        known = _PATTERNS.get(_said(obj, "pattern_type"))
        if known and (pattern := _said(obj, "pattern")) and pattern == stored(pattern):
            yield _attribute(source, *known, pattern, to_ids=to_ids, comment=comment, timestamp=at)
    elif not found and kind in _NAMED and (name := stored(" ".join(_said(obj, "name").split()))):
        # A vulnerability with a CVE was found as an observable.
        yield _attribute(source, *(_UNNUMBERED if kind == "vulnerability" else _NAMED[kind]), name, timestamp=at)


def stored(text: str, most: int = _COLUMN) -> str:
    """Return a text as MISP's tables can hold it: `most` bytes of UTF-8, and nothing beyond the basic plane."""
    return _BEYOND.sub("\N{REPLACEMENT CHARACTER}", text).encode()[:most].decode(errors="ignore")


def _attribute(source: str, kind: str, category: str, value: str, **more: Any) -> Attribute:
    uuid = str(uuid5(MADE, f"{source}|{kind}|{value}"))
    base = Attribute(uuid=uuid, type=kind, category=category, value=value, claims=Claims(INHERIT))
    return msgspec.structs.replace(base, **more | {"comment": stored(more.get("comment", ""))})


def _said(obj: Mapping[str, Any], key: str) -> str:
    value = obj.get(key)
    return value if isinstance(value, str) else ""
