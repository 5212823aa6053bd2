"""`tlp:` and `PAP:` tags as MISP writes them, in the spellings of both TLP versions, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

TLP: Final = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
"""From widest to strictest. Source: FIRST, Traffic Light Protocol 2.0 (August 2022)."""
PAP: Final = ("PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED")


def tlp_of(tags: Iterable[str]) -> str | None:
    """Return the strictest TLP token among tags, None where there is none; WHITE is CLEAR.

    A `tlp:` tag outside TLP 2.0 (`tlp:unclear`, `tlp:ex:chr`) is read as TLP:RED: what is not clear is not passed on.
    """
    return _strictest(tags, TLP)


def pap_of(tags: Iterable[str]) -> str | None:
    """Return the strictest PAP token among tags, None where there is none; WHITE is CLEAR."""
    return _strictest(tags, PAP)


def is_mark(tag: str) -> bool:
    """Return whether a tag speaks of TLP or PAP."""
    return tag[:4].lower() in ("tlp:", "pap:")


def is_known(tag: str) -> bool:
    """Return whether a TLP or PAP tag is one that the protocols define."""
    return _token(tag) in (*TLP, *PAP)


def tags_of(tlp: str | None, pap: str | None) -> tuple[str, ...]:
    """Return the tags that MISP's taxonomies write for two tokens: `tlp:amber+strict`, `PAP:GREEN`."""
    return (*((tlp.lower(),) if tlp else ()), *((pap,) if pap else ()))


def stricter(one: str | None, other: str | None, order: tuple[str, ...] = TLP) -> str | None:
    """Return the stricter of two tokens of one protocol; None only where neither is given."""
    return max((token for token in (one, other) if token), key=order.index, default=None)


def _strictest(tags: Iterable[str], order: tuple[str, ...]) -> str | None:
    prefix = order[0][:4]
    told = [_token(tag) for tag in tags if tag[:4].upper() == prefix]
    return max((token if token in order else order[-1] for token in told), key=order.index, default=None)


def _token(tag: str) -> str:
    token = "".join(tag.upper().split())
    return token.replace(":WHITE", ":CLEAR")
