"""What a reader can say about an object: that it was seen, or that it is false."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from diwan.desk import Act, Deed
from diwan.desks.cyber.kinds.sightings import AGAINST, FALSE
from diwan.desks.cyber.kinds.stix import SDOS, Brief, kind_of, written_ms
from diwan.desks.cyber.parse.stix import parse
from diwan.reading import ReadingRoom, Released
from diwan.terms.item import Draft


def _sighting(room: ReadingRoom, item: Released, deed: Deed) -> Draft:
    return _said(item, deed, "sighting", {"sighting_of_ref": _id(item), "count": 1, "last_seen": written_ms(deed.now)})


def _false_positive(room: ReadingRoom, item: Released, deed: Deed) -> Draft:
    said = {"opinion": AGAINST, "object_refs": [_id(item)], "labels": [FALSE]}
    return _said(item, deed, "opinion", said)


def _said(item: Released, deed: Deed, kind: str, said: Mapping[str, object]) -> Draft:
    at = written_ms(deed.now)
    ident = f"{kind}--{UUID(hex=deed.ident, version=4)}"
    told = {"type": kind, "spec_version": "2.1", "id": ident, "created": at, "modified": at, **said}
    if deed.note:
        told["description" if kind == "sighting" else "explanation"] = deed.note
    return replace(parse(msgspec.json.encode(told), {}), parent=item.ref)


def _id(item: Released) -> str:
    return msgspec.json.decode(item.brief, type=Brief).id


def _can_be_sighted(_: ReadingRoom, item: Released) -> bool:
    # A sighting is of any domain object, and of no observable (STIX 2.1, section 5.2).
    return item.kind.removeprefix("cyber.") in SDOS


def _to_its_readers(_: Released) -> tuple[str, ...]:
    return ()


_ACTS: Final = (
    Act("sighting", "Seen here", False, _can_be_sighted, _sighting, _to_its_readers, labels=True),
    Act(
        "false-positive",
        "A false positive, with a reason",
        True,
        _can_be_sighted,
        _false_positive,
        _to_its_readers,
        labels=True,
    ),
)
ACTS_BY_KIND: Final = {kind_of(name): _ACTS for name in SDOS}
