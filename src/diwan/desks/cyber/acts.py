"""What is done at the cyber desk: definitions looked up, pushed envelopes entered, editions issued."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from diwan.desks.cyber.kinds.markings import said_by
from diwan.desks.cyber.kinds.stix import alias
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.desks.cyber.parse.stix import parse
from diwan.reading import ReadingRoom
from diwan.terms.errors import Malformed
from diwan.terms.item import Draft
from diwan.terms.label import Handling

_DEFINITION: Final = b"marking-definition"


class Definitions(Mapping[str, Handling]):
    """What marking definitions say, by id: those that came along, then those that the reader may see here."""

    def __init__(self, room: ReadingRoom, came: Iterable[bytes]) -> None:
        """Read the definitions among the objects that came; others are looked up when an object names them."""
        self._room = room
        self._said = dict(_definitions(came))

    def __getitem__(self, ident: str) -> Handling:
        """Return what a definition says; one that is not known says nothing."""
        if ident not in self._said:
            self._said[ident] = self._look_up(ident)
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
        for item in self._room.known_as(alias(ident)):
            return said_by(read_object(self._room.parts(item)[0].data))
        return Handling()


def drafts_of(room: ReadingRoom, objects: Iterable[bytes]) -> Iterator[Draft | Malformed]:
    """Yield the draft of each object in order, or what is wrong with it."""
    objects = list(objects)
    known = Definitions(room, objects)
    for data in objects:
        try:
            yield parse(data, {}, known)
        except Malformed as wrong:
            yield wrong


def _definitions(came: Iterable[bytes]) -> Iterator[tuple[str, Handling]]:
    for data in came:
        if _DEFINITION in data[:4096] or b'"definition_type"' in data:
            try:
                said = read_object(data)
            except Malformed:
                continue  # told when it is that object's turn
            if said.get("type") == "marking-definition" and isinstance(said.get("id"), str):
                yield said["id"], said_by(said)
