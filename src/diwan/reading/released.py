"""What leaves the reading room: entries together with the reader they were released to."""

from __future__ import annotations

from typing import Literal, final

import msgspec

from diwan.reading._seal import Seal
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from diwan.terms.time import Instant


@final
class Released(msgspec.Struct, frozen=True, kw_only=True):
    """What pages, renderers and couriers accept; nothing else may leave the node."""

    ref: Ref
    kind: str
    world: World
    title: str
    label: Label
    author: str | None
    entered: Instant
    """When the item was first entered; a later change of audience does not move it."""
    at: Instant
    """When it came to stand as it does now."""
    revision: int
    """The originator's own number of this revision: rises, and counts nothing."""
    revision_position: int
    brief: bytes
    to: Reader
    seal: Seal

    def __post_init__(self) -> None:
        """Refuse another item's or another reader's seal, and what never was one."""
        if self.seal != Seal(self.ref, self.revision_position, self.to):
            raise TypeError("Only the reading room makes a Released: this one bears no seal for its item and reader.")


@final
class Page(msgspec.Struct, frozen=True):
    """Some of what was asked for, and where to go on."""

    items: tuple[Released, ...]
    cursor: str | None
    """Where the next page starts; None when this was the last."""


@final
class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One version of a standard's object, and when it came to this reader: an instant that no other has."""

    at: Instant
    data: bytes = b""
    """Whole, as it came; empty where only the list was asked for, as all that follows where the bytes alone were."""
    name: str = ""
    """The standard's own id."""
    version: str = ""
    """As the standard writes it; empty where it gives none."""
    sorts: str = ""
    """As versions follow each other."""
    originator: str = ""
    ref: Ref | None = None
    """The item that holds it, where that was asked for."""


@final
class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """Versions released to one reader, in order of their arrival."""

    found: tuple[Arrival, ...]
    cursor: str | None
    """Where to go on; None when these were the last."""
    to: Reader
    seal: Seal

    def __post_init__(self) -> None:
        """Refuse what the reading room did not release."""
        if self.seal != Seal(Ref("", "arrivals"), len(self.found), self.to):
            raise TypeError("Only the reading room makes Arrivals: these bear no seal for their reader.")


@final
class Tally(msgspec.Struct, frozen=True):
    """How many were found, counted up to a bound: `more` says that counting stopped there."""

    found: int
    more: bool


@final
class Change(msgspec.Struct, frozen=True):
    """One thing that changed for this reader."""

    what: Literal["released", "revised", "retracted"]
    ref: Ref
    kind: str
    at: Instant
    item: Released | None
    """What is released now; None for a retraction."""


@final
class Changes(msgspec.Struct, frozen=True):
    """What changed since a cursor, oldest first."""

    changes: tuple[Change, ...]
    cursor: str
    """Where to go on; the same as before when nothing changed."""
    more: bool
