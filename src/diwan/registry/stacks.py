"""The stacks: lend shelves to readers, each for one snapshot in which what is open to them was checked."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import msgspec

from diwan.registry.chance import Clock
from diwan.registry.engines.lines import Engine
from diwan.registry.grants import Seat
from diwan.registry.shelf import FACTS, Shelf
from diwan.terms.errors import Shut, Unreachable
from diwan.terms.gate import World
from diwan.terms.reader import Reader
from diwan.terms.time import iso

_GROWTH: Final = 1.05
_PATIENCE: Final = 30.0
"""Seconds after which a register that is behind what was read before is taken as it is: what is missing is lost."""

_log: Final = logging.getLogger(__name__)


class _Measured(msgspec.Struct, frozen=True):
    """How dense the entries behind some gates lay when that many stood."""

    allowed: frozenset[int]
    density: float
    stands: int


class Opened(msgspec.Struct, frozen=True):
    """A shelf within one snapshot, with what was true in that snapshot."""

    shelf: Shelf
    seat: Seat
    density: float


class _Onward:
    """Whether a register goes on from where it was seen last.

    A server that was frozen while another took over still takes itself for the one that leads when it wakes, for the
    seconds until it is told: who asked it would be shown the past.
    """

    def __init__(self) -> None:
        self.reached = 0
        """How many entries had ever stood when it was read last."""
        self._behind: float | None = None

    def holds(self, stands: int, before: int) -> bool:
        """Return whether `stands` is no less than what was reached `before` it was read, or has been less for long."""
        if stands >= before:
            self.reached, self._behind = max(stands, self.reached), None
            return True
        now = time.monotonic()
        self._behind = self._behind or now
        if now < self._behind + _PATIENCE:
            return False
        _log.error("The register is %d entries behind what was read here before: they are lost.", before - stands)
        self.reached, self._behind = stands, None
        return True


class Stacks:
    """Lends shelves; a set of open gates is checked in the very snapshot that serves the data."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        take_seat: Callable[[Reader], Seat],
        extend: Callable[[Reader, Seat, int], Seat | None],
    ) -> None:
        """Read the register that `engine` keeps.

        `take_seat` brings a reader's seat up to date under the pen; `extend` does so where only gates were made since.
        """
        self._engine = engine
        self._clock = clock
        self._take_seat = take_seat
        self._extend = extend
        self._seats: dict[str, tuple[Reader, Seat]] = {}
        self._densities: dict[tuple[int, World], _Measured] = {}
        self._onward = _Onward()
        self._lock = threading.Lock()

    @contextmanager
    def shelf(self, reader: Reader, world: World) -> Iterator[Opened]:
        """Lend the shelf of `reader` in `world` for one snapshot."""
        seat = self._known_seat(reader)
        while True:
            allowed = seat.open[world]
            once = frozenset(grant.gate for grant in seat.moved[world]) - allowed
            before = self._onward.reached
            pages = self._engine.lend(seat.number, world, allowed, once)
            try:
                shelf = Shelf(pages, allowed, seat.moved[world], self._engine.merging)
                facts: dict[str, int] = dict(pages.look(FACTS))
                if not self._onward.holds(facts["stands"], before):
                    pages.close()
                    raise Unreachable
                if facts["shut"]:
                    raise Shut(iso(facts["shut"]))
                if seat.holds(facts, pages.life, self._clock()):
                    yield Opened(shelf, seat, self._density(seat.number, world, shelf, facts["stands"]))
                    return
            finally:
                try:
                    if pages.in_transaction:
                        pages.commit()
                finally:
                    self._engine.take_back(pages)
            seat = self._wider_seat(reader, seat, facts) or self._new_seat(reader)

    def turned(self, reader: Reader) -> bool:
        """Return whether a date has passed since `reader` last looked at which a gate may have opened or shut."""
        known = self._seats.get(reader.id)
        turns = known[1].turns if known else None
        return turns is not None and self._clock() >= turns

    def close(self) -> None:
        """Forget who sat where."""
        with self._lock:
            self._seats.clear()
            self._densities.clear()

    def _known_seat(self, reader: Reader) -> Seat:
        known = self._seats.get(reader.id)
        return known[1] if known and known[0] == reader else self._new_seat(reader)

    def _wider_seat(self, reader: Reader, seat: Seat, facts: Mapping[str, int]) -> Seat | None:
        only_gates = (seat.rules, seat.moves) == (facts["rules"], facts["moves"]) and seat.gates < facts["gates"]
        wider = self._extend(reader, seat, facts["gates"]) if only_gates else None
        if wider is not None:
            self._seats[reader.id] = (reader, wider)
        return wider

    def _new_seat(self, reader: Reader) -> Seat:
        seat = self._take_seat(reader)
        self._seats[reader.id] = (reader, seat)
        return seat

    def _density(self, number: int, world: World, shelf: Shelf, stands: int) -> float:
        known = self._densities.get((number, world))
        if known is None or known.allowed != shelf.gates or stands > known.stands * _GROWTH + 64:
            known = _Measured(shelf.gates, shelf.density(), stands)
            with self._lock:
                self._densities[number, world] = known
        return known.density
