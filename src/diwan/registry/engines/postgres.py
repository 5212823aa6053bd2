"""PostgreSQL 15 to 18: one write order for all processes and hosts, readers under row-level security.

Writers take the row of the last position first, so that whoever waits for it is served in turn: what commits later has
later positions, and a reader's snapshot is always the beginning of one order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import psycopg
from psycopg import errors, pq
from sqlalchemy import Connection

from diwan.registry import schema
from diwan.registry.engines import postgres_check
from diwan.registry.engines.lines import Line, Merging, Row
from diwan.registry.engines.postgres_sight import Sight
from diwan.registry.engines.postgres_wall import HOUSE, OWNER, READER, VIEWS, WRITER, lowered, raised
from diwan.registry.engines.postgres_wire import ORDER, SILENCE, Connected, Trust, Wire, adapt
from diwan.registry.shape import is_current, migrate
from diwan.terms.check import Check
from diwan.terms.errors import Refused, Unreachable
from diwan.terms.gate import World

_READERS: Final = 16
"""Reading connections of one process at most; whoever comes after waits for one."""
_LONG_SILENCE: Final = 1800.0
"""Seconds of silence after which a server is given up that may take long over one question: proofs, the word index."""

# Every question here is a chain of index look-ups.  What the planner knows is stale while a register grows, and a plan
# that was made when a table was small would go through the whole of it, for seconds, when it is large.
_WAYS: Final = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")
_PLANNED: Final = " ".join(("-c jit=off", *(f"-c enable_{way}=off" for way in _WAYS)))
_TURN, _TURNS = 2, 15
"""For how many seconds an upgrade holds everyone up while it waits for those that read, and how often it tries."""
_READS: Final = f"{_PLANNED} -c default_transaction_read_only=on"


class _Ears:
    """Listens for notifications; see `lines.Ears`."""

    def __init__(self, connection: Connected) -> None:
        self._connection = connection
        connection.execute("LISTEN diwan")

    def heard(self, seconds: float) -> bool:
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        self._connection.close()


class Postgres:
    """The register in a database of PostgreSQL; see `lines.Engine`."""

    failures: Final = (psycopg.Error, Unreachable)
    merging: Final = Merging(gate=8, entry=4)
    owns: Final = 4
    readers: Final = 5

    def __init__(self, conninfo: str, *, durable: bool = True) -> None:
        """Keep the register where `conninfo` points; it names no user: roles log in by their own names."""
        self._conninfo = conninfo
        self._durable = durable
        self._idle: list[Connected] = []
        self._places = threading.BoundedSemaphore(_READERS)
        self._trust = Trust()
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

    def survey(self) -> None:
        """Gather the planner's statistics now: the server's own round would come minutes after everyone asks."""
        tables = [f"register.{table}" for table in schema.REGISTER.tables]
        tables += [f"words.{table}" for table in schema.WORDS.tables]
        with self._owner() as connection:
            connection.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")

    def check(self) -> Iterator[Check]:
        """Look whether both walls stand, who may log in, and what a commit waits for."""
        yield from postgres_check.check(self._conninfo, self._shapes)

    def writing(self) -> Line:
        """Open a connection that writes the register."""
        return Wire(self._writer, self._trust, ORDER)

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
        if not self._places.acquire(timeout=SILENCE):
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

    def _idle_one(self) -> Connected | None:
        """Return an idle connection of which nothing bad is known, or None."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            # Unasked, a server says only that it goes.
            if connection is None or (self._trust.holds(connection) and not connection.spoken_to):
                return connection
            connection.close()

    def _reading(self) -> Connected:
        return self._connect(READER, VIEWS, _READS)

    def _renewed(self) -> Connected:
        self._trust.lose()
        return self._reading()

    def _connect(self, user: str, path: str, more: str = "", *, slow: bool = False) -> Connected:
        try:
            connection = Connected.connect(self._conninfo, **_options(user, path, more))
            self._trust.meet(connection)
        except psycopg.OperationalError as failure:
            raise Unreachable from failure
        if slow:
            connection.silence = _LONG_SILENCE
        adapt(connection)
        return connection

    def _writer(self, *, slow: bool = False) -> Connected:
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
