"""The clauses of a security policy: levels, tags, exclusions, frameworks, handling tokens."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from diwan.terms.label import CategoryType

ANYONE: Final = "anyone"
"""In `held_by`: every party holds the value, so it limits nothing."""


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A classification; a higher rank is more sensitive. Its marking may be empty where the policy prints none."""

    name: str
    rank: int
    marking: dict[str, str]


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one language prints a tag: prefix, values between separators, suffix; a value not listed prints as it is."""

    prefix: str = ""
    suffix: str = ""
    separator: str = ", "
    values: dict[str, str] = {}


class Tag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one tag of the policy may say, and who holds its values.

    `values` is "audience" (parties and frameworks), "party" (parties alone), or the values themselves.
    """

    name: str
    type: CategoryType
    values: Literal["audience", "party"] | tuple[str, ...]
    required: bool = False
    marking: dict[str, Wording] = {}
    """By language; empty where `always` and `stands_with` settle every value, which is then not printed."""
    only_at: tuple[str, ...] = ()
    """The classifications at which the tag is legal; empty means all."""
    held_by: dict[str, str] = {}
    """For listed values of a permissive tag: the party or framework whose readers hold the value, or "anyone"."""
    always: tuple[str, ...] = ()
    """Values without which the tag is not legal."""
    stands_with: dict[str, tuple[str, ...]] = {}
    """Values that stand exactly when one of these other tags does."""

    @property
    def settled(self) -> frozenset[str]:
        """The values that follow from the rest of a label, so that no marking prints them."""
        return frozenset(self.always) | frozenset(self.stands_with)

    def limits(self, values: tuple[str, ...]) -> bool:
        """Return whether `values` of this tag name an audience: some party would not hold them."""
        return self.type is CategoryType.PERMISSIVE and not any(self.held_by.get(value) == ANYONE for value in values)


class Exclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that is not legal at some classifications."""

    tag: str
    value: str
    classifications: tuple[str, ...]


class Framework(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A framework or operation that labels may name, and the one party whose word on its members releases."""

    id: str
    keeper: str


class Protocol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tokens of TLP or PAP the policy allows, and whether a label must carry one."""

    tokens: tuple[str, ...] = ()
    required: bool = False
