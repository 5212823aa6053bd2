"""The audit log: an append-only RFC 9162 Merkle tree over lines that name no title and no text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from diwan.sealing.tree import grow, leaf_hash, root_of


def append(connection: sqlite3.Connection, lines: Sequence[bytes]) -> None:
    """Append `lines` within the caller's transaction; stored are the lines and the hashes of perfect subtrees."""
    if not lines:
        return
    count = size(connection)
    connection.executemany("INSERT INTO leaf(number, value) VALUES(?,?)", list(enumerate(lines, count)))
    grown = grow(count, [leaf_hash(line) for line in lines], _subtree(connection))
    connection.executemany("INSERT INTO node(level, number, hash) VALUES(?,?,?)", grown)


def size(connection: sqlite3.Connection) -> int:
    """Return the number of lines in the log."""
    (last,) = connection.execute("SELECT coalesce(max(number), -1) FROM leaf").fetchone()
    return int(last) + 1


def root(connection: sqlite3.Connection) -> bytes:
    """Return the log's root as its stored hashes give it."""
    return root_of(size(connection), _subtree(connection))


def lines(connection: sqlite3.Connection, start: int = 0) -> Iterator[bytes]:
    """Yield the log's lines from number `start`, in order."""
    for (value,) in connection.execute("SELECT value FROM leaf WHERE number>=? ORDER BY number", [start]):
        yield value


def _subtree(connection: sqlite3.Connection) -> Callable[[int, int], bytes]:
    def stored(level: int, number: int) -> bytes:
        (value,) = connection.execute("SELECT hash FROM node WHERE level=? AND number=?", [level, number]).fetchone()
        return bytes(value)

    return stored
