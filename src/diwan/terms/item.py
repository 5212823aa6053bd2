"""An item on its way: Draft (parsed), Item (labelled), Entry (registered); only `reading` makes a Released of it."""

from __future__ import annotations

from typing import Final

import msgspec

from diwan.terms.gate import World
from diwan.terms.label import Handling, Label
from diwan.terms.party import Membership
from diwan.terms.time import Instant


# Values of this module hold nothing that could hold them: the collector need not look at them (`gc=False`), and a batch
# of a thousand drafts costs it nothing.
class Ref(msgspec.Struct, frozen=True, order=True, gc=False):
    """The global key of an item: who signs for it, and a random id (32 hexadecimal digits)."""

    originator: str
    id: str

    def __str__(self) -> str:
        """Return the reference as it stands in addresses: `KWT/9f86d081…`."""
        return f"{self.originator}/{self.id}"


class Alias(msgspec.Struct, frozen=True, order=True, gc=False):
    """A standard's own id beside ours: scheme `cap`, `stix`, …; unique per (originator, gate), never globally."""

    scheme: str
    value: str


class Link(msgspec.Struct, frozen=True, order=True, gc=False):
    """That an item points to another, by whatever name its standard uses; resolved per reader, at reading."""

    relation: str
    to: Alias


ENDS: Final = frozenset({"cancels"})
"""Relations by which one item ends another: it must reach whoever may read what it ends."""


class Version(msgspec.Struct, frozen=True, gc=False):
    """Which version of what its first alias names an item holds; a standard's versions are items side by side."""

    at: str = ""
    """Sorts as versions follow each other; empty where the standard gives none: then its entering counts as one."""
    written: str = ""
    """As the standard writes it."""
    content: bytes = b""
    """A digest of what it says, however it is spelt: what is said again is no second item."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """Original bytes under a name; released whole or never."""

    name: str
    media_type: str
    data: bytes


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a desk understood from bytes; it has no label yet and cannot be registered.

    All but `kind`, `world`, `parts`, `parent` and `came` is derived from the parts by the desk's parser, so the same
    bytes give the same draft at every node.
    """

    kind: str
    """`desk.kind`, for example `crisis.alert`."""
    title: str
    parts: tuple[Part, ...]
    """The original bytes first."""
    world: World = World.ACTUAL
    text: tuple[str, ...] = ()
    """What search covers beside the title."""
    facets: tuple[tuple[str, str], ...] = ()
    """What a list can be filtered and counted by: (`severity`, `Extreme`)."""
    values: tuple[str, ...] = ()
    """What correlation compares: incident names, observables."""
    aliases: tuple[Alias, ...] = ()
    came: Alias | None = None
    """By which way it came, one of its aliases: it is no other version of what its originator has from elsewhere."""
    version: Version | None = None
    """For a standard that keeps versions: then an alias is unique per (originator, gate, version)."""
    links: tuple[Link, ...] = ()
    parent: Ref | None = None
    """The item this one stands under; its gate is inherited."""
    names: tuple[str, ...] = ()
    """Parties that the text names; settled at intake against the audience."""
    author: str | None = None
    """Who wrote it, as claimed; the originator answers for it here."""
    brief: bytes = b"{}"
    """What a list shows without opening the parts: the desk's own small JSON."""
    handling: Handling = Handling()
    """What the text itself says may be done with it; its label is never freer than that."""
    within: Handling = Handling()
    """The strictest that is said of a part of it alone; settled at intake against the label."""
    membership: Membership | None = None
    """For a statement of who belongs to what: releases only if the framework's keeper says it."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """A draft with its originator and label: what may be entered."""

    draft: Draft
    ref: Ref
    label: Label


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An item as the register keeps it, behind a gate; it never leaves `registry` and `reading`."""

    position: int
    gate: int
    revision: int
    """The originator's own number, as the signed header says it."""
    revision_position: int
    """Where this revision was written; the same as `position` until the entry moves to another gate."""
    ref: Ref
    kind: str
    title: str
    author: str | None
    label: Label
    entered: Instant
    """When the item first stood in the register."""
    brief: bytes
