"""The statements that a room releases: all that any page of this desk is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from diwan.desks.network.kinds import KINDS, Brief, Framework, Party, Statement, Told, party_names
from diwan.reading import Query, ReadingRoom, Released
from diwan.terms.item import Ref

_decode: Final = msgspec.json.Decoder(Brief).decode


def statement_of(item: Released) -> Statement:
    """Return the statement of a released item of this desk."""
    return _decode(item.brief).statement


def items(room: ReadingRoom, kinds: Iterable[str] = KINDS.values()) -> dict[Ref, Released]:
    """Return the items of every statement released to this reader: all of them, for each page folds a whole network."""
    return {item.ref: item for kind in kinds for item in room.walk(Query(kind=kind))}


def told(item: Released) -> Told:
    """Return a released item of this desk as a fold takes it."""
    return Told(statement=statement_of(item), ref=item.ref, at=item.entered)


def names_of_parties(room: ReadingRoom) -> Mapping[str, str]:
    """Return party ids by the names that texts may use, as far as this reader knows the parties."""
    return party_names(map(told, items(room, [KINDS[Party], KINDS[Framework]]).values()))


def called(names: Mapping[str, str], language: str) -> str:
    """Return the name nearest to a reader's language, or what there is; empty where there is none."""
    near = (name for tag, name in sorted(names.items()) if tag.partition("-")[0] == language)
    return next(near, names.get("en") or next(iter(names.values()), ""))
