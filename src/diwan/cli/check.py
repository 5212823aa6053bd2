"""What the doctor says of one thing that was looked at."""

from __future__ import annotations

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    well: bool
    said: str
