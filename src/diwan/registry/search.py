"""Search: terms compared by equality, newest first, in sorted segments that are built after the commit.

A segment covers a stretch of positions; adjacent ones are merged when eight of a size stand side by side.  What is not
yet in a segment is searched directly.  Lists per gate serve readers of little, lists by time readers of much.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from diwan.registry import schema
from diwan.registry.engines.lines import Asked, Engine, Line
from diwan.registry.pen import Pen
from diwan.registry.shelf import NEVER, Shelf
from diwan.registry.words import number
from diwan.terms.errors import Unreachable

_log: Final = logging.getLogger(__name__)
_BATCH: Final = 2048
_FANOUT: Final = 8
_MANY: Final = 4
"""Where so many batches wait, they become one segment of the next level, and are never merged into it."""
_TOP: Final = 2
_COMMON: Final = 256
_GROWN: Final = 4096
"""Entries that a register grows by at least before the engine is asked to look again at how much there is."""
_STRETCH: Final = 1 << 58
"""Numbers of terms whose postings are sorted at once, of 63 bits: engines sort in memory, and a merge has millions."""
_AT_ONCE: Final = 10_000
"""Postings held as rows at a time: a segment has a quarter of a million."""


def find(
    shelf: Shelf,
    terms: Sequence[str],
    start: int | None,
    limit: int,
    density: float,
    end: int | None = None,
    *,
    newest: bool,
) -> list[int]:
    """Return up to `limit` positions past `start` and short of `end` of entries that hold every one of `terms`.

    The order is by position alone; no rank, no total.
    """
    after, before = (end, start) if newest else (start, end)
    low, high = after or 0, NEVER if before is None else before
    patterns = [f" {term} " for term in terms]
    hits = set(shelf.fresh_hits(patterns, low, high, limit, newest=newest))
    numbers = [number(term) for term in terms]
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
        hits.update(_in_segment(shelf, segment, numbers, holds, patterns, low, high, limit, density, newest=newest))
    return sorted(hits, reverse=newest)[:limit]


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
    numbers: Sequence[int],
    common: Mapping[int, int],
    patterns: Sequence[str],
    after: int,
    before: int,
    limit: int,
    density: float,
    *,
    newest: bool,
) -> list[int]:
    driver, *others = sorted(numbers, key=lambda term: common.get(term, 0))
    # Lists per gate are kept of common terms alone; whether a hit holds the rarer ones is checked against its entry.
    among = [term for term in others if term in common]
    merge = common.get(driver, 0) > 0 and 2 * len(shelf.gates) < limit / max(density, 1e-9)
    # For the limit PostgreSQL makes no join of it, in which it may read all of a term again for each hit.
    together = "".join(
        " AND EXISTS (SELECT 1 FROM words_by_gate o"
        " WHERE o.segment=w.segment AND o.term=? AND o.gate=w.gate AND o.since=w.since LIMIT 1 OFFSET 0)"
        for _ in among
    )
    pages, joined = shelf.pages, shelf.pages.joined
    checked = " AND ".join([pages.holds("t.terms")] * len(patterns))
    source = (
        f"{'words_by_gate' if merge else 'words_by_time'} w {joined} by_time s ON s.since=w.since AND s.gate=w.gate"
        f" {joined} filed t ON t.position=s.revision"
    )
    where = f"w.segment=? AND w.term=? AND w.since > ? AND w.since < ?{together} AND {checked}"
    bound = [segment, driver, after, before, *among, *patterns]
    if merge:
        rows = pages.merged("w.since", source, where, bound, order="w.since", down=newest, limit=limit, gate="w.gate")
    else:
        order = "DESC" if newest else "ASC"
        rows = shelf.ask(
            f"SELECT w.since FROM {source} WHERE {where} ORDER BY w.since {order} LIMIT ?", [*bound, limit]
        )
    return [row[0] for row in rows]


class WordIndex:
    """Builds the segments, beside the pen and never under it."""

    def __init__(self, engine: Engine, pen: Pen) -> None:
        """Index the register that `engine` keeps; `pen` clears what has been indexed."""
        self._engine = engine
        self._ink = engine.writing_words()
        self._register = engine.whole()
        self._pen = pen
        self._one_at_a_time = threading.Lock()
        self._closing = threading.Event()
        self._background: threading.Thread | None = None
        self._surveyed = 0
        self._heal()

    def catch_up(self, *, everything: bool = False, progress: Callable[[int], None] = lambda _: None) -> int:
        """Index what waits, in full batches (or all of it), and return how many entries were indexed."""
        indexed = 0
        with self._one_at_a_time:
            while rows := self._next_segment(everything=everything):
                self._clear(rows[-1][0])
                indexed += len(rows)
                progress(indexed)
                self._merge()
            if indexed:
                self._survey()
        return indexed

    def keep_up(self, every: float) -> None:
        """Go on indexing in the background, looking every so many seconds, until closed."""

        def go_on() -> None:
            while not self._closing.wait(every):
                try:
                    self.catch_up()
                except Exception as failure:  # noqa: BLE001 -- whatever it was, the next round tries again
                    # By its name alone: what the engine says of a text it could not read quotes the text.
                    name = self._engine.name_of(failure)
                    _log.error("The word index could not go on: %s. What waits is searched without it.", name)

        self._background = threading.Thread(target=go_on, name="diwan-words", daemon=True)
        self._background.start()

    def close(self) -> None:
        """Stop indexing and close the index's connections."""
        self._closing.set()
        if self._background is not None:
            self._background.join()
        with self._one_at_a_time:
            self._ink.close()
            self._register.close()

    def _survey(self) -> None:
        """Let the engine look at how much there is whenever that has doubled: its own round may come a minute later."""
        (stands,) = self._register.execute("SELECT value FROM state WHERE name='stands'").fetchone()
        if stands < 2 * self._surveyed + _GROWN:
            return
        failures: tuple[type[Exception], ...] = (Unreachable, *self._engine.failures)
        try:
            self._engine.survey()
        except failures as failure:
            _log.warning("How much there is could not be looked at: %s.", self._engine.name_of(failure))
        self._surveyed = stands

    def _next_segment(self, *, everything: bool) -> list[tuple[int, int, str]]:
        # What is done is read under the write lock: another process may index the same register.
        with self._transaction():
            rows = self._waiting(everything=everything)
            if rows:
                self._write(rows)
        return rows

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._ink.begin()
            yield
            self._ink.commit()
        except BaseException:
            if self._ink.in_transaction:  # the engine undoes some failures by itself
                self._ink.rollback()
            raise

    def _heal(self) -> None:
        """Where the index is lost or older than the register, let everything that stands wait to be indexed anew."""
        with self._transaction():
            (done,) = self._ink.execute("SELECT coalesce(max(high), 0) FROM segment").fetchone()
            (reached,) = self._register.execute(
                "SELECT coalesce(max(value), 0) FROM state WHERE name='indexed'"
            ).fetchone()
            if done >= reached:
                return
            for table in schema.WORDS.sorted_tables:
                self._ink.execute(f"DELETE FROM {table.name}")
            self._pen.write(_refill)

    def _waiting(self, *, everything: bool) -> list[tuple[int, int, str]]:
        (done,) = self._ink.execute("SELECT coalesce(max(high), 0) FROM segment").fetchone()
        rows = self._register.execute(
            "SELECT since, gate, terms FROM tail WHERE since>? ORDER BY since LIMIT ?", [done, _MANY * _BATCH]
        ).fetchall()
        if len(rows) >= _MANY * _BATCH and not self._ink.execute("SELECT 1 FROM segment WHERE level=0").fetchone():
            return rows  # no smaller one lies before it, which would be merged past it
        return rows[:_BATCH] if len(rows) >= _BATCH or everything else []

    def _write(self, rows: Sequence[tuple[int, int, str]]) -> None:
        places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for since, gate, terms in rows:
            stand = since, gate
            for term in set(terms.split()):
                places[term].append(stand)
        filed: dict[int, list[tuple[int, int]]] = {}
        for term, held in places.items():
            # As the rows come, each list is in order and holds nothing twice; of twins, two become one.
            twin = filed.get(filed_as := number(term))
            filed[filed_as] = held if twin is None else sorted({*twin, *held})
        name = _next_segment(self._ink)
        self._ink.insert("segment", [(name, int(len(rows) > _BATCH), rows[0][0], rows[-1][0])])
        in_order = sorted(filed)
        postings = ((name, term, since, gate) for term in in_order for since, gate in filed[term])
        while some := list(islice(postings, _AT_ONCE)):
            self._ink.insert("posting_by_time", some)
        common = [term for term in in_order if len(filed[term]) >= _COMMON]
        self._ink.insert("common_term", [(name, term, len(filed[term])) for term in common])
        self._by_gate(name)

    def _by_gate(self, name: int) -> None:
        for stretch in _stretches():
            self._ink.execute(
                # Both are bounded: whichever an engine begins with, each posting is read once and not once a stretch.
                "INSERT INTO posting_by_gate SELECT p.segment, p.term, p.gate, p.since"
                " FROM common_term c CROSS JOIN posting_by_time p WHERE c.segment=? AND c.term BETWEEN ? AND ?"
                " AND p.segment=c.segment AND p.term=c.term AND p.term BETWEEN ? AND ?"
                " ORDER BY p.term, p.gate, p.since",
                [name, *stretch, *stretch],
            )

    def _clear(self, high: int) -> None:
        def job(ink: Asked) -> None:
            ink.execute("DELETE FROM tail WHERE since<=?", [high])
            ink.execute("UPDATE state SET value=? WHERE name='indexed' AND value<?", [high, high])

        self._pen.write(job)

    def _merge(self) -> None:
        for level in range(_TOP):
            with self._transaction():
                rows = self._ink.execute(
                    "SELECT number, low, high FROM segment WHERE level=? ORDER BY low LIMIT ?", [level, _FANOUT]
                ).fetchall()
                if len(rows) == _FANOUT:
                    self._merge_into_one(rows, level + 1)

    def _merge_into_one(self, rows: Sequence[tuple[int, int, int]], level: int) -> None:
        old = [row[0] for row in rows]
        among = ",".join("?" * len(old))
        name = _next_segment(self._ink)
        for stretch in _stretches():
            self._ink.execute(
                "INSERT INTO posting_by_time SELECT CAST(? AS INTEGER), term, since, gate FROM posting_by_time"
                f" WHERE segment IN ({among}) AND term BETWEEN ? AND ? ORDER BY term, since",
                [name, *old, *stretch],
            )
        self._ink.execute(
            "INSERT INTO common_term SELECT CAST(? AS INTEGER), term, count(*) FROM posting_by_time WHERE segment=?"
            " GROUP BY term HAVING count(*)>=?",
            [name, name, _COMMON],
        )
        self._by_gate(name)
        for table in ("posting_by_gate", "posting_by_time", "common_term"):
            self._ink.execute(f"DELETE FROM {table} WHERE segment IN ({among})", old)
        self._ink.execute(f"DELETE FROM segment WHERE number IN ({among})", old)
        self._ink.insert("segment", [(name, level, rows[0][1], rows[-1][2])])


def _refill(ink: Asked) -> None:
    ink.execute("DELETE FROM tail")
    ink.execute(
        "INSERT INTO tail(since, gate, terms) SELECT s.since, s.gate, r.terms FROM stand s"
        " JOIN revision r ON r.position=s.revision WHERE s.until IS NULL"
    )
    ink.execute("UPDATE state SET value=0 WHERE name='indexed'")


def _stretches() -> Iterator[tuple[int, int]]:
    return ((first, first + _STRETCH - 1) for first in range(0, 1 << 63, _STRETCH))


def _next_segment(words: Line) -> int:
    (last,) = words.execute("SELECT coalesce(max(number), 0) FROM segment").fetchone()
    return int(last) + 1
