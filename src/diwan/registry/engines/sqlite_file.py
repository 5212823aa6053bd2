"""Connections to the two files of a register in SQLite, in the registry's own words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from diwan.registry import schema
from diwan.registry.engines.lines import Row

REGISTER: Final = "register.db"
WORDS: Final = "words.db"
_PATIENCE: Final = 60
"""Seconds."""
_INSERT: Final = {
    table.name: f"INSERT INTO {table.name}({', '.join(column.name for column in table.columns)})"
    f" VALUES({','.join('?' * len(table.columns))})"
    for table in (*schema.REGISTER.sorted_tables, *schema.WORDS.sorted_tables)
}


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
    life: Final = 0

    def ring(self) -> None:
        """Do nothing: whoever listens sees that the file was changed."""


def writing_connection(file: Path, *, synchronous: str = "FULL", cache: int = 32) -> File:
    """Open the one connection that writes `file`: WAL, an fsync per commit, patient with other writers.

    `cache` is in MiB.
    """
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=_PATIENCE, factory=File)
    _write_ahead(connection)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute(f"PRAGMA cache_size=-{cache * 1024}")
    connection.execute("PRAGMA secure_delete=ON")
    # A batch of 500 objects fills the default thousand pages: its commit then waited for a checkpoint as well.
    connection.execute("PRAGMA wal_autocheckpoint=8192")
    # What a merge of the word index once needed is given back to the disk.
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def _write_ahead(connection: File) -> None:
    # Of a file that is new, the first who opens it changes the mode; whoever comes meanwhile is told "locked" at once.
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as busy:
            if not busy.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                connection.close()
                raise
        time.sleep(0.02)


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
