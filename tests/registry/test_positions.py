from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from diwan.registry.book import Book
from diwan.registry.chance import Chance
from diwan.registry.found import Standing
from diwan.terms.item import Ref
from diwan.terms.label import Label
from tampering import Tamper

SRC = Path(__file__).parents[2] / "src"
IMPORTER = Path(__file__).parent / "importer.py"


def given(book: Book, *counts: int) -> list[int]:
    """Return the positions of batches of so many, each behind one gate."""
    return [position for count in counts for position in book.write(lambda ink, count=count: ink.positions([count])[0])]


def standing(number: int) -> Standing:
    return Standing(
        item=number,
        since=0,
        gate=1,
        revision=0,
        rev=1,
        ref=Ref("KWT", f"{number:032x}"),
        kind="crisis.alert",
        world="actual",
        parent=None,
        label=Label("TLP", "UNCLASSIFIED"),
    )


def test_positions_rise_strictly_within_a_batch_and_from_batch_to_batch(book: Book) -> None:
    positions = given(book, 1, 1000, 1, 1, 300, 2)

    assert len(positions) == 1305
    assert all(earlier < later for earlier, later in pairwise(positions))


def test_no_position_is_ahead_of_the_clock(book: Book, time: Any) -> None:
    for count in (1, 7, 1, 900):
        time.now += 20_000
        last = given(book, count)[-1]
        assert last <= time.now


def test_a_clock_that_stands_still_is_outrun_by_order_and_never_by_repetition(tmp_path: Path, register: str) -> None:
    book = Book(tmp_path, postgres=register, clock=lambda: 1_485_244_800_000_000, chance=Chance(1), synchronous="OFF")

    positions = given(book, 5, 5, 5)

    assert all(earlier < later for earlier, later in pairwise(positions))
    book.close()


def test_after_the_clock_is_set_back_positions_go_on_from_the_last(book: Book, time: Any) -> None:
    before = given(book, 10)
    time.now -= 3_600_000_000

    after = given(book, 10, 10)

    assert before[-1] < after[0]
    assert all(earlier < later for earlier, later in pairwise(after))


def test_distances_within_a_batch_are_random_and_bounded(book: Book) -> None:
    batch = given(book, 500)
    apart = [later - earlier for earlier, later in pairwise(batch)]

    assert batch[-1] - batch[0] < 4096
    assert len(set(apart)) > 20


@pytest.mark.parametrize("hidden", [0, 1, 40, 900])
def test_positions_of_some_gates_tell_nothing_of_what_is_entered_behind_others(book: Book, hidden: int) -> None:
    """Two entries that a reader sees lie as far apart whether one or nine hundred came with them, or between them."""
    apart = []
    for _ in range(200):
        (first,), others, (second,) = book.write(lambda ink: ink.positions([1, hidden, 1]))
        assert len({first, second, *others}) == 2 + hidden
        assert others == sorted(others)
        apart.append(abs(second - first))

    # Of two that fall anywhere in a stretch the mean distance is a third of it; the mean of 200 strays by 68.
    assert 4096 / 3 - 5 * 68 < sum(apart) / len(apart) < 4096 / 3 + 5 * 68


class _Same(Chance):
    """The same secret every time."""

    def bytes(self, count: int) -> bytes:
        return b"s" * count


@pytest.mark.parametrize("hidden", [1, 16, 200])
def test_where_a_thing_moves_to_tells_nothing_of_what_moves_with_it(tmp_path: Path, hidden: int) -> None:
    """Whoever relabels or recalls an item sees where its own answers came to lie, and not how many others there are."""

    def places(folder: str, numbers: Sequence[int]) -> dict[int, int]:
        book = Book(tmp_path / folder, clock=lambda: 1_485_244_800_000_000, chance=_Same(), synchronous="OFF")
        moved = [standing(number) for number in numbers]
        given = book.write(lambda ink: ink.scattered(moved))
        book.close()
        return dict(zip(numbers, given, strict=True))

    seen = range(4)
    alone = places("alone", seen)
    beside = places("beside", [0, *range(100, 100 + hidden), 1, *range(400, 400 + hidden), 2, 3])

    assert len(set(beside.values())) == len(beside) == 4 + 2 * hidden
    # Of two that fall together one gives way: with so many, one of the four may have.
    assert sum(alone[number] == beside[number] for number in seen) >= (4 if hidden < 200 else 3)
    assert max(beside.values()) - min(beside.values()) < 4096
    assert sorted(alone.values()) != list(alone.values())


def test_what_moves_is_told_neither_before_what_was_nor_ahead_of_the_clock(book: Book, time: Any) -> None:
    for count in (1, 3, 2000):
        before = given(book, 1)[0]
        time.now += 20_000
        places = book.write(lambda ink, count=count: ink.scattered([standing(number) for number in range(count)]))

        assert before < min(places)
        assert max(places) <= time.now
        assert len(set(places)) == count
    assert max(places) < given(book, 1)[0]


def test_other_chance_gives_other_positions_at_the_same_times(tmp_path: Path) -> None:
    seen = []
    for seed in (1, 2, 1):
        start = iter(range(1_485_244_800_000_000, 1 << 62, 1000))
        book = Book(tmp_path / str(len(seen)), clock=start.__next__, chance=Chance(seed), synchronous="OFF")
        seen.append(given(book, 20))
        book.close()

    assert seen[0] == seen[2] != seen[1]


def test_two_processes_that_write_at_once_never_share_a_position_and_keep_one_order(
    tmp_path: Path, register: str, tamper: Tamper
) -> None:
    Book(tmp_path / "node", postgres=register).close()
    begun = [
        subprocess.Popen(
            [sys.executable, IMPORTER, tmp_path / "node", name, "200", "1", "FULL", register],
            env={**os.environ, "PYTHONPATH": str(SRC)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    assert [process.stdout.readline() for process in begun if process.stdout] == ["open\n", "open\n"]
    for process in begun:
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].split() for process in begun]

    with tamper() as bare:
        rows = bare.rows("SELECT r.position, r.item, r.title FROM revision r ORDER BY r.item")

    assert [process.returncode for process in begun] == [0, 0]
    assert [len(set(refs)) for refs in said] == [200, 200]
    assert len({position for position, _, _ in rows}) == len({item for _, item, _ in rows}) == 400
    assert [position for position, _, _ in rows] == sorted(position for position, _, _ in rows)
    assert sorted(title for _, _, title in rows) == sorted(f"{name} {n}" for name in ("one", "two") for n in range(200))
