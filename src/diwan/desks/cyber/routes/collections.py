"""The collections that a caller may see, and what each of them selects."""

from __future__ import annotations

from itertools import islice
from typing import Final

import msgspec

from diwan.desk import Clerk
from diwan.desks.cyber.kinds.collection import COLLECTION, SCHEME, Collection, everything
from diwan.desks.cyber.kinds.stix import SCHEME as STIX
from diwan.desks.cyber.routes.asked import Asked
from diwan.reading import Query, Selection
from diwan.terms.errors import NotFound
from diwan.terms.item import Alias

MOST: Final = 1000
_brief: Final = msgspec.json.Decoder(Collection)

Alternatives = tuple[tuple[tuple[str, str], ...], ...]


def all_collections(clerk: Clerk) -> list[Collection]:
    """Return the collections released to the caller, the one of everything first, then in order of their entering."""
    items = islice(clerk.room.walk(Query(kind=COLLECTION)), MOST)
    found: dict[str, Collection] = {}
    for item in sorted(items, key=lambda item: (item.entered, str(item.ref))):
        # Of two with one id the first that was entered counts, for whoever may see it.
        said = _brief.decode(item.brief)
        found.setdefault(said.id, said)
    found.pop(whole(clerk).id, None)
    return [whole(clerk), *found.values()]


def collection_of(clerk: Clerk, ident: str) -> Collection:
    """Return a collection by its id.

    Raises:
        NotFound: there is none, or it is not released to the caller: the same answer.
    """
    if ident == whole(clerk).id:
        return whole(clerk)
    known = [item for item in clerk.room.known_as(Alias(SCHEME, ident)) if item.kind == COLLECTION]
    if not known:
        raise NotFound
    return _brief.decode(min(known, key=lambda item: (item.entered, str(item.ref))).brief)


def selection(said: Collection, wanted: Asked, *, data: bool) -> Selection:
    """Return what a collection and the filters of a request select together."""
    groups: list[tuple[tuple[str, str], ...]] = []
    types = _both(said.types, wanted.types)
    if types is not None:
        groups.append(tuple(("type", name) for name in types))
    if said.originators:
        groups.append(tuple(("originator", party) for party in said.originators))
    if said.tlp:
        groups.append(tuple(("tlp", token) for token in said.tlp))
    return Selection(
        scheme=STIX,
        names=wanted.ids,
        which=wanted.which,
        versions=wanted.versions,
        query=Query(words=said.words),
        alternatives=tuple(groups),
        data=data,
    )


def nothing(said: Collection, wanted: Asked) -> bool:
    """Return whether a request can find nothing: another version of STIX, or types that the collection leaves out."""
    return not wanted.wanted or _both(said.types, wanted.types) == ()


def _both(of_collection: tuple[str, ...], of_request: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if of_request is None:
        return of_collection or None
    return tuple(name for name in of_request if not of_collection or name in of_collection)


def whole(clerk: Clerk) -> Collection:
    """Return the collection of everything that is released to the caller."""
    return everything(clerk.keeper, clerk.room.world)
