"""The collections that a caller may see, and what each of them selects."""

from __future__ import annotations

from diwan.desk import Clerk
from diwan.desks.cyber.kinds.collection import COLLECTION, SCHEME, Collection, conditions, everything
from diwan.desks.cyber.kinds.stix import SCHEME as STIX
from diwan.desks.cyber.pages.collections import collections_in, first_of
from diwan.desks.cyber.routes.asked import Asked
from diwan.reading import Query, Selection
from diwan.terms.errors import NotFound
from diwan.terms.item import Alias


def all_collections(clerk: Clerk) -> list[Collection]:
    """Return the collections released to the caller, the one of everything first, then in order of their entering."""
    found = (said for said, _ in collections_in(clerk.room))
    return [whole(clerk), *(said for said in found if said.id != whole(clerk).id)]


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
    return first_of(known)[0]


def selection(said: Collection, wanted: Asked, *, data: bool) -> Selection:
    """Return what a collection and the filters of a request select together."""
    return Selection(
        scheme=STIX,
        names=wanted.ids,
        which=wanted.which,
        versions=wanted.versions,
        query=Query(words=said.words),
        alternatives=conditions(said, _both(said.types, wanted.types)),
        data=data,
        listed=not data,
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
