"""What is taken away as files: objects and bundles, lists for sensors and resolvers, and a MISP feed, per reader."""

from __future__ import annotations

from hashlib import sha256
from typing import Final
from urllib.parse import quote
from uuid import UUID

from diwan.desk import Request, Response, Route
from diwan.desks.cyber.acts import event_of_report
from diwan.desks.cyber.kinds.collection import COLLECTION
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.misp import EVENT
from diwan.desks.cyber.kinds.misp import MEDIA_TYPE as MISP
from diwan.desks.cyber.kinds.stix import KINDS, MEDIA_TYPE
from diwan.desks.cyber.parse.misp import event_of
from diwan.desks.cyber.render.indicators import FORMATS
from diwan.desks.cyber.render.misp import feed_event, feed_hashes, feed_manifest
from diwan.desks.cyber.watch import bundle_of, events_of, told_of, watched_of
from diwan.reading import Query, ReadingRoom, Released
from diwan.terms.errors import NotFound
from diwan.terms.item import Alias, Ref

_HEX: Final = frozenset("0123456789abcdef")
_OURS: Final = KINDS | {EVENT, COLLECTION}
_JSON: Final = "application/json"


def as_it_came(room: ReadingRoom, request: Request) -> Response:
    """Return an object's, event's or collection's original bytes."""
    part = room.parts(_asked(room, request))[0]
    return Response(part.data, part.media_type)


def as_event(room: ReadingRoom, request: Request) -> Response:
    """Return a STIX report or grouping as a MISP event, with what it holds as far as that is released.

    Raises:
        NotAllowed: MISP has no words for the label; the text says why.
    """
    item = _asked(room, request)
    return Response(event_of_report(room, item, _local(request)), MISP)


def bundle(room: ReadingRoom, request: Request) -> Response:
    """Return every object released to the reader that the query asks for, byte for byte, in one bundle."""
    said = request.query
    query = Query(
        originator=said.get("originator") or None,
        facets=tuple((name, said[name]) for name in ("type", "tlp") if said.get(name)),
        words=said.get("q", ""),
    )
    # Named by what it holds: the same bundle for the same reader, and no counter and no chance in it.
    held = b"".join(bundle_of(room, query, ident=_NOBODY))
    ident = str(UUID(bytes=sha256(held).digest()[:16], version=4))
    return _file(held.replace(_NOBODY.encode(), ident.encode(), 1), MEDIA_TYPE, "diwan-bundle.json")


def indicators(room: ReadingRoom, request: Request) -> Response:
    """Return what to watch for as a file for one sort of tool; warned of, expired and doubted values are left out."""
    form = FORMATS.get(request.path["format"])
    if form is None:
        raise NotFound
    watched = watched_of(room, room.now, _local(request).warnings)
    return _file(form.write(watched, reader=room.reader.party, at=room.now), form.media_type, form.file)


def manifest(room: ReadingRoom, _: Request) -> Response:
    """Return `manifest.json` of the reader's MISP feed."""
    return Response(feed_manifest(brief for brief, _ in events_of(room)), _JSON)


def hashes(room: ReadingRoom, _: Request) -> Response:
    """Return `hashes.csv` of the reader's MISP feed."""
    return Response(feed_hashes(event_of(data) for _, data in events_of(room)), "text/csv; charset=utf-8")


def feed_item(room: ReadingRoom, request: Request) -> Response:
    """Return one event of the feed by its uuid, as it came."""
    known = [item for item in room.known_as(Alias("misp", request.path["uuid"])) if item.kind == EVENT]
    if not known:
        raise NotFound
    return Response(feed_event(room.parts(told_of(known))[0].data), _JSON)


_NOBODY: Final = "00000000-0000-4000-8000-000000000000"
ROUTES: Final = (
    Route("GET", "/cyber/{originator}/{id}.json", "bytes", as_it_came),
    Route("GET", "/cyber/{originator}/{id}.misp", "export", as_event),
    Route("GET", "/cyber/export/bundle.json", "export", bundle),
    Route("GET", "/cyber/export/indicators/{format}", "export", indicators),
    Route("GET", "/cyber/misp/manifest.json", "export", manifest),
    Route("GET", "/cyber/misp/hashes.csv", "export", hashes),
    Route("GET", "/cyber/misp/{uuid}.json", "export", feed_item),
)


def _asked(room: ReadingRoom, request: Request) -> Released:
    ident = request.path["id"]
    if len(ident) != 32 or not set(ident) <= _HEX:
        raise NotFound
    item = room.get(Ref(request.path["originator"], ident))
    if item.kind not in _OURS:
        raise NotFound
    return item


def _local(request: Request) -> Local:
    return request.local if isinstance(request.local, Local) else Local()


def _file(data: bytes, media_type: str, name: str) -> Response:
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(data, media_type, 200, headers)
