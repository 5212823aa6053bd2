"""One order for every writer, and for every reader the beginning of it: nothing appears below what was seen already."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from diwan.registry.book import Book
from diwan.terms.gate import World
from diwan.terms.reader import Reader

SRC = Path(__file__).parents[3] / "src"
IMPORTER = Path(__file__).parents[2] / "registry" / "importer.py"
WRITERS, COUNT = 3, 90


class Poller(threading.Thread):
    """Reads everything there is, again and again, and keeps what it saw out of order."""

    def __init__(self, book: Book, done: threading.Event, *, behind_the_last: bool) -> None:
        super().__init__()
        self.book, self.done, self.behind_the_last = book, done, behind_the_last
        self.seen: list[int] = []
        self.below: list[int] = []
        self.rounds = 0

    def run(self) -> None:
        reader = Reader(f"poller {self.behind_the_last}", "QAT")
        while not self.done.is_set() or self._look(reader):
            self._look(reader)
            self.rounds += 1

    def _look(self, reader: Reader) -> int:
        last = self.seen[-1] if self.seen else 0
        with self.book.shelf(reader, World.ACTUAL) as opened:
            shelf = opened.shelf
            if self.behind_the_last:
                found = shelf.oldest(last, 500, opened.density)
            else:
                everything = set(shelf.newest(None, 5000, opened.density))
                self.below += [place for place in everything.difference(self.seen) if place < last]
                found = sorted(place for place in everything if place > last)
            assert len(shelf.entries(found)) == len(found)
        self.seen += found
        return len(found)


def test_entries_of_many_processes_appear_to_every_reader_in_the_order_of_their_positions(
    tmp_path: Path, register: str
) -> None:
    book, done = Book(tmp_path / "node", postgres=register, synchronous="OFF"), threading.Event()
    processes = [
        subprocess.Popen(
            [sys.executable, IMPORTER, tmp_path / "node", f"writer {n}", str(COUNT), "3", "OFF", register],
            env={**os.environ, "PYTHONPATH": str(SRC)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(WRITERS)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    pollers = [Poller(book, done, behind_the_last=way) for way in (True, False)]
    for poller in pollers:
        poller.start()

    said = [process.communicate(timeout=60)[0].split() for process in _go(processes)]
    done.set()
    for poller in pollers:
        poller.join(30)
    with book.shelf(Reader("last", "QAT"), World.ACTUAL) as opened:
        everything = opened.shelf.oldest(0, 5000, opened.density)
    proof = book.prove()
    book.close()

    assert [len(refs) for refs in said] == [COUNT] * WRITERS
    assert len(everything) == WRITERS * COUNT
    assert all(poller.rounds > 5 for poller in pollers)
    assert [poller.below for poller in pollers] == [[], []]
    assert [poller.seen for poller in pollers] == [everything, everything]
    assert proof.faults == ()


def _go(processes: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes
