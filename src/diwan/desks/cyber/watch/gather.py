"""Whole answers: every object or event that is released to a reader, newest version of each, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from diwan.desks.cyber.kinds.misp import EventBrief
from diwan.desks.cyber.kinds.stix import SCHEME
from diwan.desks.cyber.parse.misp import brief_of, event_of
from diwan.reading import Arrival, Query, ReadingRoom, Selection

MISP: Final = "misp"
"""The scheme of events' names."""
_AT_ONCE: Final = 1_000


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
    for one in arrivals_of(room, Selection(scheme=SCHEME, query=query or Query())):
        yield before
        yield one.data
        before = b",\n"
    # A bundle without objects has no list of them: STIX forbids empty lists (section 2.9).
    yield b"}\n" if before.startswith(b',"') else b"\n]}\n"


def events_of(room: ReadingRoom, query: Query | None = None) -> Iterator[tuple[EventBrief, bytes]]:
    """Yield every MISP event that is released to the reader, newest version of each, with the bytes that came.

    Where several originators entered one event, the newest edit counts, and of equal ones the first to come.
    """
    selection = Selection(scheme=MISP, query=query or Query(), data=False, refs=True)
    newest: dict[str, Arrival] = {}
    for one in arrivals_of(room, selection):
        held = newest.get(one.name)
        if held is None or one.sorts > held.sorts:
            newest[one.name] = one
    for one in newest.values():
        if one.ref is not None:
            data = room.parts(room.get(one.ref))[0].data
            yield brief_of(event_of(data)), data
