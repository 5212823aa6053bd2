"""A loop on which time passes at once where there is nothing to do but wait, so that what a wait shows is exact."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping

Meanwhile = Mapping[float, Callable[[], object]]
"""What happens while someone waits, by how many seconds after they asked."""


class _Passing(selectors.DefaultSelector):
    """Waits for what the system brings; what is only time is over as soon as it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.coming: list[tuple[float, Callable[[], object]]] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.coming and self.coming[0][0] <= self.passed + timeout:
            self.passed, act = self.coming.pop(0)
            act()
        else:
            self.passed += timeout
        return super().select(0)


class Hasty(asyncio.SelectorEventLoop):
    """Stands still while anything is done, also by its threads; `meanwhile` says what comes at which instant."""

    def __init__(self) -> None:
        self._passing = _Passing()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.passed

    def meanwhile(self, acts: Meanwhile) -> None:
        """Let `acts` happen in the seconds after now; what an earlier call left undone is forgotten."""
        self._passing.coming = sorted((self.time() + after, act) for after, act in acts.items())
