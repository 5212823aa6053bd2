"""The release decision: the only place where it is settled who may read what. Denied unless every rule says yes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property

import msgspec

from diwan.release.clauses import ANYONE, Tag
from diwan.release.codes import is_party_id
from diwan.release.policy import Policy
from diwan.terms.errors import Malformed
from diwan.terms.gate import Gate, Stand
from diwan.terms.label import CategoryType, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant, day, midnight


class Rules(msgspec.Struct, frozen=True, dict=True):
    """One revision of everything that decisions rest on beside reader, label and clock.

    `memberships` holds keepers' own statements alone; the caller leaves claims of others out.

    Raises:
        Malformed: two policies share an id.
    """

    revision: int
    policies: tuple[Policy, ...]
    memberships: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        """Refuse rules under which a label could mean two things."""
        if len({policy.id for policy in self.policies}) != len(self.policies):
            raise Malformed("Two policies share an id; labels under it would mean two things. Rules not taken.")

    @cached_property
    def _by_id(self) -> dict[str, Policy]:
        return {policy.id: policy for policy in self.policies}

    def policy(self, name: str) -> Policy | None:
        """Return the policy of this id, or None."""
        return self._by_id.get(name)

    def valid(self, label: Label) -> bool:
        """Return whether the label's policy is known and finds it legal."""
        policy = self.policy(label.policy)
        return policy is not None and policy.valid(label)


def keeper_of(policies: Iterable[Policy], framework: str) -> str | None:
    """Return the one party whose word on a framework's members counts: the keeper that every policy naming it names."""
    keepers = {policy.keepers[framework] for policy in policies if framework in policy.keepers}
    return keepers.pop() if len(keepers) == 1 else None


def admits(reader: Reader, stand: Stand, rules: Rules, now: Instant) -> bool:
    """Return whether one label, as one originator set it, admits a reader at `now`.

    The rule is the access control decision function of ADatP-4774 Ed A V1: same policy; the classification within
    the clearance; every value of a restrictive tag held; one value of every permissive tag held; informative tags
    ignored. A label that its policy finds at fault, now or after a succession, admits nobody. The originator is of
    the audience of its own items, whatever they name, but needs the clearance like everyone.
    """
    return _Sight(reader, rules, now).admits(stand)


def open_gates(reader: Reader, gates: Mapping[int, Gate], rules: Rules, now: Instant) -> frozenset[int]:
    """Return the numbers of the gates that are open to a reader: each of the gate's labels admits them.

    A gate without a label is shut. The set holds for these rules until `next_turn`.
    """
    sight = _Sight(reader, rules, now)
    decided: dict[Stand, bool] = {}  # labels repeat across gates
    opened = []
    for number, gate in gates.items():
        for stand in gate.stands:
            admitted = decided.get(stand)
            if admitted is None:
                admitted = decided[stand] = sight.admits(stand)
            if not admitted:
                break
        else:
            if gate.stands:
                opened.append(number)
    return frozenset(opened)


def next_turn(reader: Reader, gates: Mapping[int, Gate], rules: Rules, now: Instant) -> Instant | None:
    """Return the next instant after `now` at which any gate may open or shut for a reader by the clock alone.

    Never later than the first real change; None means that nothing is set to happen.
    """
    return min((turn for turn in _turns(reader, gates, rules) if turn > now), default=None)


def reaches(party: str, stand: Stand, rules: Rules, now: Instant) -> bool:
    """Return whether a stand's audience includes a party at `now`, whatever its readers are cleared for."""
    return _Sight(Reader("", party), rules, now).reached_by(stand)


def in_force(label: Label, now: Instant) -> Label:
    """Return the label that holds at `now`: itself, or the last successor whose date has come."""
    while label.succession is not None and label.succession.at <= now:
        label = label.succession.label
    return label


def member_of(party: str, memberships: Iterable[Membership], on: date) -> frozenset[str]:
    """Return the frameworks in which a party is a member on a day.

    Where statements about one framework overlap, the one that began last speaks; if several began on the same day,
    membership must be what they all say.
    """
    spoken: dict[str, list[Membership]] = {}
    for statement in memberships:
        if statement.party == party and statement.holds(on):
            spoken.setdefault(statement.framework, []).append(statement)
    return frozenset(framework for framework, statements in spoken.items() if _all_member(statements))


def _all_member(statements: list[Membership]) -> bool:
    latest = max(statement.since or date.min for statement in statements)
    return all(
        statement.standing is Standing.MEMBER for statement in statements if (statement.since or date.min) == latest
    )


class _Sight:
    """What one reader holds at one instant, worked out once per policy."""

    def __init__(self, reader: Reader, rules: Rules, now: Instant) -> None:
        self._reader = reader
        self._rules = rules
        self._now = now
        self._known = is_party_id(reader.party)
        self._frameworks = member_of(reader.party, rules.memberships, day(now))
        self._holdings: dict[str, _Holding] = {}

    def admits(self, stand: Stand) -> bool:
        return self._decide(stand, cleared=True)

    def reached_by(self, stand: Stand) -> bool:
        return self._decide(stand, cleared=False)

    def _decide(self, stand: Stand, *, cleared: bool) -> bool:
        policy = self._rules.policy(stand.label.policy)
        # The whole label is judged, successors too: one that is at fault tomorrow was never a legal label.
        if policy is None or not self._known or not policy.valid(stand.label):
            return False
        label = in_force(stand.label, self._now)
        holding = self._holdings.get(policy.id)
        if holding is None:
            holding = self._holdings[policy.id] = _hold(self._reader, self._frameworks, policy, self._now)
        if self._reader.party != stand.originator and not holding.audience(label):
            return False
        return not cleared or holding.clearance(label)


class _Holding(msgspec.Struct, frozen=True):
    """What a reader holds under one policy: values of permissive tags, and ranks with the caveats beside them."""

    policy: Policy
    permissive: dict[str, frozenset[str]]
    cleared: tuple[tuple[int, frozenset[tuple[str, str]]], ...]

    def audience(self, label: Label) -> bool:
        # A legal label without a permissive category is the policy's WORLD, so nothing left to meet is a yes.
        held = self.permissive
        return all(not held[c.tag].isdisjoint(c.values) for c in label.categories if c.tag in held)

    def clearance(self, label: Label) -> bool:
        rank = self.policy.ranks[label.classification]
        tags = self.policy.by_tag
        needed = {
            (c.tag, value)
            for c in label.categories
            if tags[c.tag].type is CategoryType.RESTRICTIVE
            for value in c.values
        }
        # One clearance must carry both: SECRET from one and a caveat from another is not SECRET with the caveat.
        return any(rank <= up_to and needed <= caveats for up_to, caveats in self.cleared)


def _hold(reader: Reader, frameworks: frozenset[str], policy: Policy, now: Instant) -> _Holding:
    names = {reader.party} | (frameworks & policy.keepers.keys())
    permissive = {
        tag.name: _held_values(tag, reader.party, names) for tag in policy.tags if tag.type is CategoryType.PERMISSIVE
    }
    return _Holding(policy, permissive, tuple(_cleared(reader.clearances, policy, day(now))))


def _held_values(tag: Tag, party: str, names: set[str]) -> frozenset[str]:
    if tag.values == "audience":
        return frozenset(names)
    if tag.values == "party":
        return frozenset((party,))
    return frozenset(value for value, holder in tag.held_by.items() if holder == ANYONE or holder in names)


def _cleared(
    clearances: Iterable[Clearance], policy: Policy, on: date
) -> Iterator[tuple[int, frozenset[tuple[str, str]]]]:
    floor = None if policy.open_level is None else policy.ranks[policy.open_level]
    if floor is not None:
        yield floor, frozenset()
    for clearance in clearances:
        rank = policy.ranks.get(clearance.classification)
        if clearance.policy == policy.id and rank is not None and (clearance.until is None or on < clearance.until):
            yield max(rank, floor or rank), frozenset(clearance.caveats)


def _turns(reader: Reader, gates: Mapping[int, Gate], rules: Rules) -> Iterator[Instant]:
    for statement in rules.memberships:
        if statement.party == reader.party:
            yield from (midnight(on) for on in (statement.since, statement.until) if on is not None)
    for clearance in reader.clearances:
        if clearance.until is not None:
            yield midnight(clearance.until)
    for gate in gates.values():
        for stand in gate.stands:
            label = stand.label
            while label.succession is not None:
                yield label.succession.at
                label = label.succession.label
