"""The throttle: wrong passwords make the next attempt wait, per name and address and never for everyone."""

from __future__ import annotations

import threading
from typing import Final

from diwan.terms.errors import NotAllowed
from diwan.terms.time import Instant

FREE: Final = 5
LONGEST_WAIT: Final = 60_000_000
_SECOND: Final = 1_000_000
_KEPT: Final = 10_000


class TooSoon(NotAllowed):
    """Five or more attempts in a row were wrong, and the wait that follows is not over."""

    def __init__(self, wait: Instant, *, first: bool) -> None:
        """Say how long, in whole seconds; the same for names that exist and names that do not."""
        self.seconds = -(-wait // _SECOND)
        self.first = first
        """Whether nobody came too soon in this wait before: the log is told once, and cannot be filled."""
        super().__init__(
            f"Too many wrong attempts. The next one is looked at in {self.seconds} s. You are not signed in."
        )


class Throttle:
    """Counts attempts in memory, each under a digest of who tries what from where."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._tried: dict[bytes, tuple[int, Instant, bool]] = {}
        self._lock = threading.Lock()

    def begin(self, key: bytes, now: Instant) -> None:
        """Count an attempt that is about to be looked at; from the fifth on, the wait after it doubles up to a minute.

        It counts as wrong until `right` says otherwise, so that attempts made side by side do not slip through.

        Raises:
            TooSoon: the wait is not over; the attempt does not count.
        """
        with self._lock:
            times, until, told = self._tried.get(key, (0, now, False))
            # A clock that was set back must not lock anybody out for longer than the longest wait.
            if now < until <= now + LONGEST_WAIT:
                self._tried[key] = (times, until, True)
                raise TooSoon(until - now, first=not told)
            self._tried.pop(key, None)
            self._tried[key] = (times + 1, now + _wait(times + 1), False)
            if len(self._tried) > _KEPT:
                del self._tried[next(iter(self._tried))]

    def right(self, key: bytes) -> None:
        """Forget the attempts of someone who is in."""
        with self._lock:
            self._tried.pop(key, None)


def _wait(times: int) -> Instant:
    return 0 if times < FREE else min(LONGEST_WAIT, _SECOND << min(times - FREE, 6))
