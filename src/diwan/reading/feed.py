"""What changed for one reader: each item once, at the place of its latest change.

An item that is theirs has its place where it came to stand, or where its gate opened to them if that was later; one
that no longer is theirs, where it ended or its gate shut.  What never was theirs is nowhere.  So a reader for whom
nothing changed is told nothing, and a page costs what is on it.  Only while they catch up page by page as things change
may a subscriber be told of something twice, or that something which was theirs ended before its page came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain
from typing import Final

import msgspec

from diwan.registry.past import Stood
from diwan.registry.shelf import Shelf

_STILL: Final = 1 << 62
_CHUNK: Final = 256

Place = tuple[int, int]
"""Where in the feed, and the position of the entry, which breaks ties."""


class Mark(msgspec.Struct, frozen=True):
    """How far a subscriber has come."""

    place: Place = (0, 0)
    drained: int = 0
    """The latest change there was for them when they last reached the end: up to there they hold everything."""
    seen: int = 0
    """The latest change there was when they began to catch up: what ended before that was not handed out since."""

    def moved(self, place: Place, newest: int, *, more: bool) -> Mark:
        """Return the mark after a page that ends at `place`; `newest` is the latest change there is now."""
        if not more:
            return Mark(place, newest, newest)
        caught_up = self.seen == self.drained
        return Mark(place, self.drained, newest if caught_up else self.seen)


class Step(msgspec.Struct, frozen=True, order=True):
    """One event: `entry` is the position of what is theirs now, None for what no longer is."""

    place: Place
    item: int
    entry: int | None


def steps(shelf: Shelf, density: float, mark: Mark, limit: int) -> list[Step]:
    """Return up to `limit` steps past `mark`, in feed order."""
    given = _given(shelf, density, mark, limit)
    horizon = given[-1].place if len(given) == limit else (_STILL, 0)
    taken = _taken(shelf, mark, horizon, limit)
    return sorted([*given, *taken])[:limit]


def was_theirs(shelf: Shelf, step: Step) -> bool:
    """Return whether the item of a step was theirs right before it."""
    before = [stood for stood in shelf.stood(step.item) if stood.until == step.entry]
    return any(_open_at(shelf, stood.gate, step.place[0]) for stood in before)


def _given(shelf: Shelf, density: float, mark: Mark, limit: int) -> list[Step]:
    late: dict[int, list[int]] = {}
    for grant in shelf.moved:
        if grant.closed is None and grant.opened >= mark.place[0] and grant.gate in shelf.gates:
            late.setdefault(grant.opened, []).append(grant.gate)
    source = _with_openings(shelf, mark, limit, late) if late else _plainly(shelf, density, mark, limit)
    found = []
    for step in source:
        if not _held_already(shelf, step, mark):
            found.append(step)
        if len(found) == limit:
            break
    return found


def _plainly(shelf: Shelf, density: float, mark: Mark, limit: int) -> Iterator[Step]:
    after = mark.place[0]
    while shelf.anything_after(after):
        positions = shelf.oldest(after, limit, density)
        there = shelf.items_at(positions)
        shelf.gather(item for _, item in there)
        for position, item in there:
            yield Step((position, position), item, position)
        if len(positions) < limit:
            return
        after = positions[-1]


def _with_openings(shelf: Shelf, mark: Mark, limit: int, late: dict[int, list[int]]) -> Iterator[Step]:
    # Between openings the feed runs over the gates that are open by then; at an opening it brings all that already
    # stood behind the gates that opened there.
    after, still_shut = mark.place[0], list(chain.from_iterable(late.values()))
    for opening in sorted(late):
        yield from _stretch(shelf, after, opening, limit, but=still_shut)
        still_shut = [gate for gate in still_shut if gate not in late[opening]]
        done = mark.place[1] if opening == mark.place[0] else 0
        for position, item in _pages(shelf, done, opening, limit, only=late[opening]):
            yield Step((opening, position), item, position)
        after = opening
    yield from _stretch(shelf, after, _STILL, limit, but=())


def _stretch(shelf: Shelf, after: int, before: int, limit: int, *, but: Iterable[int]) -> Iterator[Step]:
    for position, item in _pages(shelf, after, before, limit, but=but):
        yield Step((position, position), item, position)


def _pages(
    shelf: Shelf, after: int, before: int, limit: int, *, only: Iterable[int] | None = None, but: Iterable[int] = ()
) -> Iterator[tuple[int, int]]:
    chosen = None if only is None else list(only)
    left_out = list(but)
    while rows := shelf.between(after, before, limit, only=chosen, but=left_out):
        shelf.gather(item for _, item in rows)
        yield from rows
        if len(rows) < limit:
            return
        after = rows[-1][0]


def _held_already(shelf: Shelf, step: Step, mark: Mark) -> bool:
    """Return whether an entry only moved from one open gate to another, unchanged, and the subscriber holds it."""
    if step.place[0] != step.entry:
        return False
    stood = shelf.stood(step.item)
    first = here = stood[-1]
    for before in reversed(stood[:-1]):
        joined = before.until == here.since and before.revision == here.revision
        if not joined or not _open_at(shelf, before.gate, here.since):
            break
        first = here = before
    return first.since != step.entry and _since(shelf, first) <= mark.drained


def _taken(shelf: Shelf, mark: Mark, horizon: Place, limit: int) -> list[Step]:
    if mark.place == (0, 0) and mark.drained == 0:
        return []  # who was never handed anything holds nothing that could end
    shut = [grant for grant in shelf.moved if grant.closed is not None and grant.closed >= mark.place[0]]
    # A page at a time and no more: of many gates that shut together, most of what stood behind is not on this page.
    size = min(limit, _CHUNK)
    sources = [_behind(shelf, grant.gate, grant.closed, mark, size) for grant in shut if grant.closed is not None]
    found: dict[int, Step] = {}
    for step in merge(*sources, _ended(shelf, mark, size)):
        if len(found) == limit or step.place > horizon:
            break
        found[step.item] = step
    return list(found.values())


def _behind(shelf: Shelf, gate: int, closed: int, mark: Mark, size: int) -> Iterator[Step]:
    """Yield what was last theirs behind a gate until it shut, in the order in which it had come to stand there."""
    after = mark.place[1] if closed == mark.place[0] else 0
    while rows := shelf.stood_behind(gate, closed, after, size):
        for since, step in _ends(shelf, rows, mark):
            if step is not None and step.place == (closed, since):
                yield step
        if len(rows) < size:
            return
        after = rows[-1][0]


def _ended(shelf: Shelf, mark: Mark, size: int) -> Iterator[Step]:
    """Yield what was theirs until it ended, in the order of the ends."""
    after = mark.place[0] - 1
    while rows := shelf.ended_after(after, size):
        for until, step in _ends(shelf, rows, mark):
            if step is not None and step.place[0] == until:
                yield step
        if len(rows) < size:
            return
        after = rows[-1][0]


def _ends(shelf: Shelf, rows: Sequence[tuple[int, int]], mark: Mark) -> Iterator[tuple[int, Step | None]]:
    """Yield each position with the step that takes the item from the subscriber, if any."""
    items = [item for _, item in rows]
    here = shelf.standing(items)
    shelf.gather(item for item in items if item not in here)
    for position, item in rows:
        yield position, None if item in here else _end(shelf, item, mark)


def _end(shelf: Shelf, item: int, mark: Mark) -> Step | None:
    """Return the step that takes an item from the subscriber, or None: they never held it, or know."""
    theirs = [(start, end, stood.since) for stood in shelf.stood(item) for start, end in _theirs(shelf, stood)]
    last = max(((end, since) for _, end, since in theirs), default=(0, 0))
    # Either they held it when they last had everything, or a page since then may have brought it.
    held = any(start <= mark.drained < end or (start <= mark.place[0] and end > mark.seen) for start, end, _ in theirs)
    return Step(last, item, None) if held and last > mark.place else None


def _theirs(shelf: Shelf, stood: Stood) -> Iterator[tuple[int, int]]:
    """Yield from when until when an item that stood so was theirs."""
    until = _STILL if stood.until is None else stood.until
    for opened, closed in _stretches(shelf, stood.gate):
        if max(stood.since, opened) < min(until, closed):
            yield max(stood.since, opened), min(until, closed)


def _stretches(shelf: Shelf, gate: int) -> list[tuple[int, int]]:
    moved = [(g.opened, _STILL if g.closed is None else g.closed) for g in shelf.moved if g.gate == gate]
    return moved or ([(0, _STILL)] if gate in shelf.gates else [])


def _open_at(shelf: Shelf, gate: int, position: int) -> bool:
    return any(opened <= position <= closed for opened, closed in _stretches(shelf, gate))


def _since(shelf: Shelf, stood: Stood) -> int:
    return max(
        stood.since, *(opened for opened, closed in _stretches(shelf, stood.gate) if opened <= (stood.until or _STILL))
    )
