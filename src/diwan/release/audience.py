"""The audience: which parties a label would reach, for the preview before an item is entered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from diwan.release.decide import Rules, in_force, reaches
from diwan.release.policy import Policy
from diwan.release.tlp import TLP, strictest
from diwan.terms.gate import Stand
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Label
from diwan.terms.time import Instant

_AUDIENCE: Final = frozenset({RELEASABLE_TO, "Only"})


class Audience(msgspec.Struct, frozen=True):
    """Whom a label reaches by party; each reader there still needs the clearance and the caveats."""

    world: bool
    parties: frozenset[str]


def audience(stand: Stand, parties: Iterable[str], rules: Rules, now: Instant) -> Audience:
    """Return which of `parties`, and the originator, a label reaches at `now`; nobody if the label is invalid."""
    policy = rules.policy(stand.label.policy)
    if policy is None or not policy.valid(stand.label):
        return Audience(world=False, parties=frozenset())
    reached = frozenset(party for party in {*parties, stand.originator} if reaches(party, stand, rules, now))
    return Audience(world=policy.is_world(in_force(stand.label, now)), parties=reached)


def known_parties(rules: Rules) -> tuple[str, ...]:
    """Return every party that a keeper has stated anything of, sorted.

    To be narrowed by what a label reaches before anyone is told: the list itself tells who is known here.
    """
    return tuple(sorted({membership.party for membership in rules.memberships}))


def only_for(label: Label, parties: Iterable[str], rules: Rules) -> Label | None:
    """Return a label of the same policy and classification that names `parties` and nobody else, or None.

    Caveats and handling stay; TLP becomes AMBER at least, for what names its readers is not for everyone.
    """
    policy = rules.policy(label.policy)
    if policy is None:
        return None
    wanted = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, tuple(parties))
    others = tuple(_beside(category, policy) for category in label.categories if category.tag not in _AUDIENCE)
    tlp = None if label.handling.tlp is None else strictest((label.handling.tlp, "TLP:AMBER"), TLP)
    handling = msgspec.structs.replace(label.handling, tlp=tlp)
    named = msgspec.structs.replace(label, categories=(*others, wanted), handling=handling, succession=None)
    return named if policy.valid(named) else None


def _beside(category: Category, policy: Policy) -> Category:
    """Return a category with the values that its policy asks for beside a named audience."""
    tag = policy.by_tag.get(category.tag)
    asked = () if tag is None else (value for value, tags in tag.stands_with.items() if RELEASABLE_TO in tags)
    return msgspec.structs.replace(category, values=(*category.values, *asked))
