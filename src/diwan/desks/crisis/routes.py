"""What the crisis desk speaks: an Atom feed of alerts, and each alert as CAP XML, JSON and GeoJSON, per reader."""

from __future__ import annotations

from itertools import islice
from typing import Final

import msgspec

from diwan.desk import Request, Response, Route
from diwan.desks.crisis.kinds import ALERT, MEDIA_TYPE, Brief
from diwan.desks.crisis.pages import cap_bytes, document, headline, legible
from diwan.desks.crisis.render import Entry, alert_json, atom_feed, geojson
from diwan.reading import Query, ReadingRoom, Released
from diwan.terms.errors import NotFound
from diwan.terms.item import Ref

_ENTRIES: Final = 100
_HEX: Final = 32

_json: Final = msgspec.json.Encoder()


def atom(room: ReadingRoom, request: Request) -> Response:
    """Return the newest alerts released to the reader; `updated` is the newest one's, so hidden news do not move it."""
    items = list(islice(room.walk(Query(kind=ALERT), size=_ENTRIES), _ENTRIES))
    base = request.address.rsplit("/", 1)[0]
    entries = [_entry(item, brief, base) for item, brief in legible(items)]
    updated = max((item.at for item in items), default=0)
    return Response(
        atom_feed(f"Diwan alerts, {room.world}", request.address, updated, entries),
        "application/atom+xml; charset=utf-8",
    )


def cap(room: ReadingRoom, request: Request) -> Response:
    """Return an alert's original bytes."""
    item = _asked(room, request)
    return Response(cap_bytes(room, item), MEDIA_TYPE)


def as_json(room: ReadingRoom, request: Request) -> Response:
    """Return an alert as JSON under the element names of CAP."""
    return Response(_json.encode(alert_json(document(room, _asked(room, request)))), "application/json")


def as_geojson(room: ReadingRoom, request: Request) -> Response:
    """Return an alert's areas as GeoJSON."""
    return Response(_json.encode(geojson(document(room, _asked(room, request)))), "application/geo+json")


ROUTES: Final = (
    Route("GET", "/crisis/feed.atom", "feed", atom),
    Route("GET", "/crisis/{originator}/{id}.cap", "bytes", cap),
    Route("GET", "/crisis/{originator}/{id}.json", "point read", as_json),
    Route("GET", "/crisis/{originator}/{id}.geojson", "map", as_geojson),
)


def _asked(room: ReadingRoom, request: Request) -> Released:
    ident = request.path["id"]
    if len(ident) != _HEX or not set(ident) <= set("0123456789abcdef"):
        raise NotFound
    item = room.get(Ref(request.path["originator"], ident))
    if item.kind != ALERT:
        raise NotFound
    return item


def _entry(item: Released, brief: Brief, base: str) -> Entry:
    return Entry(
        id=f"urn:uuid:{_uuid(item.ref.id)}",
        title=headline(brief, "en"),
        updated=item.at,
        author=brief.sender,
        href=f"{base}/{item.ref.originator}/{item.ref.id}.cap",
        categories=tuple(category.value for category in brief.categories),
    )


def _uuid(ident: str) -> str:
    return f"{ident[:8]}-{ident[8:12]}-{ident[12:16]}-{ident[16:20]}-{ident[20:]}"
