from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator

import pytest

from diwan.registry import chain
from diwan.registry.book import Book
from diwan.sealing import tree


@pytest.fixture
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE leaf(number INTEGER PRIMARY KEY, value BLOB NOT NULL)")
    connection.execute(
        "CREATE TABLE node(level INTEGER, number INTEGER, hash BLOB NOT NULL, PRIMARY KEY(level, number))"
    )
    yield connection
    connection.close()


def expected(lines: list[bytes]) -> bytes:
    return tree.root([tree.leaf_hash(line) for line in lines])


def test_a_log_grown_by_steps_of_any_size_has_the_root_of_a_tree_over_all_its_lines(log: sqlite3.Connection) -> None:
    chance = random.Random(4)
    written: list[bytes] = []
    for step in [1, 1, 2, 3, 1, 8, 64, 1, *(chance.randrange(1, 40) for _ in range(40))]:
        lines = [b"line %d" % number for number in range(len(written), len(written) + step)]
        chain.append(log, lines)
        written += lines

        assert (chain.size(log), chain.root(log)) == (len(written), expected(written))
    assert list(chain.lines(log)) == written
    assert list(chain.lines(log, 700)) == written[700:]


def test_the_empty_log_has_the_empty_root_and_appending_nothing_changes_nothing(log: sqlite3.Connection) -> None:
    chain.append(log, [])

    assert (chain.size(log), chain.root(log)) == (0, tree.EMPTY)


def test_equal_lines_are_lines_of_their_own(log: sqlite3.Connection) -> None:
    chain.append(log, [b"same", b"same"])

    assert chain.root(log) == expected([b"same", b"same"]) != expected([b"same"])


def test_the_book_tells_the_size_and_root_of_what_was_logged_and_of_nothing_that_failed(book: Book) -> None:
    book.write(lambda ink: ink.log([b"one", b"two"]))
    with pytest.raises(ZeroDivisionError):
        book.write(lambda ink: (ink.log([b"never"]), 1 // 0))
    book.write(lambda ink: ink.log([b"three"]))

    assert book.audit_root() == (3, expected([b"one", b"two", b"three"]))
    assert book.audit_root_at(2) == expected([b"one", b"two"])
