from __future__ import annotations

import random

import pytest

from diwan.registry import chain
from diwan.registry.book import Book
from diwan.sealing import tree


def expected(lines: list[bytes]) -> bytes:
    return tree.root([tree.leaf_hash(line) for line in lines])


def test_a_log_grown_by_steps_of_any_size_has_the_root_of_a_tree_over_all_its_lines(book: Book) -> None:
    chance = random.Random(4)
    written: list[bytes] = []
    for step in [1, 1, 2, 3, 1, 8, 64, 1, *(chance.randrange(1, 40) for _ in range(40))]:
        lines = [b"line %d" % number for number in range(len(written), len(written) + step)]
        book.write(lambda ink, lines=lines: ink.log(lines))
        written += lines

        assert book.audit_root() == (len(written), expected(written))
    with book.own_pages() as pages:
        assert list(chain.lines(pages)) == written
        assert list(chain.lines(pages, 700)) == written[700:]


def test_the_empty_log_has_the_empty_root_and_appending_nothing_changes_nothing(book: Book) -> None:
    book.write(lambda ink: ink.log([]))

    assert book.audit_root() == (0, tree.EMPTY)


def test_equal_lines_are_lines_of_their_own(book: Book) -> None:
    book.write(lambda ink: ink.log([b"same", b"same"]))

    assert book.audit_root()[1] == expected([b"same", b"same"]) != expected([b"same"])


def test_the_book_tells_the_size_and_root_of_what_was_logged_and_of_nothing_that_failed(book: Book) -> None:
    book.write(lambda ink: ink.log([b"one", b"two"]))
    with pytest.raises(ZeroDivisionError):
        book.write(lambda ink: (ink.log([b"never"]), 1 // 0))
    book.write(lambda ink: ink.log([b"three"]))

    assert book.audit_root() == (3, expected([b"one", b"two", b"three"]))
    assert book.audit_root_at(2) == expected([b"one", b"two"])
