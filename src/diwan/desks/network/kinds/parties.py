"""Parties and their names: which statement about a party is shown where several were made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from diwan.desks.network.kinds.statement import Party
from diwan.desks.network.kinds.told import Told, in_order, kept


def parties(told: Iterable[Told]) -> dict[str, tuple[Told, Party]]:
    """Return one statement for each party, by id: its own, else a keeper's, else anyone's; the first that was made.

    The first and not the newest, so that nobody renames a party by saying something later.
    """
    ordered = in_order(told)
    keepers = {keeper for framework in kept(ordered).values() for keeper in framework}
    ranked: dict[str, list[tuple[int, Told, Party]]] = {}
    for one in ordered:
        if isinstance(one.statement, Party):
            rank = 0 if one.by == one.statement.id else 1 if one.by in keepers else 2
            ranked.setdefault(one.statement.id, []).append((rank, one, one.statement))
    return {party: min(several, key=lambda entry: entry[0])[1:] for party, several in sorted(ranked.items())}


def party_names(told: Iterable[Told]) -> Mapping[str, str]:
    """Return the parties by every name and id that texts may call them; a name that two parties bear tells nothing."""
    meant: dict[str, set[str]] = {}
    for party, (_, about) in parties(told).items():
        for name in (party, *about.names.values()):
            meant.setdefault(name, set()).add(party)
    return {name: next(iter(ids)) for name, ids in sorted(meant.items()) if len(ids) == 1}
