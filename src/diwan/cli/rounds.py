"""Rounds: a running node calls its sources when each is due, in a thread of its own that nothing brings down."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from diwan.cli.calling import Caller, sources_of
from diwan.desks.cyber.calls.dates import SECOND
from diwan.desks.cyber.calls.source import Source
from diwan.desks.cyber.calls.state import due
from diwan.house import House
from diwan.terms.errors import Malformed, Refused

_log: Final = logging.getLogger(__name__)
_PAGES: Final = 50
"""Pages of one source before the others have their turn; its walk goes on in the next round."""
_TURN: Final = 60 * SECOND
"""After which no other page of one source is asked for before the others have their turn."""
_SHORTEST, _LONGEST = 0.2, 30.0
_PATIENCE: Final = 15.0


class Rounds:
    """Goes the rounds until it is stopped."""

    def __init__(self, house: House) -> None:
        """Call the sources of a node; one that cannot be read is told once, and nothing is called."""
        self._house = house
        self._stop = threading.Event()
        self._caller = Caller(house, self._stop.wait)
        self._thread = threading.Thread(target=self._go_on, name="diwan-sources", daemon=True)

    def begin(self) -> None:
        """Begin, where there is anything to call."""
        try:
            self._sources = sources_of(self._house)
        except Malformed:
            # Not why: that quotes the file, and `diwan doctor` tells it to whoever may read the file.
            _log.error("The sources cannot be read, so none is called: see `diwan doctor`, then start the node again.")
            return
        if self._sources:
            self._thread.start()

    def stop(self) -> None:
        """Stop: the call that is under way is given a few seconds, and goes on from its last page the next time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _go_on(self) -> None:
        wait = _SHORTEST
        while not self._stop.wait(wait):
            for source in self._sources if self._may_call() else ():
                if not self._stop.is_set():
                    self._turn(source)
            wait = self._until_due()

    def _may_call(self) -> bool:
        try:
            self._house.check_open()
        except Refused:
            return False
        return True

    def _turn(self, source: Source) -> None:
        try:
            if self._due(source) <= self._house.clock():
                self._caller.call(source, _PAGES, longest=_TURN)
        except Exception as failure:  # noqa: BLE001 -- whatever it was, the node serves on and the next round tries again
            # By its name alone: what an engine says of a text it could not read quotes the text.
            error = type(failure).__name__
            told = {"event": "source failed", "fields": {"source": source.name, "error": error}}
            _log.error("The source %s could not be called: %s.", source.name, error, extra=told)

    def _until_due(self) -> float:
        try:
            next_one = min(self._due(source) for source in self._sources)
        except Exception:  # noqa: BLE001 -- told by the turn that fails of it
            return _LONGEST
        return min(_LONGEST, max(_SHORTEST, (next_one - self._house.clock()) / SECOND))

    def _due(self, source: Source) -> int:
        return due(self._caller.ledger(source).state, source, self._house.clock())


@contextmanager
def rounds(house: House) -> Iterator[None]:
    """Call the node's sources in the background as long as this lasts."""
    going = Rounds(house)
    going.begin()
    try:
        yield
    finally:
        going.stop()
