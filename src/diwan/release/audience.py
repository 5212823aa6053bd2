"""The audience: which parties a label would reach, for the preview before an item is entered."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from diwan.release.decide import Rules, in_force, reaches
from diwan.terms.gate import Stand
from diwan.terms.time import Instant


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
