"""What a reader asks about: things they can see, things hidden from them, and things that never were."""

from __future__ import annotations

import random
from typing import Final

import msgspec
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
        said = [self.said[one.ref].name for one in (*self.visible[:4], *self.hidden[:6]) if one.ref in self.said]
        return (*dict.fromkeys(said), "watch@centre.example,NEVER,2017-01-01T00:00:00+00:00")

    def values(self) -> tuple[str, ...]:
        """Return incidents that visible or only hidden items mention, and one that none does."""
        said = [self.said[one.ref].value for one in (*self.visible[:3], *self.hidden[:6]) if one.ref in self.said]
        return (*dict.fromkeys(("SPILL-7", *said)), "NEVER-1")


def known_of(ground: Ground, name: str, seed: int, *, few: int = 3) -> Known:
    """Return what the reader `name` asks on `ground`, `few` of every sort."""
    rng, person = random.Random(seed), ground.people[name]
    sight = sight_of(ground.folder, person.reader, ground.now)
    said = [one for one in sight.visible if one.ref in ground.said]
    visible = _some(rng, said, few, lambda one: (one.kind, one.world, one.ref.originator == person.reader.party))
    own = {ref for ref in ground.phantoms if ref.originator == person.reader.party}
    visible += tuple(one for one in said if one.ref in own.union(ground.widened) and one not in visible)
    hidden = _some(rng, [one for one in sight.hidden if one.ref in ground.said], few, lambda one: (one.kind, one.world))
    texts = [ground.said[one.ref].word for one in (*visible[:3], *hidden[:4])]
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
    )


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
