"""Arrivals: versions in the order in which they came to a reader, each at an instant that no other has.

An entry arrives where it came to stand, or, when its gate opened to the reader later, at its rank among all that came
into view with that opening. So whoever goes on from the last instant they were told misses nothing and gets nothing
twice; a relabelled item arrives again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from diwan.registry.shelf import NEVER, Shelf
from diwan.registry.versions import Held, Pick, held, held_at
from diwan.terms.time import Instant

_CHUNK = 512


class Opening(msgspec.Struct, frozen=True):
    """That gates opened to a reader class at one position; what stood behind them came in the `span` after it."""

    at: int
    span: int
    gates: tuple[int, ...]


def arrivals(shelf: Shelf, pick: Pick, after: Instant, limit: int, density: float) -> list[tuple[Instant, Held]]:
    """Return up to `limit` (instant of arrival, version) past `after`, in order."""
    openings = [opening for opening in openings_of(shelf) if opening.at + opening.span > after]
    if pick.names is not None:
        return _by_name(shelf, pick, after, limit, density, openings)
    if not openings:
        return [(one.since, one) for one in held(shelf, pick, after, NEVER, limit, density)]
    return list(islice(_in_order(shelf, pick, after, limit, density, openings), limit))


def openings_of(shelf: Shelf) -> list[Opening]:
    """Return the openings through which gates that are open now came to be, oldest first."""
    found: dict[tuple[int, int], list[int]] = {}
    for grant in shelf.moved:
        if grant.closed is None and grant.opened and grant.gate in shelf.gates:
            found.setdefault((grant.opened, grant.span), []).append(grant.gate)
    return [Opening(at, span, tuple(sorted(gates))) for (at, span), gates in sorted(found.items())]


def _in_order(
    shelf: Shelf, pick: Pick, after: Instant, limit: int, density: float, openings: Sequence[Opening]
) -> Iterator[tuple[Instant, Held]]:
    shut = [gate for opening in openings for gate in opening.gates]
    here = after
    for opening in openings:
        yield from _stretch(shelf, pick, here, opening.at, limit, density, shut)
        shut = [gate for gate in shut if gate not in opening.gates]
        yield from _come_with(shelf, pick, opening, after)
        here = max(here, opening.at)
    yield from _stretch(shelf, pick, here, NEVER, limit, density, shut)


def _stretch(
    shelf: Shelf, pick: Pick, after: int, before: int, limit: int, density: float, shut: Sequence[int]
) -> Iterator[tuple[Instant, Held]]:
    if after + 1 < before:
        yield from ((one.since, one) for one in held(shelf, pick, after, before, limit, density, shut))


def _come_with(shelf: Shelf, pick: Pick, opening: Opening, after: Instant) -> Iterator[tuple[Instant, Held]]:
    # Each question counts anew from the first: so the chunks grow, and a long way costs few of them.
    skip, chunk = max(0, after - opening.at), _CHUNK
    while places := shelf.placed(opening.gates, opening.at, skip, chunk):
        there = held_at(shelf, pick, places)
        for rank, place in enumerate(places, skip):
            if place in there:
                yield opening.at + 1 + rank, there[place]
        skip, chunk = skip + len(places), 4 * chunk


def _by_name(
    shelf: Shelf, pick: Pick, after: Instant, limit: int, density: float, openings: Sequence[Opening]
) -> list[tuple[Instant, Held]]:
    late = {gate: opening for opening in openings_of(shelf) for gate in opening.gates}
    # What came with an opening stands before it, so that nothing that stands can be passed over by its place alone.
    start = after if not openings else 0
    most = limit if not openings else NEVER
    found = []
    ranks: dict[Opening, tuple[int, int]] = {}
    for one in held(shelf, pick, start, NEVER, most, density):
        opening = late.get(one.gate)
        if opening is None or one.since > opening.at:
            found.append((one.since, one))
            continue
        # They come in order of where they stand: each is counted from the one before it.
        before, rank = ranks.get(opening, (0, 0))
        rank += shelf.rank(opening.gates, opening.at, one.since, before)
        ranks[opening] = one.since, rank
        found.append((opening.at + 1 + rank, one))
    return sorted((pair for pair in found if pair[0] > after), key=lambda pair: pair[0])[:limit]
