"""Versions: what one reader class may see of the objects of a standard that keeps them, oldest arrival first.

A version is superseded by a newer one of the same originator alone, and each party's copy is told, also where two say
the same: whatever another party enters under the same name neither hides nor reveals it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import Final, Literal

import msgspec

from diwan.registry.filing import spell
from diwan.registry.search import find
from diwan.registry.shelf import NEVER, Shelf
from diwan.terms.item import Alias

_LISTED: Final = ("a.value", "a.version", "a.written", "a.originator")
_LATER: Final = "{0}.value = {1}.value AND {0}.originator = {1}.originator AND {0}.version > {1}.version"
_WHICH: Final = {
    "last": f"NOT EXISTS (SELECT 1 FROM also_known n WHERE {_LATER.format('n', 'a')})",
    "first": f"NOT EXISTS (SELECT 1 FROM also_known n WHERE {_LATER.format('a', 'n')})",
}
_AHEAD: Final = 2
_FEW: Final = 8
_BETWEEN: Final = "a.since > ? AND a.since < ?"


class Pick(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions are wanted."""

    scheme: str
    names: tuple[str, ...] | None = None
    """Only what is known under one of these, without the scheme; None: whatever it is called."""
    which: tuple[Literal["last", "first", "all"], ...] = ("last",)
    """Any of them is enough."""
    versions: tuple[str, ...] = ()
    """Or one of these, as they sort."""
    terms: tuple[str, ...] = ()
    """Filed under all of these."""
    groups: tuple[tuple[str, ...], ...] = ()
    """And under at least one of each of these."""
    data: bool = True
    """Whether the bytes are wanted."""
    ids: bool = False
    """Whether the ids of the items that hold them are."""
    listed: bool = True
    """Whether name, version and originator of each are wanted."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """One version, and where it stands; of the rest, what was wanted."""

    since: int
    gate: int
    data: bytes | None = None
    id: bytes | None = None
    value: str = ""
    version: str = ""
    written: str = ""
    originator: str = ""

    @property
    def name(self) -> str:
        """Its name without the scheme."""
        return self.value.partition(":")[2]


def held(
    shelf: Shelf, pick: Pick, after: int, before: int, limit: int, density: float, but: Sequence[int] = ()
) -> list[Held]:
    """Return up to `limit` versions that came to stand after one position and before another, none behind `but`."""
    if pick.names is not None:
        return _named(shelf, pick, after, before, limit, but)
    if pick.terms or pick.groups:
        return _filed(shelf, pick, after, before, limit, density, but)
    return _walked(shelf, pick, after, before, limit, density, but)


def held_at(shelf: Shelf, pick: Pick, places: Sequence[int]) -> dict[int, Held]:
    """Return those of the versions at `places` that are wanted, by where they stand."""
    found: dict[int, Held] = {}
    for at in range(0, len(places), 500):
        some = places[at : at + 500]
        where = f"a.since IN ({','.join('?' * len(some))})"
        found.update((one.since, one) for one in _ask(shelf, pick, "version_by_time", where, some, ()))
    filed = _filed_so(shelf, pick, found)
    return {since: one for since, one in found.items() if since in filed}


def _filed_so(shelf: Shelf, pick: Pick, places: Iterable[int]) -> set[int]:
    """Return those of some places that are filed under what is wanted."""
    if not pick.terms and not pick.groups:
        return set(places)
    return {
        since
        for since, filed in shelf.filed(list(places)).items()
        if all(f" {term} " in filed for term in pick.terms)
        and all(any(f" {term} " in filed for term in group) for group in pick.groups)
    }


def _walked(
    shelf: Shelf, pick: Pick, after: int, before: int, limit: int, density: float, but: Sequence[int]
) -> list[Held]:
    if shelf.reads_in_time(limit, density):
        edge = min(shelf.edge(after, limit / density, down=False), before)
        rows = _ask(shelf, pick, "version_by_time", _BETWEEN, (after, edge), but, limit)
        if len(rows) == limit or edge == before:
            return rows
    gates = shelf.gates.difference(but)
    if len(gates) > _FEW:
        return _ask(shelf, pick, "version_by_gate", _BETWEEN, (after, before), but, limit, after=after)
    # Of one gate the rows come in order by themselves; letting the engine sort a few costs more than merging them here.
    each = [
        _ask(shelf, pick, "version_by_gate", f"a.gate = ? AND {_BETWEEN}", (g, after, before), (), limit) for g in gates
    ]
    return list(islice(merge(*each, key=lambda one: one.since), limit))


def _named(shelf: Shelf, pick: Pick, after: int, before: int, limit: int, but: Sequence[int]) -> list[Held]:
    names = tuple(dict.fromkeys(pick.names or ()))
    found: list[Held] = []
    for at in range(0, len(names), 500):
        some = [spell(Alias(pick.scheme, name)) for name in names[at : at + 500]]
        where = f"a.value IN ({','.join('?' * len(some))}) AND a.since > ? AND a.since < ?"
        found += _ask(shelf, pick, "version_by_name", where, (*some, after, before), but, limit)
    filed = _filed_so(shelf, pick, (one.since for one in found))
    return sorted((one for one in found if one.since in filed), key=lambda one: one.since)[:limit]


def _filed(
    shelf: Shelf, pick: Pick, after: int, before: int, limit: int, density: float, but: Sequence[int]
) -> list[Held]:
    found: list[Held] = []
    # Searched are the terms, together with each alternative of the first group; what is found is held to the others.
    first, rest = (pick.groups[0], pick.groups[1:]) if pick.groups else (("",), ())
    left = msgspec.structs.replace(pick, terms=(), groups=rest)
    most = _AHEAD * limit
    while len(found) < limit:
        hits: set[int] = set()
        for term in first:
            terms = (*pick.terms, term) if term else pick.terms
            hits.update(find(shelf, terms, after, most, density, before, newest=False))
        places = sorted(hits)[:most]
        there = held_at(shelf, left, places)
        found += [there[place] for place in places if place in there and there[place].gate not in but]
        if len(places) < most:
            break
        after = places[-1]
    return found[:limit]


def _ask(
    shelf: Shelf,
    pick: Pick,
    view: str,
    where: str,
    bound: Iterable[object],
    but: Sequence[int],
    limit: int = NEVER,
    *,
    after: int | None = None,
) -> list[Held]:
    """Ask a view; with `after` it is one by gate, whose rows past that position are merged."""
    kept, values = _version_condition(pick)
    what = ", ".join(_columns(pick))
    where = f"{where} AND a.value >= ? AND a.value < ?{kept}"
    bound = [*bound, f"{pick.scheme}:", f"{pick.scheme};", *values]
    if after is not None:
        rows = shelf.pages.merged(
            what,
            f"{view} a",
            where,
            bound,
            order="a.since",
            down=False,
            limit=limit,
            gate="a.gate",
            after=after,
            but=but,
        )
    else:
        beside = f" AND a.gate NOT IN ({','.join('?' * len(but))})" if but else ""
        rows = shelf.ask(
            f"SELECT {what} FROM {view} a WHERE {where}{beside} ORDER BY a.since LIMIT ?", [*bound, *but, limit]
        )
    return [Held(*row) for row in rows]


def _columns(pick: Pick) -> tuple[str, ...]:
    """Return what is asked of a version, in the order of `Held`: each column of each row has its price."""
    data, ident = "a.data" if pick.data else "NULL", "a.id" if pick.ids else "NULL"
    if pick.listed or pick.ids:  # an id is one of an originator's
        return "a.since", "a.gate", data, ident, *_LISTED
    return "a.since", "a.gate", data, ident


def _version_condition(pick: Pick) -> tuple[str, tuple[str, ...]]:
    """Return what keeps other versions out, with what it binds."""
    if "all" in pick.which:
        return "", ()
    ways = [_WHICH[which] for which in dict.fromkeys(pick.which)]
    if pick.versions:
        ways.append(f"a.version IN ({','.join('?' * len(pick.versions))})")
    return f" AND ({' OR '.join(ways) or '1=0'})", pick.versions
