"""The TAXII 2.1 server: discovery, API root, collections, objects, manifests, versions, statuses and markings.

A collection is a standing query over the register; everything a caller gets of it, headers and counts included, comes
from one list of what is released to them, in the order in which it came to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from diwan.desk import Clerk, Request, Response, Service
from diwan.desks.cyber.kinds.collection import Collection
from diwan.desks.cyber.kinds.markings import DEFINITIONS
from diwan.desks.cyber.kinds.taxii import LARGEST_PAGE, TAXII, Listed, version_told
from diwan.desks.cyber.render import taxii as render
from diwan.desks.cyber.routes.asked import NotOffered, NotUnderstood, asked, check_accept, check_content
from diwan.desks.cyber.routes.collections import all_collections, collection_of, nothing, selection, whole
from diwan.desks.cyber.routes.push import push, status_of
from diwan.reading import Arrival, Arrivals
from diwan.terms.errors import BadCursor, Malformed, NotAllowed, NotFound, Refused
from diwan.terms.label import pack

_ROOT: Final = "/taxii2/root/"
_CODES: Final[dict[type[Refused], int]] = {
    NotOffered: 406,
    NotUnderstood: 415,
    NotFound: 404,
    NotAllowed: 403,
    BadCursor: 400,
    Malformed: 400,
}

Handler = Callable[[Clerk, Request], Response]


def refusal(code: int, said: str) -> Response:
    """Return how this protocol says that something was not done."""
    return Response(render.error(code, said), TAXII, code)


def discovery(clerk: Clerk, request: Request) -> Response:
    """Return what this server offers in this world."""
    return _ok(render.discovery(clerk.title, request.base + _ROOT))


def root(clerk: Clerk, _: Request) -> Response:
    """Return the API root."""
    return _ok(render.api_root(f"{clerk.title}, {clerk.room.world}", clerk.largest))


def collections(clerk: Clerk, _: Request) -> Response:
    """Return the collections that the caller may see."""
    return _ok(render.collections([_resource(clerk, said) for said in all_collections(clerk)]))


def one_collection(clerk: Clerk, request: Request) -> Response:
    """Return one collection."""
    return _ok(msgspec.json.encode(_resource(clerk, _asked_for(clerk, request))))


def objects(clerk: Clerk, request: Request) -> Response:
    """Return a page of objects, byte for byte as their originators entered them."""
    found = _found(clerk, request, data=True)
    return _ok(render.envelope([one.data for one in found.found], found.cursor), _dates(found))


def manifest(clerk: Clerk, request: Request) -> Response:
    """Return a page of what the collection holds, without the objects."""
    found = _found(clerk, request, data=False)
    return _ok(render.manifest(map(_listed, found.found), found.cursor), _dates(found))


def one_object(clerk: Clerk, request: Request) -> Response:
    """Return the versions asked for of one object."""
    found = _found(clerk, request, data=True)
    return _ok(render.envelope([one.data for one in found.found], found.cursor), _dates(found))


def versions(clerk: Clerk, request: Request) -> Response:
    """Return which versions there are of one object, in the order in which they were added."""
    found = _found(clerk, request, data=False, every=True)
    return _ok(render.versions(map(_listed, found.found), found.cursor), _dates(found))


def add(clerk: Clerk, request: Request) -> Response:
    """Enter an envelope's objects, each whole or not at all; the status names what became of each."""
    said = _asked_for(clerk, request)
    if not _can_write(clerk, said):
        raise NotAllowed("You may not add objects to this collection. Nothing was entered.")
    check_content(request)
    if len(request.body) > clerk.largest:
        return refusal(413, f"The body is larger than {clerk.largest} bytes. Nothing was entered.")
    return Response(render.status(push(clerk, said, request.body)), TAXII, 202)


def status(clerk: Clerk, request: Request) -> Response:
    """Return what became of a submission, to whoever made it."""
    return _ok(render.status(status_of(clerk, request.path["status"])))


def remove(clerk: Clerk, request: Request) -> Response:
    """Take versions of an object back: all of them unless the request says which; only their originator may.

    Of the parameters `match[version]` and `match[spec_version]` alone are looked at (section 5.7).
    """
    said = tuple(pair for pair in request.pairs if pair[0] in ("match[version]", "match[spec_version]"))
    every = not any(name == "match[version]" for name, _ in said)
    request = msgspec.structs.replace(request, pairs=(*said, ("limit", str(LARGEST_PAGE))))
    if not _found(clerk, request, every=every).found:
        raise NotFound
    if not _can_write(clerk, _asked_for(clerk, request)):
        raise NotAllowed("You may not delete from this collection. Nothing was done.")
    recalled = _recall_own(clerk, request, every=every)
    if not recalled:
        raise NotAllowed("Only the originator of an object takes it back. Nothing was done.")
    # Only a full page has a next one: to ask for the last version again would take back the one before it as well.
    while recalled == LARGEST_PAGE:
        recalled = _recall_own(clerk, request, every=every)
    return _ok(b"{}")


def markings(clerk: Clerk, _: Request) -> Response:
    """Return the labels under which anything is released to the caller now (asked for in oasis-tcs/cti-taxii2#119)."""
    told = [
        {
            "marking": clerk.marking(label),
            "label": msgspec.Raw(pack(label)),
            **({"object_marking_refs": [DEFINITIONS[label.handling.tlp]]} if label.handling.tlp in DEFINITIONS else {}),
        }
        for label in clerk.room.labels()
    ]
    return _ok(render.markings(told))


def _speaking(handler: Handler) -> Handler:
    def answer(clerk: Clerk, request: Request) -> Response:
        try:
            check_accept(request)
            return handler(clerk, request)
        except Refused as wrong:
            code = next((code for kind, code in _CODES.items() if isinstance(wrong, kind)), 422)
            return refusal(code, str(wrong))

    return answer


def _asked_for(clerk: Clerk, request: Request) -> Collection:
    return collection_of(clerk, request.path["collection"])


def _found(
    clerk: Clerk, request: Request, *, data: bool = False, refs: bool = False, every: bool = False, own: bool = False
) -> Arrivals:
    said, wanted = _asked_for(clerk, request), asked(request)
    ident = request.path.get("object")
    if ident is not None:
        wanted = msgspec.structs.replace(wanted, ids=(ident,), types=None)
    if every:
        wanted = msgspec.structs.replace(wanted, which=("all",), versions=())
    if nothing(said, wanted):
        wanted = msgspec.structs.replace(wanted, ids=(), types=None)
    chosen = msgspec.structs.replace(selection(said, wanted, data=data), refs=refs)
    if own:
        party = ("originator", clerk.hand.reader.party)
        chosen = msgspec.structs.replace(chosen, alternatives=(*chosen.alternatives, (party,)))
    found = clerk.room.arrivals(chosen, after=wanted.after, cursor=wanted.cursor, limit=wanted.limit)
    if not found.found and ident is not None and not own:
        _check_known(clerk, said, ident)
    return found


def _check_known(clerk: Clerk, said: Collection, ident: str) -> None:
    every = selection(said, asked(Request(pairs=(("match[id]", ident), ("match[version]", "all")))), data=False)
    if not clerk.room.arrivals(every, limit=1).found:
        raise NotFound


def _resource(clerk: Clerk, said: Collection) -> dict[str, object]:
    return render.collection(said, can_write=_can_write(clerk, said))


def _can_write(clerk: Clerk, said: Collection) -> bool:
    return clerk.enters and (said.push is not None or said == whole(clerk))


def _recall_own(clerk: Clerk, request: Request, *, every: bool) -> int:
    """Take back a page of the versions asked for that are the caller's party's own; return how many."""
    found = _found(clerk, request, refs=True, every=every, own=True).found
    for one in found:
        if one.ref is not None:
            clerk.recall(one.ref)
    return len(found)


def _listed(one: Arrival) -> Listed:
    return Listed(one.name, one.at, version_told(one.version, one.sorts))


def _dates(found: Arrivals) -> dict[str, str]:
    return render.dates([one.at for one in (found.found[:1] + found.found[-1:])])


def _ok(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, TAXII, 200, headers or {})


_COLLECTION: Final = f"{_ROOT}collections/{{collection}}/"
_OBJECT: Final = f"{_COLLECTION}objects/{{object}}/"
SERVICES: Final = (
    Service("GET", "/taxii2/", "nothing of the register", _speaking(discovery)),
    Service("GET", _ROOT, "nothing of the register", _speaking(root)),
    Service("GET", f"{_ROOT}status/{{status}}/", "own submission", _speaking(status)),
    Service("GET", f"{_ROOT}markings/", "labels", _speaking(markings)),
    Service("GET", f"{_ROOT}collections/", "list", _speaking(collections)),
    Service("GET", _COLLECTION, "point read", _speaking(one_collection)),
    Service("GET", f"{_COLLECTION}manifest/", "feed", _speaking(manifest)),
    Service("GET", f"{_COLLECTION}objects/", "feed", _speaking(objects)),
    Service("POST", f"{_COLLECTION}objects/", "point read", _speaking(add)),
    Service("GET", _OBJECT, "point read", _speaking(one_object)),
    Service("DELETE", _OBJECT, "point read", _speaking(remove)),
    Service("GET", f"{_OBJECT}versions/", "history", _speaking(versions)),
)
