"""PostgreSQL 15 to 18: one write order for all processes and hosts, readers under row-level security.

Writers take the row of the last position first, so that whoever waits for it is served in turn: what commits later has
later positions, and a reader's snapshot is always the beginning of one order.
"""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.abc import PQGen
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import BytesBinaryDumper, StrBinaryDumper
from sqlalchemy import Connection, Integer, LargeBinary, Table

from diwan.registry import schema
from diwan.registry.engines import postgres_check
from diwan.registry.engines.lines import Found, Line, Row, Rows
from diwan.registry.engines.postgres_wall import HOUSE, OWNER, READER, VIEWS, WRITER, lowered, raised
from diwan.registry.shape import is_current, migrate
from diwan.terms.errors import Refused, Unreachable
from diwan.terms.gate import World

RV = TypeVar("RV")
_READERS: Final = 16
"""Reading connections of one process at most; whoever comes after waits for one."""
_LISTED: Final = 256
"""Up to so many gates are listed to find those with anything new; of more, all heads are looked through."""
_STREAMED: Final = 500
_SILENCE: Final = 20.0
"""Seconds after which a server that says nothing is given up.  One that was frozen, or whose host went away behind a
proxy, breaks no connection: whoever waited for it would wait for ever, while another server leads already."""
_LONG_SILENCE: Final = 1800.0
"""The same where one question may take long by itself: proofs, and merging the word index."""

# Every question here is a chain of index look-ups.  What the planner knows is stale while a register grows, and a plan
# that was made when a table was small would go through the whole of it, for seconds, when it is large.
_WAYS: Final = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")
_PLANNED: Final = " ".join(("-c jit=off", *(f"-c enable_{way}=off" for way in _WAYS)))
# The write order, and whether a commit under it waits for a standby's disk as well.
_ORDER: Final = (
    "SELECT CASE WHEN current_setting('synchronous_standby_names') <> ''"
    " AND current_setting('synchronous_commit') IN ('on', 'remote_apply') THEN 'standby' ELSE 'disk' END"
    " FROM state WHERE name = 'last_position' FOR UPDATE"
)
_UNDER_WAY: Final = (
    pq.TransactionStatus.INTRANS,
    pq.TransactionStatus.INERROR,
    pq.TransactionStatus.ACTIVE,
)
_TURN, _TURNS = 2, 15
"""For how many seconds an upgrade holds everyone up while it waits for those that read, and how often it tries."""
_READS: Final = f"{_PLANNED} -c default_transaction_read_only=on"


@lru_cache(maxsize=2048)
def _dollars(query: str) -> str:
    """Return the question with its bound values numbered, as this engine's protocol wants them."""
    first, *rest = query.split("?")
    return first + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))


class _Connection(psycopg.Connection[Row]):
    """A connection that gives up a server which says nothing, and remembers what it was warned of."""

    silence: float = _SILENCE

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        """Take over what was connected."""
        super().__init__(pgconn)
        self.warned = False
        self.since = time.monotonic()
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


def _asked(connection: _Connection, query: str, parameters: Sequence[Any]) -> Rows:
    """Ask; of a text with NUL, which this engine cannot even be told, there is nothing here."""
    try:
        return connection.execute(_dollars(query), parameters, binary=True)
    except psycopg.DataError:
        told = [value.replace("\0", "\uffff") if isinstance(value, str) else value for value in parameters]
        if told == list(parameters) or not query.startswith("SELECT"):
            raise
        return connection.execute(_dollars(query), told, binary=True)


class _Trust:
    """Which connections are still asked: one that broke may mean that another server leads, and all before it are old.

    Who went on asking an old one would wait as long as the first did, or be shown the past.
    """

    def __init__(self) -> None:
        """Trust every connection."""
        self._since = 0.0

    def holds(self, connection: _Connection) -> bool:
        """Return whether nothing broke since a connection was made."""
        return connection.since >= self._since

    def lose(self) -> None:
        """Trust no connection that was made before now."""
        self._since = time.monotonic()


class Wire:
    """A connection; see `lines.Line`.  One that broke is opened anew when nothing is under way on it."""

    def __init__(self, connect: Callable[[], _Connection], trust: _Trust, lock: str = "") -> None:
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
    def in_transaction(self) -> bool:
        """Whether a transaction was begun."""
        return self._connection.info.transaction_status in _UNDER_WAY

    def execute(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Ask or change something."""
        if self._under_way:
            return _asked(self._connection, query, parameters)
        answer: Rows = self._again(lambda connection: _asked(connection, query, parameters))
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

        def start(connection: _Connection) -> Rows:
            with connection.pipeline():
                connection.execute("BEGIN")
                return connection.execute(self._lock)

        answer: Rows = self._again(start)
        self._under_way = True
        if self._lock == _ORDER:
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

    def _again(self, ask: Callable[[_Connection], Any]) -> Any:
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


class Sight:
    """A lent reading connection; see `lines.Pages`."""

    joined: Final = "JOIN"

    def __init__(
        self,
        connection: _Connection,
        renew: Callable[[], _Connection],
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
    def in_transaction(self) -> bool:
        """Whether the snapshot was begun."""
        return self.connection.info.transaction_status in _UNDER_WAY

    def execute(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Ask something."""
        return _asked(self.connection, query, parameters)

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
        try:
            self._look()
        except psycopg.OperationalError:
            if self.alive:
                raise
            self.connection = self._renew()
            self._look()

    def _look(self) -> None:
        with self.connection.pipeline():
            self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._admit(self._allowed)

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
            return "SELECT unnest(?) AS number", [_Numbers(gates)]
        heads = "SELECT h.gate AS number FROM open_head h WHERE "
        heads += f"h.{'ended' if past else 'newest'} > ?" if after is not None else "h.entries > 0"
        bound: list[Any] = [] if after is None else [after]
        if len(gates) <= _LISTED or not all_of_them:
            return f"{heads} AND h.gate = ANY(?)", [*bound, _Numbers(gates)]
        return heads, bound

    def _admit(self, gates: frozenset[int]) -> None:
        self.connection.execute("SELECT set_config('diwan.gates', $1, true)", [_bitmap(gates)])


@lru_cache(maxsize=512)
def _bitmap(gates: frozenset[int]) -> str:
    bits = bytearray(max(gates, default=-1) // 8 + 1)
    for gate in gates:
        bits[gate >> 3] |= 1 << (gate & 7)
    return bits.hex()


class _Ears:
    """Listens for notifications; see `lines.Ears`."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        connection.execute("LISTEN diwan")

    def heard(self, seconds: float) -> bool:
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        self._connection.close()


class Postgres:
    """The register in a database of PostgreSQL; see `lines.Engine`."""

    failures: Final = (psycopg.Error, Unreachable)
    window: Final = 4
    owns: Final = 4

    def __init__(self, conninfo: str, *, durable: bool = True) -> None:
        """Keep the register where `conninfo` points; it names no user: roles log in by their own names."""
        self._conninfo = conninfo
        self._durable = durable
        self._idle: list[_Connection] = []
        self._places = threading.BoundedSemaphore(_READERS)
        self._trust = _Trust()
        self._closed = False
        self._lock = threading.Lock()

    def is_full(self, failure: BaseException) -> bool:
        """Return whether a failure says that there is no room on the server's disk."""
        return isinstance(failure, psycopg.errors.DiskFull)

    def name_of(self, failure: BaseException) -> str:
        """Return the engine's own short name of a failure: its SQLSTATE."""
        return str(getattr(failure, "sqlstate", None) or type(failure).__name__)

    def there(self) -> bool:
        """Return whether a register was ever begun here."""
        return self.shapes()[0] is not None

    def ready(self) -> None:
        """See that the register has the shape that this software works with; an empty database is laid out.

        An older shape is not changed by opening it: other hosts may run the software that made it.
        """
        for name, shape, compatible in self._shapes():
            if shape is None:
                self.upgrade()
                return
            if not is_current(f"The {name} in PostgreSQL", shape, compatible):
                raise Refused(
                    f"The {name} in PostgreSQL has shape {shape}, and this version of Diwan works with a later one."
                    " Nothing was changed; `diwan db upgrade` brings it there."
                )

    def shapes(self) -> tuple[str | None, str | None]:
        """Return the shapes of register and word index."""
        (_, register, _), (_, words, _) = self._shapes()
        return register, words

    def upgrade(self) -> None:
        """Bring register and word index to the present shape and raise the walls anew, whole or not at all."""
        from sqlalchemy import NullPool, create_engine  # noqa: PLC0415 -- slow import, when the shape changes alone
        from sqlalchemy.exc import OperationalError  # noqa: PLC0415 -- as above

        for name, shape, compatible in self._shapes():
            is_current(f"The {name} in PostgreSQL", shape, compatible)
        engine = create_engine("postgresql+psycopg://", creator=self._owner, poolclass=NullPool)
        for _ in range(_TURNS):
            try:
                with engine.begin() as connection:
                    _lay(connection)
                return
            except OperationalError as failure:
                if not isinstance(failure.orig, (errors.LockNotAvailable, errors.DeadlockDetected)):
                    raise
        raise Refused(
            f"Someone reads the register in PostgreSQL for longer than {_TURNS * _TURN} seconds, a backup or a proof."
            " Nothing was changed; upgrade when that is done."
        )

    def check(self) -> Iterator[Found]:
        """Look whether both walls stand, who may log in, and what a commit waits for."""
        yield from postgres_check.check(self._conninfo, self._shapes)

    def writing(self) -> Line:
        """Open a connection that writes the register."""
        return Wire(self._writer, self._trust, _ORDER)

    def writing_words(self) -> Line:
        """Open a connection that writes the word index."""
        return Wire(partial(self._writer, slow=True), self._trust, "LOCK TABLE segment IN EXCLUSIVE MODE")

    def own(self) -> Line:
        """Open the house's own reading connection."""
        return Wire(partial(self._connect, HOUSE, "register", "-c default_transaction_read_only=on"), self._trust)

    def whole(self) -> Line:
        """Open a connection that reads everything: as the writer, who sees it, and with a scratch table of its own."""
        return Wire(partial(self._connect, WRITER, "register,words", slow=True), self._trust)

    def ears(self) -> _Ears:
        """Listen for what any process commits to the register."""
        return _Ears(self._connect(HOUSE, "register"))

    def lend(self, number: int, world: World, allowed: frozenset[int], once: frozenset[int]) -> Sight:
        """Lend any idle connection: what is open is said in the transaction, and forgotten with it."""
        if not self._places.acquire(timeout=_SILENCE):
            raise Unreachable
        try:
            return Sight(self._idle_one() or self._reading(), self._renewed, allowed, once)
        except BaseException:
            self._places.release()
            raise

    def take_back(self, pages: Sight) -> None:
        """Take back what was lent."""
        connection = pages.connection
        if connection.info.transaction_status == pq.TransactionStatus.IDLE and not self._closed:
            with self._lock:
                self._idle.append(connection)
        else:
            connection.close()
            self._trust.lose()
        self._places.release()

    def close(self) -> None:
        """Close every connection that is not lent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _idle_one(self) -> _Connection | None:
        """Return an idle connection of which nothing bad is known, or None."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            # Unasked, a server says only that it goes.
            if connection is None or (self._trust.holds(connection) and not connection.spoken_to):
                return connection
            connection.close()

    def _reading(self) -> _Connection:
        return self._connect(READER, VIEWS, _READS)

    def _renewed(self) -> _Connection:
        self._trust.lose()
        return self._reading()

    def _connect(self, user: str, path: str, more: str = "", *, slow: bool = False) -> _Connection:
        try:
            connection = _Connection.connect(self._conninfo, **_options(user, path, more))
        except psycopg.OperationalError as failure:
            raise Unreachable from failure
        if slow:
            connection.silence = _LONG_SILENCE
        _adapt(connection)
        return connection

    def _writer(self, *, slow: bool = False) -> _Connection:
        durable = f"-c synchronous_commit={'on' if self._durable else 'off'}"
        return self._connect(WRITER, "register,words", f"{_PLANNED} {durable}", slow=slow)

    def _owner(self) -> psycopg.Connection[Row]:
        return psycopg.connect(self._conninfo, user=OWNER)

    def _shapes(self) -> Iterator[tuple[str, str | None, int | None]]:
        try:
            connection = psycopg.connect(self._conninfo, user=WRITER, autocommit=True)
        except psycopg.OperationalError as failure:
            raise Unreachable from failure
        with connection:
            for name, title in (("register", "register"), ("words", "word index")):
                shape = works = None
                (there,) = connection.execute(f"SELECT to_regclass('{name}.shape')").fetchone() or (None,)
                if there is not None:
                    (shape,) = connection.execute(f"SELECT version_num FROM {name}.shape").fetchone() or (None,)
                (told,) = connection.execute("SELECT to_regclass('register.state')").fetchone() or (None,)
                if told is not None:
                    (works,) = connection.execute(
                        "SELECT value FROM register.state WHERE name = 'compatible'"
                    ).fetchone() or (None,)
                yield title, shape, works


def _lay(connection: Connection) -> None:
    """Bring register and word index to the present shape and raise the walls anew, within one transaction."""
    # Two hosts that begin one register would trip over each other.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('diwan upgrade'))")
    if connection.exec_driver_sql("SELECT to_regclass('register.state')").scalar() is not None:
        # Whoever reads or writes looks into this table first, so who comes now waits here, holding nothing that is
        # wanted below; and nobody waits longer for an upgrade than it may wait for whoever is reading.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_TURN}s'")
        connection.exec_driver_sql("LOCK TABLE register.state IN ACCESS EXCLUSIVE MODE")
    for name in ("register", "words"):
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {name}")
    for statement in lowered():
        connection.exec_driver_sql(statement)
    for name in ("register", "words"):
        connection.exec_driver_sql(f"SET LOCAL search_path = {name}")
        migrate(connection, words=name == "words")
    for statement in raised():
        connection.exec_driver_sql(statement)


def _options(user: str, path: str, more: str) -> dict[str, Any]:
    return {
        "user": user,
        "autocommit": True,
        "cursor_factory": psycopg.RawCursor,
        "options": f"-c search_path={path} {more}",
        "application_name": "diwan",
    }


def _adapt(connection: psycopg.Connection[Row]) -> None:
    # One type for every whole number: a statement is prepared for the types it was sent with.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    for dumper in (_NumbersDumper, _TextsDumper, _BytesDumper):
        connection.adapters.register_dumper(dumper.of, dumper)
    connection.prepare_threshold = 2


class _Numbers(list[Any]):
    """Whole numbers that go over as one array."""


class _Texts(list[Any]):
    """Texts that go over as one array."""


class _Bytes(list[Any]):
    """Byte strings that go over as one array."""


class _NumbersDumper(ListBinaryDumper):
    of: type[list[Any]] = _Numbers
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
    return _Numbers if isinstance(kind, Integer) else _Texts


_INSERT: Final = {
    table.name: _inserting(table) for table in (*schema.REGISTER.sorted_tables, *schema.WORDS.sorted_tables)
}
