"""What search compares: normalised words and field terms, by equality and nothing else.

No statistics of the whole register are kept or used: a hidden entry can neither reorder nor delay what a reader finds.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from itertools import filterfalse
from typing import Final

from diwan.terms.item import Draft

_WORD: Final = re.compile(r"[^\W_]+(?:[._:@/-][^\W_]+)*")
_PIECE: Final = re.compile(r"[^\W_]+")
# Of normalised text in ASCII the same words, found in two thirds of the time.
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+(?:[._:@/-][a-z0-9]+)*")
_ALEF: Final = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ـ": None})
_SPELT: Final = frozenset(map(chr, _ALEF))
_LONGEST: Final = 64
_OWN: Final = frozenset({"kind", "originator"})
"""Fields that the register itself sets; no desk's facet can say them."""
_MOST: Final = 4000
"""More distinct words than this in one item are not searchable; the item itself is kept whole."""


def normal(text: str) -> str:
    """Return `text` as search compares it: compatibility forms folded, case and accents dropped, Arabic unified."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    if folded.isascii():
        return folded
    # A text has few distinct characters: each is looked at once, and most texts need not be written anew.
    here = set(folded)
    marks = dict.fromkeys(map(ord, filter(unicodedata.combining, here)))
    return folded.translate(_ALEF | marks) if marks or not _SPELT.isdisjoint(here) else folded


def words(text: str) -> set[str]:
    """Return the words of `text`: each run of letters and digits, and compounds such as addresses also whole."""
    text = normal(text)
    found = set((_ASCII_WORD if text.isascii() else _WORD).findall(text))
    for word in list(filterfalse(str.isalnum, found)):
        found.update(_PIECE.findall(word))
    if max(map(len, found), default=0) <= _LONGEST:
        return found
    return {word[:_LONGEST] for word in found}


@lru_cache(maxsize=8192)
def field(name: str, value: str) -> str:
    """Return the term under which a facet value is found; the `=` keeps it apart from every word.

    Terms are kept side by side with spaces between them: a value that held white space of any sort could forge others.
    """
    return f"{'_'.join(name.split())}={'_'.join(normal(value).split())}"[: 2 * _LONGEST]


def terms_of(draft: Draft, originator: str) -> str:
    """Return everything a draft can be found by, as it is kept: a space before and after each term.

    First come fields, which hold a `=`, and then words, both sorted.
    """
    fields = {field("kind", draft.kind), field("originator", originator)}
    fields.update(field(name, value) for name, value in draft.facets if name not in _OWN)
    spoken = words("\n".join((draft.title, *draft.text)))
    return f" {' '.join((*sorted(fields), *sorted(spoken)[:_MOST]))} "


def fields_in(filed: str) -> list[str]:
    """Return the fields among an entry's terms as they are kept: words come after them and hold no `=`."""
    return filed[: filed.find(" ", filed.rfind("="))].split()


def number(term: str) -> int:
    """Return the 63-bit number a term is filed under; hits are checked against their entry, so twins do no harm."""
    return int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "big") >> 1
