"""One reader's three registers: as it was, with hidden writes, and with everything unreadable purged from that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from leaks.beside import go_together
from leaks.ground import MINUTE, Ground, copy_of
from leaks.hidden import write_hidden
from leaks.known import Known, known_of
from leaks.purge import purge
from leaks.view import difference, view

LATER: Final = 20 * MINUTE
"""How long after the ground was laid the views are taken: hidden writes are over, and sessions still last."""


class Three(msgspec.Struct, frozen=True):
    """Three registers that must look the same to one reader."""

    known: Known
    now: int
    before: Ground
    written: Ground
    purged: Ground
    gone: int
    """Rows that the purge deleted."""


def three_of(ground: Ground, name: str, seed: int, into: Path, *, steps: int = 30, few: int = 2) -> Three:
    """Return the three registers of the reader `name`, in folders of their own under `into`."""
    before, written = copy_of(ground, into / "before"), copy_of(ground, into / "written")
    write_hidden(written, name, seed, steps=steps)
    before.now = written.now
    for one in (before, written):
        go_together(one, name, seed, hidden=one is written)
    now = ground.now + LATER
    assert written.now < now
    purged = copy_of(written, into / "purged")
    gone = purge(purged, ground.people[name].reader, written.now)
    return Three(known_of(written, name, seed, few=few), now, before, written, purged, gone)


def compare(three: Three, **how: Any) -> Iterator[tuple[str, str | None]]:
    """Yield (oracle, difference or None) for every answer; the three registers are written to on the way."""
    views = [view(ground, three.known, three.now, **how) for ground in (three.before, three.written, three.purged)]
    for before, written, purged in zip(*views, strict=True):
        yield "hidden write", difference(before, written)
        yield "purge", difference(before, purged)


def scratch(three: Three, into: Path) -> Three:
    """Return the same three registers once more, to be written to."""
    into.mkdir(parents=True)
    moved = {name: copy_of(getattr(three, name), into / name) for name in ("before", "written", "purged")}
    return msgspec.structs.replace(three, **moved)
