"""The signed header: what an originator says about an item, in canonical form, without its content.

A header has times and random ids, never counters: one who sees some headers cannot tell how many others there are.
A withdraw header names one revision and nothing more: not its label, not its parts.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from diwan.sealing.canon import BOUND, canon, read
from diwan.terms.errors import Malformed
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.time import Instant

__all__ = ["Header", "PartHead", "canon", "decode", "encode", "next_rev", "read"]

_Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_Org = Annotated[str, msgspec.Meta(pattern=r"\A[^/\s]{1,64}\Z")]
_Parent = Annotated[str, msgspec.Meta(pattern=r"\A[^/\s]{1,64}/[0-9a-f]{32}\Z")]
_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Count = Annotated[int, msgspec.Meta(ge=0)]

_GENERATION_BITS: Final = 43
"""Milliseconds since the epoch fit below until the year 2248, and 1,024 generations above."""


class PartHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What the header says of one part; the bytes and their salt travel outside, so they can be erased."""

    n: _Name
    """Its name."""
    mt: _Name
    """Its media type."""
    len: _Count
    """Its length in bytes."""
    d: _Digest
    """SHA-256 of the 16 bytes of salt and then the part, in hexadecimal: without the salt it confirms no guess."""


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A header of kind `item`, or of kind `withdraw`, which has `v`, `kind`, `org`, `id` and `rev` only.

    Raises:
        Malformed: an item without type, world, time, label or part; a withdraw header with one of them.
    """

    # A factory because msgspec leaves plain defaults out of the JSON, and the version must always be said.
    v: Literal[1] = msgspec.field(default_factory=lambda: 1)
    kind: Literal["item", "withdraw"]
    org: _Org
    """The originator."""
    id: _Id
    rev: _Count
    """Rises with every revision; see `next_rev`."""
    iat: _Count | None = None
    """Milliseconds since the epoch at which it was sealed: for information, never for order."""
    type: _Name | None = None
    """The item's kind, `crisis.alert`."""
    world: World | None = None
    parent: _Parent | None = None
    """The item it stands under, `KWT/9f86d081…`."""
    label: Label | None = None
    parts: tuple[PartHead, ...] = ()

    def __post_init__(self) -> None:
        """Keep the two kinds apart."""
        said = (self.iat is not None, self.type is not None, self.world is not None, self.label is not None, self.parts)
        if self.kind == "item" and not all(said):
            raise Malformed("An item's header says its time, type, world, label and parts; one is missing. Refused.")
        if self.kind == "withdraw" and (any(said) or self.parent is not None):
            raise Malformed("A withdraw header names one revision and nothing else. Refused.")

    @property
    def ref(self) -> Ref:
        """The item's global key."""
        return Ref(self.org, self.id)


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(Header).decode


def encode(header: Header) -> bytes:
    """Return the canonical bytes of a header, which `decode` gives back as an equal header.

    Raises:
        Malformed: a field is outside its bounds, or the header is longer or deeper than the canonical form allows.
    """
    try:
        data = _encode(header)
        same = decode(data) == header
    except (ValueError, RecursionError, Malformed) as wrong:
        raise Malformed(f"The header of {header.ref} cannot be written: {wrong} Nothing was sealed.") from None
    if not same:
        raise Malformed(f"The header of {header.ref} does not read back as it is. Nothing was sealed.")
    return data


def spell(header: Header | Label) -> bytes:
    """Return the canonical bytes of a header, unproved: for one that differs in digits alone from a proved one.

    Of a label it returns those that a header gives it.
    """
    return _encode(header)


def decode(data: bytes) -> Header:
    """Return the header that exactly these bytes say.

    A label whose values are unsorted, or that spells out a default, is refused too: it would be the same label with
    another digest.

    Raises:
        Malformed: the bytes are not canonical, or not a header of version 1.
    """
    read(data)
    try:
        header = _decode(data)
    except ValueError as wrong:
        raise Malformed(f"Not a header of version 1: {wrong}. Refused.") from None
    if _encode(header) != data:
        raise Malformed("Not a header of version 1: what it says has another, canonical spelling. Refused.")
    return header


def next_rev(previous: int | None, generation: int, now: Instant) -> int:
    """Return the revision that follows `previous`: generation · 2^43 + milliseconds, and always greater than it.

    `generation` counts the restores of this node from a backup, so that revisions made after one outrank those lost
    in it. Revisions are times and not counts: two that a reader sees do not tell how many they did not.

    Raises:
        ValueError: the generation or the time does not fit, or no revision below 2^53 is left.
    """
    milliseconds = now // 1000
    if not (0 <= milliseconds < 1 << _GENERATION_BITS and 0 <= generation < BOUND >> _GENERATION_BITS):
        raise ValueError(f"no revision for generation {generation} at {now} µs: 1,024 generations, years 1970 to 2248")
    rev = (generation << _GENERATION_BITS) + milliseconds
    if previous is not None and rev <= previous:
        rev = previous + 1  # the clock went back, or two revisions share a millisecond
    if rev >= BOUND:
        raise ValueError(f"no revision is left after {previous}: revisions end at 2^53")
    return rev
