"""Which parties an event's texts name: whole words, whatever their case; a short code only in capitals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_WORD: Final = re.compile(r"\w+")
_CODE: Final = 4
"""Letters up to which an all-capitals name is a code: `ARE` is a party, `are` is a verb."""


def parties_in(texts: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parties that the texts name, sorted; `names` maps a name or code to a party's id."""
    if not names:
        return ()
    codes = {name: party for name, party in names.items() if _is_code(name)}
    phrases = {tuple(_words(name)): party for name, party in names.items() if not _is_code(name)}
    longest = max(map(len, phrases), default=0)
    found: set[str] = set()
    for text in texts:
        found.update(codes[word] for word in _WORD.findall(text) if word in codes)
        words = _words(text)
        for size in range(1, longest + 1):
            runs = zip(*(words[at:] for at in range(size)), strict=False)
            found.update(phrases[run] for run in runs if run in phrases)
    return tuple(sorted(found))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _is_code(name: str) -> bool:
    return len(name) <= _CODE and name.isascii() and name.isupper() and name.isalpha()
