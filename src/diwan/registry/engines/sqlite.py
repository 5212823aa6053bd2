"""SQLite: one writing connection, and reading connections that can see released entries and nothing else.

The wall: a reading connection is read-only; its gates lie in a temporary table; every view filters by them under a
secret name; an authorizer refuses whatever does not come through those views.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from diwan.registry import schema
from diwan.registry.engines.lines import Found, Line, Row, Rows
from diwan.registry.shape import SHAPE, is_current, migrate
from diwan.terms.errors import Refused
from diwan.terms.gate import World

REGISTER: Final = "register.db"
WORDS: Final = "words.db"

_ALLOWED: Final = "IN (SELECT gate FROM temp.allowed)"
_EVER: Final = "IN (SELECT gate FROM temp.ever)"

_VERSION: Final = (
    "a.value, a.gate, a.originator, a.version, a.since, a.written, a.content,"
    " (SELECT i.id FROM main.stand s JOIN main.item i ON i.number = s.item WHERE s.since = a.since) AS id,"
    " (SELECT p.data FROM main.part p WHERE p.number = a.part) AS data"
)

# What a reading connection offers, by name.  A view without a gate filter holds nothing of any item.  What a question
# may leave unused is a sub-select and not a join: SQLite asks leave to count the rows of a joined table it reads no
# column of, and that leave is what the wall never gives.
_VIEWS: Final = {
    "fact": "SELECT name, value FROM main.state WHERE name IN ('rules', 'gates', 'moves', 'stands', 'shut')",
    "milestone": "SELECT since FROM main.mile",
    "open_gate": f"SELECT number AS gate, value FROM main.gate WHERE number {_ALLOWED}",
    "open_head": f"SELECT gate, entries, newest, ended FROM main.head WHERE gate {_ALLOWED}",
    "open_counter": f"SELECT gate, kind, entries FROM main.counter WHERE gate {_ALLOWED}",
    "by_gate": "SELECT since, item, gate, revision FROM main.stand INDEXED BY stand_open"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "by_time": "SELECT since, item, gate, revision FROM main.stand NOT INDEXED"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "by_item": "SELECT since, item, gate, revision FROM main.stand INDEXED BY stand_item"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "ended": f"SELECT until, item FROM main.stand INDEXED BY stand_closed WHERE until IS NOT NULL AND gate {_EVER}",
    "stood": f"SELECT item, gate, since, until, revision FROM main.stand WHERE gate {_EVER}",
    "once_named": "SELECT number AS item, originator, id, kind FROM main.item i WHERE EXISTS"
    f" (SELECT 1 FROM main.stand s WHERE s.item = i.number AND s.gate {_EVER})",
    "named": "SELECT number AS item, originator, id, parent FROM main.item i WHERE EXISTS"
    f" (SELECT 1 FROM main.stand s WHERE s.item = i.number AND s.until IS NULL AND s.gate {_ALLOWED})",
    "child": "SELECT i.parent, s.since, s.revision, s.gate FROM main.item i JOIN main.stand s ON s.item = i.number"
    f" WHERE i.parent IS NOT NULL AND s.until IS NULL AND s.gate {_ALLOWED}",
    "text": "SELECT r.position, r.item, r.rev, r.gate, r.originator, r.id, r.kind, r.entered, r.title, r.author,"
    " r.brief, (SELECT l.value FROM main.label l WHERE l.number = r.label) AS label FROM main.revision r"
    f" WHERE r.gate {_ALLOWED}",
    "filed": f"SELECT r.position, r.terms FROM main.revision r WHERE r.gate {_ALLOWED}",
    "sealed": "SELECT r.position, r.header, r.stub, r.leaf, r.path, r.stub_path, b.kid, b.size, b.signature, b.promise,"
    " k.public FROM main.revision r JOIN main.batch b ON b.number = r.batch"
    f" JOIN main.signing_key k ON k.kid = b.kid WHERE r.gate {_ALLOWED}",
    "bytes": "SELECT p.item, p.digest, p.name, p.media_type, p.salt, coalesce(p.data, (SELECT o.data FROM main.part o"
    " WHERE o.number = p.same_as)) AS data FROM main.part p WHERE EXISTS"
    f" (SELECT 1 FROM main.revision r WHERE r.item = p.item AND r.gate {_ALLOWED})",
    "also_known": "SELECT value, gate, originator, version, since, written, content FROM main.alias"
    f" WHERE gate {_ALLOWED}",
    "version_by_time": f"SELECT {_VERSION} FROM main.alias a INDEXED BY alias_since"
    f" WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "version_by_gate": f"SELECT {_VERSION} FROM main.alias a INDEXED BY alias_version"
    f" WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "version_by_name": f"SELECT {_VERSION} FROM main.alias a WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "pointer": f"SELECT value, gate, since, relation FROM main.link WHERE gate {_ALLOWED}",
    "mentioned": f"SELECT value, gate, since FROM main.mention WHERE gate {_ALLOWED}",
    "mentioned_by_gate": f"SELECT value, gate, since FROM main.mention NOT INDEXED WHERE gate {_ALLOWED}",
    "mentioned_by_time": f"SELECT value, gate, since FROM main.mention INDEXED BY mention_time WHERE gate {_ALLOWED}",
    "fresh_words": f"SELECT since, gate, terms FROM main.tail WHERE gate {_ALLOWED}",
    "segments": "SELECT number, low, high FROM words.segment",
    "common": "SELECT segment, term, postings FROM words.common_term",
    "words_by_gate": f"SELECT segment, term, gate, since FROM words.posting_by_gate WHERE gate {_ALLOWED}",
    "words_by_time": f"SELECT segment, term, gate, since FROM words.posting_by_time WHERE gate {_ALLOWED}",
}

# Tables that hold nothing of any item: to count their rows is no secret.
_PLAIN: Final = frozenset({"state", "mile", "segment", "common_term"})

# What the house reads for itself: the rules, the keys, the audit log, and who is who.
_OWN: Final = frozenset({"state", "policy", "membership", "signing_key", "leaf", "node", "account", "ticket", "note"})

_FREE: Final = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_RECURSIVE)


_INSERT: Final = {
    table.name: f"INSERT INTO {table.name}({', '.join(column.name for column in table.columns)})"
    f" VALUES({','.join('?' * len(table.columns))})"
    for table in (*schema.REGISTER.sorted_tables, *schema.WORDS.sorted_tables)
}
_KEPT: Final = 32
"""Reading connections kept ready; beyond them, one is lent with its wall moved, which is quicker than building one."""


class File(sqlite3.Connection):
    """A connection to one file, in the registry's own words; see `lines.Line`."""

    @property
    def alive(self) -> bool:
        """Whether the connection stands: to a file it always does."""
        return True

    def insert(self, table: str, rows: Collection[Sequence[Any]]) -> None:
        """Write whole rows into a table."""
        self.executemany(_INSERT[table], rows)

    def together(self) -> AbstractContextManager[object]:
        """Do nothing: there is no way to wait for."""
        return nullcontext()

    def stream(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield rows as they are read."""
        yield from self.execute(query, parameters)

    def begin(self) -> None:
        """Take the write lock of the file, whoever else writes."""
        self.execute("BEGIN IMMEDIATE")

    def snapshot(self) -> None:
        """Begin to read one state of the file."""
        self.execute("BEGIN")

    promise: Final = "disk"

    def ring(self) -> None:
        """Do nothing: whoever listens sees that the file was changed."""


def writing_connection(file: Path, *, synchronous: str = "FULL", cache: int = 32) -> File:
    """Open the one connection that writes `file`: WAL, an fsync per commit, patient with other writers.

    `cache` is in MiB.
    """
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=60, factory=File)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute(f"PRAGMA cache_size=-{cache * 1024}")
    connection.execute("PRAGMA secure_delete=ON")
    # A batch of 500 objects fills the default thousand pages: its commit then waited for a checkpoint as well.
    connection.execute("PRAGMA wal_autocheckpoint=8192")
    # What a merge of the word index once needed is given back to the disk.
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class Pages(File):
    """A reading connection: it can see what stands behind its gates, and refuses everything else."""

    allowed: frozenset[int] = frozenset()
    once: frozenset[int] = frozenset()
    place: tuple[int, World]
    """Whose wall it is."""

    _moves: bool = False
    _unsaid: str = ""
    """What stands in a question that moves the wall: one that was prepared once is asked again without leave."""

    def raise_wall(self) -> None:
        """Lay the views under secret names and let nothing through but them."""
        nonce, self._unsaid = secrets.token_hex(8), secrets.token_hex(8)
        for name, select in _VIEWS.items():
            self.execute(f"CREATE TEMP VIEW {name}_{nonce} AS {select}")
            self.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {name}_{nonce}")
        inner = {f"{name}_{nonce}": name for name in _VIEWS}

        def authorize(action: int, table: str | None, _: str | None, __: str | None, source: str | None) -> int:
            if action in _FREE or self._moves:
                return sqlite3.SQLITE_OK
            through = action == sqlite3.SQLITE_READ and (
                source in inner or table in _VIEWS or table in _PLAIN or (table in inner and source == inner[table])
            )
            return sqlite3.SQLITE_OK if through else sqlite3.SQLITE_DENY

        self.set_authorizer(authorize)

    joined: Final = "CROSS JOIN"

    def look(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Begin to read and ask a first question."""
        self.snapshot()
        return self.execute(query, parameters)

    def latest(self) -> tuple[int, int]:
        """Return the latest positions at which anything came to stand, and ended, behind the gates."""
        newest, ended = self.execute("SELECT max(newest), max(ended) FROM open_head").fetchone()
        return newest or 0, ended or 0

    def anything_after(self, position: int) -> bool:
        """Return whether anything came to stand behind the gates past a position."""
        return self.execute("SELECT 1 FROM open_head WHERE newest > ? LIMIT 1", [position]).fetchone() is not None

    def past(self, query: str, parameters: Sequence[Any] = ()) -> Rows:
        """Ask about what stood behind gates that are or once were open: its views see them by themselves."""
        return self.execute(query, parameters)

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
        """Return rows gate by gate in order: of a list of gates this engine merges by itself."""
        only = "" if among is None else f" AND {gate} IN ({','.join('?' * len(among))})"
        beside = f" AND {gate} NOT IN ({','.join('?' * len(but))})" if but else ""
        return self.execute(
            f"SELECT {what} FROM {source} WHERE {where}{only}{beside}"
            f" ORDER BY {order} {'DESC' if down else 'ASC'} LIMIT ?",
            [*bound, *(among or ()), *but, limit],
        ).fetchall()

    def holds(self, column: str) -> str:
        """Return the condition that a text column holds a bound text."""
        return f"instr({column}, ?)"

    def admit(self, allowed: Collection[int], once: Collection[int]) -> None:
        """Move the wall to these gates and no others; only ever called by whoever lends this connection.

        Where that fails the connection is not to be lent: it stands between two walls.  The authorizer stays where it
        is, for without it every question would have to be prepared anew.
        """
        self._moves = True
        try:
            self.fill(allowed, once)
        finally:
            self._moves = False

    def fill(self, allowed: Collection[int], once: Collection[int]) -> None:
        """Write gate numbers into the connection's own temporary tables, in place of those that stood there."""
        now, before = (frozenset(allowed), frozenset((*allowed, *once))), (self.allowed, self.allowed | self.once)
        self.execute("BEGIN")
        for table, wanted, stood in zip(("allowed", "ever"), now, before, strict=True):
            gone, come = ([(gate,) for gate in gates] for gates in (stood - wanted, wanted - stood))
            self.executemany(f"DELETE FROM temp.{table} WHERE gate=? -- {self._unsaid}", gone)
            self.executemany(f"INSERT INTO temp.{table} VALUES(?) -- {self._unsaid}", come)
        self.execute("COMMIT")
        self.allowed, self.once = frozenset(allowed), frozenset(once)


def reading_connection(folder: Path, allowed: Collection[int], once: Collection[int]) -> Pages:
    """Open a connection that can see what stands behind the gates `allowed`.

    `once` are gates that were open to the reader before: what stands there shows only as having been withdrawn.
    """
    pages = sqlite3.connect(
        f"file:{folder / REGISTER}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=60,
        factory=Pages,
        cached_statements=256,
    )
    pages.execute("ATTACH DATABASE ? AS words", [f"file:{folder / WORDS}?mode=ro"])
    pages.execute("PRAGMA cache_size=-8192")
    pages.execute("PRAGMA temp_store=MEMORY")
    pages.execute("CREATE TEMP TABLE allowed(gate INTEGER PRIMARY KEY)")
    pages.execute("CREATE TEMP TABLE ever(gate INTEGER PRIMARY KEY)")
    pages.fill(allowed, once)
    pages.raise_wall()
    return pages


def whole_connection(folder: Path) -> File:
    """Open a connection that reads everything and writes nothing."""
    return sqlite3.connect(
        f"file:{folder / REGISTER}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=60,
        factory=File,
    )


def own_connection(folder: Path) -> File:
    """Open the house's own reading connection: it refuses every table that holds anything of an item."""
    pages = whole_connection(folder)

    def authorize(action: int, table: str | None, _: str | None, __: str | None, ___: str | None) -> int:
        own = action in _FREE or (action == sqlite3.SQLITE_READ and table in _OWN)
        return sqlite3.SQLITE_OK if own else sqlite3.SQLITE_DENY

    pages.set_authorizer(authorize)
    return pages


class _Ears:
    """Looks ten times a second whether another connection changed the file; see `lines.Ears`."""

    def __init__(self, folder: Path) -> None:
        self._line = whole_connection(folder)
        self._known = self._version()

    def heard(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._known == self._version():
            if time.monotonic() >= until:
                return False
            time.sleep(0.1)
        self._known = self._version()
        return True

    def close(self) -> None:
        self._line.close()

    def _version(self) -> int:
        return int(self._line.execute("PRAGMA data_version").fetchone()[0])


class Sqlite:
    """The register in two files of a folder; see `lines.Engine`."""

    failures: Final = (sqlite3.Error,)
    window: Final = 2
    owns: Final = 1

    def __init__(self, folder: Path, *, synchronous: str = "FULL") -> None:
        """Keep the register in `folder`."""
        self._folder = folder
        self._synchronous = synchronous
        self._idle: list[Pages] = []
        """Those used last stand last."""
        self._lent = 0
        self._closed = False
        self._lock = threading.Lock()

    def is_full(self, failure: BaseException) -> bool:
        """Return whether a failure says that there is no room on the disk."""
        return getattr(failure, "sqlite_errorname", "") == "SQLITE_FULL"

    def name_of(self, failure: BaseException) -> str:
        """Return the engine's own short name of a failure."""
        return str(getattr(failure, "sqlite_errorname", type(failure).__name__))

    def there(self) -> bool:
        """Return whether the folder holds a register."""
        return (self._folder / REGISTER).exists()

    def ready(self) -> None:
        """Bring the files to the present shape, creating them where there are none."""
        _, works = _shape_of(self._folder / REGISTER)
        for name in (REGISTER, WORDS):
            file = self._folder / name
            if not is_current(str(file), _shape_of(file)[0], works):
                _migrate(file, words=name == WORDS)

    def shapes(self) -> tuple[str | None, str | None]:
        """Return the shapes of both files."""
        return _shape_of(self._folder / REGISTER)[0], _shape_of(self._folder / WORDS)[0]

    def upgrade(self) -> None:
        """Bring the files to the present shape: the same as opening them."""
        self.ready()

    def survey(self) -> None:
        """Do nothing: plans here follow from the questions alone."""

    def check(self) -> Iterator[Found]:
        """Look at both files, page by page."""
        for title, name in (("register", REGISTER), ("word index", WORDS)):
            yield _sound(title, self._folder / name)

    def writing(self) -> Line:
        """Open a connection that writes the register."""
        return writing_connection(self._folder / REGISTER, synchronous=self._synchronous)

    def writing_words(self) -> Line:
        """Open a connection that writes the word index.

        As durable as the register: what is cleared from its tail must never be lost here.
        """
        return writing_connection(self._folder / WORDS, cache=8)

    def own(self) -> Line:
        """Open the house's own reading connection."""
        return own_connection(self._folder)

    def whole(self) -> Line:
        """Open a connection that reads everything."""
        return whole_connection(self._folder)

    def ears(self) -> _Ears:
        """Listen for what any process commits to the register."""
        return _Ears(self._folder)

    def lend(self, number: int, world: World, allowed: frozenset[int], once: frozenset[int]) -> Pages:
        """Lend a connection that is walled for this reader class already, or another whose wall is moved there."""
        pages = self._idle_one((number, world))
        try:
            if pages is None:
                pages = reading_connection(self._folder, allowed, once)
            elif (pages.allowed, pages.once) != (allowed, once):
                pages.admit(allowed, once)
        except BaseException:
            self._drop(pages)
            raise
        pages.place = number, world
        return pages

    def take_back(self, pages: Pages) -> None:
        """Keep a connection for the next that asks, if no more than some are kept and nothing is under way on it."""
        with self._lock:
            keep = len(self._idle) < _KEPT and not pages.in_transaction and not self._closed
            if keep:
                self._idle.append(pages)
                self._lent -= 1
        if not keep:
            self._drop(pages)

    def close(self) -> None:
        """Close every connection that is not lent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for pages in idle:
            pages.close()

    def _idle_one(self, place: tuple[int, World]) -> Pages | None:
        """Return an idle connection of a class, or, once as many are kept as may be, that not used for longest."""
        with self._lock:
            self._lent += 1
            for number in range(len(self._idle) - 1, -1, -1):
                if self._idle[number].place == place:
                    return self._idle.pop(number)
            return self._idle.pop(0) if self._idle and len(self._idle) + self._lent > _KEPT else None

    def _drop(self, pages: Pages | None) -> None:
        with self._lock:
            self._lent -= 1
        if pages is not None:
            pages.close()


def _sound(title: str, file: Path) -> Found:
    shape, works = _shape_of(file)
    if shape is None:
        return Found(title, title != "register", "not there: made anew when the node is opened")
    what = f"shape {shape}" + (f", which software of shape {works:04} and later works with" if works else "")
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    finally:
        connection.close()
    if shape != SHAPE:
        what += f"; this version of Diwan works with {SHAPE}"
    well = is_current(str(file), shape, works) and mode == "wal" and verdict == "ok"
    return Found(title, well, what if mode == "wal" and verdict == "ok" else f"{what}; journal {mode}; {verdict}")


def _shape_of(file: Path) -> tuple[str | None, int | None]:
    """Return the shape of a file and the lowest shape of software that may work with it, as far as it says."""
    if not file.exists():
        return None, None
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM shape").fetchone()
        works = connection.execute("SELECT value FROM state WHERE name='compatible'").fetchone() if row else None
    except sqlite3.OperationalError as wrong:
        if "no such table: state" in str(wrong):
            return str(row[0]), None
        return None, None
    except sqlite3.DatabaseError as wrong:
        raise Refused(f"{file} is not a database of Diwan: {wrong}. Nothing was changed.") from None
    finally:
        connection.close()
    return (str(row[0]) if row else None), (int(works[0]) if works else None)


def _migrate(file: Path, *, words: bool) -> None:
    from sqlalchemy import create_engine, event  # noqa: PLC0415 -- slow import, and only when the shape changes

    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(file, isolation_level=None, timeout=60))
    # One transaction, begun before looking: the driver's own would leave tables outside it, so that a crash could leave
    # half a shape, and two processes that begin one register would trip over each other.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        migrate(connection, words=words)
    engine.dispose()
