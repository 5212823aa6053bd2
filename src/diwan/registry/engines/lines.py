"""What the registry asks of an engine, whichever it is.

Questions are written once, in the SQL that both engines read alike, with `?` for what is bound.  What an engine does in
its own way (write order, walls, many rows at once, a page merged gate by gate) it does behind these names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from diwan.terms.check import Check
from diwan.terms.gate import World

Row = tuple[Any, ...]


class Rows(Protocol):
    """The answer to one question."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows that are left."""


class Asked(Protocol):
    """What answers questions and takes changes: a connection, or the sheet of a writing transaction."""

    def execute(self, query: str, parameters: Sequence[Any] = ..., /) -> Rows:
        """Ask or change something."""

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Change something once for each row of values."""

    def insert(self, table: str, rows: Collection[Sequence[Any]]) -> None:
        """Write whole rows into a table, many at once."""


class Line(Asked, Protocol):
    """A connection.  Outside a transaction every statement stands by itself."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction was begun."""

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known; one that does not is opened anew by the next `begin`."""

    @property
    def life(self) -> int:
        """Which life of the register was read last: a new one begins where another server than before answers.

        What was committed last in one life may be lost in the next, and its numbers are given again: what is remembered
        of numbers holds for the life they were read in.
        """

    def together(self) -> AbstractContextManager[object]:
        """Send what is written meanwhile without waiting in between; a failure shows at the end at the latest."""

    def stream(self, query: str, parameters: Sequence[Any] = ...) -> Iterator[Row]:
        """Yield rows as they are read, within a transaction, holding few of them."""

    def begin(self) -> None:
        """Begin to write: returns when every other writer of this database has finished."""

    def snapshot(self) -> None:
        """Begin to read: what follows sees one state of the database."""

    @property
    def promise(self) -> str:
        """Where what this transaction writes is once its commit is told: on `disk` here, or on a `standby` too."""

    def ring(self) -> None:
        """Let whoever listens hear of this transaction once it is committed."""

    def commit(self) -> None:
        """End the transaction; what it wrote is then durable."""

    def rollback(self) -> None:
        """End the transaction; nothing of it was written."""

    def close(self) -> None:
        """Close the connection."""


class Pages(Line, Protocol):
    """A reading connection: it can see what stands behind its gates, and refuses everything else."""

    def look(self, query: str, parameters: Sequence[Any] = ..., /) -> Rows:
        """Begin to read, as `snapshot` does, and ask a first question with it: one way to the server and back."""

    def latest(self) -> tuple[int, int]:
        """Return the latest positions at which anything came to stand, and ended, behind the gates; 0 for none."""

    def anything_after(self, position: int) -> bool:
        """Return whether anything came to stand behind the gates past a position."""

    def past(self, query: str, parameters: Sequence[Any] = ...) -> Rows:
        """Ask about what stood behind gates that are or once were open."""

    def merged(
        self,
        what: str,
        source: str,
        where: str,
        bound: Sequence[Any],
        *,
        order: str,
        down: bool,
        limit: int,
        gate: str = "gate",
        after: int | None = None,
        past: bool = False,
        among: Sequence[int] | None = None,
        but: Sequence[int] = (),
    ) -> list[Row]:
        """Return up to `limit` rows behind the open gates, each gate's found in order by an index and merged.

        Args:
            what: the columns, of which the one `order` names comes first.
            source: the views they come from.
            where: what holds of them, binding `bound`.
            order: the column that orders, a position.
            down: whether the newest comes first.
            limit: how many rows at most.
            gate: the column of the gate.
            after: that nothing up to this position is wanted; gates with nothing after it need not be looked into.
            past: whether gates that once were open count; `order` is then where something ended.
            among: the only gates to look behind.
            but: gates to leave out.
        """

    def holds(self, column: str) -> str:
        """Return the condition that a text column holds a bound text."""

    @property
    def joined(self) -> str:
        """How views are joined so that they are read in the order they are written."""


class Ears(Protocol):
    """Listens for commits of any process."""

    def heard(self, seconds: float) -> bool:
        """Return as soon as something was committed, or after so many seconds; whether anything was."""

    def close(self) -> None:
        """Stop listening."""


class Merging(NamedTuple):
    """What merging gates costs, in entries that are read in time order meanwhile."""

    gate: int
    """For each gate, which is looked up by itself."""
    entry: int
    """For each entry that is found."""


class Engine(Protocol):
    """Where a register is kept."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What its connections raise."""

    @property
    def owns(self) -> int:
        """How many of the house's own reading connections are worth having at once."""

    @property
    def readers(self) -> int:
        """How many threads of one process read best at once."""

    @property
    def merging(self) -> Merging:
        """What it costs to merge a reader's gates."""

    def is_full(self, failure: BaseException) -> bool:
        """Return whether a failure says that there is no room on the disk."""

    def name_of(self, failure: BaseException) -> str:
        """Return the engine's own short name of a failure; never its text, which may quote what is kept."""

    def there(self) -> bool:
        """Return whether a register was ever begun here."""

    def ready(self) -> None:
        """See that the register has the shape that this software works with, and lay out an empty one.

        Files of an older shape are brought to it.  A server's are not, for other hosts may run the software that made
        them: `upgrade` is asked for.

        Raises:
            Refused: later software wrote it, or a server's is of an older shape; nothing was changed.
        """

    def shapes(self) -> tuple[str | None, str | None]:
        """Return the shapes of register and word index, None where there is none."""

    def upgrade(self) -> None:
        """Bring register and word index to the present shape.

        Raises:
            Refused: they were written by later software.
        """

    def survey(self) -> None:
        """Look at how much there is of what, after much came at once, for whatever plans by that."""

    def check(self) -> Iterator[Check]:
        """Look whether register, walls and what a commit waits for are as they should be; changes nothing."""

    def writing(self) -> Line:
        """Open a connection that writes the register."""

    def writing_words(self) -> Line:
        """Open a connection that writes the word index."""

    def own(self) -> Line:
        """Open the house's own reading connection: it refuses every table that holds anything of an item."""

    def whole(self) -> Line:
        """Open a connection that reads everything and writes nothing: for proofs and the word index."""

    def ears(self) -> Ears:
        """Listen for what any process commits to the register."""

    def lend(self, number: int, world: World, allowed: frozenset[int], once: frozenset[int]) -> Pages:
        """Lend a reading connection that sees what stands behind `allowed`.

        `once` are gates that were open before: what stands there shows only as having been withdrawn.  `number` and
        `world` name the reader class, so that a connection that was walled for it may be lent again.
        """

    def take_back(self, pages: Any) -> None:
        """Take back what this engine lent."""

    def close(self) -> None:
        """Close every connection that is not lent."""
