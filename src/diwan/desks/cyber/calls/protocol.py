"""TAXII 2.1 and 2.0 as a client speaks them: discovery, roots, collections, objects, manifest, versions, status."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urljoin

import msgspec

from diwan.desks.cyber.calls.call import Call, Fault, Reply
from diwan.desks.cyber.calls.line import Line, fetch
from diwan.desks.cyber.calls.resources import (
    Collection,
    Collections,
    Discovery,
    Manifest,
    Record,
    Root,
    Versions,
    read,
)
from diwan.desks.cyber.calls.sheet import Sheet, numbered, sheet

_ACCEPT_21: Final = (
    "application/taxii+json;version=2.1",
    "application/taxii+json; version=2.1",
    "application/taxii+json",
    "application/json",
)
_ACCEPT_20: Final = ("application/vnd.oasis.taxii+json; version=2.0", "application/vnd.oasis.taxii+json")
_STIX_20: Final = ("application/vnd.oasis.stix+json; version=2.0", "application/vnd.oasis.stix+json")
_RANGES: Final = ("items {}-{}", "items={}-{}")


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
    return tuple(read(_asked(line, Call(address), version).body, Collections, address).collections or ())


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
    return tuple(read(reply.body, Manifest, address).objects or ())


def versions_of(line: Line, root: str, collection: str, ident: str) -> tuple[str, ...]:
    """Return the versions of an object (5.8), as the server writes and orders them."""
    address = f"{place(root, collection, ident)}versions/"
    return tuple(read(_asked(line, Call(address), "2.1").body, Versions, address).versions or ())


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
    return numbered(sheet(reply, address), reply, start, limit)


def place(root: str, collection: str, ident: str = "") -> str:
    """Return the address of a collection, or of an object in it; a name can never climb out of its place."""
    base = f"{root}collections/{_part(collection)}/"
    return f"{base}objects/{_part(ident)}/" if ident else base


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


def _query(after: str, limit: int) -> tuple[tuple[str, str], ...]:
    asked = (("added_after", after), ("limit", str(limit) if limit else ""))
    return tuple((name, value) for name, value in asked if value)


def _part(name: str) -> str:
    # A dot is not escaped by quote, and two of them climb.
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")
