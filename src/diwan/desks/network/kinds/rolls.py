"""The rolls: who belongs to each framework on a day, as its keeper says; what others say of it stands apart.

The rule is that of `release.decide.member_of`, told for the eye: where statements of a keeper overlap, the one that
began last speaks; of several that began on one day, membership must be what they all say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from diwan.desks.network.kinds.days import first_day, holds
from diwan.desks.network.kinds.statement import Belonging, Framework, FrameworkType
from diwan.desks.network.kinds.told import Told, in_order, kept
from diwan.terms.item import Ref
from diwan.terms.party import Standing


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one party stands in a framework, since when, and who says so."""

    party: str
    standing: Standing
    since: date | None
    until: date | None
    ref: Ref

    @property
    def by(self) -> str:
        """Return who says so."""
        return self.ref.originator


class Roll(msgspec.Struct, frozen=True, kw_only=True):
    """A framework or operation on one day, as one keeper keeps it; without a keeper, all that is said is claimed."""

    id: str
    keeper: str | None
    contested: bool
    """Whether another party says that it is the keeper; then each has a roll of its own."""
    told: Told | None
    """The keeper's own description, else the first that anyone gave, else None."""
    members: tuple[Place, ...]
    """Of an operation: the contributors."""
    aspirants: tuple[Place, ...]
    former: tuple[Place, ...]
    """Called so by the keeper, or members once whose time has run out."""
    claims: tuple[Place, ...]
    """What holds on the day by the word of anyone but the keeper."""
    ended: bool

    @property
    def framework(self) -> Framework | None:
        """Return what the framework is, as far as anyone says."""
        return self.told.statement if self.told and isinstance(self.told.statement, Framework) else None

    @property
    def operation(self) -> bool:
        """Return whether its members are contributors to an operation."""
        return self.framework is not None and self.framework.type is FrameworkType.OPERATION

    @property
    def places(self) -> tuple[Place, ...]:
        """Return where the keeper sees each party: every party stands in one place at most."""
        return (*self.members, *self.aspirants, *self.former)


def rolls(told: Iterable[Told], on: date) -> tuple[Roll, ...]:
    """Return every roll that has begun by a day, or on which anyone stands: frameworks first, then operations."""
    ordered = in_order(told)
    keepers = kept(ordered)
    described = _described(ordered)
    said: dict[str, list[tuple[Told, Belonging]]] = defaultdict(list)
    for one in ordered:
        if isinstance(one.statement, Belonging):
            said[one.statement.framework].append((one, one.statement))
    found = [
        _roll(framework, keeper, keepers.get(framework, {}), described.get(framework), said[framework], on)
        for framework in sorted(described.keys() | said.keys())
        for keeper in sorted(keepers.get(framework, ())) or (None,)
    ]
    return tuple(sorted((roll for roll in found if _shown(roll, on)), key=_rank))


def _described(told: Iterable[Told]) -> dict[str, Told]:
    first: dict[str, Told] = {}
    for one in told:
        if isinstance(one.statement, Framework):
            first.setdefault(one.statement.id, one)
    return first


def _roll(
    framework: str,
    keeper: str | None,
    keepers: dict[str, Told],
    described: Told | None,
    said: Sequence[tuple[Told, Belonging]],
    on: date,
) -> Roll:
    own: dict[str, list[tuple[Told, Belonging]]] = defaultdict(list)
    for one, belonging in said:
        if one.by == keeper:
            own[belonging.party].append((one, belonging))
    places = [place for _, statements in sorted(own.items()) if (place := _place(statements, on))]
    told = keepers[keeper] if keeper is not None else described
    about = told.statement if told else None
    ends = first_day(about.until) if isinstance(about, Framework) else None
    return Roll(
        id=framework,
        keeper=keeper,
        contested=len(keepers) > 1,
        told=told,
        members=_at(Standing.MEMBER, places),
        aspirants=_at(Standing.ASPIRANT, places),
        former=_at(Standing.FORMER, places),
        claims=_claims([pair for pair in said if pair[0].by != keeper], on),
        ended=ends is not None and ends <= on,
    )


def _place(statements: Sequence[tuple[Told, Belonging]], on: date) -> Place | None:
    """Return where the keeper sees one party on a day: by what holds, else by the membership that ended last."""
    holding = [pair for pair in statements if pair[1].membership.holds(on)]
    if holding:
        latest = max(_began(pair) for pair in holding)
        speaking = [pair for pair in holding if _began(pair) == latest]
        others = (pair for pair in speaking if pair[1].standing is not Standing.MEMBER)
        return _placed(*next(others, speaking[0]))
    ended = [pair for pair in statements if pair[1].standing is Standing.MEMBER and _ended(pair) <= on]
    if not ended:
        return None
    return msgspec.structs.replace(_placed(*max(ended, key=_ended)), standing=Standing.FORMER)


def _began(pair: tuple[Told, Belonging]) -> date:
    return pair[1].since or date.min


def _ended(pair: tuple[Told, Belonging]) -> date:
    return pair[1].until or date.max


def _placed(one: Told, said: Belonging) -> Place:
    return Place(party=said.party, standing=said.standing, since=said.since, until=said.until, ref=one.ref)


def _at(standing: Standing, places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(place for place in places if place.standing is standing)


def _claims(said: Iterable[tuple[Told, Belonging]], on: date) -> tuple[Place, ...]:
    """Return what others say of a day, once for each way in which each of them says it."""
    holding = [_placed(*pair) for pair in said if pair[1].membership.holds(on)]
    once = {(place.party, place.by, place.standing, place.since, place.until): place for place in reversed(holding)}
    return tuple(sorted(once.values(), key=lambda place: (place.party, place.ref)))


def _shown(roll: Roll, on: date) -> bool:
    if roll.places or roll.claims:
        return True
    about = roll.framework
    return about is not None and holds(about.since, None, on)


def _rank(roll: Roll) -> tuple[bool, bool, str, str]:
    return roll.framework is None, roll.operation, roll.id, roll.keeper or ""
