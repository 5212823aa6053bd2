"""The throttle: wrong passwords make the next attempt wait, per name and address and never for everyone."""

from __future__ import annotations

import threading
from typing import Final

from diwan.terms.errors import NotAllowed
from diwan.terms.time import Instant

FREE: Final = 5
LONGEST_WAIT: Final = 60_000_000
_KEPT: Final = 10_000


class Throttle:
    """Counts wrong attempts in memory; the same answer for names that exist and names that do not."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._wrong: dict[tuple[str, str], tuple[int, Instant]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, address: str, now: Instant) -> None:
        """Refuse an attempt that comes too early.

        Raises:
            NotAllowed: five or more wrong attempts, and the wait is not over.
        """
        with self._lock:
            times, until = self._wrong.get((name, address), (0, 0))
        if times >= FREE and now < until:
            seconds = -(-(until - now) // 1_000_000)
            raise NotAllowed(f"Too many wrong attempts. The next one is looked at in {seconds} s.")

    def wrong(self, name: str, address: str, now: Instant) -> None:
        """Count a wrong attempt; from the fifth on, the wait doubles up to a minute."""
        with self._lock:
            times = self._wrong.pop((name, address), (0, 0))[0] + 1
            wait = min(LONGEST_WAIT, 1_000_000 << max(0, min(times - FREE, 6)))
            self._wrong[(name, address)] = (times, now + wait)
            if len(self._wrong) > _KEPT:
                del self._wrong[next(iter(self._wrong))]

    def right(self, name: str, address: str) -> None:
        """Forget the wrong attempts of someone who is in."""
        with self._lock:
            self._wrong.pop((name, address), None)
