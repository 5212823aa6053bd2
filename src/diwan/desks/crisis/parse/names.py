"""Which parties a text names: whole words in English, French and Arabic, whatever their case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"\w+")
_MARKS: Final = re.compile("[\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc]+")
"""Accents, Arabic vowel signs and the stroke that only stretches a word."""
_SAME: Final = str.maketrans("ٱىة", "ايه")
_ARABIC: Final = "\u0600"
# Prepositions that Arabic writes onto the next word.
_CLITICS: Final = ("ب", "ك", "ل")
_CODE: Final = 4
"""Letters up to which an all-capitals name is a code: `ARE` is a party, `are` is a verb."""

_Index = dict[str, list[tuple[list[str], str]]]


def named_in(texts: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parties that the texts name, sorted; `names` maps a name or code to a party's id.

    Names of any length match whole words, without regard to case, accents or Arabic vowel signs, also behind an
    Arabic conjunction or preposition. A code (up to four capitals) counts only in capitals, and only in a text that is
    not all capitals. Time grows with the text, not with the number of names.
    """
    if not names:
        return ()
    told = _index(tuple(names.items()))
    found: set[str] = set()
    for text in texts:
        if not text.isupper():
            found.update(names[word] for word in _WORD.findall(text) if word in names and _is_code(word))
        found.update(_named(_words(text), told))
    return tuple(sorted(found))


@lru_cache(maxsize=8)
def _index(names: tuple[tuple[str, str], ...]) -> _Index:
    told: _Index = {}
    for name, party in names:
        words = _words(name)
        if words and not _is_code(name):
            told.setdefault(words[0], []).append((words, party))
    return told


def _named(words: list[str], told: _Index) -> Iterator[str]:
    for at, word in enumerate(words):
        for first in (word,) if word < _ARABIC else _readings(word):
            for name, party in told.get(first, ()):
                if words[at + 1 : at + len(name)] == name[1:]:
                    yield party


def _readings(word: str) -> Iterator[str]:
    """Yield an Arabic word as it stands, and without what is written onto it: and, then; in, like, for."""
    yield word
    rest = word[1:] if word.startswith(("و", "ف")) else word
    yield rest
    if rest.startswith("لل"):
        yield "ال" + rest[2:]
    elif rest.startswith(_CLITICS):
        yield rest[1:]


def _is_code(name: str) -> bool:
    return len(name) <= _CODE and name.isascii() and name.isupper() and name.isalpha()


def _words(text: str) -> list[str]:
    if text.isascii():
        return _WORD.findall(text.lower())
    # Accents and vowel signs go before words are cut: a vowel sign is no letter and would end the word.
    bare = _MARKS.sub("", unicodedata.normalize("NFD", text))
    return _WORD.findall(bare.translate(_SAME).casefold())
