"""One request of the matrix, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlencode

import msgspec
from leaks.known import Known

from diwan.terms.gate import World

BASES: Final = {World.ACTUAL: "", World.EXERCISE: "/exercise", World.TEST: "/test"}


class Ask(msgspec.Struct, frozen=True):
    """One request; what `follow` captures in the answer, headers first, is asked for next, as `follow_as`."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] | None = None
    body: bytes = b""
    by: str = "session"
    """`session`, `token`, `password`, `wrong` (a password that is not theirs), or `nobody`."""
    media_type: str = "application/json"
    """Of the body."""
    headers: tuple[tuple[str, str], ...] = ()
    follow: str = ""
    follow_as: str = ""
    follow_to: str = ""
    """Where to go with what was captured, in place of `{}`; else to the same address again."""

    @property
    def target(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")


Generator = Callable[[Known, World], Iterator[Ask]]
