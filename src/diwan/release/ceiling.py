"""Ceilings: what may be entered or released at all, at this node and in this role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from diwan.release.decide import Rules
from diwan.release.policy import Policy
from diwan.release.tlp import TLP
from diwan.terms.errors import Malformed
from diwan.terms.label import CategoryType, Label


class Height(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a ceiling goes under one policy."""

    policy: str
    classification: str
    """The highest that is allowed."""
    caveats: tuple[tuple[str, str], ...] = ()
    """Restrictive values that are allowed, as (tag, value)."""
    widest_tlp: str = "TLP:CLEAR"
    """The widest token allowed: TLP:GREEN keeps a role from releasing to the world."""
    strictest_tlp: str = "TLP:RED"
    """The strictest token allowed: TLP:AMBER keeps RED off a node."""

    def __post_init__(self) -> None:
        """Refuse a token that is none."""
        for token in (self.widest_tlp, self.strictest_tlp):
            if token not in TLP:
                raise Malformed(f"Ceiling under {self.policy}: “{token}” is not a TLP token. Not set.")


class Ceiling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one node, role or link may hold; a policy without a height is not allowed at all."""

    of: str
    """Whose ceiling it is, as people read it: “this node”, “duty officer”."""
    heights: tuple[Height, ...] = ()


def within(label: Label, ceilings: Sequence[Ceiling], rules: Rules) -> bool:
    """Return whether every ceiling allows a label, now and after each of its successions; no ceiling allows nothing."""
    return not reasons(label, ceilings, rules)


def reasons(label: Label, ceilings: Sequence[Ceiling], rules: Rules) -> tuple[str, ...]:
    """Return why a label is not within `ceilings`, one sentence each; empty means that it is."""
    return tuple(_reasons(label, ceilings, rules))


def _reasons(label: Label, ceilings: Sequence[Ceiling], rules: Rules) -> Iterator[str]:
    policy = rules.policy(label.policy)
    if policy is None:
        yield f"No policy {label.policy} is installed."
        return
    if faults := policy.faults(label):
        yield from faults
        return
    if not ceilings:
        yield "No ceiling is set, so nothing is allowed."
    for ceiling in ceilings:
        height = next((height for height in ceiling.heights if height.policy == policy.id), None)
        if height is None:
            yield f"The ceiling of {ceiling.of} does not allow labels of {policy.id}."
        else:
            yield from _above(label, ceiling.of, height, policy)


def _above(label: Label, of: str, height: Height, policy: Policy) -> Iterator[str]:
    # A height that its policy does not know allows nothing.
    if policy.ranks[label.classification] > policy.ranks.get(height.classification, -1):
        yield f"{label.classification} is above {height.classification}, the ceiling of {of}."
    for category in label.categories:
        for value in category.values if category.type == CategoryType.RESTRICTIVE else ():
            if (category.tag, value) not in height.caveats:
                yield f"The ceiling of {of} does not allow the caveat {category.tag} {value}."
    tlp = label.handling.tlp
    if tlp is not None and TLP.index(tlp) < TLP.index(height.widest_tlp):
        yield f"{tlp} is wider than {height.widest_tlp}, the ceiling of {of}."
    if tlp is not None and TLP.index(tlp) > TLP.index(height.strictest_tlp):
        yield f"{tlp} is stricter than {height.strictest_tlp}, the ceiling of {of}."
    if label.succession is not None:
        yield from _above(label.succession.label, of, height, policy)
