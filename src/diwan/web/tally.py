"""The tally: how many requests each route answered, how, and how long they took; numbers alone, since the start."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from typing import Final

import msgspec

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the durations that are counted together, in seconds."""


class Durations(msgspec.Struct):
    """How many requests took how long: one number per bound and one for those that took longer."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0


class Tally:
    """Counts requests, in memory; the routes are those that the code declares, so it cannot grow without end."""

    def __init__(self) -> None:
        """Begin at nought."""
        self._answered: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, Durations] = {}
        self._lock = threading.Lock()

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            self._answered[method, route, status] += 1
            took = self._durations.setdefault(route, Durations())
            took.counts[bisect_left(BOUNDS, seconds)] += 1
            took.total += seconds

    def answered(self) -> dict[tuple[str, str, int], int]:
        """Return the number of requests by method, route and status."""
        with self._lock:
            return dict(sorted(self._answered.items()))

    def durations(self) -> dict[str, Durations]:
        """Return how long requests took, by route."""
        with self._lock:
            return {route: Durations(list(took.counts), took.total) for route, took in sorted(self._durations.items())}
