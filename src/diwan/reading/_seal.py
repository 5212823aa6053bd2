"""The seal that only the reading room can set."""

from __future__ import annotations

from typing import final

from diwan.terms.item import Ref
from diwan.terms.reader import Reader


@final
class Seal:
    """Proof that one revision of one item came out through the reading room, to one reader.

    A plain class, so that no decoder makes one of data.
    """

    __slots__ = ("_over",)

    def __init__(self, ref: Ref, revision_position: int, to: Reader) -> None:
        """Seal what the room releases."""
        self._over = (ref, revision_position, to)

    def __eq__(self, other: object) -> bool:
        """Return whether both seal the same, to the same reader."""
        return isinstance(other, Seal) and self._over == other._over

    def __hash__(self) -> int:
        """Return the hash of what is sealed."""
        return hash(self._over)
