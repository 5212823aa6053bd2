"""The bell: wakes whoever waits for something new when any process has committed something.

It says that something was written, never what or for whom: who is woken asks again and is shown what is theirs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from diwan.registry.engines.lines import Engine

_LISTENS: Final = 1.0
"""Seconds after which the bell looks whether it is to stop."""

_log: Final = logging.getLogger(__name__)


class Bell:
    """Listens in a thread of its own, from the first who waits until it is closed."""

    def __init__(self, engine: Engine) -> None:
        """Listen where `engine` keeps the register."""
        self._engine = engine
        self._waiting: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def heard(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake`, from another thread, whenever something was committed, as long as this lasts."""
        with self._lock:
            self._waiting.add(wake)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="diwan-bell", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(wake)

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                ears = self._engine.ears()
                try:
                    self._wake()  # what was committed while nobody listened
                    while not self._closed.is_set():
                        if ears.heard(_LISTENS):
                            self._wake()
                finally:
                    ears.close()
            except self._engine.failures as failure:
                _log.error("Nobody is woken by what is written: %s. Listening anew.", self._engine.name_of(failure))
                self._closed.wait(_LISTENS)

    def _wake(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
        for wake in waiting:
            with suppress(RuntimeError):  # whose loop has ended waits for nothing
                wake()
