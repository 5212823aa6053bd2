"""The TAXII collections that a reader may see, what each selects, and how a client connects."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

import msgspec

from diwan.desk import Request
from diwan.desks.cyber.kinds.collection import COLLECTION, Collection, everything
from diwan.desks.cyber.kinds.stix import SCHEME
from diwan.reading import Query, ReadingRoom, Released, Selection

MOST: Final = 1000
"""Objects that a preview counts, and collections that the list holds, at most."""
ROOT: Final = "/taxii2/root/"
DISCOVERY: Final = "/taxii2/"
_decode: Final = msgspec.json.Decoder(Collection).decode


class Row(msgspec.Struct, frozen=True):
    """One collection, its item where it has one, and its path behind the world's own address."""

    said: Collection
    item: Released | None
    path: str


def collections(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return the collections released to this reader, the one of everything first, with their whole addresses."""
    found: dict[str, Row] = {}
    items = islice(room.walk(Query(kind=COLLECTION)), MOST)
    for item in sorted(items, key=lambda one: (one.entered, str(one.ref))):
        said = _decode(item.brief)
        found.setdefault(said.id, Row(said, item, path_of(said)))
    whole = everything(request.keeper, room.world)
    return {
        "rows": [Row(whole, None, path_of(whole)), *found.values()],
        "whole": whole,
        "address": request.base,
        "discovery": request.base + DISCOVERY,
        "root": request.base + ROOT,
    }


def collection_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return one collection: what it selects, and how many objects this reader would get of it."""
    said = _decode(item.brief)
    found = room.arrivals(selection(said), limit=MOST)
    return {
        "said": said,
        "path": path_of(said),
        "number": len(found.found),
        "more": found.cursor is not None,
        "most": MOST,
    }


def path_of(said: Collection) -> str:
    """Return the path of a collection behind the world's own address."""
    return f"{ROOT}collections/{said.id}/"


def selection(said: Collection) -> Selection:
    """Return what a collection selects, newest versions, without their bytes."""
    groups = (("type", said.types), ("originator", said.originators), ("tlp", said.tlp))
    return Selection(
        scheme=SCHEME,
        query=Query(words=said.words),
        alternatives=tuple(tuple((name, value) for value in values) for name, values in groups if values),
        data=False,
    )
