"""Marking definitions as whoever reads may know them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from diwan.desks.cyber.kinds.markings import TLP, said_by, strictest
from diwan.desks.cyber.kinds.stix import alias
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.reading import ReadingRoom
from diwan.terms.errors import Malformed
from diwan.terms.label import Handling

_DEFINITION: Final = re.compile(rb'"type"\s*:\s*"marking-definition"')


class Definitions(Mapping[str, Handling]):
    """What marking definitions say, by id: those that came along, and those that the reader may see here.

    Where several have one id, the strictest counts: nobody frees what another marked by defining its marking anew.
    """

    def __init__(self, room: ReadingRoom | None, came: Iterable[bytes] = ()) -> None:
        """Read the definitions among the objects that came; others are looked up when an object names them."""
        self._room = room
        self._came: dict[str, Handling] = {}
        self._said: dict[str, Handling] = {}
        for ident, said in _definitions(came):
            self._came[ident] = strictest(self._came.get(ident, Handling()), said)

    def __getitem__(self, ident: str) -> Handling:
        """Return what a definition says; one that is not known says nothing."""
        if ident not in self._said:
            self._said[ident] = strictest(self._came.get(ident, Handling()), self._look_up(ident))
        return self._said[ident]

    def get(self, ident: str, default: Any = None) -> Any:
        """Return what a definition says."""
        return self[ident]

    def __iter__(self) -> Iterator[str]:
        """Yield the ids that were asked for so far."""
        return iter(self._said)

    def __len__(self) -> int:
        """Return how many were asked for so far."""
        return len(self._said)

    def _look_up(self, ident: str) -> Handling:
        found = Handling()
        if self._room is not None and ident not in TLP:
            for item in self._room.known_as(alias(ident)):
                found = strictest(found, said_by(read_object(self._room.parts(item)[0].data)))
        return found


def _definitions(came: Iterable[bytes]) -> Iterator[tuple[str, Handling]]:
    for data in came:
        if _DEFINITION.search(data):
            try:
                said = read_object(data)
            except Malformed:
                continue  # told when it is that object's turn
            if said.get("type") == "marking-definition" and isinstance(said.get("id"), str):
                yield said["id"], said_by(said)
