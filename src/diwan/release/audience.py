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


def known_parties(rules: Rules, labels: Iterable[Label] = ()) -> tuple[str, ...]:
    """Return every party that a keeper has stated anything of, or that one of `labels` names, sorted.

    To be narrowed by what a label reaches before anyone is told: the list itself tells who is known here.
    """
    named = {value for label in labels for category in label.categories for value in _parties_in(category)}
    return tuple(sorted({membership.party for membership in rules.memberships} | (named - _frameworks(rules))))


def covers(wide: Label, narrow: Label, rules: Rules) -> bool:
    """Return whether whoever `narrow` admits is admitted by `wide` too, both set by one originator; if unsure, no.

    Either `wide` is released to everyone, or under the same policy its classification is no higher, it has no caveat
    that `narrow` has not, and every audience it names includes all that `narrow` names.
    """
    policy = rules.policy(wide.policy)
    if policy is None or not policy.valid(wide):
        return False
    if policy.is_world(wide):
        return True
    if wide.policy != narrow.policy or policy.ranks[wide.classification] > policy.ranks.get(narrow.classification, -1):
        return False
    held = {category.tag: set(category.values) for category in narrow.categories}
    for category in wide.categories:
        values, theirs = set(category.values), held.get(category.tag, set())
        if category.type == CategoryType.RESTRICTIVE and not values <= theirs:
            return False
        if category.type == CategoryType.PERMISSIVE and not (theirs and theirs <= values):
            return False
    return wide.succession is None or wide.succession == narrow.succession


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


def also_for(label: Label, party: str, rules: Rules) -> Label:
    """Return a label that names one party more where it names an audience; as it is where its policy forbids that.

    For what stands under an item and is for the item's readers: whose item it is reads it without being named there.
    """
    policy = rules.policy(label.policy)
    wider = msgspec.structs.replace(
        label,
        categories=tuple(
            msgspec.structs.replace(one, values=(*one.values, party)) if one.tag in _AUDIENCE else one
            for one in label.categories
        ),
        succession=label.succession
        and msgspec.structs.replace(label.succession, label=also_for(label.succession.label, party, rules)),
    )
    return wider if policy is not None and policy.valid(wider) else label


def _beside(category: Category, policy: Policy) -> Category:
    """Return a category with the values that its policy asks for beside a named audience."""
    tag = policy.by_tag.get(category.tag)
    asked = () if tag is None else (value for value, tags in tag.stands_with.items() if RELEASABLE_TO in tags)
    return msgspec.structs.replace(category, values=(*category.values, *asked))


def _parties_in(category: Category) -> tuple[str, ...]:
    return category.values if category.tag in _AUDIENCE else ()


def _frameworks(rules: Rules) -> set[str]:
    # A framework and the party that keeps it may share a name; as a party it is then known by its own statements.
    return {framework for policy in rules.policies for framework in policy.keepers} - {
        keeper for policy in rules.policies for keeper in policy.keepers.values()
    }
