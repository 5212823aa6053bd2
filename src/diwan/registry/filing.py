"""Filing: the one text under which a name, or a value that items can be correlated by, stands in an index."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from diwan.terms.item import Alias

_LONGEST: Final = 1_024
"""Bytes of UTF-8.  An index of PostgreSQL takes rows of 2,704 bytes, and a URL may be longer."""
_SORT: Final = 64
"""Characters before the first colon at most: the scheme of a name, the sort of a value."""


def spell(alias: Alias) -> str:
    """Return the text under which an alias is filed."""
    return filed(f"{alias.scheme}:{alias.value}")


def filed(text: str) -> str:
    """Return what a text is filed under: itself, or its digest where it is longer than every index takes."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= _LONGEST:
        return text
    sort, colon, _ = text[: _SORT + 1].partition(":")
    return f"{sort if colon else ''}:sha256:{sha256(data).hexdigest()}"
