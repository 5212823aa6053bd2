"""Search: terms compared by equality, newest first, in the sorted segments of the word index.

What is not yet in a segment is searched directly.  Lists per gate serve readers of little, lists by time readers of
much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diwan.registry.shelf import NEVER, Shelf
from diwan.registry.words import number


def find(
    shelf: Shelf,
    terms: Sequence[str],
    start: int | None,
    limit: int,
    density: float,
    end: int | None = None,
    *,
    newest: bool,
    among: Sequence[str] = (),
) -> list[int]:
    """Return up to `limit` positions past `start` and short of `end` of entries that hold every one of `terms`.

    Of `among`, where anything is named there, they hold at least one; what most hold is best named first.  The order is
    by position alone; no rank, no total.
    """
    after, before = (end, start) if newest else (start, end)
    low, high = after or 0, NEVER if before is None else before
    fresh = shelf.fresh_hits(_patterns(terms), low, high, limit, newest=newest, among=_patterns(among))
    hits = set(fresh)
    numbers = [number(term) for term in (*terms, *among)]
    order = "DESC" if newest else "ASC"
    segments = shelf.ask(
        f"SELECT number, low, high FROM segments WHERE high > ? AND low < ? ORDER BY low {order}", [low, high]
    )
    common: dict[int, dict[int, int]] = {}
    for place, (segment, first, last) in enumerate(segments):
        # Segments are disjoint in time, so once the page is full nothing further on can come before it.
        if len(hits) >= limit and _beyond(sorted(hits, reverse=newest)[limit - 1], first, last, newest=newest):
            break
        if segment not in common:
            # Of a frequent word the first segment fills the page; a rare one is looked for in all, asked about at once.
            common |= _common(shelf, [one for one, _, _ in (segments[place:] if place else segments[:1])], numbers)
        holds = common[segment]
        for wanted, any_of in _ways(terms, among, holds):
            hits.update(_in_segment(shelf, segment, wanted, any_of, holds, low, high, limit, density, newest=newest))
            if among and len(hits) >= limit:
                # What is found fills the page, so the other ways are gone no further than it reaches.
                edge = sorted(hits, reverse=newest)[limit - 1]
                low, high = (max(low, edge), high) if newest else (low, min(high, edge))
    return sorted(hits, reverse=newest)[:limit]


def _patterns(terms: Sequence[str]) -> list[str]:
    return [f" {term} " for term in terms]


def _ways(
    terms: Sequence[str], among: Sequence[str], common: Mapping[int, int]
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Return the questions by which a segment is asked for all of `terms` with any of `among`: (all of, any of)."""
    if not among or any(number(term) not in common for term in terms):
        return [(terms, among)]  # where a term is rare, few need to be held to the rest
    rare = [one for one in among if number(one) not in common]
    frequent = [((*terms, one), ()) for one in among if number(one) in common]
    return [*frequent, *([(terms, rare)] if rare else [])]


def _common(shelf: Shelf, segments: Sequence[int], numbers: Sequence[int]) -> dict[int, dict[int, int]]:
    """Return how many entries hold each term in each segment, as far as it is frequent there."""
    found: dict[int, dict[int, int]] = {segment: {} for segment in segments}
    among, terms = (",".join("?" * len(listed)) for listed in (segments, numbers))
    asked = f"SELECT segment, term, postings FROM common WHERE segment IN ({among}) AND term IN ({terms})"
    for segment, term, postings in shelf.ask(asked, [*segments, *numbers]):
        found[segment][term] = int(postings)
    return found


def _beyond(reached: int, low: int, high: int, *, newest: bool) -> bool:
    return reached > high if newest else reached < low


def _in_segment(
    shelf: Shelf,
    segment: int,
    terms: Sequence[str],
    among: Sequence[str],
    common: Mapping[int, int],
    after: int,
    before: int,
    limit: int,
    density: float,
    *,
    newest: bool,
) -> list[int]:
    rarest, *others = sorted(map(number, terms), key=lambda term: common.get(term, 0)) or [0]
    drivers = [rarest]
    if among and (not terms or rarest in common):
        drivers, others = [number(one) for one in among], [rarest, *others] if terms else []
    # Lists per gate are kept of common terms alone; whether a hit holds the rarer ones is checked against its entry.
    held = [term for term in others if term in common]
    single = len(drivers) == 1
    merge = single and common.get(drivers[0], 0) > 0 and 2 * len(shelf.gates) < limit / max(density, 1e-9)
    # For the limit PostgreSQL makes no join of it, in which it may read all of a term again for each hit.
    together = "".join(
        " AND EXISTS (SELECT 1 FROM words_by_gate o"
        " WHERE o.segment=w.segment AND o.term=? AND o.gate=w.gate AND o.since=w.since LIMIT 1 OFFSET 0)"
        for _ in held
    )
    pages, joined = shelf.pages, shelf.pages.joined
    holds = pages.holds("t.terms")
    checked = " AND ".join([*[holds] * len(terms), *([f"({' OR '.join([holds] * len(among))})"] if among else [])])
    source = (
        f"{'words_by_gate' if merge else 'words_by_time'} w {joined} by_time s ON s.since=w.since AND s.gate=w.gate"
        f" {joined} filed t ON t.position=s.revision"
    )
    driven = "w.term=?" if single else f"w.term IN ({','.join('?' * len(drivers))})"
    where = f"w.segment=? AND {driven} AND w.since > ? AND w.since < ?{together} AND {checked}"
    bound = [segment, *drivers, after, before, *held, *_patterns(terms), *_patterns(among)]
    if merge:
        rows = pages.merged("w.since", source, where, bound, order="w.since", down=newest, limit=limit, gate="w.gate")
    else:
        # What is filed under two of the drivers is one hit.
        what, order = "w.since" if single else "DISTINCT w.since", "DESC" if newest else "ASC"
        rows = shelf.ask(f"SELECT {what} FROM {source} WHERE {where} ORDER BY w.since {order} LIMIT ?", [*bound, limit])
    return [row[0] for row in rows]
