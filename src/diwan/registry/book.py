"""The book: one node's register, opened.  It lends ink to the way in and shelves to the way out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from queue import LifoQueue
from typing import Final, TypeVar

import msgspec

from diwan.registry import chain
from diwan.registry.bell import Bell
from diwan.registry.chance import Chance, Clock, wall_clock
from diwan.registry.classes import Made, load_gates
from diwan.registry.engines import engine_of
from diwan.registry.engines.lines import Line
from diwan.registry.grants import Seat, extended, take_seat
from diwan.registry.index import WordIndex
from diwan.registry.indexing import Where
from diwan.registry.ink import Ink
from diwan.registry.journal import ACTS
from diwan.registry.keeping import write_backup
from diwan.registry.law import load_rules
from diwan.registry.pen import Pen, Told
from diwan.registry.proof import Progress, Proof, prove, root_at
from diwan.registry.sheet import Sheet
from diwan.registry.stacks import Opened, Stacks
from diwan.registry.whole import make_folder
from diwan.release.decide import Rules
from diwan.sealing.keys import Signer
from diwan.terms.errors import Malformed
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from diwan.terms.time import Instant

T = TypeVar("T")


_CHANGES: Final = (*ACTS, "rectify")


class _Read(msgspec.Struct, frozen=True):
    """Rules, and in which life of the register they were read; see `lines.Line.life`."""

    life: int
    rules: Rules

    def holds(self, life: int, revision: int) -> bool:
        return (self.life, self.rules.revision) == (life, revision)


class Book:
    """The register in a folder: one pen, many shelves."""

    def __init__(
        self,
        folder: Path,
        *,
        postgres: str = "",
        clock: Clock = wall_clock,
        chance: Chance | None = None,
        synchronous: str = "FULL",
    ) -> None:
        """Open (or begin) the register of the node in `folder`: in files there, or where a conninfo points."""
        # Closed to other accounts of the machine: every label's items lie in it.
        make_folder(folder)
        self._engine = engine_of(folder, postgres, synchronous=synchronous)
        self._engine.ready()
        self.folder = folder
        self.clock = clock
        self.chance = chance or Chance()
        self._pen = Pen(self._engine.writing(), self._engine.failures, self._engine.is_full)
        # One that is open and as many as may be opened when all are lent; the one used last is lent first.
        self._owns: LifoQueue[Line | None] = LifoQueue()
        for line in (*[None] * (self._engine.owns - 1), self._engine.own()):
            self._owns.put(line)
        self._read = _Read(-1, Rules(-1, ()))
        self._stacks = Stacks(self._engine, clock, self._seat, self._extended)
        self._made: dict[int, Made] = {}
        self._made_up_to = 0
        self._made_in = 0
        self._gates = self._engine.whole()
        self._gates_lock = threading.Lock()
        self.words = WordIndex(self._engine, self._pen, Where(str(folder.resolve()), postgres))
        self.bell = Bell(self._engine)

    def write(self, job: Callable[[Ink], T]) -> T:
        """Run `job` under the write order; when this returns, what it wrote is durable.

        Raises:
            Whatever `job` raises; then nothing of it was written.
        """
        return self._pen.write(lambda sheet: job(Ink(sheet, self.clock, self.chance)))

    def note(self, job: Callable[[Ink], T]) -> Future[T]:
        """Let `job` run under the write order and go on: what nobody waits for, and may be lost with the process."""
        return self._pen.post(lambda sheet: job(Ink(sheet, self.clock, self.chance)))

    def shelf(self, reader: Reader, world: World) -> AbstractContextManager[Opened]:
        """Lend the shelf of what `reader` may see in `world`, for one snapshot."""
        return self._stacks.shelf(reader, world)

    def turned(self, reader: Reader) -> bool:
        """Return whether a date has passed since `reader` last looked at which a gate may have opened or shut."""
        return self._stacks.turned(reader)

    def rules(self) -> Rules:
        """Return the rules that release now."""
        return self._rules_now().rules

    def _rules_now(self) -> _Read:
        with self.own_pages() as pages:
            (revision,) = pages.execute("SELECT value FROM state WHERE name='rules'").fetchone()
            read = self._read
            if not read.holds(pages.life, revision):
                pages.snapshot()
                try:
                    (revision,) = pages.execute("SELECT value FROM state WHERE name='rules'").fetchone()
                    read = self._read = _Read(pages.life, load_rules(pages, revision))
                finally:
                    pages.commit()
            return read

    def rules_within(self, ink: Ink) -> Rules:
        """Return the rules of a transaction: those at hand, or else read outside of it as far as they can be."""
        life, revision = ink.life, ink.fact("rules")
        read = self._read if self._read.holds(life, revision) else self._rules_now()
        return ink.rules(read.rules if read.holds(life, revision) else None)

    @contextmanager
    def own_pages(self) -> Iterator[Line]:
        """Lend the house's own reading connection: for accounts, keys and the audit log, never for items."""
        own = self._owns.get()
        try:
            own = own or self._engine.own()
            yield own
        finally:
            self._owns.put(own)

    def apart(self) -> AbstractContextManager[Line]:
        """Open the house's own pages once more, for what may take long and must keep nobody else waiting."""
        return closing(self._engine.own())

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What pages raise."""
        return self._engine.failures

    def shut_since(self) -> Instant:
        """Return since when the node is shut, its register having been set back; 0 where it is open."""
        with self.own_pages() as pages:
            return int(pages.execute("SELECT value FROM state WHERE name='shut'").fetchone()[0])

    def shut_by(self) -> tuple[int, int, str]:
        """Return the number of the audit log's line that shut the node, the generation that ended, and by which act.

        Of a node that was shut again before it was opened, as one that is restored from a backup of a shut one, that is
        the first such line: what was recalled in the generation that ended there is still to be made up for.
        """
        first: tuple[int, int, str] | None = None
        with closing(self._engine.whole()) as pages:
            pages.snapshot()
            try:
                for number, value in pages.stream("SELECT number, value FROM leaf ORDER BY number DESC"):
                    line = msgspec.json.decode(value)
                    if line["act"] in ("restore", "shut"):
                        first = number, line["generation"] - 1, line["act"]
                    elif line["act"] == "reopen":
                        break
            finally:
                pages.rollback()
        if first is None:
            raise Malformed("No line of the audit log says what shut the node. Nothing was changed.")
        return first

    def leaves(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """Return lines of the audit log by their numbers, as far as there are any."""
        with self.own_pages() as pages:
            rows = ((n, pages.execute("SELECT value FROM leaf WHERE number=?", [n]).fetchone()) for n in numbers)
            return {number: bytes(row[0]) for number, row in rows if row is not None}

    def changed_from(self, number: int) -> frozenset[str]:
        """Return how the audit log names the items that were recalled, relabelled or rectified in a line or later."""
        with closing(self._engine.whole()) as pages:
            pages.snapshot()
            try:
                rows = pages.stream("SELECT value FROM leaf WHERE number>=?", [number])
                lines = (msgspec.json.decode(value) for (value,) in rows)
                return frozenset(name for line in lines if line["act"] in _CHANGES for name in line["of"])
            finally:
                pages.rollback()

    def keys_of(self, party: str) -> dict[str, bytes]:
        """Return the public keys of a party that were ever published here, by their names."""
        with self.own_pages() as pages:
            rows = pages.execute("SELECT kid, public FROM signing_key WHERE party=?", [party]).fetchall()
        return {kid: bytes(public) for kid, public in rows}

    def items_named(self, digests: Container[str]) -> dict[str, int]:
        """Return the numbers of the items that the audit log names so."""
        with closing(self._engine.whole()) as pages:
            pages.snapshot()
            try:
                rows = pages.stream("SELECT number, originator, id FROM item")
                named = ((chain.digest(Ref(party, ident.hex())), number) for number, party, ident in rows)
                return {digest: number for digest, number in named if digest in digests}
            finally:
                pages.rollback()

    def audit_root(self) -> tuple[int, bytes]:
        """Return the size and the root of the audit log."""
        with self.own_pages() as pages:
            return chain.size(pages), chain.root(pages)

    def prove(self, progress: Progress = lambda _, __, ___: None) -> Proof:
        """Check every signature, every byte and the whole audit log; reads beside a running node."""
        with closing(self._engine.whole()) as pages:
            return prove(pages, self.clock(), progress)

    @property
    def readers(self) -> int:
        """How many may well read at once within one process."""
        return self._engine.readers

    @property
    def told(self) -> Told:
        """What this process has written since the book was opened."""
        return self._pen.told

    def facts(self) -> dict[str, int]:
        """Return the register's own numbers, how many entries stand and how many wait for the word index."""
        with closing(self._engine.whole()) as pages:
            (waiting,) = pages.execute("SELECT count(*) FROM tail").fetchone()
            (standing,) = pages.execute("SELECT coalesce(sum(entries), 0) FROM head").fetchone()
            facts: dict[str, int] = dict(pages.execute("SELECT name, value FROM state"))
        return {**facts, "waiting": waiting, "standing": int(standing)}

    def labels_in_use(self) -> list[tuple[frozenset[Label], int]]:
        """Return the labels behind which something stands, together as they must admit, and how many items do."""
        with closing(self._engine.whole()) as pages:
            counts = pages.execute(
                "SELECT gate, count(*) FROM stand WHERE until IS NULL GROUP BY gate ORDER BY gate"
            ).fetchall()
            gates = load_gates(pages)
        return [(frozenset(stand.label for stand in gates[gate].gate.stands), count) for gate, count in counts]

    def audit_root_at(self, size: int) -> bytes:
        """Return the root of the audit log over its first `size` lines, computed anew."""
        with closing(self._engine.whole()) as pages:
            return root_at(pages, size)

    def bundle(self, file: Path, signer: Signer, party: str, *, keys: bool, progress: Progress) -> str:
        """Write the node into one bundle, signed for `party`, and return its digest; see `keeping.write_backup`."""
        at = self.clock()
        return write_backup(self._engine, self.folder, file, signer, party, at, keys=keys, progress=progress)

    def close(self) -> None:
        """Finish writing and close every connection."""
        self.bell.close()
        self._stacks.close()
        self.words.close()
        self._pen.close()
        owns = [own for _ in range(self._engine.owns) if (own := self._owns.get())]
        for own in owns:
            own.close()
        # Who asks once more is answered that it is closed, and waits for none.
        for _ in range(self._engine.owns):
            self._owns.put(owns[0])
        self._gates.close()
        self._engine.close()

    def _extended(self, reader: Reader, seat: Seat, gates: int) -> Seat | None:
        with self._gates_lock:
            if self._made_in != seat.life:
                self._made, self._made_up_to = {}, 0
            if self._made_up_to < gates:
                made = load_gates(self._gates, self._made_up_to)
                self._made_in = self._gates.life
                self._made.update(made)
                self._made_up_to = max((*made, gates))
            if self._made_in != seat.life:
                return None
        between = range(seat.gates + 1, gates + 1)
        fresh = {number: self._made[number] for number in between if number in self._made}
        read = self._read if self._read.holds(seat.life, seat.rules) else self._rules_now()
        if not read.holds(seat.life, seat.rules):
            return None
        return extended(seat, reader, read.rules, fresh, gates, self.clock())

    def _seat(self, reader: Reader) -> Seat:
        def job(sheet: Sheet) -> tuple[Seat, _Read]:
            ink = Ink(sheet, self.clock, self.chance)
            ink.check_open()
            read = self._read
            rules = ink.rules(read.rules if read.life == ink.life else None)
            return take_seat(ink, sheet, reader, rules), _Read(ink.life, rules)

        # Kept only once the commit stands: rules of a transaction that was undone would pass for the next revision.
        seat, self._read = self._pen.write(job)
        return seat
