"""What a reader may see and what they may not, entered, moved and taken back in one go.

In one register it happens alone, in the other with hidden things beside it.  Both do it at the same instants with the
same chance; hidden things come last in what is handed in, so that what is drawn for the others stays the same.
"""

from __future__ import annotations

import random
from itertools import compress, cycle
from operator import not_
from typing import Final

from leaks.cyber import Analyst, Thing
from leaks.ground import MARKINGS, PARTIES, Clock, Ground, Maker, Said, hand_of, open_house
from leaks.sight import opens

from diwan.house import House
from diwan.terms.errors import Refused
from diwan.terms.gate import Stand, World
from diwan.terms.item import Draft, Ref
from diwan.terms.reader import Reader

Made = tuple[Draft, Said, Thing | None]
_CHILDREN: Final = 5
_APART: Final = 10_000_000
_PACE: Final = 100_000
"""Microseconds between one thing done in both registers and the next, and at most between hidden ones in between."""


def go_together(ground: Ground, name: str, seed: int, *, hidden: bool) -> None:
    """Enter, move and take back in a ground what the reader `name` sees, with what is hidden from them or without."""
    clock = Clock(ground.now)
    with open_house(ground.folder, clock, seed) as house:
        together = _Together(house, clock, ground, ground.people[name].reader, seed, hidden=hidden)
        for world in World:
            together.run(world)
    ground.now = clock.now


class _Together:
    def __init__(self, house: House, clock: Clock, ground: Ground, reader: Reader, seed: int, *, hidden: bool) -> None:
        self.house, self.clock, self.ground, self.hidden = house, clock, ground, hidden
        self.due = clock.now
        self.open, self.secret = (Maker(house, clock, random.Random(seed + n), ground, pace=_PACE) for n in range(2))
        labels = [self.open.label(marking) for marking in MARKINGS]
        for party in PARTIES:  # one that can show this reader things, and hide some
            sees = [opens(reader, (Stand(party, label),), house.rules(), clock.now) for label in labels]
            self.party = party
            self.seen, self.shut = list(compress(labels, sees)), list(compress(labels, map(not_, sees)))
            if self.seen and len(self.shut) > 1:
                break

    def run(self, world: World) -> None:
        refs = [ref for _ in range(2) for ref in self.batch(world)]
        for act in (self.relabel, self.rectify, self.hide, self.recall):
            self.children_of(refs, world)
            self.next()
            act(refs.pop(0), world)

    def next(self) -> None:
        """Let the next act come at the same instant whatever was done before."""
        self.due += _APART
        assert self.clock.now < self.due
        self.clock.now = self.due

    def batch(self, world: World) -> list[Ref]:
        """Enter in one batch, under several labels, alerts, objects and observables; return what the reader sees."""
        self.next()
        made = list(zip(self.some(self.open, world), cycle(self.seen)))
        seen = len(made)
        if self.hidden:
            made += list(zip([*self.some(self.secret, world), *self.some(self.secret, world)], cycle(self.shut)))
        drafts = [(draft, label) for (draft, _, _), label in made]
        taken = self.house.take_all(hand_of(self.party), drafts, originator=self.party)
        refs = []
        for ((_, said, thing), _), outcome in zip(made, taken, strict=True):
            assert not isinstance(outcome, Refused), outcome
            (ref,) = outcome.refs
            self.ground.said[ref] = said
            if thing is not None:
                self.ground.things[ref] = thing
            refs.append(ref)
        return refs[:seen:3]

    def some(self, make: Maker, world: World) -> list[Made]:
        """Return ten things, every third an alert, the last something malicious."""
        analyst, made = Analyst(make), list[Made]()
        for _ in range(3):
            draft, said = make.alert(world=world)
            made += [(draft, said, None), analyst.indicator(world), analyst.domain(world)]
        return [*made, analyst.plain("malware", world)]

    def children_of(self, refs: list[Ref], world: World) -> None:
        """Let others answer, for themselves, to what the reader sees."""
        if self.hidden:
            for ref, label in zip(refs * _CHILDREN, cycle(self.shut)):
                assert self.secret.enter(self.party, self.secret.alert(world=world), label, ref) is not None

    def relabel(self, ref: Ref, _: World) -> None:
        self.house.relabel(hand_of(self.party), ref, self.seen[-1])

    def rectify(self, ref: Ref, world: World) -> None:
        draft, said = self.open.alert(world=world, twin=self.ground.said[ref])
        self.house.rectify(hand_of(self.party), ref, draft)
        self.ground.said[ref] = said

    def hide(self, ref: Ref, _: World) -> None:
        """Take something out of the reader's sight, and what stands under it along."""
        self.house.relabel(hand_of(self.party), ref, self.shut[0])

    def recall(self, ref: Ref, _: World) -> None:
        self.house.recall(hand_of(self.party), ref)
