"""Indexing in a process of its own, while much comes: what waits is read, sorted and written beside whoever enters.

Where the register is comes by standard input, one line of JSON; when that ends, so does the process.  It says nothing,
for what it could say of a failure may quote what is kept.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import Final

import msgspec

from diwan.registry.engines import engine_of
from diwan.registry.segments import Segments

_PAUSE: Final = 0.1
_IDLE: Final = 5.0
"""Seconds for which no segment could be filled, after which the process ends."""
_NICE: Final = 10
_PATIENCE: Final = 10.0
"""Seconds that a process which was told to end is given."""


class Where(msgspec.Struct, frozen=True):
    """Where a register is kept: in files of a folder, or where a conninfo points."""

    folder: str
    postgres: str = ""


@contextmanager
def indexing(where: Where) -> Iterator[Popen[bytes]]:
    """Let a process of its own index the register until little waits, or the block ends."""
    # -P: nothing is imported from the folder that the node happens to be started in.
    program = [sys.executable, "-P", "-m", "diwan.registry.indexing"]
    helper = Popen(program, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)  # noqa: S603 -- this interpreter, own words
    assert helper.stdin is not None  # noqa: S101 -- a pipe was asked for
    try:
        helper.stdin.write(msgspec.json.encode(where) + b"\n")
        helper.stdin.flush()
        yield helper
    finally:
        with suppress(OSError):  # it may have ended before it read where the register is
            helper.stdin.close()
        try:
            helper.wait(_PATIENCE)
        except TimeoutExpired:
            helper.kill()
            helper.wait()


def main() -> None:
    """Index until little waits or standard input ends, with what processor time nobody else wants."""
    # A terminal and a supervisor tell all processes of a node to end; this one ends when the node lets it.
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    with suppress(OSError):  # a supervisor may forbid it
        os.nice(_NICE)
    where = msgspec.json.decode(sys.stdin.buffer.readline(), type=Where)
    ended = threading.Event()

    def wait_for_the_end() -> None:
        # Of the system itself: a buffer that somebody reads is one that the interpreter could not close at its end.
        while os.read(0, 64):
            pass
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    engine = engine_of(Path(where.folder), where.postgres)
    with closing(engine), closing(Segments(engine)) as segments:
        idle = 0.0
        while idle < _IDLE and not ended.is_set():
            if segments.add():
                segments.merge()
                idle = 0.0
            else:
                ended.wait(_PAUSE)
                idle += _PAUSE


if __name__ == "__main__":
    main()
