"""Released STIX items by what they say of themselves: their brief, their bytes, and the item behind an id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.stix import CUSTOM, Brief, alias
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import Malformed

_brief: Final = msgspec.json.Decoder(Brief)


def brief_of(item: Released) -> Brief | None:
    """Return the brief of a STIX object, or None where the item is no STIX object."""
    try:
        return _brief.decode(item.brief)
    except msgspec.DecodeError:
        return None


def type_of(item: Released) -> str:
    """Return the type of an item in the standard's words; of a custom object its own."""
    brief = brief_of(item) if item.kind == CUSTOM else None
    return brief.type if brief else item.kind.removeprefix("cyber.")


def said_by(room: ReadingRoom, item: Released) -> dict[str, Any]:
    """Return the STIX object that an item holds.

    Raises:
        Malformed: the item holds none that can be read.
    """
    for part in room.parts(item):
        return read_object(part.data)
    raise Malformed(f"{item.ref} holds no STIX object, though it is filed as one.")


def known(room: ReadingRoom, ident: str) -> Released | None:
    """Return what is released of an object with this id: of several copies the newest."""
    return next(iter(room.known_as(alias(ident))), None)


class Named:
    """The items behind ids, each looked up once."""

    def __init__(self, room: ReadingRoom) -> None:
        """Look nothing up yet."""
        self._room = room
        self._found: dict[str, Released | None] = {}

    def __call__(self, ident: str) -> Released | None:
        """Return what is released under an id, or None: unknown and not released are the same answer."""
        if ident not in self._found:
            self._found[ident] = known(self._room, ident)
        return self._found[ident]

    def look_up(self, idents: Iterable[str]) -> None:
        """Look up many ids at once."""
        asked = {alias(ident): ident for ident in idents if ident not in self._found}
        found = self._room.named(tuple(asked))
        self._found |= {ident: found.get(name) for name, ident in asked.items()}

    def knows(self, items: Iterable[Released]) -> None:
        """Take items that are at hand, so that they are not looked up again."""
        for item in items:
            brief = brief_of(item)
            if brief is not None:
                self._found.setdefault(brief.id, item)


def listed(said: Mapping[str, Any], name: str) -> list[Any]:
    """Return a property that should be a list, or an empty one."""
    value = said.get(name)
    return value if isinstance(value, list) else []


def texts(said: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts in a property that should be a list of texts."""
    return [one for one in listed(said, name) if isinstance(one, str)]
