"""What a list shows of an item beside its title, where its desk's brief says it under these names."""

from __future__ import annotations

from typing import Final

import msgspec

from diwan.reading import Released
from diwan.terms.time import Instant


class Glance(msgspec.Struct, frozen=True):
    """The few names a brief may use that mean the same at every desk; all are optional."""

    headlines: dict[str, str] = {}
    """The title by language tag."""
    severity: str | None = None
    expires: Instant | None = None
    """From when on it is no longer in force."""


_decode: Final = msgspec.json.Decoder(Glance).decode


def glance(item: Released) -> Glance:
    """Return what a list shows; nothing where the brief uses the names otherwise."""
    try:
        return _decode(item.brief)
    except msgspec.DecodeError:
        return Glance()


def headline(item: Released, language: str) -> tuple[str, str | None]:
    """Return an item's title in a language, with its language tag; else as the item itself gives it, without one."""
    for tag, text in glance(item).headlines.items():
        if tag.split("-")[0].lower() == language and text:
            return text, tag
    return item.title, None
