"""A gate: everything that must admit a reader before an entry is theirs."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from diwan.terms.label import Label

_total = msgspec.json.Encoder().encode
"""Gives values of one shape a total order, also where an optional field is set in one and not in the other."""


class World(StrEnum):
    """Worlds never mix in any view, count or feed."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    TEST = "Test"


class Stand(msgspec.Struct, frozen=True, order=True):
    """A label as one originator set it: who set it matters, for originators belong to their own audience."""

    originator: str
    label: Label


class Gate(msgspec.Struct, frozen=True, order=True):
    """The labels that must each admit a reader, and the world they speak of; kept sorted and distinct."""

    world: World
    stands: tuple[Stand, ...]

    def __post_init__(self) -> None:
        """Bring the labels into their one canonical order."""
        msgspec.structs.force_setattr(self, "stands", tuple(sorted(set(self.stands), key=_total)))
