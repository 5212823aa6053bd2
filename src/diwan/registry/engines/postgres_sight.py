"""A reading connection to PostgreSQL: what it may see is said in each transaction, and forgotten with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, Final

import psycopg

from diwan.registry.engines.lines import Row, Rows
from diwan.registry.engines.postgres_wire import UNDER_WAY, Connected, Numbers, asked
from diwan.terms.errors import Refused

_LISTED: Final = 256
"""Up to so many gates are listed to find those with anything new; of more, all heads are looked through."""
_OF_LISTED: Final = "(SELECT h.{} FROM open_head h WHERE h.gate = listed.number)"
"""Gate by gate: among all heads, those of other gates with news would be looked at as well."""


class Sight:
    """A lent reading connection; see `lines.Pages`."""

    joined: Final = "JOIN"

    def __init__(
        self,
        connection: Connected,
        renew: Callable[[], Connected],
        allowed: frozenset[int],
        once: frozenset[int],
    ) -> None:
        """See through `connection`, or what `renew` gives in its place, what stands behind `allowed`.

        `once` is as in `lines.Engine.lend`.
        """
        self.connection = connection
        self._renew = renew
        self._allowed = allowed
        self._once = once

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return not self.connection.closed

    @property
    def life(self) -> int:
        """Which life of the register is read."""
        return self.connection.life

    @property
    def in_transaction(self) -> bool:
        """Whether the snapshot was begun."""
        return self.connection.info.transaction_status in UNDER_WAY

    def execute(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Ask something."""
        return asked(self.connection, query, parameters)

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Refuse: nothing is written here."""
        raise Refused("Nothing is written through a reading connection.")

    def insert(self, table: str, rows: Collection[Sequence[Any]]) -> None:
        """Refuse: nothing is written here."""
        raise Refused("Nothing is written through a reading connection.")

    def together(self) -> AbstractContextManager[object]:
        """Do nothing: nothing is written here."""
        return nullcontext()

    def stream(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield rows."""
        yield from self.execute(query, parameters)

    def begin(self) -> None:
        """Refuse: nothing is written here."""
        raise Refused("Nothing is written through a reading connection.")

    def snapshot(self) -> None:
        """Begin to read one state of the database, as whoever the gates are open to; for this transaction alone."""
        self.look("SELECT 1")

    def look(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Begin to read, as `snapshot` does, and ask a first question in the same go."""
        try:
            return self._look(query, parameters)
        except psycopg.OperationalError:
            if self.alive:
                raise
            self.connection = self._renew()
            return self._look(query, parameters)

    def _look(self, query: str, parameters: Sequence[Any]) -> Rows:
        with self.connection.pipeline():
            self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._admit(self._allowed)
            return self.execute(query, parameters)

    @property
    def promise(self) -> str:
        """Refuse: nothing is written here."""
        raise Refused("Nothing is written through a reading connection.")

    def ring(self) -> None:
        """Refuse: nothing is written here."""
        raise Refused("Nothing is written through a reading connection.")

    def commit(self) -> None:
        """End the snapshot; with it goes what was open."""
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        """End the snapshot."""
        self.connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def latest(self) -> tuple[int, int]:
        """Return the latest positions at which anything came to stand, and ended, behind the gates."""
        question, bound = "SELECT max(newest), max(ended) FROM open_head", []
        if len(self._allowed) <= _LISTED:
            both = ", ".join(f"max({_OF_LISTED.format(column)})" for column in ("newest", "ended"))
            question, bound = f"SELECT {both} FROM unnest(?) AS listed(number)", [Numbers(self._allowed)]
        newest, ended = self.execute(question, bound).fetchone()
        return newest or 0, ended or 0

    def anything_after(self, position: int) -> bool:
        """Return whether anything came to stand behind the gates past a position."""
        outer, bound = self._outer(self._allowed, position, past=False, all_of_them=True)
        return self.execute(f"{outer} LIMIT 1", bound).fetchone() is not None

    def past(self, query: str, parameters: Sequence[Any] = ()) -> Rows:
        """Ask with the gates that once were open as well, for this one question."""
        if not self._once:
            return self.execute(query, parameters)
        with self.connection.pipeline():
            self._admit(self._allowed | self._once)
            answer = self.execute(query, parameters)
            self._admit(self._allowed)
        return answer

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
        """Return rows of each gate in the order of its index, at most a page of each, and the first of them all."""
        gates = (self._allowed | self._once if past else self._allowed).difference(but)
        if among is not None:
            gates = gates.intersection(among)
        if not gates:
            return []
        outer, first = self._outer(gates, after, past=past, all_of_them=among is None and not but)
        way = "DESC" if down else "ASC"
        # By every column: what stands at one position (links of an entry, its names) would come as a sort leaves it.
        every = ", ".join(f"{number} {way}" for number in range(1, what.count(",") + 2))
        # The limit stands in the text: a plan that is kept must know that it is small.
        query = (
            f"SELECT page.* FROM ({outer}) AS behind CROSS JOIN LATERAL"
            f" (SELECT {what} FROM {source} WHERE {gate} = behind.number AND {where} ORDER BY {order} {way}"
            f" LIMIT {int(limit)}) AS page ORDER BY {every} LIMIT {int(limit)}"
        )
        return (self.past if past else self.execute)(query, [*first, *bound]).fetchall()

    def holds(self, column: str) -> str:
        """Return the condition that a text column holds a bound text."""
        return f"strpos({column}, ?) > 0"

    def _outer(
        self, gates: frozenset[int], after: int | None, *, past: bool, all_of_them: bool
    ) -> tuple[str, list[Any]]:
        """Return which gates to look behind: those of `gates` that can hold anything past a position."""
        if after is None and len(gates) <= _LISTED:
            return "SELECT unnest(?) AS number", [Numbers(gates)]
        latest = "ended" if past else "newest"
        if after is not None and len(gates) <= _LISTED:
            newer = f"{_OF_LISTED.format(latest)} > ?"
            return f"SELECT listed.number FROM unnest(?) AS listed(number) WHERE {newer}", [Numbers(gates), after]
        heads = "SELECT h.gate AS number FROM open_head h WHERE "
        heads += f"h.{latest} > ?" if after is not None else "h.entries > 0"
        bound: list[Any] = [] if after is None else [after]
        if not all_of_them:
            return f"{heads} AND h.gate = ANY(?)", [*bound, Numbers(gates)]
        return heads, bound

    def _admit(self, gates: frozenset[int]) -> None:
        self.connection.execute("SELECT set_config('diwan.gates', $1, true)", [_bitmap(gates)])


@lru_cache(maxsize=512)
def _bitmap(gates: frozenset[int]) -> str:
    bits = bytearray(max(gates, default=-1) // 8 + 1)
    for gate in gates:
        bits[gate >> 3] |= 1 << (gate & 7)
    return bits.hex()
