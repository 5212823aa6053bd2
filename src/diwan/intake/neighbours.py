"""Neighbours: what the drafts of one transaction name and are named by, looked up once for all of them.

Only what the hand itself may read is told of: no answer rests on any other item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from diwan.registry.filing import spell
from diwan.registry.found import Standing
from diwan.registry.ink import Ink
from diwan.release.audience import Audience, audience, known_parties
from diwan.release.decide import Rules, open_gates
from diwan.terms.gate import Gate, Stand
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Version
from diwan.terms.label import RELEASABLE_TO, Label

WORLD = "WORLD"
"""Stands for everyone where parties are listed; where everyone is released to, nobody can be left out by name."""


class Neighbours:
    """What stands under the names that some drafts bear and refer to, as one hand may see it."""

    def __init__(self, ink: Ink, rules: Rules, hand: Hand, drafts: Sequence[Draft]) -> None:
        """Look up every name of `drafts` at once; gates and labels repeat, so what is decided of them is kept."""
        self._ink = ink
        self._rules = rules
        self._hand = hand
        own = {alias: spell(alias) for draft in drafts for alias in draft.aliases}
        others = {link.to for draft in drafts for link in draft.links}
        spelt = own | {alias: spell(alias) for alias in others - own.keys()}
        stands, ending = ink.beside(spelt.values())
        self._named = {alias: stands[name] for alias, name in spelt.items() if name in stands}
        self._behind = {alias: tuple(dict.fromkeys(one.gate for one in named)) for alias, named in self._named.items()}
        self._ending = {alias for alias, name in own.items() if name in ending}
        self._gates: dict[int, Gate | None] = {}
        self._outside: dict[tuple[Label, int], tuple[str, ...]] = {}

    def targets(self, draft: Draft) -> Iterator[tuple[int, Gate]]:
        """Yield the gates behind which what a draft refers to stands, once for each name and gate."""
        for name in dict.fromkeys(link.to for link in draft.links if link.to in self._behind):
            for number in self._behind[name]:
                gate = self._readable(number)
                if gate is not None and gate.world == draft.world:
                    yield number, gate

    def outside(self, label: Label, number: int, gate: Gate) -> tuple[str, ...]:
        """Return who is of the audience of `label` and may not know what stands behind a gate."""
        found = self._outside.get((label, number))
        if found is None:
            found = self._outside[label, number] = self._compare(label, gate)
        return found

    def may_be_ended(self, draft: Draft) -> bool:
        """Return whether anything at all, readable or not, ends what bears a name of this draft."""
        return not self._ending.isdisjoint(draft.aliases)

    def holder(self, alias: Alias, gate: int, originator: str, version: Version | None) -> tuple[Standing, bool] | None:
        """Return the item that an originator has under `alias` behind `gate`, and whether it says the same."""
        known = any(one.originator == originator for one in self._named.get(alias, ()))
        return self._ink.alias_holder(alias, gate, originator, version) if known else None

    def from_elsewhere(self, draft: Draft, originator: str) -> Iterator[tuple[Alias, Standing]]:
        """Yield what an originator has under the names of a draft that came by a certain way, and not by that way."""
        if draft.came is None:
            return
        for name in draft.aliases:
            if name == draft.came or not any(one.originator == originator for one in self._named.get(name, ())):
                continue
            came = {one.item for one in self._ink.holders(draft.came)}
            for one in self._ink.holders(name):
                own = one.ref.originator == originator and one.world == draft.world
                if own and one.item not in came and self._readable(one.gate) is not None:
                    yield name, one

    def _readable(self, number: int) -> Gate | None:
        if number not in self._gates:
            gate = self._ink.gate(number)
            reads = open_gates(self._hand.reader, {0: gate}, self._rules, self._ink.now())
            self._gates[number] = gate if reads else None
        return self._gates[number]

    def _compare(self, label: Label, gate: Gate) -> tuple[str, ...]:
        now, rules = self._ink.now(), self._rules
        parties = known_parties(rules, [label, *(stand.label for stand in gate.stands)])
        mine = audience(Stand(self._hand.reader.party, label), parties, rules, now)
        each = [audience(stand, parties, rules, now) for stand in gate.stands]
        theirs = Audience(all(one.world for one in each), frozenset.intersection(*(one.parties for one in each)))
        return beyond_audience(label, mine, theirs)


def beyond_audience(label: Label, mine: Audience, theirs: Audience) -> tuple[str, ...]:
    """Return who may not know a target: parties that the label names itself, or else the frameworks it names.

    A party that the label reaches through a framework is not named, and of everyone nobody is: that a party belongs,
    or is known here at all, may be a statement that the hand may not read.
    """
    if mine.world and not theirs.world:
        return (WORLD,)
    outside = frozenset() if theirs.world else mine.parties - theirs.parties
    named = {value for category in label.categories if category.tag == RELEASABLE_TO for value in category.values}
    through = named - mine.parties if outside - named else frozenset[str]()
    return tuple(sorted((outside & named) | through))


def labels_of(gates: Iterable[Gate]) -> Iterator[Label]:
    """Yield the labels that must admit whoever reads what stands behind `gates`."""
    for gate in gates:
        yield from (stand.label for stand in gate.stands)
