"""One step of a walk: a page and what is known, to what is new and where to go on; pure."""

from __future__ import annotations

from base64 import b85encode
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from diwan.desks.cyber.calls.call import Fault
from diwan.desks.cyber.calls.dates import SECOND, grain_of, instant_of, written
from diwan.desks.cyber.calls.sheet import Sheet
from diwan.desks.cyber.calls.source import Source
from diwan.desks.cyber.calls.state import SEEN, Seen, State, Walk, failed
from diwan.terms.time import Instant

SETTLED: Final = 300 * SECOND
"""A date this far behind the server's clock gets no more objects."""
DAY: Final = 86_400 * SECOND
GROWN: Final = 10_000
"""Objects asked for at once where more share one date than an ordinary page holds."""
_IDLE: Final = 10_000
_MILLISECOND: Final = 1_000
_GROW, _NARROW, _PASS = 1, 2, 3


class Page(msgspec.Struct, frozen=True):
    """Objects that were not handed over before, exact bytes, and the state to keep once they are entered."""

    objects: tuple[bytes, ...]
    state: State


def begun(state: State, source: Source, now: Instant) -> State:
    """Return the state with a walk under way: the one that is, or a new one from `since` or from the beginning."""
    if state.walk is not None:
        walk = state.walk if trusted(source, state) else restarted(state.walk)
        return msgspec.structs.replace(state, walk=walk)
    whole = state.walked is None or (source.again > 0 and now - state.walked >= source.again * SECOND)
    walk = Walk(after="" if whole else state.since, limit=source.page)
    return msgspec.structs.replace(state, walk=walk, walked=now if whole else state.walked)


def step(source: Source, state: State, walk: Walk, sheet: Sheet, now: Instant, chance: float) -> Page:
    """Return what is new on a page, and the state after it."""
    fresh, digests = _unseen(sheet.objects, state.seen)
    clock = sheet.clock if sheet.clock is not None and abs(sheet.clock - now) <= DAY else now
    steady = sheet.next != walk.next if sheet.more and sheet.next and walk.next else state.steady
    grew = sheet.last is not None and (walk.last is None or sheet.last > walk.last)
    walk = _noted(walk, sheet, clock, grew=grew, new=bool(fresh))
    state = msgspec.structs.replace(
        state,
        walk=walk,
        steady=steady,
        seen=_kept((*state.seen, Seen(sheet.last, digests)) if digests else state.seen, _floor(walk, source)),
        failures=0,
        stopped=False,
        last_error="",
        tried=now,
        pages=state.pages + 1,
        taken=state.taken + len(fresh),
        known=state.known + len(sheet.objects) - len(fresh),
        odd=state.odd + sheet.odd,
    )
    on = _onward(source, walk, sheet, grew=grew) if sheet.more else None
    if isinstance(on, Fault):
        return Page(fresh, failed(_ended(source, state, walk, clock, whole=False), on, now, chance, source))
    if on is None:
        return Page(fresh, msgspec.structs.replace(_ended(source, state, walk, clock, whole=True), last_ok=now))
    doubt = _doubtful(walk) if on.rung >= _NARROW and on.rung != walk.rung else state.doubt
    return Page(fresh, msgspec.structs.replace(state, walk=on, doubt=doubt))


def trusted(source: Source, state: State) -> bool:
    """Return whether a cursor may be given twice and mean the same page.

    Some servers give one cursor for a whole walk and throw a page away as they send it, so an answer that was lost on
    the way, or in a crash, is lost with it. A cursor that changes from page to page is known to be of the other kind.
    """
    return state.steady or source.version == "2.0"


def restarted(walk: Walk) -> Walk:
    """Return a walk that goes on without the server's cursor: from just before its latest date, or from its start."""
    if not walk.next:
        return walk
    after = before(walk) if walk.ordered and walk.last is not None else walk.after
    return msgspec.structs.replace(walk, after=after, next="", mark="", steps=0, lap=1)


def before(walk: Walk) -> str:
    """Return a date just before the latest: servers cut dates, and objects that share one fall on two pages."""
    return written((walk.last or 0) - max(walk.grain, _MILLISECOND))


def digest(raw: bytes) -> str:
    """Return what tells two objects apart: their exact bytes, so id, version and all else."""
    return b85encode(blake2b(raw, digest_size=16).digest()).decode()


def _unseen(objects: Iterable[bytes], seen: Iterable[Seen]) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    known = {one for page in seen for one in page.digests}
    fresh: dict[str, bytes] = {}
    for raw in objects:
        one = digest(raw)
        if one not in known:
            fresh.setdefault(one, raw)
    return tuple(fresh.values()), tuple(fresh)


def _noted(walk: Walk, sheet: Sheet, clock: Instant, *, grew: bool, new: bool) -> Walk:
    early = bool(walk.next) and walk.last is not None and sheet.first is not None and sheet.first < walk.last
    return msgspec.structs.replace(
        walk,
        began=walk.began if walk.began is not None else clock,
        last=sheet.last if grew else walk.last,
        grain=grain_of(sheet.last_text) if grew else walk.grain,
        ordered=walk.ordered and not early,
        undated=walk.undated or (bool(sheet.objects) and sheet.last is None),
        idle=0 if new else walk.idle + 1,
        restarts=0 if new else walk.restarts,
    )


def _onward(source: Source, walk: Walk, sheet: Sheet, *, grew: bool) -> Walk | Fault:
    """Return how the walk goes on, or why it cannot."""
    if walk.idle > _IDLE:
        return _circling(source)
    if sheet.next:
        return _lapped(source, walk, sheet)
    if not sheet.objects or sheet.last is None:
        return Fault(f"{source.name}: the server says there is more and tells neither a cursor nor a date to go on by.")
    limit = source.page if walk.rung else walk.limit
    if grew:
        return msgspec.structs.replace(walk, after=before(walk), next="", rung=0, limit=limit)
    return _past(source, walk)


def _past(source: Source, walk: Walk) -> Walk | Fault:
    """Return the next way past a date that a whole page shares: ask for more, from nearer, then from behind it."""
    rung, last = walk.rung + 1, walk.last or 0
    if rung == _GROW:
        return msgspec.structs.replace(walk, after=before(walk), next="", rung=rung, limit=GROWN)
    if rung in (_NARROW, _PASS):
        after = written(last - 1 if rung == _NARROW else last + walk.grain - 1)
        return msgspec.structs.replace(walk, after=after, next="", rung=rung, limit=source.page)
    return _circling(source)


def _lapped(source: Source, walk: Walk, sheet: Sheet) -> Walk | Fault:
    """Return the walk with the server's cursor, unless this page was here before (Brent's search for a circle)."""
    # Some give the same cursor for every page and move underneath it, so pages are compared, not cursors.
    told = "".join(digest(raw) for raw in sheet.objects) or sheet.next
    mark = digest(told.encode())
    if mark == walk.mark:
        return _circling(source)
    steps = walk.steps + 1
    lap = steps == walk.lap
    return msgspec.structs.replace(
        walk,
        next=sheet.next,
        mark=mark if lap or not walk.mark else walk.mark,
        steps=0 if lap else steps,
        lap=walk.lap * 2 if lap else walk.lap,
    )


def _circling(source: Source) -> Fault:
    return Fault(f"{source.name}: the server goes in circles: more and more pages, nothing new. The walk was ended.")


def _doubtful(walk: Walk) -> str:
    at = written(walk.last or 0)
    return f"More objects share the date {at} than the server gives at once; some of them may be missing."


def _ended(source: Source, state: State, walk: Walk, clock: Instant, *, whole: bool) -> State:
    known = instant_of(state.since)
    # What was cut short and told no date has shown nobody knows how much.
    since = _since(source, walk, clock) if whole or walk.last is not None else None
    if since is None or (known is not None and known > since):
        since = known
    text = written(since) if since is not None else state.since
    # A walk steps back a little from the dates that it meets, so behind `since` too.
    floor = since - SECOND if since is not None else None
    return msgspec.structs.replace(state, since=text, walk=None, seen=_kept(state.seen, floor))


def _since(source: Source, walk: Walk, clock: Instant) -> Instant | None:
    """Return where the next walk starts; None where this one told nothing."""
    began = walk.began if walk.began is not None else clock
    if walk.last is None:
        return began - DAY if walk.undated else None
    overlap = max(walk.grain, _MILLISECOND, source.overlap * SECOND)
    if began - walk.last > max(SETTLED, overlap):
        return walk.last
    # What was not to be seen when the walk began may bear any date since, whatever was read meanwhile; and a date in
    # the future must not hide what is added until then. Clocks are told in whole seconds.
    doubt = SETTLED if walk.last > clock + SECOND else 0
    return min(walk.last, began - SECOND) - overlap - doubt


def _floor(walk: Walk, source: Source) -> Instant | None:
    """Return the earliest date that can be asked for again after this page."""
    if walk.last is None or walk.began is None:
        return None
    overlap = max(walk.grain, _MILLISECOND, source.overlap * SECOND)
    return min(walk.last, walk.began - SECOND - SETTLED) - overlap


def _kept(seen: tuple[Seen, ...], floor: Instant | None) -> tuple[Seen, ...]:
    """Return the pages that can come again, the newest of them up to `SEEN` objects."""
    room, kept = SEEN, list[Seen]()
    for page in reversed(seen):
        if floor is not None and page.last is not None and page.last < floor:
            continue
        digests = page.digests[max(0, len(page.digests) - room) :] if room else ()
        room -= len(digests)
        if digests:
            kept.append(Seen(page.last, digests))
    return tuple(reversed(kept))
