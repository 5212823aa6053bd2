"""A label: what an originator said about who may read an item (ADatP-4774 vocabulary)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from diwan.terms.time import Instant


class CategoryType(StrEnum):
    """How a category's values meet a clearance (ADatP-4774 Ed A V1)."""

    RESTRICTIVE = "RESTRICTIVE"
    """A caveat: the reader needs every value."""
    PERMISSIVE = "PERMISSIVE"
    """A releasability: the reader needs one of the values; none at all means nobody."""
    INFORMATIVE = "INFORMATIVE"
    """Said for information; decides nothing."""


class Category(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One tag of a label with its values; values are kept sorted and distinct, so equal means equal."""

    tag: str
    type: CategoryType
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Bring the values into their one canonical order."""
        msgspec.structs.force_setattr(self, "values", tuple(sorted(set(self.values))))


class Handling(msgspec.Struct, frozen=True, order=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a reader may do with an item once it is theirs; handling never widens an audience."""

    tlp: str | None = None
    """Traffic Light Protocol 2.0 token, `TLP:AMBER+STRICT` and its like, never translated; limits passing on."""
    pap: str | None = None
    """Permissible Actions Protocol token, `PAP:GREEN` and its like; limits acting on what was read."""
    pass_on: bool = True
    """Whether a partner node may relay the item within its audience."""


# What is settled once for a label is looked up by it for every item of a batch.
class Label(msgspec.Struct, frozen=True, order=True, omit_defaults=True, forbid_unknown_fields=True, cache_hash=True):
    """One value that says who may read; markings, 4774 XML, TLP and CAP scope only render it.

    Categories are kept sorted, so that two labels that say the same are the same value.
    """

    policy: str
    classification: str
    categories: tuple[Category, ...] = ()
    handling: Handling = Handling()
    review_at: Instant | None = None
    succession: Succession | None = None

    def __post_init__(self) -> None:
        """Bring the categories into their one canonical order."""
        msgspec.structs.force_setattr(self, "categories", tuple(sorted(self.categories)))


class Succession(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """The label that takes over by itself at a date (automatic downgrade)."""

    at: Instant
    label: Label


RELEASABLE_TO: Final = "Releasable To"
"""The tag under which our policies name an audience of parties and frameworks."""

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Label)


def pack(label: Label) -> bytes:
    """Return the canonical JSON of a label; equal labels give equal bytes."""
    return _encoder.encode(label)


def unpack(data: bytes) -> Label:
    """Return the label that `pack` wrote."""
    return _decoder.decode(data)
