"""TAXII 2.1 and 2.0 as a client speaks them: discovery, roots, collections, objects, manifest, versions, status."""

from __future__ import annotations

import re
from typing import Final, TypeVar
from urllib.parse import quote, urljoin

import msgspec

from diwan.desks.cyber.calls.dates import instant_of
from diwan.desks.cyber.calls.line import Call, Fault, Line, Oversized, Reply, fetch
from diwan.terms.time import Instant

OBJECTS: Final = 100_000
"""Objects taken from one answer."""
_CURSOR: Final = 8_192
_ACCEPT_21: Final = (
    "application/taxii+json;version=2.1",
    "application/taxii+json; version=2.1",
    "application/taxii+json",
    "application/json",
)
_ACCEPT_20: Final = ("application/vnd.oasis.taxii+json; version=2.0", "application/vnd.oasis.taxii+json")
_STIX_20: Final = ("application/vnd.oasis.stix+json; version=2.0", "application/vnd.oasis.stix+json")
_RANGES: Final = ("items {}-{}", "items={}-{}")
_CONTENT_RANGE: Final = re.compile(r"items[ =]([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")
_EMPTY: Final = 204
_PARTIAL: Final = 206
_BYTES_A_COMMA: Final = 12

T = TypeVar("T")


class Discovery(msgspec.Struct, frozen=True):
    """What a server says it has (TAXII 2.1, 4.1)."""

    title: str = ""
    description: str | None = None
    contact: str | None = None
    default: str | None = None
    api_roots: tuple[str, ...] | None = None


class Root(msgspec.Struct, frozen=True):
    """What an API root says of itself (4.2)."""

    title: str = ""
    versions: tuple[str, ...] | None = None
    max_content_length: int | None = None
    description: str | None = None


class Collection(msgspec.Struct, frozen=True):
    """One collection (5.2). Whether it can be read or written is None where the server does not say."""

    id: str
    title: str = ""
    description: str | None = None
    alias: str | None = None
    can_read: bool | None = None
    can_write: bool | None = None
    media_types: tuple[str, ...] | None = None


class Record(msgspec.Struct, frozen=True):
    """One line of a manifest (5.3)."""

    id: str
    date_added: str = ""
    version: str | None = None


class Sheet(msgspec.Struct, frozen=True):
    """One page of objects, exactly as they came, and where it ends."""

    objects: tuple[bytes, ...]
    more: bool = False
    next: str = ""
    first: Instant | None = None
    last: Instant | None = None
    last_text: str = ""
    odd: int = 0
    clock: Instant | None = None


class Head(msgspec.Struct, frozen=True):
    """What names an object and its version."""

    id: str = ""
    modified: str = ""
    created: str = ""


class _Collections(msgspec.Struct, frozen=True):
    collections: list[Collection] | None = None


class _Envelope(msgspec.Struct, frozen=True):
    objects: list[msgspec.Raw] | None = None
    more: object = None
    next: object = None


class _Manifest(msgspec.Struct, frozen=True):
    objects: list[Record] | None = None


class _Versions(msgspec.Struct, frozen=True):
    versions: list[str] | None = None


def discover(line: Line, address: str, *, version: str = "2.1") -> Discovery:
    """Return what the server at an address says it has; relative roots are made whole, and none is called."""
    reply = _asked(line, Call(address), version)
    told = read(reply.body, Discovery, address)
    roots = tuple(urljoin(address, root) for root in told.api_roots or ())
    return msgspec.structs.replace(told, api_roots=roots)


def root_of(line: Line, root: str, *, version: str = "2.1") -> Root:
    """Return what an API root says of itself."""
    return read(_asked(line, Call(root), version).body, Root, root)


def collections_of(line: Line, root: str, *, version: str = "2.1") -> tuple[Collection, ...]:
    """Return the collections of an API root."""
    address = f"{root}collections/"
    return tuple(read(_asked(line, Call(address), version).body, _Collections, address).collections or ())


def collection_of(line: Line, root: str, collection: str, *, version: str = "2.1") -> Collection:
    """Return one collection."""
    address = place(root, collection)
    return read(_asked(line, Call(address), version).body, Collection, address)


def manifest_of(
    line: Line, root: str, collection: str, *, after: str = "", limit: int = 0, version: str = "2.1"
) -> tuple[Record, ...]:
    """Return one page of a collection's manifest."""
    address = f"{place(root, collection)}manifest/"
    reply = _asked(line, Call(address, _query(after, limit)), version)
    return tuple(read(reply.body, _Manifest, address).objects or ())


def versions_of(line: Line, root: str, collection: str, ident: str) -> tuple[str, ...]:
    """Return the versions of an object (5.8), as the server writes and orders them."""
    address = f"{place(root, collection, ident)}versions/"
    return tuple(read(_asked(line, Call(address), "2.1").body, _Versions, address).versions or ())


def object_of(line: Line, root: str, collection: str, ident: str, *, every: bool = False) -> tuple[bytes, ...]:
    """Return an object, its newest version or every one, as the exact bytes that came (5.6)."""
    address = place(root, collection, ident)
    query = (("match[version]", "all"),) if every else ()
    return sheet(_asked(line, Call(address, query), "2.1"), address).objects


def delete(line: Line, root: str, collection: str, ident: str, *, version: str = "") -> None:
    """Delete an object at the server (5.7): one version, or what the server takes for all; gone already is gone."""
    query = (("match[version]", version),) if version else ()
    _asked(line, Call(place(root, collection, ident), query, method="DELETE"), "2.1")


def objects_page(
    line: Line, root: str, collection: str, asked: tuple[tuple[str, str], ...], *, tries: int = 4
) -> Sheet:
    """Return one page of a collection over TAXII 2.1 (5.4)."""
    address = f"{place(root, collection)}objects/"
    return sheet(_asked(line, Call(address, asked, tries=tries), "2.1"), address)


def ranged_page(
    line: Line, root: str, collection: str, asked: tuple[tuple[str, str], ...], start: int, limit: int
) -> Sheet:
    """Return one page over TAXII 2.0 (3.4): objects from number `start` on; `next` is the number after the last."""
    address = f"{place(root, collection)}objects/"
    known = line.habits.get("range", 0)
    try:
        reply = _ranged(line, Call(address, asked), known, start, limit)
    except Fault as fault:
        if fault.status == 416 and start:
            return Sheet(())
        if fault.status not in (400, 416) or known:
            raise
        reply = _ranged(line, Call(address, asked), 1, start, limit)
        line.habits["range"] = 1
    return _numbered(sheet(reply, address), reply, start, limit)


def place(root: str, collection: str, ident: str = "") -> str:
    """Return the address of a collection, or of an object in it; a name can never climb out of its place."""
    base = f"{root}collections/{_part(collection)}/"
    return f"{base}objects/{_part(ident)}/" if ident else base


def read(body: bytes, shape: type[T], address: str) -> T:
    """Return a body as a value.

    Raises:
        Fault: not JSON, or not of this shape; nothing of it is quoted.
    """
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=shape, strict=False)
    except (ValueError, RecursionError):
        host = urljoin(address, "/")
        name = shape.__name__.strip("_").lower()
        raise Fault(f"{host} answers what is no TAXII {name}. Nothing was taken.") from None


def sheet(reply: Reply, address: str) -> Sheet:
    """Return the objects of an envelope (3.7) or a bundle, byte for byte, and what tells where the page ends.

    Headers that are missing or no dates, an empty or null `next`, and `more` as text are met and stood. A page that
    says nothing of `more` has more where it has a `next`.

    Raises:
        Fault: no envelope.
        Oversized: more than `OBJECTS` objects.
    """
    if reply.status == _EMPTY:
        return Sheet((), clock=reply.clock)
    # A page of commas would be a million values in memory; real objects spend thirty bytes on each.
    if reply.body.count(b",") > len(reply.body) // _BYTES_A_COMMA + 1_000:
        raise Oversized(f"{urljoin(address, '/')} answers more objects than bytes allow. Nothing was taken.")
    told = read(reply.body, _Envelope, address)
    raws = [bytes(raw) for raw in told.objects or ()]
    if len(raws) > OBJECTS:
        raise Oversized(f"{urljoin(address, '/')} answers more than {OBJECTS} objects at once. Nothing was taken.")
    objects = tuple(raw for raw in raws if raw[:1] == b"{")
    first, last = (reply.headers.get(f"x-taxii-date-added-{which}", "") for which in ("first", "last"))
    cursor = _cursor(told.next)
    more = told.more in (True, "true", "True") or (told.more is None and bool(cursor) and bool(raws))
    begins, ends = instant_of(first), instant_of(last)
    # Some swap the two.
    if begins is not None and ends is not None and begins > ends:
        begins, ends, last = ends, begins, first
    return Sheet(
        objects, more, cursor, begins, ends, last if ends is not None else "", len(raws) - len(objects), reply.clock
    )


def ident_of(raw: bytes) -> str:
    """Return an object's id, or nothing where it has none."""
    return head_of(raw).id


def head_of(raw: bytes) -> Head:
    """Return what names an object; empty fields where it says nothing of the kind."""
    try:
        return msgspec.json.decode(raw, type=Head)
    except (ValueError, RecursionError):
        return Head()


def posted(line: Line, address: str, body: bytes, *, tries: int = 4) -> Reply:
    """Return the answer to objects that are posted (5.5)."""
    return _asked(line, Call(address, method="POST", body=body, tries=tries), "2.1")


def asked(line: Line, address: str) -> Reply:
    """Return the answer at an address of TAXII 2.1."""
    return _asked(line, Call(address), "2.1")


def _asked(line: Line, call: Call, version: str) -> Reply:
    return _spelt(line, call, _ACCEPT_21 if version == "2.1" else _ACCEPT_20, f"accept {version}")


def _spelt(line: Line, call: Call, spellings: tuple[str, ...], habit: str) -> Reply:
    """Return the answer in the first spelling of the media type that the server takes, and remember which."""
    first = line.habits.get(habit, 0)
    for number in range(first, len(spellings)):
        headers = [("Accept", spellings[number]), *call.headers]
        if call.method == "POST":
            headers.append(("Content-Type", spellings[number]))
        try:
            reply = fetch(line, msgspec.structs.replace(call, headers=tuple(headers)))
        except Fault as fault:
            if fault.status not in (406, 415) or number + 1 == len(spellings):
                raise
            continue
        line.habits[habit] = number
        return reply
    raise AssertionError("unreachable")


def _ranged(line: Line, call: Call, spelling: int, start: int, limit: int) -> Reply:
    if not limit:
        return _spelt(line, call, _STIX_20, "accept stix 2.0")
    header = ("Range", _RANGES[spelling].format(start, start + limit - 1))
    return _spelt(line, msgspec.structs.replace(call, headers=(header,)), _STIX_20, "accept stix 2.0")


def _numbered(page: Sheet, reply: Reply, start: int, limit: int) -> Sheet:
    found = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", "").strip())
    after = int(found[2]) + 1 if found else start + len(page.objects) + page.odd
    if found and found[3] != "*":
        more = after < int(found[3])
    else:
        more = reply.status == _PARTIAL and len(page.objects) + page.odd >= max(limit, 1)
    more = more and after > start
    return msgspec.structs.replace(page, more=more, next=str(after) if more else "")


def _cursor(told: object) -> str:
    text = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
    return text if len(text) <= _CURSOR and text.isprintable() else ""


def _query(after: str, limit: int) -> tuple[tuple[str, str], ...]:
    asked = (("added_after", after), ("limit", str(limit) if limit else ""))
    return tuple((name, value) for name, value in asked if value)


def _part(name: str) -> str:
    # A dot is not escaped by quote, and two of them climb.
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")
