"""A collection: a standing query over what is released to a caller, and the label of what is pushed into it."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

COLLECTION: Final = "cyber.collection"
MEDIA_TYPE: Final = "application/vnd.diwan.collection+json"
SCHEME: Final = "collection"
"""The scheme of a collection's name."""
MOST: Final = 32
"""Values of one condition at most."""


class Collection(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What a collection holds, as an originator says it; every reader sees of it what is released to them."""

    id: str
    """A random UUID (version 4); TAXII 2.1, section 5.1."""
    title: str
    description: str = ""
    types: tuple[str, ...] = ()
    """Only objects of these STIX types; none: of any."""
    originators: tuple[str, ...] = ()
    tlp: tuple[str, ...] = ()
    """Only what says one of these tokens of itself, whatever label it stands under."""
    words: str = ""
    push: str | None = None
    """The marking under which pushed objects are entered; None: it takes none."""


read_collection: Final = msgspec.json.Decoder(Collection).decode
"""What a collection's item says of it, from its brief."""

Conditions = tuple[tuple[tuple[str, str], ...], ...]


def conditions(said: Collection, types: tuple[str, ...] | None = None) -> Conditions:
    """Return what an object must meet to be in a collection, beside its words: of each group one (name, value).

    `types` stand in place of the collection's own; where there are none, nothing meets them.
    """
    of_types = types if types is not None else said.types or None
    groups = (("type", of_types), ("originator", said.originators or None), ("tlp", said.tlp or None))
    return tuple(tuple((name, value) for value in values) for name, values in groups if values is not None)


@lru_cache(maxsize=16)
def everything(keeper: str, world: str) -> Collection:
    """Return the collection of everything that is released to whoever asks; every node has one in every world."""
    return Collection(
        id=_uuid(f"diwan-everything\n{keeper}\n{world}"),
        title="Everything released to you",
        description=f"Every STIX object at this node that is released to you, {world}.",
    )


def _uuid(name: str) -> str:
    # Of version 4 by its form: some clients refuse every other (Microsoft Sentinel's connector does).
    return str(UUID(bytes=sha256(name.encode()).digest()[:16], version=4))
