"""The stacks: reading connections kept ready, each already walled for one reader class and one world."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from diwan.registry.chance import Clock
from diwan.registry.engines.sqlite import Pages, reading_connection
from diwan.registry.grants import Seat
from diwan.registry.shelf import Shelf
from diwan.terms.gate import World
from diwan.terms.reader import Reader

_KEPT: Final = 48
_GROWTH: Final = 1.05


class _Walled(msgspec.Struct):
    """A connection and what its wall lets through."""

    pages: Pages
    allowed: frozenset[int]
    once: frozenset[int]
    density: float = 1.0
    measured_at: int = -1


class Opened(msgspec.Struct, frozen=True):
    """A shelf within one snapshot, with what was true in that snapshot."""

    shelf: Shelf
    seat: Seat
    density: float


class Stacks:
    """Lends shelves; a set of open gates is checked in the very snapshot that serves the data."""

    def __init__(self, folder: Path, clock: Clock, take_seat: Callable[[Reader], Seat]) -> None:
        """Read the register in `folder`; `take_seat` brings a reader's seat up to date under the pen."""
        self._folder = folder
        self._clock = clock
        self._take_seat = take_seat
        self._seats: dict[str, tuple[Reader, Seat]] = {}
        self._idle: OrderedDict[tuple[int, World], list[_Walled]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def shelf(self, reader: Reader, world: World) -> Iterator[Opened]:
        """Lend the shelf of `reader` in `world` for one snapshot."""
        seat = self._known_seat(reader)
        while True:
            walled = self._borrow(seat, world)
            try:
                shelf = Shelf(walled.pages, walled.allowed, seat.moved[world])
                walled.pages.execute("BEGIN")
                facts = shelf.facts()
                if seat.holds(facts, self._clock()):
                    self._measure(walled, shelf, facts["stands"])
                    yield Opened(shelf, seat, walled.density)
                    return
            finally:
                if walled.pages.in_transaction:
                    walled.pages.execute("COMMIT")
                self._give_back(walled, seat, world)
            seat = self._new_seat(reader)

    def close(self) -> None:
        """Close every connection that is not lent."""
        with self._lock:
            for idle in self._idle.values():
                for walled in idle:
                    walled.pages.close()
            self._idle.clear()
            self._seats.clear()

    def _known_seat(self, reader: Reader) -> Seat:
        known = self._seats.get(reader.id)
        return known[1] if known and known[0] == reader else self._new_seat(reader)

    def _new_seat(self, reader: Reader) -> Seat:
        seat = self._take_seat(reader)
        self._seats[reader.id] = (reader, seat)
        return seat

    def _borrow(self, seat: Seat, world: World) -> _Walled:
        allowed = seat.open[world]
        once = frozenset(grant.gate for grant in seat.moved[world]) - allowed
        with self._lock:
            idle = self._idle.get((seat.number, world))
            walled = idle.pop() if idle else None
        if walled is not None and walled.allowed <= allowed and walled.once <= once:
            if walled.allowed != allowed or walled.once != once:
                walled.pages.admit(allowed - walled.allowed, once - walled.once)
                walled.allowed, walled.once, walled.measured_at = allowed, once, -1
            return walled
        if walled is not None:
            walled.pages.close()
        return _Walled(reading_connection(self._folder, allowed, once), allowed, once)

    def _give_back(self, walled: _Walled, seat: Seat, world: World) -> None:
        with self._lock:
            self._idle.setdefault((seat.number, world), []).append(walled)
            self._idle.move_to_end((seat.number, world))
            if sum(map(len, self._idle.values())) > _KEPT:
                key, oldest = next(iter(self._idle.items()))
                oldest.pop(0).pages.close()
                if not oldest:
                    del self._idle[key]

    def _measure(self, walled: _Walled, shelf: Shelf, stands: int) -> None:
        if walled.measured_at < 0 or stands > walled.measured_at * _GROWTH + 64:
            walled.density, walled.measured_at = shelf.density(), stands
