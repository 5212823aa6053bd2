"""What is said of one thing about a node's set-up that was looked at."""

from __future__ import annotations

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One thing about a node's set-up that was looked at."""

    what: str
    well: bool
    said: str
