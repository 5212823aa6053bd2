"""A connection to PostgreSQL in the registry's own words, and how one knows that it is no longer to be asked."""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper, StrBinaryDumper
from sqlalchemy import Integer, LargeBinary, Table

from diwan.registry import schema
from diwan.registry.engines.lines import Row, Rows

RV = TypeVar("RV")
_STREAMED: Final = 500
SILENCE: Final = 20.0
"""Seconds after which a server that says nothing is given up.  One that was frozen, or whose host went away behind a
proxy, breaks no connection: whoever waited for it would wait for ever, while another server leads already."""
# The write order, and whether a commit under it waits for a standby's disk as well.
ORDER: Final = (
    "SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''"
    " AND current_setting('synchronous_commit') IN ('on', 'remote_apply') THEN 'standby' ELSE 'disk' END"
    " FROM state WHERE name = 'last_position' FOR UPDATE"
)
# A server that is started anew, another one that took over, a database made anew: whatever may have lost something.
_WHICH: Final = (
    "SELECT extract(epoch FROM pg_postmaster_start_time())::text, oid FROM pg_database"
    " WHERE datname = current_database()"
)
UNDER_WAY: Final = (
    pq.TransactionStatus.INTRANS,
    pq.TransactionStatus.INERROR,
    pq.TransactionStatus.ACTIVE,
)


@lru_cache(maxsize=2048)
def _dollars(query: str) -> str:
    """Return the question with its bound values numbered, as this engine's protocol wants them."""
    first, *rest = query.split("?")
    return first + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))


class Connected(psycopg.Connection[Row]):
    """A connection that gives up a server which says nothing, and remembers what it was warned of."""

    silence: float = SILENCE

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        """Take over what was connected."""
        super().__init__(pgconn)
        self.warned = False
        self.since = time.monotonic()
        self.life = 0
        self.add_notice_handler(self._heed)

    @property
    def spoken_to(self) -> bool:
        """Whether the server has said something that was not asked for."""
        with selectors.DefaultSelector() as ears:
            ears.register(self.fileno(), selectors.EVENT_READ)
            return bool(ears.select(0))

    def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:
        """Wait for an answer."""
        return super().wait(self._heard(gen), *args, **options)

    def _heard(self, gen: PQGen[RV]) -> PQGen[RV]:
        until = time.monotonic() + self.silence
        try:
            wants = next(gen)
            while True:
                ready = yield wants
                if ready:
                    until = time.monotonic() + self.silence
                elif time.monotonic() > until:
                    self.close()
                    raise psycopg.OperationalError(f"The server said nothing for {self.silence:.0f} seconds.")
                wants = gen.send(ready)
        except StopIteration as done:
            answer: RV = done.value
            return answer

    def _heed(self, notice: psycopg.errors.Diagnostic) -> None:
        self.warned |= notice.severity_nonlocalized == "WARNING"


def asked(connection: Connected, query: str, parameters: Sequence[Any]) -> Rows:
    """Ask; of a text with NUL, which this engine cannot even be told, there is nothing here."""
    try:
        return connection.execute(_dollars(query), parameters, binary=True)
    except psycopg.DataError:
        told = [value.replace("\0", "\uffff") if isinstance(value, str) else value for value in parameters]
        if told == list(parameters) or not query.startswith("SELECT"):
            raise
        return connection.execute(_dollars(query), told, binary=True)


class Trust:
    """Which connections are still asked: one that broke may mean that another server leads, and all before it are old.

    Who went on asking an old one would wait as long as the first did, or be shown the past.
    """

    def __init__(self) -> None:
        """Trust every connection."""
        self._since = 0.0
        self._server: Row | None = None
        self._life = 0
        self._lock = threading.Lock()

    def meet(self, connection: Connected) -> None:
        """Learn whether a new connection found the server that answered before: if not, a new life begins with it."""
        server = connection.execute(_WHICH).fetchone()
        with self._lock:
            if server != self._server:
                self._server = server
                self._life += 1
            connection.life = self._life

    def holds(self, connection: Connected) -> bool:
        """Return whether nothing broke since a connection was made, and no other server was met."""
        return connection.since >= self._since and connection.life == self._life

    def lose(self) -> None:
        """Trust no connection that was made before now."""
        self._since = time.monotonic()


class Wire:
    """A connection; see `lines.Line`.  One that broke is opened anew when nothing is under way on it."""

    def __init__(self, connect: Callable[[], Connected], trust: Trust, lock: str = "") -> None:
        """Connect by `connect` and as far as `trust` goes; `lock` is what a writer asks first."""
        self._connect = connect
        self._trust = trust
        self._lock = lock
        self.promise = "disk"
        self._connection = connect()
        self._under_way = False

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return not self._connection.closed

    @property
    def life(self) -> int:
        """Which life of the register was read last."""
        return self._connection.life

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction was begun."""
        return self._connection.info.transaction_status in UNDER_WAY

    def execute(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Ask or change something."""
        if self._under_way:
            return asked(self._connection, query, parameters)
        answer: Rows = self._again(lambda connection: asked(connection, query, parameters))
        return answer

    def executemany(self, query: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Change something once for each row of values, without waiting in between."""
        left = iter(rows)
        with self._connection.cursor() as cursor:
            while some := list(islice(left, _STREAMED)):  # what yields the rows may ask questions of its own
                cursor.executemany(_dollars(query), some)
            return cursor

    def insert(self, table: str, rows: Collection[Sequence[Any]]) -> None:
        """Write whole rows into a table: each column goes over as one array.

        COPY is refused to a role that row policies apply to, and the writer is none that passes them by.
        """
        if rows:
            query, kinds = _INSERT[table]
            columns = zip(kinds, zip(*rows, strict=True), strict=True)
            self._connection.execute(query, [kind(column) for kind, column in columns])

    def together(self) -> AbstractContextManager[object]:
        """Send what is written meanwhile in one go."""
        return self._connection.pipeline()

    def stream(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield rows as they are read."""
        if not self._under_way:
            yield from self.execute(query, parameters)
            return
        with psycopg.RawServerCursor(self._connection, f"stream_{threading.get_ident()}_{id(parameters)}") as cursor:
            cursor.itersize = _STREAMED
            cursor.execute(_dollars(query), parameters)
            yield from cursor

    def begin(self) -> None:
        """Take the write order."""

        def start(connection: Connected) -> Rows:
            with connection.pipeline():
                connection.execute("BEGIN")
                return connection.execute(self._lock)

        answer: Rows = self._again(start)
        self._under_way = True
        if self._lock == ORDER:
            (self.promise,) = answer.fetchone()

    def snapshot(self) -> None:
        """Begin to read one state of the database."""
        self._again(lambda connection: connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ"))
        self._under_way = True

    def ring(self) -> None:
        """Notify whoever listens, at the commit."""
        self._connection.execute("NOTIFY diwan")

    def commit(self) -> None:
        """End the transaction; it is durable as `synchronous_commit` says, with the standbys that it names."""
        self._under_way = False
        connection, connection.warned = self._connection, False
        try:
            said = connection.execute("COMMIT").statusmessage
        except psycopg.OperationalError:
            # Whatever it was: this connection will not tell whether the commit came first.
            connection.close()
            raise
        if connection.warned:
            # A wait for the standby that is cut short is answered as if it were durable there, with a warning.
            connection.close()
            raise psycopg.OperationalError("The server committed, but did not wait until a standby had it.")
        if said != "COMMIT":
            raise psycopg.DatabaseError(f"The server answered {said} to a commit. Nothing was written.")

    def rollback(self) -> None:
        """End the transaction; nothing of it was written."""
        self._under_way = False
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _again(self, ask: Callable[[Connected], Any]) -> Any:
        """Ask something that may be asked twice: nothing is under way, so a broken connection loses nothing."""
        if not self._connection.closed and self._trust.holds(self._connection):
            try:
                return ask(self._connection)
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
        if self._connection.closed:
            self._trust.lose()
        self._connection.close()
        self._connection = self._connect()
        return ask(self._connection)


def adapt(connection: psycopg.Connection[Row]) -> None:
    """Teach a connection how values go over, and to prepare what it is asked again."""
    # One type for every whole number: a statement is prepared for the types it was sent with.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    for dumper in (_NumbersDumper, _TextsDumper, _BytesDumper):
        connection.adapters.register_dumper(dumper.of, dumper)
    connection.prepare_threshold = 2


class Numbers(list[Any]):
    """Whole numbers that go over as one array."""


class _Texts(list[Any]):
    """Texts that go over as one array."""


class _Bytes(list[Any]):
    """Byte strings that go over as one array."""


class _NumbersDumper(ListBinaryDumper):
    of: type[list[Any]] = Numbers
    oid = types["int8"].array_oid
    sub: type[Dumper] = Int8BinaryDumper

    def __init__(self, cls: type, context: Any = None) -> None:
        super().__init__(cls, context)
        self.sub_dumper = self.sub(cls, context)


class _TextsDumper(_NumbersDumper):
    of = _Texts
    oid = types["text"].array_oid
    sub = StrBinaryDumper


class _BytesDumper(_NumbersDumper):
    of = _Bytes
    oid = types["bytea"].array_oid
    sub = BytesBinaryDumper


def _inserting(table: Table) -> tuple[str, list[type[list[Any]]]]:
    kinds = [_kind(column.type) for column in table.columns]
    arrays = ", ".join(f"${number}" for number, _ in enumerate(kinds, 1))
    columns = ", ".join(column.name for column in table.columns)
    return f"INSERT INTO {table.name}({columns}) SELECT * FROM unnest({arrays})", kinds


def _kind(kind: object) -> type[list[Any]]:
    if isinstance(kind, LargeBinary):
        return _Bytes
    return Numbers if isinstance(kind, Integer) else _Texts


_INSERT: Final = {
    table.name: _inserting(table) for table in (*schema.REGISTER.sorted_tables, *schema.WORDS.sorted_tables)
}
