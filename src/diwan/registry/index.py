"""The word index: kept up beside the pen and never under it; see `search` for how it is asked."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final

from diwan.registry.engines.lines import Asked, Engine
from diwan.registry.indexing import Where, indexing
from diwan.registry.pen import Pen
from diwan.registry.segments import Segments
from diwan.terms.errors import Unreachable

_log: Final = logging.getLogger(__name__)
_GROWN: Final = 4096
"""Entries that a register grows by at least before the engine is asked to look again at how much there is."""
_AGAIN: Final = 600.0
"""Seconds after which another process is tried again when one failed, as when the server was lost."""
_LOOK: Final = 0.25
"""Seconds after which what another process indexed is cleared from what waits."""


class WordIndex:
    """Builds the segments, beside the pen and never under it."""

    def __init__(self, engine: Engine, pen: Pen, where: Where) -> None:
        """Index the register that `engine` keeps `where` it is; `pen` clears what has been indexed."""
        self._engine = engine
        self._segments = Segments(engine)
        self._pen = pen
        self._where = where
        self._elsewhere = 0.0 if (os.cpu_count() or 1) > 1 else inf
        """From when on a process of its own is let index where much waits, by the clock that is never set."""
        self._one_at_a_time = threading.Lock()
        self._closing = threading.Event()
        self._background: threading.Thread | None = None
        self._surveyed = 0
        self._heal()
        self._cleared = self._segments.state("indexed")

    def catch_up(self, *, everything: bool = False, progress: Callable[[int], None] = lambda _: None) -> int:
        """Index what waits, in full batches (or all of it), and return how many entries were indexed."""
        indexed = 0
        with self._one_at_a_time:
            while True:
                added = self._segments.add(everything=everything)
                # Also where nothing was added: another process may have written what waited, and ended before clearing.
                self._clear()
                if not added:
                    break
                indexed += added
                progress(indexed)
                self._segments.merge()
            if indexed:
                self._survey()
        return indexed

    def keep_up(self, every: float) -> None:
        """Go on indexing in the background, looking every so many seconds, until closed."""

        def go_on() -> None:
            while not self._closing.wait(every):
                try:
                    if monotonic() >= self._elsewhere and self._fills():
                        self._let_index()
                    if not self._closing.is_set():
                        self.catch_up()
                except Exception as failure:  # noqa: BLE001 -- whatever it was, the next round tries again
                    # By its name alone: what the engine says of a text it could not read quotes the text.
                    name = self._engine.name_of(failure)
                    _log.error("The word index could not go on: %s. What waits is searched without it.", name)

        self._background = threading.Thread(target=go_on, name="diwan-words", daemon=True)
        self._background.start()

    def close(self) -> None:
        """Stop indexing and close the index's connections."""
        self._closing.set()
        if self._background is not None:
            self._background.join()
        with self._one_at_a_time:
            self._segments.close()

    def _let_index(self) -> None:
        """Let a process of its own index while much comes: here it would take the interpreter from whoever enters."""
        try:
            with indexing(self._where) as helper:
                while helper.poll() is None and not self._closing.wait(_LOOK):
                    with self._one_at_a_time:
                        self._clear()
                        self._survey()
        except OSError as failure:  # none could be started, or it ended before it was told where the register is
            self._go_on_here(type(failure).__name__)
        else:
            if helper.returncode:
                self._go_on_here(f"{helper.returncode}")

    def _go_on_here(self, why: str) -> None:
        _log.warning("The process that was to index ended with %s; for ten minutes it is done here.", why)
        self._elsewhere = monotonic() + _AGAIN

    def _fills(self) -> bool:
        with self._one_at_a_time:
            return self._segments.fills()

    def _survey(self) -> None:
        """Let the engine look at how much there is whenever that has doubled: its own round may come a minute later."""
        stands = self._segments.state("stands")
        if stands < 2 * self._surveyed + _GROWN:
            return
        failures: tuple[type[Exception], ...] = (Unreachable, *self._engine.failures)
        try:
            self._engine.survey()
        except failures as failure:
            _log.warning("How much there is could not be looked at: %s.", self._engine.name_of(failure))
        self._surveyed = stands

    def _heal(self) -> None:
        """Where the index is lost or older than the register, let everything that stands wait to be indexed anew."""
        with self._segments.transaction():
            if self._segments.reached() >= self._segments.state("indexed"):
                return
            self._segments.forget()
            self._pen.write(_refill)

    def _clear(self) -> None:
        """Let nothing wait any more that stands in segments."""
        high = self._segments.reached()
        if high == self._cleared:
            return

        def job(ink: Asked) -> None:
            ink.execute("DELETE FROM tail WHERE since<=?", [high])
            ink.execute("UPDATE state SET value=? WHERE name='indexed' AND value<?", [high, high])

        self._pen.write(job)
        self._cleared = high


def _refill(ink: Asked) -> None:
    ink.execute("DELETE FROM tail")
    ink.execute(
        "INSERT INTO tail(since, gate, terms) SELECT s.since, s.gate, r.terms FROM stand s"
        " JOIN revision r ON r.position=s.revision WHERE s.until IS NULL"
    )
    ink.execute("UPDATE state SET value=0 WHERE name='indexed'")
