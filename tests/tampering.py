"""A register under one's own hands, past every wall: as whoever holds the disk, or the database's superuser."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from diwan.registry.engines.sqlite_file import REGISTER, WORDS

Tamper = Callable[[], AbstractContextManager["Bare"]]
"""Lends the register of this test, bare."""


class Bare:
    """Asks and changes anything, written as SQLite spells it; what is changed is there at once."""

    def __init__(self, connection: sqlite3.Connection | psycopg.Connection[Any]) -> None:
        """Work through `connection`."""
        self.connection = connection
        self.postgres = isinstance(connection, psycopg.Connection)

    def execute(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """Run a statement."""
        return self.connection.execute(spelled(query) if self.postgres else query, parameters)  # type: ignore[arg-type]

    def executemany(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self.connection.cursor().executemany(spelled(query) if self.postgres else query, rows)  # type: ignore[arg-type]

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return every row of an answer."""
        found: list[tuple[Any, ...]] = self.execute(query, parameters).fetchall()
        return found

    def value(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the one value of an answer."""
        return self.rows(query, parameters)[0][0]

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write whole rows into a table."""
        if rows:
            self.executemany(f"INSERT INTO {table} VALUES({','.join('?' * len(rows[0]))})", rows)


def spelled(query: str) -> str:
    """Return a statement in PostgreSQL's spelling: its byte strings, what is replaced within them, what is bound."""
    query = re.sub(r"x'([0-9a-f]*)'", r"'\\x\1'::bytea", query)
    query = re.sub(r"zeroblob\((\d+)\)", lambda n: f"'\\x{'00' * int(n[1])}'::bytea", query)
    query = re.sub(
        r"replace\(value, ('\w+'), ('\w+')\)", r"decode(replace(encode(value,'escape'),\1,\2),'escape')", query
    )
    first, *rest = query.split("?")
    return first + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))


@contextmanager
def bare_files(folder: Path) -> Iterator[Bare]:
    """Open the files of a node; the word index stands beside the register."""
    with closing(sqlite3.connect(folder / REGISTER, isolation_level=None, timeout=60)) as connection:
        connection.execute("ATTACH DATABASE ? AS words", [str(folder / WORDS)])
        yield Bare(connection)


@contextmanager
def bare_database(superuser: str) -> Iterator[Bare]:
    """Log in to a database as its superuser, whom no row policy holds back."""
    with psycopg.connect(
        superuser, autocommit=True, cursor_factory=psycopg.RawCursor, options="-c search_path=register,words"
    ) as connection:
        yield Bare(connection)
