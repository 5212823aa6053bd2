"""The purge: out of a node's folder goes, physically, every row that one reader may not read.

What is left is what the reader's own gates hold, the bare names of what was theirs and ended, and what is no secret of
any item: policies, keys, the reader's own account.  Which gates are shut is worked out by `sight`, not by the register.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from leaks.ground import Ground
from leaks.sight import sight_of

from diwan.registry import schema
from diwan.sealing.header import decode
from diwan.terms.gate import Gate, Stand, World
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from diwan.terms.time import Instant
from tampering import Bare

ASKED: Final = ("ICI", "MD", "NATO")
"""Frameworks that the reader's own items and previews name: whom those reach is told to an originator, in full."""

_STILL: Final = 1 << 62
_LAST: Final = {"gates": "gate", "items": "item", "parts": "part", "batches": "batch", "labels": "label"}
"""The last number that was given of each sort."""
Stretches = list[tuple[int, int]]


def purge(ground: Ground, reader: Reader, now: Instant) -> int:
    """Delete from a ground what `reader` may not read, and return how many rows went."""
    sight = sight_of(ground, reader, now)
    with ground.bare() as ink:
        before = _rows(ink)
        ink.execute("BEGIN")
        _Purge(ink, reader, sight.open).run()
        kept = {since for (since,) in ink.rows("SELECT since FROM stand WHERE until IS NULL")}
        _purge_words(ink, sight.open, kept)
        ink.execute("COMMIT")
        ink.execute("VACUUM")
        if not ink.postgres:
            ink.execute("VACUUM words")
        return before - _rows(ink)


class _Purge:
    def __init__(self, ink: Bare, reader: Reader, opened: frozenset[int]) -> None:
        self.ink = ink
        self.reader = reader
        self.open = opened
        (self.cls,) = ink.execute("SELECT class FROM seat WHERE reader=?", [reader.id]).fetchone()
        self.stretches = self._stretches()

    def run(self) -> None:
        self._stands()
        self._revisions()
        self._items()
        self._finders()
        self._gates_and_labels()
        self._numbers()
        self._others()

    def _stretches(self) -> dict[int, Stretches]:
        """Return from when until when each gate was the reader's own."""
        moved: dict[int, Stretches] = {}
        for gate, opened, closed in self.ink.execute(
            "SELECT gate, opened, closed FROM gate_grant WHERE class=?", [self.cls]
        ):
            moved.setdefault(gate, []).append((opened, _STILL if closed is None else closed))
        return moved | {gate: [(0, _STILL)] for gate in self.open if gate not in moved}

    def _stands(self) -> None:
        """Keep where an item stood while that was the reader's own; that it ended later is not theirs to know."""
        for since, gate, until in self.ink.execute("SELECT since, gate, until FROM stand").fetchall():
            end = _STILL if until is None else until
            theirs = [(a, b) for a, b in self.stretches.get(gate, []) if max(since, a) < min(end, b)]
            if not theirs:
                self.ink.execute("DELETE FROM stand WHERE since=?", [since])
            elif until is not None and theirs[-1][1] < until:
                closed = theirs[-1][1] if gate in self.open else None
                self.ink.execute("UPDATE stand SET until=? WHERE since=?", [closed, since])

    def _revisions(self) -> None:
        """Keep the revisions of what stands open, and of those the ones whose own gate is open."""
        among = _list(self.open)
        self.ink.execute(
            f"DELETE FROM revision WHERE gate NOT IN ({among}) OR item NOT IN"
            f" (SELECT item FROM stand WHERE until IS NULL AND gate IN ({among}))"
        )
        self.ink.execute("UPDATE stand SET revision=0 WHERE revision NOT IN (SELECT position FROM revision)")
        wanted = set()
        for item, header in self.ink.execute("SELECT item, header FROM revision").fetchall():
            wanted |= {(item, bytes.fromhex(part.d)) for part in decode(header).parts}
        parts = self.ink.execute("SELECT number, item, digest, same_as FROM part").fetchall()
        for number, item, digest, same_as in parts:
            if (item, digest) not in wanted:
                continue
            if same_as is not None:
                self.ink.execute(
                    "UPDATE part SET data=(SELECT data FROM part WHERE number=?), same_as=NULL WHERE number=?",
                    [same_as, number],
                )
                held = "since IN (SELECT since FROM stand WHERE item=? AND until IS NULL)"
                self.ink.execute(f"UPDATE alias SET part=? WHERE part=? AND {held}", [number, same_as, item])
        for number, item, digest, _ in parts:
            if (item, digest) not in wanted:
                self.ink.execute("DELETE FROM part WHERE number=?", [number])
        self.ink.execute("DELETE FROM batch WHERE number NOT IN (SELECT batch FROM revision)")

    def _items(self) -> None:
        among = _list(self.open)
        standing = f"SELECT item FROM stand WHERE until IS NULL AND gate IN ({among})"
        self.ink.execute("DELETE FROM item WHERE number NOT IN (SELECT item FROM stand)")
        self.ink.execute(f"UPDATE item SET entered=0, parent=NULL WHERE number NOT IN ({standing})")
        self.ink.execute("UPDATE item SET parent=NULL WHERE parent NOT IN (SELECT number FROM item)")

    def _finders(self) -> None:
        for table in ("alias", "link", "mention", "tail", "counter"):
            self.ink.execute(f"DELETE FROM {table} WHERE gate NOT IN ({_list(self.open)})")
        # Of a gate that was theirs once, what ended there is told; the head says whether to look.
        self.ink.execute(f"DELETE FROM head WHERE gate NOT IN ({_list(self.open | self.stretches.keys())})")

    def _gates_and_labels(self) -> None:
        """A gate that was theirs once leaves its number behind, and nothing of its labels."""
        known = self.open | self.stretches.keys()
        self.ink.execute(f"DELETE FROM gate WHERE number NOT IN ({_list(known)})")
        for gate in known - self.open:
            (world,) = self.ink.execute("SELECT world FROM gate WHERE number=?", [gate]).fetchone()
            blank = Gate(World(world), (Stand(f"GONE-{gate}", Label("NONE", "NONE")),))
            self.ink.execute("UPDATE gate SET value=? WHERE number=?", [msgspec.json.encode(blank), gate])
        self.ink.execute("DELETE FROM label WHERE number NOT IN (SELECT label FROM revision)")
        self.ink.execute(
            f"DELETE FROM gate_label WHERE gate NOT IN ({_list(self.open)}) OR label NOT IN (SELECT number FROM label)"
        )

    def _numbers(self) -> None:
        """Give the register the numbers it would have, had it never held anything else."""
        self.ink.execute("DELETE FROM mile")
        self.ink.execute(
            "UPDATE head SET entries=(SELECT count(*) FROM stand s WHERE s.gate=head.gate AND s.until IS NULL),"
            " newest=(SELECT coalesce(max(since), 0) FROM stand s WHERE s.gate=head.gate),"
            " ended=(SELECT coalesce(max(until), 0) FROM stand s WHERE s.gate=head.gate)"
        )
        self.ink.execute("UPDATE state SET value=(SELECT count(*) FROM stand) WHERE name='stands'")
        self.ink.execute(
            "UPDATE state SET value=(SELECT coalesce(max(since), 0) FROM stand) WHERE name='last_position'"
        )
        for name, table in _LAST.items():
            self.ink.execute(
                f"UPDATE state SET value=(SELECT coalesce(max(number), 0) FROM {table}) WHERE name=?", [name]
            )
        self.ink.execute("UPDATE state SET value=1 WHERE name='rules'")
        self.ink.execute("UPDATE state SET value=0 WHERE name='moves'")

    def _others(self) -> None:
        (gates,) = self.ink.execute("SELECT value FROM state WHERE name='gates'").fetchone()
        self.ink.execute("DELETE FROM reader_class WHERE number<>?", [self.cls])
        self.ink.execute(
            "UPDATE reader_class SET rules=1, gates=?, turns=NULL, open=? WHERE number=?",
            [gates, msgspec.json.encode(sorted(self.open)), self.cls],
        )
        self.ink.execute("DELETE FROM seat WHERE reader<>?", [self.reader.id])
        self.ink.execute("DELETE FROM gate_grant WHERE class<>?", [self.cls])
        self.ink.execute("DELETE FROM account WHERE id<>?", [self.reader.id])
        self.ink.execute("DELETE FROM ticket WHERE account<>?", [self.reader.id])
        for desk, name, value in self.ink.execute("SELECT desk, name, value FROM note").fetchall():
            if msgspec.json.decode(value).get("account") != self.reader.id:
                self.ink.execute("DELETE FROM note WHERE desk=? AND name=?", [desk, name])
        self.ink.execute("DELETE FROM leaf")
        self.ink.execute("DELETE FROM node")
        self.ink.execute("UPDATE state SET value=0 WHERE name='lines'")
        for item, originator, value in self.ink.execute("SELECT item, originator, value FROM membership").fetchall():
            said = msgspec.json.decode(value)
            counts = originator == "NATO" and (said["party"] == self.reader.party or said["framework"] in ASKED)
            if not counts:
                self.ink.execute("DELETE FROM membership WHERE item=?", [item])


def _purge_words(ink: Bare, opened: frozenset[int], kept: set[int]) -> None:
    for table in ("posting_by_gate", "posting_by_time"):
        ink.execute(f"DELETE FROM {table} WHERE gate NOT IN ({_list(opened)}) OR since NOT IN ({_list(kept)})")
    ink.execute("DELETE FROM common_term")
    ink.execute("DELETE FROM segment WHERE number NOT IN (SELECT segment FROM posting_by_time)")
    ink.execute(
        "UPDATE segment SET low=(SELECT min(since) FROM posting_by_time p WHERE p.segment=segment.number),"
        " high=(SELECT max(since) FROM posting_by_time p WHERE p.segment=segment.number)"
    )


def _list(numbers: Any) -> str:
    return ",".join(map(str, sorted(numbers)))


def _rows(ink: Bare) -> int:
    tables = (*schema.REGISTER.sorted_tables, *schema.WORDS.sorted_tables)
    return sum(ink.value(f"SELECT count(*) FROM {table.name}") for table in tables)
