"""A sheet: one writing transaction, shared by the jobs that the pen writes together.

What jobs write waits here and goes to the engine in one statement for each table, once for all jobs, or when a later
question could find it.  A job that fails leaves nothing: what it wrote is still here, or behind a savepoint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec

from diwan.registry.engines.lines import Line, Rows
from diwan.sealing.tree import peaks

Interned = dict[tuple[str, bytes], int]
_REMEMBERED: Final = 16_384
_FOUND_BY: Final = ("alias", "link")
"""Tables whose first column is asked for by value while rows of other values wait."""
_TELLING: Final = ("last_position", "rules", "shut")
"""What whoever waits has to hear of: that something stands or ended, is seen by others than before, or by nobody."""


class Known(msgspec.Struct):
    """What never changes once it is written: numbers of interned values, hashes that the audit log grows on."""

    life: int = 0
    """Of the register, in which it was written."""
    interned: Interned = {}
    hashes: dict[tuple[int, int], bytes] = {}


class _Layer(msgspec.Struct):
    """What waits to be written: of the jobs that are done, or of the one under way."""

    rows: dict[str, list[Sequence[Any]]] = {}
    values: dict[str, set[str]] = {}
    facts: dict[str, int] = {}
    interned: Interned = {}
    hashes: dict[tuple[int, int], bytes] = {}
    counted: Counter[tuple[int, str]] = msgspec.field(default_factory=Counter)
    newest: dict[int, int] = {}
    ended: dict[int, int] = {}

    def waits(self) -> bool:
        return bool(self.rows or self.counted)

    def take(self, other: _Layer) -> None:
        for table, rows in other.rows.items():
            self.rows.setdefault(table, []).extend(rows)
        for table, values in other.values.items():
            self.values.setdefault(table, set()).update(values)
        self.facts.update(other.facts)
        self.interned.update(other.interned)
        self.hashes.update(other.hashes)
        self.counted.update(other.counted)
        for mine, theirs in ((self.newest, other.newest), (self.ended, other.ended)):
            for gate, at in theirs.items():
                mine[gate] = max(mine.get(gate, 0), at)


class Sheet:
    """The register as one transaction sees and changes it."""

    def __init__(self, line: Line, known: Known | None = None) -> None:
        """Write through `line`, which has the write order; `known` is what was learnt on earlier sheets."""
        self._line = line
        self._known = known or Known()
        self._facts: dict[str, int] = dict(line.execute("SELECT name, value FROM state").fetchall())
        self._done = _Layer()
        self._own = _Layer()
        self._saved = False

    @property
    def promise(self) -> str:
        """Where what is written here will be once its commit is told; see `lines.Line.promise`."""
        return self._line.promise

    @property
    def life(self) -> int:
        """Which life of the register this transaction belongs to; see `lines.Line.life`."""
        return self._line.life

    def fact(self, name: str) -> int:
        """Return one of the register's own numbers, 0 for one that was never set."""
        for layer in (self._own, self._done):
            if name in layer.facts:
                return layer.facts[name]
        return self._facts.get(name, 0)

    def set_fact(self, name: str, value: int) -> None:
        """Set one of the register's own numbers."""
        self._own.facts[name] = value

    def next_number(self, of: str, count: int = 1) -> int:
        """Return the first of `count` numbers that nothing of a sort has yet: the register keeps the last one given."""
        last = self.fact(of)
        self.set_fact(of, last + count)
        return last + 1

    def number_of(self, table: str, value: bytes) -> int | None:
        """Return the number under which a value was interned, or None."""
        for numbers in (self._own.interned, self._done.interned, self._known.interned):
            if (table, value) in numbers:
                return numbers[table, value]
        row = self._line.execute(f"SELECT number FROM {table} WHERE value=?", [value]).fetchone()
        if row is None:
            return None
        self._own.interned[table, value] = int(row[0])
        return int(row[0])

    def intern(self, table: str, value: bytes, number: int, row: Sequence[Any]) -> None:
        """Write the row of a value that has a number from now on."""
        self._own.interned[table, value] = number
        self.insert(table, [row])

    def insert(self, table: str, rows: Collection[Sequence[Any]]) -> None:
        """Write whole rows into a table; they may wait."""
        if not rows:
            return
        self._own.rows.setdefault(table, []).extend(rows)
        if table in _FOUND_BY:
            self._own.values.setdefault(table, set()).update(row[0] for row in rows)

    def hash_of(self, at: tuple[int, ...]) -> bytes | None:
        """Return the hash of a perfect subtree of the audit log, (level, number), where it is at hand."""
        for hashes in (self._own.hashes, self._done.hashes, self._known.hashes):
            if at in hashes:
                return hashes[at]
        return None

    def grow(self, grown: Sequence[tuple[int, int, bytes]]) -> None:
        """Write hashes of perfect subtrees of the audit log."""
        self._own.hashes.update(((level, number), value) for level, number, value in grown)
        self.insert("node", grown)

    def count(self, changed: Counter[tuple[int, str]], *, newest: int = 0, ended: int = 0) -> None:
        """Count entries behind gates, by (gate, kind), and note the latest that came or ended behind each."""
        self._own.counted.update(changed)
        for gate in {gate for gate, _ in changed}:
            for latest, at in ((self._own.newest, newest), (self._own.ended, ended)):
                latest[gate] = max(latest.get(gate, 0), at)

    def among(
        self, tables: Sequence[str], values: Sequence[str], query: str, parameters: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        """Ask a question that finds rows of some tables by some values alone; rows of other values go on waiting."""
        waiting = (layer.values.get(table, set()) for table in tables for layer in (self._own, self._done))
        if any(not held.isdisjoint(values) for held in waiting):
            self._write_out()
        return self._line.execute(query, parameters).fetchall()

    def execute(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Ask or change something; what waits is written first."""
        if query.startswith("SELECT") and not self._own.waits():
            self._write(self._done)
        else:
            self._write_out()
        return self._line.execute(query, parameters)

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Change something once for each row of values; what waits is written first."""
        self._write_out()
        return self._line.executemany(query, rows)

    def keep(self) -> None:
        """End a job that did what it should."""
        if self._saved:
            self._line.execute("RELEASE job")
            self._saved = False
        self._done.take(self._own)
        self._own = _Layer()

    def undo(self) -> bool:
        """End a job that failed: nothing of it remains; return whether the engine had to be told."""
        saved, self._saved, self._own = self._saved, False, _Layer()
        if saved:
            self._line.execute("ROLLBACK TO job")
            self._line.execute("RELEASE job")
        return saved

    def settle(self) -> None:
        """Write all that waits, before the commit."""
        changed = [(value, name) for name, value in self._done.facts.items() if self._facts.get(name) != value]
        with self._line.together():
            self._write(self._done)
            if changed:
                self._line.executemany(
                    "INSERT INTO state(value, name) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                    changed,
                )
            if any(name in _TELLING for _, name in changed):
                self._line.ring()

    def learnt(self) -> Known:
        """Return what holds from now on, the commit having succeeded."""
        interned = self._known.interned
        if len(interned) > _REMEMBERED:
            interned.clear()
        interned.update(self._done.interned)
        if self._done.hashes:
            needed = peaks(self.fact("lines"))
            self._known.hashes = {at: value for at in needed if (value := self.hash_of(at)) is not None}
        return self._known

    def _write_out(self) -> None:
        if not self._saved:
            # What was done before stays, whatever becomes of this job.
            self._write(self._done)
            self._line.execute("SAVEPOINT job")
            self._saved = True
        self._write(self._own)

    def _write(self, layer: _Layer) -> None:
        for table, rows in layer.rows.items():
            self._line.insert(table, rows)
        layer.rows.clear()
        layer.values.clear()
        if layer.counted:
            self._count(layer)

    def _count(self, layer: _Layer) -> None:
        self._line.executemany(
            "INSERT INTO counter(gate, kind, entries) VALUES(?,?,?)"
            " ON CONFLICT(gate, kind) DO UPDATE SET entries=counter.entries+excluded.entries",
            [(gate, kind, n) for (gate, kind), n in layer.counted.items()],
        )
        heads: Counter[int] = Counter()
        for (gate, _), n in layer.counted.items():
            heads[gate] += n
        self._line.executemany(
            "INSERT INTO head(gate, entries, newest, ended) VALUES(?,?,?,?) ON CONFLICT(gate) DO UPDATE SET"
            " entries=head.entries+excluded.entries,"
            " newest=CASE WHEN excluded.newest > head.newest THEN excluded.newest ELSE head.newest END,"
            " ended=CASE WHEN excluded.ended > head.ended THEN excluded.ended ELSE head.ended END",
            [(gate, n, layer.newest.get(gate, 0), layer.ended.get(gate, 0)) for gate, n in heads.items()],
        )
        layer.counted.clear()
        layer.newest.clear()
        layer.ended.clear()
