"""Whole answers: every object or event that is released to a reader, newest version of each, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.misp import EventBrief
from diwan.desks.cyber.kinds.stix import SCHEME
from diwan.desks.cyber.parse.misp import brief_of, event_of
from diwan.reading import Arrival, Query, ReadingRoom, Released, Selection
from diwan.terms.item import Ref

MISP: Final = "misp"
"""The scheme of events' names."""
_AT_ONCE: Final = 1_000
_read_brief: Final = msgspec.json.Decoder(EventBrief).decode


def arrivals_of(room: ReadingRoom, selection: Selection) -> Iterator[Arrival]:
    """Yield all that is selected, in the order in which it came to the reader."""
    cursor: str | None = None
    while True:
        page = room.arrivals(selection, cursor=cursor, limit=_AT_ONCE)
        yield from page.found
        cursor = page.cursor
        if cursor is None:
            return


def bundle_of(room: ReadingRoom, query: Query | None = None, *, ident: str) -> Iterator[bytes]:
    """Yield a bundle in pieces: every object that `query` finds, newest version, exact bytes, as they came.

    `ident` is a random UUID (STIX 2.1, section 8). A query's dates and order are not looked at.
    """
    yield b'{"type":"bundle","id":"bundle--' + ident.encode() + b'"'
    before = b',"objects":[\n'
    for one in arrivals_of(room, Selection(scheme=SCHEME, query=query or Query(), listed=False)):
        yield before
        yield one.data
        before = b",\n"
    # A bundle without objects has no list of them: STIX forbids empty lists (section 2.9).
    yield b"}\n" if before.startswith(b',"') else b"\n]}\n"


def events_of(room: ReadingRoom, query: Query | None = None) -> Iterator[tuple[EventBrief, bytes]]:
    """Yield every MISP event that is released to the reader, newest version of each, with the bytes that came.

    Of one event that several originators entered, that of the first of them is told: see `told_of`.
    """
    selection = Selection(scheme=MISP, which=("all",), query=query or Query(), data=False, refs=True)
    alike: dict[str, list[Ref]] = {}
    for one in arrivals_of(room, selection):
        if one.ref is not None:
            alike.setdefault(one.name, []).append(one.ref)
    for refs in alike.values():
        told = told_of([room.get(ref) for ref in refs])
        data = room.parts(told)[0].data
        yield brief_of(event_of(data)), data


def told_of(known: Sequence[Released]) -> Released:
    """Return which of the events of one uuid is told, where a file holds one: the first originator's newest edit.

    Never the newest of all: a party that enters another's event again, later dated, would put its own in its place.
    """
    first = min(known, key=lambda item: (item.entered, str(item.ref))).ref.originator
    return max(
        (item for item in known if item.ref.originator == first), key=lambda item: (_edited(item), -item.entered)
    )


def _edited(item: Released) -> int:
    return _read_brief(item.brief).timestamp or 0
