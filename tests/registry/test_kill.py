"""Nothing acknowledged is lost and nothing is half there, whenever the process dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from diwan.reading import ReadingRoom, open_room
from diwan.reading.cursor import CursorKey
from diwan.registry.book import Book
from diwan.sealing.envelope import verify
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.reader import Reader
from tampering import Tamper

SRC = Path(__file__).parents[2] / "src"
IMPORTER = Path(__file__).parent / "importer.py"
COUNT, BATCH = 1200, 20


def importer(folder: Path, register: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, IMPORTER, folder, "note", str(count), str(BATCH), "FULL", register],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


def room_in(book: Book) -> ReadingRoom:
    return open_room(book, CursorKey(b"kill"), Reader("r", "QAT"), World.ACTUAL)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_any_moment_it_kept_what_it_acknowledged_and_nothing_by_halves(
    tmp_path: Path, register: str, tamper: Tamper, seed: int
) -> None:
    chance, folder = random.Random(seed), tmp_path / "node"
    running = importer(folder, register, COUNT)
    assert running.stdout is not None
    said = [running.stdout.readline().strip() for _ in range(chance.randrange(2, COUNT // 4))][1:]
    time.sleep(chance.random() * 0.02)
    running.send_signal(signal.SIGKILL)
    said += running.stdout.read().split("\n")[:-1]
    running.wait(10)
    assert len(said) < COUNT, "it was done before it was killed"

    whole_after(folder, register, tamper, acknowledged=said)

    again = importer(folder, register, COUNT)
    rest = again.communicate(timeout=60)[0].split()[1:]
    assert again.returncode == 0
    whole_after(folder, register, tamper, acknowledged=[*said, *rest])
    book = Book(folder, postgres=register)
    titles = Counter(item.title for item in room_in(book).walk())
    assert titles == Counter({f"note {n}": 1 for n in range(COUNT)})
    book.close()


def whole_after(folder: Path, register: str, tamper: Tamper, acknowledged: list[str]) -> None:
    book = Book(folder, postgres=register)
    room = room_in(book)
    for text in acknowledged:
        item = room.get(Ref(*text.split("/")))
        envelope, public = room.envelope(item)
        assert verify(envelope, public).ref == item.ref
        assert [part.data for part in room.parts(item)] == [item.title.encode() * 40, item.title.encode()]
    assert room.count() == len(list(room.walk()))
    proof = book.prove()
    assert (proof.faults, proof.items) == ((), room.count())
    book.words.catch_up(everything=True)
    book.close()
    assert halves(tamper) == {}


def halves(tamper: Tamper) -> dict[str, int]:
    """Rows without the rows that belong to them, by what is missing."""
    missing = {
        "a stand without its revision": "stand s LEFT JOIN revision r ON r.position=s.revision"
        " WHERE r.position IS NULL",
        "a stand without its item": "stand s LEFT JOIN item i ON i.number=s.item WHERE i.number IS NULL",
        "an item that never stood": "item i LEFT JOIN stand s ON s.item=i.number WHERE s.item IS NULL",
        "a revision without its batch": "revision r LEFT JOIN batch b ON b.number=r.batch WHERE b.number IS NULL",
        "a batch without a revision": "batch b LEFT JOIN revision r ON r.batch=b.number WHERE r.batch IS NULL",
        "an item without its two parts": "item i WHERE (SELECT count(*) FROM part p WHERE p.item=i.number) <> 2",
        "an item without its alias": "stand s LEFT JOIN alias a ON a.since=s.since WHERE a.since IS NULL",
        "a head that counts otherwise": "head h WHERE entries <> (SELECT count(*) FROM stand s WHERE s.gate=h.gate)",
    }
    with tamper() as bare:
        counted = {name: bare.value(f"SELECT count(*) FROM {rows}") for name, rows in missing.items()}
    return {name: count for name, count in counted.items() if count}
