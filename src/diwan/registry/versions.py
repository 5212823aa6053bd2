"""Versions: what one reader class may see of the objects of a standard that keeps them, oldest arrival first.

A version is superseded by a newer one of the same originator alone, and a copy that says the same counts once for each
originator: whatever another party enters under the same name neither hides nor reveals it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from diwan.registry.search import find
from diwan.registry.shelf import NEVER, Shelf

_COLUMNS: Final = "a.since, a.gate, a.value, a.version, a.written, a.content, a.originator, a.media_type"
_ONCE: Final = (
    " AND NOT EXISTS (SELECT 1 FROM also_known n WHERE n.value = a.value AND n.originator = a.originator"
    " AND n.content = a.content AND n.since < a.since)"
)
_OF_ALL: Final = {
    "last": " AND NOT EXISTS (SELECT 1 FROM also_known n WHERE n.value = a.value AND n.originator = a.originator"
    " AND n.version > a.version)",
    "first": " AND NOT EXISTS (SELECT 1 FROM also_known n WHERE n.value = a.value AND n.originator = a.originator"
    " AND n.version < a.version)",
    "all": "",
}
_AHEAD: Final = 2


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
    data: bool = True
    """Whether the bytes are wanted too."""


class Held(msgspec.Struct, frozen=True):
    """One version, and where it stands."""

    since: int
    gate: int
    value: str
    version: str
    written: str
    content: bytes
    originator: str
    media_type: str
    data: bytes = b""

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
    if pick.terms:
        return _filed(shelf, pick, after, before, limit, density, but)
    return _walked(shelf, pick, after, before, limit, density, but)


def held_at(shelf: Shelf, pick: Pick, places: Sequence[int]) -> dict[int, Held]:
    """Return those of the versions at `places` that are wanted, by where they stand."""
    found: dict[int, Held] = {}
    for at in range(0, len(places), 500):
        some = places[at : at + 500]
        where = f"a.since IN ({','.join('?' * len(some))})"
        found.update((one.since, one) for one in _ask(shelf, pick, "version_by_time", where, some, ()))
    if pick.terms and found:
        wanted = set(pick.terms)
        found = {since: one for since, one in found.items() if wanted <= set(shelf.terms(since))}
    return found


def _walked(
    shelf: Shelf, pick: Pick, after: int, before: int, limit: int, density: float, but: Sequence[int]
) -> list[Held]:
    # The recipe of every page (docs/decisions/0003): a bounded stretch in time order for readers of much.
    if limit / max(density, 1e-9) < 2 * len(shelf.gates):
        edge = min(shelf.edge(after, limit / density, down=False), before)
        rows = _between(shelf, pick, "version_by_time", after, edge, limit, but)
        if len(rows) == limit or edge == before:
            return rows
    return _between(shelf, pick, "version_by_gate", after, before, limit, but)


def _between(
    shelf: Shelf, pick: Pick, view: str, after: int, before: int, limit: int, but: Sequence[int]
) -> list[Held]:
    return _ask(shelf, pick, view, "a.since > ? AND a.since < ?", (after, before), but, limit)


def _named(shelf: Shelf, pick: Pick, after: int, before: int, limit: int, but: Sequence[int]) -> list[Held]:
    names = tuple(dict.fromkeys(pick.names or ()))
    found: list[Held] = []
    for at in range(0, len(names), 500):
        some = [f"{pick.scheme}:{name}" for name in names[at : at + 500]]
        where = f"a.value IN ({','.join('?' * len(some))}) AND a.since > ? AND a.since < ?"
        found += _ask(shelf, pick, "version_by_name", where, (*some, after, before), but, limit)
    if pick.terms:
        wanted = set(pick.terms)
        found = [one for one in found if wanted <= set(shelf.terms(one.since))]
    return sorted(found, key=lambda one: one.since)[:limit]


def _filed(
    shelf: Shelf, pick: Pick, after: int, before: int, limit: int, density: float, but: Sequence[int]
) -> list[Held]:
    found: list[Held] = []
    bare = msgspec.structs.replace(pick, terms=())  # each hit was checked against its entry already
    while len(found) < limit:
        places = find(shelf, pick.terms, after, _AHEAD * limit, density, before, newest=False)
        there = held_at(shelf, bare, places)
        found += [there[place] for place in places if place in there and there[place].gate not in but]
        if len(places) < _AHEAD * limit:
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
) -> list[Held]:
    any_of, versions = _version_condition(pick)
    beside = f" AND a.gate NOT IN ({','.join('?' * len(but))})" if but else ""
    columns = f"{_COLUMNS}, a.data" if pick.data else _COLUMNS
    rows = shelf.ask(
        f"SELECT {columns} FROM {view} a WHERE {where} AND a.value >= ? AND a.value < ?{beside}{any_of}{_ONCE}"
        " ORDER BY a.since LIMIT ?",
        [*bound, f"{pick.scheme}:", f"{pick.scheme};", *but, *versions, limit],
    )
    return [Held(*row) for row in rows]


def _version_condition(pick: Pick) -> tuple[str, tuple[str, ...]]:
    if "all" in pick.which:
        return "", ()
    conditions = [_OF_ALL[which].removeprefix(" AND ") for which in dict.fromkeys(pick.which)]
    if pick.versions:
        conditions.append(f"a.version IN ({','.join('?' * len(pick.versions))})")
    return (f" AND ({' OR '.join(conditions)})", pick.versions) if conditions else (" AND 0", ())
