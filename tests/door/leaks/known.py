"""What a reader asks about: things they can see, things hidden from them, and things that never were."""

from __future__ import annotations

import random
from typing import Final

import msgspec
from leaks.cyber import Thing
from leaks.ground import Ground, Kept, Person, Said
from leaks.sight import Standing, sight_of

from diwan.registry.words import words
from diwan.terms.gate import World
from diwan.terms.item import Ref

UNKNOWN: Final = "0123456789abcdef0123456789abcdef"
MALFORMED: Final = (
    "0",
    "G" * 32,
    "0123456789ABCDEF0123456789ABCDEF",
    "x" * 400,
    "0123456789abcdef0123456789abcde\u0660",
)


class Known(msgspec.Struct, frozen=True):
    """One reader's questions, in every world; the same for a register before and after what they may not read."""

    name: str
    person: Person
    visible: tuple[Standing, ...]
    """A few of what they may see, of every kind and originator."""
    hidden: tuple[Standing, ...]
    gone: tuple[Ref, ...]
    said: dict[Ref, Said]
    words: tuple[str, ...]
    """Words of visible and of hidden items, plain ones, and one that nobody said."""
    cursors: tuple[Kept, ...]
    others_cursors: tuple[Kept, ...]
    things: dict[Ref, Thing] = {}
    """The cyber ones among what is visible and hidden."""
    statuses: tuple[tuple[World, str], ...] = ()
    """Submissions over TAXII: theirs, then others'."""
    places: tuple[tuple[World, str], ...] = ()
    """Cursors of what arrived: theirs, then others'."""
    form: str = ""
    """What the forms of their session carry."""

    def refs(self, world: World) -> tuple[Ref, ...]:
        """Return what to ask for by reference in a world: visible there, visible elsewhere, hidden, gone, unknown."""
        here = tuple(one.ref for one in self.visible if one.world == world)
        there = tuple(one.ref for one in self.visible if one.world != world)[:1]
        return (*here, *there, *self.unseen(world))

    def unseen(self, world: World) -> tuple[Ref, ...]:
        """Return what must be answered alike in a world: hidden, recalled, and never there."""
        hidden = tuple(one.ref for one in self.hidden if one.world == world)
        originator = hidden[0].originator if hidden else "KWT"
        return (*hidden, *self.gone, Ref(originator, UNKNOWN), Ref("NOBODY", UNKNOWN))

    def names(self) -> tuple[str, ...]:
        """Return CAP and network names: of visible and hidden items, and one that nobody bears."""
        ours = [[one for one in seen if not _is_cyber(one)] for seen in (self.visible, self.hidden)]
        said = [self.said[one.ref].name for one in (*ours[0][:4], *ours[1][:6]) if one.ref in self.said]
        return (*dict.fromkeys(said), "watch@centre.example,NEVER,2017-01-01T00:00:00+00:00")

    def of_world(self, world: World, *, kind: str = "") -> tuple[Thing, ...]:
        """Return cyber things of a world, visible ones first; of one type where that is asked for."""
        refs = [one.ref for one in (*self.visible, *self.hidden) if one.world == world and one.ref in self.things]
        return tuple(self.things[ref] for ref in refs if kind in ("", self.things[ref].type))

    def ids(self, world: World) -> tuple[str, ...]:
        """Return STIX ids: of visible and hidden objects, of what is elsewhere, and one that nothing bears."""
        here = [thing.id for thing in self.of_world(world) if "--" in thing.id]
        there = [thing.id for thing in self.of_world(World.ACTUAL) if "--" in thing.id and world != World.ACTUAL]
        return (*dict.fromkeys((*here, *there[:1])), "indicator--00000000-0000-4000-8000-000000000000")

    def observables(self, world: World) -> tuple[str, ...]:
        """Return keys of observables that visible or only hidden things are about, and one that none is."""
        said = dict.fromkeys(key for thing in self.of_world(world) for key in thing.values)
        return (*said, "domain:never.example")

    def values(self) -> tuple[str, ...]:
        """Return incidents that visible or only hidden items mention, and one that none does."""
        said = [self.said[one.ref].value for one in (*self.visible[:3], *self.hidden[:6]) if one.ref in self.said]
        return (*dict.fromkeys(("SPILL-7", *said)), "NEVER-1")


def known_of(ground: Ground, name: str, seed: int, *, few: int = 3) -> Known:
    """Return what the reader `name` asks on `ground`, `few` of every sort."""
    rng, person = random.Random(seed), ground.people[name]
    sight = sight_of(ground, person.reader, ground.now)
    said = [one for one in sight.visible if one.ref in ground.said]
    visible = _some(rng, said, few, lambda one: (*_sort(one), one.ref.originator == person.reader.party))
    own = {ref for ref in ground.phantoms if ref.originator == person.reader.party}
    visible += tuple(one for one in said if one.ref in own.union(ground.widened) and one not in visible)
    hidden = _some(rng, [one for one in sight.hidden if one.ref in ground.said], few, _sort)
    texts = [ground.said[one.ref].word for one in (*visible[:3], *hidden[:4])]
    in_order = sorted(ground.people, key=lambda other: other != name)
    kept_here, others = (
        ground.cursors[name],
        [kept for other, kepts in ground.cursors.items() if other != name for kept in kepts],
    )
    return Known(
        name,
        person,
        visible,
        hidden,
        tuple(rng.sample(sight.gone, min(2, len(sight.gone)))),
        {one.ref: ground.said[one.ref] for one in (*visible, *hidden)},
        (
            *sorted({word for text in texts for word in words(text)}),
            "tanker",
            "نفط",
            "maree",
            "hidden",
            "nobodysaidthis",
        ),
        tuple(_cursors(kept_here)),
        tuple(rng.sample(others, 2)),
        {one.ref: ground.things[one.ref] for one in (*visible, *hidden) if one.ref in ground.things},
        tuple(one for other in in_order[:3] for one in ground.statuses.get(other, [])),
        tuple(one for other in in_order[:2] for one in ground.places.get(other, [])[:6]),
    )


def _is_cyber(one: Standing) -> bool:
    return one.kind.startswith("cyber.")


def _sort(one: Standing) -> tuple[str, World]:
    # One type of cyber things in the actual world is asked for like every other; elsewhere they count as one sort.
    return ("cyber" if _is_cyber(one) and one.world != World.ACTUAL else one.kind), one.world


def _cursors(kept: list[Kept]) -> list[Kept]:
    """Return the first, a middle and the last cursor of every feed and list."""
    found = []
    for world in World:
        for feed in (True, False):
            of = [one for one in kept if (one.world, one.feed) == (world, feed)]
            found += [of[at] for at in sorted({0, len(of) // 2, len(of) - 1}) if of]
    return found


def _some(rng: random.Random, standing: list[Standing], few: int, sort: object) -> tuple[Standing, ...]:
    sorts: dict[object, list[Standing]] = {}
    for one in standing:
        sorts.setdefault(sort(one), []).append(one)  # type: ignore[operator]
    found = [one for alike in sorts.values() for one in rng.sample(alike, min(few, len(alike)))]
    rng.shuffle(found)
    return tuple(found)
