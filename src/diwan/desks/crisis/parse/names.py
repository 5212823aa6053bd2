"""Which parties a text names: whole words in English, French and Arabic, whatever their case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_WORD: Final = re.compile(r"\w+")
_TATWEEL: Final = "\u0640"
_SAME: Final = str.maketrans("أإآىة", "ااايه", _TATWEEL)
_CODE: Final = 4
"""Letters up to which an all-capitals name is a code: `ARE` is a party, `are` is a verb."""
# Conjunctions and prepositions that Arabic writes onto the next word.
_CLITICS: Final = ("و", "ف", "ب", "ك", "ل")


def named_in(texts: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parties that the texts name, sorted; `names` maps a name or code to a party's id.

    Names of any length match whole words, without regard to case, accents or Arabic vowel signs, also behind an
    Arabic conjunction or preposition. A code (up to four capitals) counts only in capitals, and only in a text that is
    not all capitals. Time grows with the text, not with the number of names.
    """
    told = _index(names)
    found: set[str] = set()
    for text in texts:
        shouted = text.upper() == text and text.lower() != text
        if not shouted:
            found.update(names[word] for word in _WORD.findall(text) if word in names and _is_code(word))
        words = _words(text)
        for at in range(len(words)):
            found.update(_names_at(words, at, told))
    return tuple(sorted(found))


def _index(names: Mapping[str, str]) -> dict[str, list[tuple[list[str], str]]]:
    told: dict[str, list[tuple[list[str], str]]] = {}
    for name, party in names.items():
        words = _words(name)
        if words and not _is_code(name):
            told.setdefault(words[0], []).append((words, party))
    return told


def _names_at(words: list[str], at: int, told: dict[str, list[tuple[list[str], str]]]) -> Iterator[str]:
    for first in _readings(words[at]):
        for name, party in told.get(first, ()):
            if words[at + 1 : at + len(name)] == name[1:]:
                yield party


def _readings(word: str) -> Iterator[str]:
    yield word
    if not "\u0600" <= word[0] <= "\u06ff":
        return
    rest = word[1:] if word.startswith(("و", "ف")) else word
    yield rest
    if rest.startswith("لل"):
        yield "ال" + rest[2:]
    elif rest.startswith(_CLITICS):
        yield rest[1:]


def _is_code(name: str) -> bool:
    return len(name) <= _CODE and name.isascii() and name.isupper() and name.isalpha()


def _words(text: str) -> list[str]:
    # Accents and vowel signs go before words are cut: a vowel sign is no letter and would end the word.
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return _WORD.findall(bare.translate(_SAME).casefold())
