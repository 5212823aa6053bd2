"""Whether the process lives, and whether the node can read and write: what a supervisor and a balancer ask.

Anyone may ask, so the answers are fixed words: a probe of the register is made once a second at most and answers all
who ask meanwhile, so asking costs nothing and times nothing.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from litestar import Response, get

from diwan.house import House
from diwan.web.guard import NOTHING
from diwan.web.threads import probing

ROOM: Final = 64 * 1024 * 1024
"""Bytes that must be free where the node's folder lies.

A register in files has its write-ahead log there, which grows by what is written before it is folded into the register.
Of a register in PostgreSQL the server's disk is not looked at: when that is full, entries are refused in so many words.
"""
_KEPT: Final = 1.0
_PATIENCE: Final = 2.0
_TEXT: Final = "text/plain"


class Readiness:
    """Looks whether a node can do its work; what was found holds for a second."""

    def __init__(
        self,
        house: House,
        *,
        kept: float = _KEPT,
        patience: float = _PATIENCE,
        free: Callable[[], int] | None = None,
    ) -> None:
        """Look at `house`, waiting `patience` seconds for a write at most."""
        self._house = house
        self._kept = kept
        self._patience = patience
        self._free = free or (lambda: shutil.disk_usage(house.folder).free)
        self._one_at_a_time = threading.Lock()
        self._found: str | None = "starting"
        self._until = 0.0
        self._written: Future[None] | None = None
        self.waited = 0.0
        """Seconds that the last write waited for its turn."""

    def wants(self) -> str | None:
        """Return what is missing, as one fixed word, or None when the node is ready.

        `register`: it cannot be read.  `pen`: nothing was written within two seconds, or the pen was put down.
        `disk`: fewer than 64 MiB are free where the node's folder lies.  `shut`: it was set back, and not reopened yet.
        `journal`: the last recall or relabel could not be written down off the node.  Whoever asks during a look gets
        what the look before found.
        """
        if time.monotonic() >= self._until and self._one_at_a_time.acquire(blocking=False):
            try:
                self._found = self._look()
                self._until = time.monotonic() + self._kept
            finally:
                self._one_at_a_time.release()
        return self._found

    def _look(self) -> str | None:
        looks = (
            ("register", self._reads),
            ("shut", self._open),
            ("disk", self._fits),
            ("pen", self._writes),
            ("journal", lambda: self._house.journal_fault() is None),
        )
        for name, well in looks:
            try:
                if not well():
                    return name
            except Exception:  # noqa: BLE001 -- whatever an engine or the machine says of it, the node is not ready
                return name
        return None

    def _reads(self) -> bool:
        return bool(self._house.rules().policies)

    def _open(self) -> bool:
        self._house.check_open()
        return True

    def _fits(self) -> bool:
        return self._free() >= ROOM

    def _writes(self) -> bool:
        # A job that changes nothing takes its turn under the write order and costs no fsync.  One at most is on its
        # way: a pen that is stuck must not gather a thread for each look.
        if self._written is None:
            self._written = _beside(lambda: self._house.take_a_turn())
        begun = time.monotonic()
        try:
            self._written.result(self._patience)
        finally:
            self.waited = time.monotonic() - begun
            if self._written.done():
                self._written = None
        return True


def routes(readiness: Readiness) -> list[Any]:
    """Return the handlers of the two probes."""

    @get("/health", name="health", opt={"reads": NOTHING, "though_shut": True}, sync_to_thread=False)
    def health() -> Response[str]:
        return Response("alive\n", media_type=_TEXT)

    @get("/ready", name="ready", opt={"reads": NOTHING, "though_shut": True})
    async def ready() -> Response[str]:
        wanting = await probing(readiness.wants)
        if wanting is None:
            return Response("ready\n", media_type=_TEXT)
        return Response(f"not ready: {wanting}\n", media_type=_TEXT, status_code=503)

    return [health, ready]


def _beside(job: Callable[[], None]) -> Future[None]:
    done: Future[None] = Future()

    def run() -> None:
        try:
            job()
        except BaseException as failure:  # noqa: BLE001 -- handed to whoever waits
            done.set_exception(failure)
        else:
            done.set_result(None)

    threading.Thread(target=run, name="diwan-ready", daemon=True).start()
    return done
