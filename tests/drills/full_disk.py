"""A disk that fills up under a writing node and is cleared again: nothing acknowledged is lost, it goes on by itself.

    sudo ./dev python -m tests.drills.full_disk [--engine sqlite postgres] [--megabytes 96]

The node (and the server, for PostgreSQL) lies in a file system of its own in memory, so it needs root to mount it.
Writers enter items until they are refused; a reader reads on; room is made; the writers go on.  Exit code 1 when
anything was lost, when reading failed for want of room, or when writing did not come back.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

from msgspec.structs import replace
from tests.drills.clients import AUDIENCE, ORIGINATOR, draft_of, label

from diwan.house import House
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Part, Ref
from diwan.terms.reader import Reader

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import running

BALLAST = 24
"""Megabytes that are let go when the disk is full."""
HAND = Hand(Reader("drill", ORIGINATOR), frozenset({Role.DUTY_OFFICER}))


def fill(house: House, kept: dict[str, Ref], name: str, most: int) -> str:
    """Enter items until one is refused, and return why; an empty text if none was."""
    for number in range(most):
        title = f"{name} {number}"
        try:
            taken = house.take(HAND, _draft(title), label(), originator=ORIGINATOR)
        except Exception as refusal:  # noqa: BLE001 -- whatever it was: the drill tells it
            return f"{type(refusal).__name__}: {refusal}".split("\n")[0]
        kept[title] = taken.refs[0]
    return ""


def _draft(title: str) -> Draft:
    # Random, for what repeats itself is pressed together and never fills anything.
    return replace(draft_of(title), parts=(Part("note.txt", "text/plain", token_hex(20_000).encode()),))


def drill(folder: Path, engine: str) -> list[str]:
    """Fill the disk under a node, make room, go on; return what was not as promised."""
    faults: list[str] = []
    with ExitStack() as stack:
        postgres = ""
        if engine == "postgres":
            postgres = stack.enter_context(running(folder / "server", durable=True, wal=64)).bare()
        ballast = folder / "ballast"
        ballast.write_bytes(b"\0" * BALLAST * 2**20)
        house = House(folder / "node", Settings(keeper="NATO", hosted=(ORIGINATOR,), postgres=postgres))
        stack.callback(house.close)
        kept: dict[str, Ref] = {}
        room = house.room(Reader("drill", AUDIENCE))
        fill(house, kept, "first", 1)
        room.count()  # who reads for the first time takes a seat, and that is written
        refusal = fill(house, kept, "before", 100_000)
        print(f"{engine}: {len(kept)} items acknowledged, then refused: {refusal or 'never'}", flush=True)
        if not refusal.startswith("Full"):
            faults.append(f"what was told is not that the disk is full: {refusal or 'nothing'}")
        seen = 0
        try:
            seen = sum(1 for _ in room.walk())
        except Exception as failure:  # noqa: BLE001 -- told as a fault
            faults.append(f"reading failed on a full disk: {type(failure).__name__}: {failure}")
        again = fill(house, {}, "still full", 1)
        print(f"  on the full disk: {seen} items read; another try is refused: {again or 'no'}")
        ballast.unlink()
        begun = time.monotonic()
        after = len(kept)
        while len(kept) == after and time.monotonic() - begun < 60:
            fill(house, kept, f"after {time.monotonic():.3f}", 50)
        print(f"  room was made: the next item was acknowledged after {time.monotonic() - begun:.1f} s")
        if len(kept) == after:
            faults.append("writing did not come back within a minute of making room")
        lost = [title for title, ref in kept.items() if not _there(house, ref)]
        proof = house.prove()
        faults += [f"lost: {title}" for title in lost] + list(proof.faults)
        print(f"  {len(lost)} of {len(kept)} lost; {proof.items} signatures proved, {len(proof.faults)} faults")
    return faults


def _there(house: House, ref: Ref) -> bool:
    return house.room(Reader("drill", AUDIENCE)).get(ref).ref == ref


def main() -> int:
    """Run the drill on each engine and print what it gave."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--engine", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    options.add_argument("--megabytes", type=int, default=96)
    chosen = options.parse_args()
    faults = []
    for engine in chosen.engine:
        size = chosen.megabytes if engine == "sqlite" else chosen.megabytes * 5
        with tempfile.TemporaryDirectory() as scratch:
            Path(scratch).chmod(0o711)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=711", "tmpfs", scratch], check=True)
            try:
                faults += drill(Path(scratch), engine)
            finally:
                subprocess.run(["umount", "-l", scratch], check=True)
    print("\n".join(faults) or "nothing was lost")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
