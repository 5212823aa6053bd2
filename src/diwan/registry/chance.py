"""Where time and randomness come into the house: passed in, so that a test can hand over a seeded stream."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Final

from diwan.terms.time import Instant

_SEED: Final = 32

Clock = Callable[[], Instant]


def wall_clock() -> Instant:
    """Return the present instant as this machine tells it."""
    return time.time_ns() // 1000


class Chance:
    """Random numbers for ids, salts and gaps; the machine's own unless a seed is given (in tests)."""

    def __init__(self, seed: int | None = None) -> None:
        """Draw from the operating system, or from a reproducible stream."""
        self._source: Final[random.Random] = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 -- a seed is for tests
        self._system: Final = seed is None

    def bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count) if self._system else self._source.randbytes(count)

    def apart(self, low: int, high: int, count: int) -> list[int]:
        """Return `count` distinct whole numbers above `low` and up to `high`, in random order."""
        if count == 1:
            return [low + 1 + self._source.randrange(high - low)]
        # Seeded anew by the machine for every batch: a call to it for every number would cost more than the numbers.
        drawn = random.Random(os.urandom(_SEED)) if self._system else self._source  # noqa: S311 -- gaps, no secrets
        return drawn.sample(range(low + 1, high + 1), count)
