"""The segments of the word index: sorted postings of what waits in the register, merged as they grow.

A segment covers a stretch of positions; adjacent ones are merged when eight of a size stand side by side.  Several
processes may build the segments of one register: what is done is read under the write lock of the index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from diwan.registry import schema
from diwan.registry.engines.lines import Engine, Line
from diwan.registry.words import number

_BATCH: Final = 2048
_FANOUT: Final = 8
_MANY: Final = 4
"""Where so many batches wait, they become one segment of the next level, and are never merged into it."""
_TOP: Final = 2
_COMMON: Final = 256
_STRETCH: Final = 1 << 58
"""Numbers of terms whose postings are sorted at once, of 63 bits: engines sort in memory, and a merge has millions."""
_AT_ONCE: Final = 10_000
"""Postings held as rows at a time: a segment has a quarter of a million."""


class Segments:
    """Writes the segments of the register that an engine keeps."""

    def __init__(self, engine: Engine) -> None:
        """Read what waits in the register that `engine` keeps, and write its word index."""
        self._ink = engine.writing_words()
        self._register = engine.whole()

    def add(self, *, everything: bool = False) -> int:
        """Write the next segment of what waits, a full one (or of all of it), and return how many entries it has."""
        with self.transaction():
            rows = self._waiting(everything=everything)
            if rows:
                self._write(rows)
        return len(rows)

    def reached(self) -> int:
        """Return the position up to which everything stands in segments."""
        (high,) = self._ink.execute("SELECT coalesce(max(high), 0) FROM segment").fetchone()
        return int(high)

    def state(self, name: str) -> int:
        """Return one of the register's own numbers, 0 for one that was never set."""
        (value,) = self._register.execute("SELECT coalesce(max(value), 0) FROM state WHERE name=?", [name]).fetchone()
        return int(value)

    def fills(self) -> bool:
        """Return whether as many entries wait as fill a segment."""
        past = "SELECT count(*) FROM (SELECT 1 FROM tail WHERE since>? LIMIT ?) waiting"
        (waiting,) = self._register.execute(past, [self.reached(), _BATCH]).fetchone()
        return bool(waiting >= _BATCH)

    def forget(self) -> None:
        """Empty the index, within the caller's transaction."""
        for table in schema.WORDS.sorted_tables:
            self._ink.execute(f"DELETE FROM {table.name}")

    def merge(self) -> None:
        """Merge segments of which enough stand side by side."""
        for level in range(_TOP):
            with self.transaction():
                rows = self._ink.execute(
                    "SELECT number, low, high FROM segment WHERE level=? ORDER BY low LIMIT ?", [level, _FANOUT]
                ).fetchall()
                if len(rows) == _FANOUT:
                    self._merge_into_one(rows, level + 1)

    def close(self) -> None:
        """Close the connections."""
        self._ink.close()
        self._register.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the write lock of the index, and let go of it with what was written, or with nothing."""
        try:
            self._ink.begin()
            yield
            self._ink.commit()
        except BaseException:
            if self._ink.in_transaction:  # the engine undoes some failures by itself
                self._ink.rollback()
            raise

    def _waiting(self, *, everything: bool) -> list[tuple[int, int, str]]:
        rows = self._register.execute(
            "SELECT since, gate, terms FROM tail WHERE since>? ORDER BY since LIMIT ?", [self.reached(), _MANY * _BATCH]
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


def _stretches() -> Iterator[tuple[int, int]]:
    return ((first, first + _STRETCH - 1) for first in range(0, 1 << 63, _STRETCH))


def _next_segment(words: Line) -> int:
    (last,) = words.execute("SELECT coalesce(max(number), 0) FROM segment").fetchone()
    return int(last) + 1
