"""Questions for every service of TAXII 2.1: discovery, collections, pages, manifests, versions, pushes, statuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from leaks.ask import BASES, Ask, Generator
from leaks.ground import Ground
from leaks.known import Known

from diwan.desks.cyber.kinds.collection import everything
from diwan.desks.cyber.kinds.taxii import TAXII
from diwan.house import House
from diwan.terms.gate import World
from diwan.terms.item import Alias

NEXT: Final = r'"next":"([\w-]+)"'
LAST: Final = r"x-taxii-date-added-last: (\S+)"
STATUS: Final = r'"id":"([0-9a-f-]{36})","status"'
NOWHERE: Final = "00000000-0000-4000-8000-000000000000"
_ACCEPT: Final = (("accept", TAXII),)
_PUSHED: Final = "2016-12-01T00:00:00.000Z"
Pairs = tuple[tuple[str, str], ...]


def collections(known: Known, world: World) -> tuple[str, ...]:
    """Return ids of collections: the one of everything, visible and hidden ones, and one that there is not."""
    said = [thing.id for thing in known.of_world(world, kind="collection")]
    return (everything("NATO", world).id, *said, NOWHERE)


def _root(world: World) -> str:
    return f"{BASES[world]}/taxii2/root/"


def address(world: World, ident: str) -> str:
    """Return where a collection is."""
    return f"{_root(world)}collections/{ident}/"


def _get(world: World, path: str, query: Pairs = (), by: str = "token", **follow: str) -> Ask:
    return Ask("GET", _root(world) + path, query, by=by, headers=_ACCEPT, **follow)


def _discovery(known: Known, world: World) -> Iterator[Ask]:
    # A password is hashed at length, so it is tried in one world.
    more = ("password", "wrong") if world == World.ACTUAL else ()
    for by in ("token", "session", "nobody", *more):
        yield Ask("GET", f"{BASES[world]}/taxii2/", by=by, headers=_ACCEPT)


def _api_root(known: Known, world: World) -> Iterator[Ask]:
    yield _get(world, "")


def _markings(known: Known, world: World) -> Iterator[Ask]:
    yield _get(world, "markings/")


def _collections(known: Known, world: World) -> Iterator[Ask]:
    for by in ("token", "password", "session", "nobody"):
        yield _get(world, "collections/", by=by)


def _collection(known: Known, world: World) -> Iterator[Ask]:
    for ident in (*collections(known, world), "x"):
        yield _get(world, f"collections/{ident}/")
        for method in ("OPTIONS", "PUT"):
            yield Ask(method, address(world, ident), by="token", headers=_ACCEPT)


def _status(known: Known, world: World) -> Iterator[Ask]:
    for of, ident in known.statuses:
        if of == world or world == World.ACTUAL:
            yield _get(world, f"status/{ident}/")
    for ident in (NOWHERE, "x"):
        yield _get(world, f"status/{ident}/")


def _filters(known: Known, world: World) -> Iterator[Pairs]:
    yield ()
    for which in ("last", "first", "all", "first,last"):
        yield (("match[version]", which),)
    for types in ("indicator", "domain-name", "relationship,malware", "sighting,opinion,marking-definition", "x-none"):
        yield (("match[type]", types),)
    yield (("match[type]", "indicator"), ("match[version]", "all"))
    versions = [thing.version for thing in known.of_world(world, kind="indicator") if thing.version]
    for version in dict.fromkeys((*versions[:2], *versions[-2:], _PUSHED)):
        yield (("match[version]", version),)
    yield (("match[id]", ",".join(known.ids(world))), ("match[version]", "all"))
    for spec in ("2.0", "2.1"):
        yield (("match[spec_version]", spec),)


def _wrong(known: Known, world: World) -> Iterator[Pairs]:
    for name, value in (("added_after", "x"), ("next", ""), ("next", "x"), ("limit", "0"), ("match[version]", "x")):
        yield ((name, value),)
    yield ("added_after", "2999-01-01T00:00:00Z"), ("limit", "5")
    yield ("limit", "2"), ("limit", "3")
    for of, place in known.places:
        if of == world:
            yield ("next", place), ("limit", "4")


def _pages(tail: str) -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for number, ident in enumerate(collections(known, world)):
            path = f"collections/{ident}/{tail}/"
            whole = number == 0 and (world == World.ACTUAL or tail == "objects")
            for filters in _filters(known, world) if whole else ((), (("match[version]", "all"),)):
                yield _get(world, path, filters)
            for more in ((), (("match[version]", "all"),), (("match[type]", "indicator,domain-name"),)):
                paged = (*more, ("limit", "3"))
                yield _get(world, path, paged, follow=NEXT, follow_as="next")
                yield _get(world, path, paged, follow=LAST, follow_as="added_after")
            for wrong in _wrong(known, world) if whole else ():
                yield _get(world, path, wrong)
        yield _get(world, f"collections/{collections(known, world)[0]}/{tail}/", by="password")

    return generate


def _object(tail: str, *queries: Pairs) -> Generator:
    def generate(known: Known, world: World) -> Iterator[Ask]:
        for number, ident in enumerate(collections(known, world)):
            for thing in known.ids(world) if number == 0 else known.ids(world)[::4]:
                for query in ((), *(queries if number == 0 else ())):
                    yield _get(world, f"collections/{ident}/objects/{thing}/{tail}", query)

    return generate


def _indicator(ident: str, modified: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": ident,
        "created": _PUSHED,
        "modified": modified,
        "name": "Own beacon",
        "pattern": "[domain-name:value = 'shared.example']",
        "pattern_type": "stix",
        "valid_from": _PUSHED,
        **more,
    }


def _own_id(number: int) -> str:
    return f"indicator--00000000-0000-4000-8000-{number:012}"


def pushed(known: Known, world: World) -> Iterator[list[bytes]]:
    """Yield the objects of several submissions: own ones, twins of visible and hidden ones, and what refers to them."""
    things = [thing for thing in known.of_world(world) if "--" in thing.id]
    definitions = [thing for thing in things if thing.type == "marking-definition"]
    # Definitions come last: until then what they would do to a label is done by nobody else's.
    yield [thing.data for thing in things if thing not in definitions]
    at = "2017-01-10T00:00:00.000Z"
    ids = [thing.id for thing in things if thing.type == "indicator"]
    yield [_bytes(_indicator(ident, at)) for ident in ids]
    versions = [thing for thing in things if thing.type == "indicator"]
    yield [_bytes(_indicator(thing.id, thing.version, name="Other")) for thing in versions]
    named = [thing.id for thing in definitions]
    marked = [{"object_marking_refs": [ident]} for ident in (*named, f"marking-definition--{NOWHERE}")]
    parts = [{"granular_markings": [{"marking_ref": ident, "selectors": ["name"]}]} for ident in named]
    yield [_bytes(_indicator(_own_id(number), at, **more)) for number, more in enumerate((*marked, *parts), 1)]
    yield [_bytes(said) for said in _referring([thing.id for thing in things], at)]
    own = _bytes(_indicator(_own_id(90), at))
    yield [
        *(thing.data for thing in definitions),
        own,
        own,
        own.replace(b"Own", b"Another"),
        b'{"type":"indicator"}',
        b"7",
    ]


def _referring(ids: list[str], at: str) -> Iterator[dict[str, Any]]:
    for number, ident in enumerate(ids, 100):
        yield {
            "type": "report",
            "spec_version": "2.1",
            "id": f"report--00000000-0000-4000-8000-{number:012}",
            "created": _PUSHED,
            "modified": at,
            "name": "Own report",
            "published": _PUSHED,
            "object_refs": [ident],
        }


def _bytes(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode()


def _add(known: Known, world: World) -> Iterator[Ask]:
    for number, ident in enumerate(collections(known, world)):
        path = f"{_root(world)}collections/{ident}/objects/"
        for place, objects in enumerate(pushed(known, world)):
            if number < 2 or place == 5:
                body = b'{"objects":[' + b",".join(objects) + b"]}"
                way = {"follow": STATUS, "follow_to": _root(world) + "status/{}/"}
                yield Ask("POST", path, body=body, by="token", media_type=TAXII, headers=_ACCEPT, **way)
        for media_type, body in ((TAXII, b"{}"), ("application/json", b'{"objects":[]}')):
            yield Ask("POST", path, body=body, by="token", media_type=media_type, headers=_ACCEPT)
        yield Ask("POST", path, body=b"{}", by="nobody", media_type=TAXII, headers=_ACCEPT)
    for query in ((("match[version]", "all"),), (("match[type]", "report"),)):
        yield _get(world, f"collections/{collections(known, world)[0]}/manifest/", query)
        yield _get(world, f"collections/{collections(known, world)[0]}/objects/", query)
    # Under which labels things were entered: what a definition says that they name shows here.
    yield _get(world, "markings/")


def _delete(known: Known, world: World) -> Iterator[Ask]:
    def ask(ident: str, thing: str, query: Pairs = (), by: str = "token") -> Ask:
        path = f"{_root(world)}collections/{ident}/objects/{thing}/"
        return Ask("DELETE", path, query, by=by, headers=_ACCEPT)

    every, *others = collections(known, world)
    for thing in known.ids(world):
        for ident in others:
            yield ask(ident, thing)
        yield ask(every, thing, (("match[version]", "2017-01-10T00:00:00.000Z"),))
        yield ask(every, thing)
        yield ask(every, thing)
    yield ask(every, _own_id(1), by="nobody")
    yield ask(every, _own_id(1), (("match[version]", "last"),))
    yield _get(world, f"collections/{every}/manifest/", (("match[version]", "all"),))
    yield Ask("GET", f"{BASES[world]}/changes")


ONE: Final = b'{"objects":[' + json.dumps(_indicator(_own_id(1), _PUSHED)).encode() + b"]}"
"""A submission that is good in all but where it goes."""


def unseen_paths(
    ground: Ground, known: Known, house: House, world: World
) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Yield addresses that must be answered alike, hidden ones and such as never were, with the methods to try."""
    room = house.room(known.person.reader, world)
    whole, things = everything("NATO", world).id, ground.things.values()
    shut = [one.id for one in things if one.type == "collection" and not room.known_as(Alias("collection", one.id))]
    unseen = [one.id for one in things if "--" in one.id and not room.known_as(Alias("stix", one.id))]
    theirs = [ident for name, said in ground.statuses.items() if name != known.name for _, ident in said]
    assert shut
    assert unseen
    assert theirs
    root, nobody = _root(world), known.ids(world)[-1]
    feeds = [f"{root}collections/{ident}/" for ident in (*shut, NOWHERE)]
    yield feeds, ("GET",)
    yield [f"{feed}manifest/" for feed in feeds], ("GET",)
    yield [f"{feed}objects/" for feed in feeds], ("GET", "POST")
    yield [f"{feed}objects/{nobody}/" for feed in feeds], ("GET", "DELETE")
    objects = [f"{root}collections/{whole}/objects/{ident}/" for ident in (*unseen, nobody)]
    yield objects, ("GET", "DELETE")
    yield [f"{one}versions/" for one in objects], ("GET",)
    yield [f"{root}status/{ident}/" for ident in (*theirs, NOWHERE)], ("GET",)


def _heads(generate: Generator) -> Generator:
    def heads(known: Known, world: World) -> Iterator[Ask]:
        for ask in list(generate(known, world))[::7]:
            yield msgspec.structs.replace(ask, method="HEAD", follow="", follow_as="")

    return heads


_COLLECTION: Final = "/taxii2/root/collections/{collection:str}"
_READS: Final[dict[str, Generator]] = {
    "GET /taxii2": _discovery,
    "GET /taxii2/root": _api_root,
    "GET /taxii2/root/status/{status:str}": _status,
    "GET /taxii2/root/markings": _markings,
    "GET /taxii2/root/collections": _collections,
    f"GET {_COLLECTION}": _collection,
    f"GET {_COLLECTION}/manifest": _pages("manifest"),
    f"GET {_COLLECTION}/objects": _pages("objects"),
    f"GET {_COLLECTION}/objects/{{object:str}}": _object(
        "", (("match[version]", "all"),), (("match[version]", "all"), ("limit", "1"))
    ),
    f"GET {_COLLECTION}/objects/{{object:str}}/versions": _object("versions/", (("limit", "1"),)),
}
GENERATORS: Final[dict[str, Generator]] = {
    **_READS,
    **{f"HEAD{name.removeprefix('GET')}": _heads(generate) for name, generate in _READS.items()},
    f"POST {_COLLECTION}/objects": _add,
    f"DELETE {_COLLECTION}/objects/{{object:str}}": _delete,
}
"""Every service of the cyber desk, by the method and path under which the shell mounts it."""
