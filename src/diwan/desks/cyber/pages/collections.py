"""The TAXII collections that a reader may see, what each selects, and how a client connects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from diwan.desk import Request
from diwan.desks.cyber.kinds.collection import COLLECTION, Collection, conditions, everything, read_collection
from diwan.desks.cyber.kinds.stix import SCHEME
from diwan.reading import Query, ReadingRoom, Released, Selection

MOST: Final = 1000
"""Objects that a preview counts, and collections that the list holds, at most."""
ROOT: Final = "/taxii2/root/"
DISCOVERY: Final = "/taxii2/"


class Row(msgspec.Struct, frozen=True):
    """One collection, its item where it has one, and its path behind the world's own address."""

    said: Collection
    item: Released | None
    path: str


def collections(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return the collections released to this reader, the one of everything first, with their whole addresses."""
    whole = everything(request.keeper, room.world)
    found = [Row(said, item, path_of(said)) for said, item in collections_in(room) if said.id != whole.id]
    return {
        "rows": [Row(whole, None, path_of(whole)), *found],
        "whole": whole,
        "address": request.base,
        "discovery": request.base + DISCOVERY,
        "root": request.base + ROOT,
    }


def collections_in(room: ReadingRoom) -> list[tuple[Collection, Released]]:
    """Return the collections released to a reader in order of their entering, each id once."""
    alike: dict[str, list[Released]] = {}
    for item in sorted(islice(room.walk(Query(kind=COLLECTION)), MOST), key=_first):
        alike.setdefault(read_collection(item.brief).id, []).append(item)
    return [first_of(items) for items in alike.values()]


def first_of(items: Sequence[Released]) -> tuple[Collection, Released]:
    """Return what counts of the collections of one id that a reader may see: the one that was entered first.

    Where they are of several originators nothing is pushed into it: whoever recalls theirs to enter it anew would leave
    others' pushes to the label of another party.
    """
    item = min(items, key=_first)
    said = read_collection(item.brief)
    contested = len({one.ref.originator for one in items}) > 1
    return (msgspec.structs.replace(said, push=None) if contested else said), item


def _first(item: Released) -> tuple[int, str]:
    return item.entered, str(item.ref)


def collection_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return one collection: what it selects, and how many objects this reader would get of it."""
    said = read_collection(item.brief)
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
    return Selection(scheme=SCHEME, query=Query(words=said.words), alternatives=conditions(said), data=False)
