"""A sighting that stands in a MISP event as an object of its own: a STIX sighting, or an opinion, of its attribute."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from diwan.desks.cyber.kinds.misp import SIGHTED, Sighting
from diwan.desks.cyber.kinds.sightings import AGAINST, EXPIRED, FALSE
from diwan.desks.cyber.kinds.stix import written_ms
from diwan.desks.cyber.parse.stix import parse
from diwan.terms.item import Draft

_SPACE: Final = UUID("0c4b6d52-9a0e-5f53-8d55-7f3a4f0b8a41")
"""The name space of sightings that MISP gave no uuid."""
_SECOND: Final = 1_000_000
_LONGEST: Final = 1_000


def sighting_draft(said: Sighting, *, detected: bool, edited: int) -> Draft:
    """Return one sighting of an attribute as a draft; the same again is the same object.

    The attribute goes by the name that MISP's own STIX gives it: an indicator where it is for detection, or observed
    data. Of a sighting without a date, `edited` is when: seconds since 1970, as of its event.

    Raises:
        Malformed: a uuid in it is none that STIX takes.
    """
    seen = said.kind == SIGHTED[0]
    about = f"{'indicator' if detected else 'observed-data'}--{said.attribute}"
    at = written_ms((edited if said.at is None else said.at) * _SECOND)
    kind, words = ("sighting", "description") if seen else ("opinion", "explanation")
    told = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{_uuid(said)}", "created": at, "modified": at}
    if said.org and said.org.uuid:
        told["created_by_ref"] = f"identity--{said.org.uuid}"
    more: dict[str, Any] = {"sighting_of_ref": about, "count": 1, "last_seen": at}
    if not seen:
        opinion, label = ("neutral", EXPIRED) if said.kind == SIGHTED[2] else (AGAINST, FALSE)
        more = {"opinion": opinion, "object_refs": [about], "labels": [label]}
    note = ", ".join(filter(None, (said.org.name if said.org else "", said.source)))[:_LONGEST]
    return parse(msgspec.json.encode(told | more | ({words: note} if note else {})), {})


def _uuid(said: Sighting) -> str:
    if said.uuid:
        return said.uuid
    org = said.org.uuid or said.org.name if said.org else ""
    return str(uuid5(_SPACE, f"{said.attribute}|{said.kind}|{said.at}|{said.source}|{org}"))
