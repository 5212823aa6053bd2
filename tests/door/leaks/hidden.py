"""Hidden writes: everything that can happen at a node without one reader having any business with it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import msgspec
from leaks.cyber import COLLECTION, SHARED, Analyst, Made, Thing
from leaks.ground import _CHEAP, DAY, MARKINGS, PARTIES, PASSWORD, Clock, Ground, Maker, Said, hand_of, open_house
from leaks.sight import Sight, Standing, opens, sight_of
from leaks.taxii import NOWHERE

from diwan.house import House
from diwan.people.accounts import change_account, close_account, open_account
from diwan.release.decide import Rules
from diwan.terms.errors import Refused
from diwan.terms.gate import Stand, World
from diwan.terms.hand import Role
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label, Succession
from diwan.terms.reader import Clearance, Reader

_CATEGORY: Final = "CBRNE"
"""A facet value that no visible item has."""
_PUSHING: Final = ("kuwait", "qatar", "jordan", "bahrain")
_UNHEARD: Final = ("SAU", "EGY")
"""Parties that only hidden items name."""


def write_hidden(ground: Ground, name: str, seed: int, *, steps: int = 40) -> None:
    """Write to `ground` what the reader `name` may not read, of every sort, in an order drawn from `seed`."""
    rng, clock = random.Random(seed), Clock(ground.now)
    with open_house(ground.folder, clock, seed) as house:
        hiding = Hiding(house, clock, rng, ground, name)
        acts = list(hiding.acts)
        done: set[str] = set()
        for step in range(max(steps, len(acts))):
            act = acts[step] if step < len(acts) else rng.choice(acts)
            hiding.maker.pass_time()
            try:
                if hiding.acts[act]():
                    done.add(act)
            except Refused:
                continue
        missing = hiding.acts.keys() - done - hiding.impossible()
        assert not missing, f"nothing hidden from {name} was done by {missing}"
        ground.now = clock.now


class Hiding:
    """What is done at an open node so that the reader `name` has no business with it, act by act."""

    def __init__(self, house: House, clock: Clock, rng: random.Random, ground: Ground, name: str) -> None:
        self.house = house
        self.clock = clock
        self.rng = rng
        self.ground = ground
        self.name = name
        self.reader: Reader = ground.people[name].reader
        self.maker = Maker(house, clock, rng, ground, pace=2_000_000)
        self.analyst = Analyst(self.maker)
        self.acts = {
            "alert": self.alert,
            "twin": self.twin,
            "what a visible Cancel names": self.named_by_cancel,
            "cancel": self.cancel,
            "child of visible": self.child_of_visible,
            "child of hidden": self.child_of_hidden,
            "batch": self.batch,
            "succession": self.succession,
            "relabel": self.relabel,
            "rectify": self.rectify,
            "recall": self.recall,
            "recall what was lost": self.recall_lost,
            "relabel what was lost": self.relabel_lost,
            "objects": self.objects,
            "twins of visible objects": self.object_twins,
            "versions of visible objects": self.object_versions,
            "children of visible objects": self.object_children,
            "relations": self.relations,
            "definitions": self.definitions,
            "event": self.event,
            "collections": self.collections,
            "push": self.push,
            "change of objects": self.object_changes,
            "network": self.network,
            "membership": self.membership,
            "claim": self.claim,
            "account": self.account,
            "others look": self.others_look,
            "clearance": self.clearance,
            "index": self.index,
        }

    def impossible(self) -> set[str]:
        """Return what cannot be done without this reader: those who lost nothing have nothing lost."""
        lost = set() if self.reader.party == "ARE" else {"recall what was lost", "relabel what was lost"}
        return lost

    def sight(self) -> Sight:
        return sight_of(self.ground, self.reader, self.clock.now)

    def shut(self, originator: str, label: Label, above: Iterable[Stand] = ()) -> bool:
        return not opens(self.reader, (Stand(originator, label), *above), self.rules, self.clock.now)

    @property
    def rules(self) -> Rules:
        return self.house.rules()

    def hiding_label(self, originator: str) -> Label:
        labels = [self.maker.label(marking) for marking in MARKINGS]
        return self.rng.choice([label for label in labels if self.shut(originator, label)])

    def originator(self) -> str:
        """Draw a party that can label so that the reader does not see it; their own can, by classification."""
        labels = [self.maker.label(marking) for marking in MARKINGS]
        return self.rng.choice([party for party in PARTIES if any(self.shut(party, label) for label in labels)])

    def alert(self, **more: object) -> Ref | None:
        party = self.originator()
        made = self.maker.alert(world=self.rng.choice(list(World)), category=_CATEGORY, severity="Extreme", **more)  # type: ignore[arg-type]
        return self.maker.enter(party, made, self.hiding_label(party))

    def about_visible(self) -> Said:
        seen = [one for one in self.sight().visible if one.kind == "crisis.alert" and one.world == World.ACTUAL]
        return self.ground.said[self.rng.choice(seen).ref]

    def twin(self) -> Ref | None:
        """A hidden alert that bears the CAP name of a visible one, and one of the same incident."""
        said = self.about_visible()
        party = self.originator()
        made = self.maker.alert(twin=said)
        return self.maker.enter(party, made, self.hiding_label(party))

    def named_by_cancel(self) -> bool:
        """A hidden alert that a visible Cancel refers to, from the same originator and from others."""
        done = False
        for said in self.ground.phantoms.values():
            for party in (self.reader.party, self.originator()):
                if party in PARTIES and any(self.shut(party, self.maker.label(marking)) for marking in MARKINGS):
                    made = self.maker.alert(twin=said)
                    done |= self.maker.enter(party, made, self.hiding_label(party)) is not None
        return done

    def cancel(self) -> bool:
        """Hidden Updates and Cancels of what the reader sees in force; they end nothing that is another's."""
        seen = [one for one in self.sight().visible if one.kind == "crisis.alert"]
        done = False
        for one in self.rng.sample(seen, min(4, len(seen))):
            kind, party = self.rng.choice(("Update", "Cancel")), self.originator()
            made = self.maker.alert(world=one.world, about=self.ground.said[one.ref], kind=kind)
            done |= self.maker.enter(party, made, self.hiding_label(party)) is not None
        return done

    def child_of_visible(self) -> bool:
        """Answers to what the reader sees, for others alone."""
        seen = [one for one in self.sight().visible if one.kind == "crisis.alert"]
        done = False
        for one in self.rng.sample(seen, min(8, len(seen))):
            party = self.originator()
            made = self.maker.alert(world=one.world, about=self.ground.said[one.ref], kind="Ack")
            done |= self.maker.enter(party, made, self.hiding_label(party), one.ref) is not None
        return done

    def child_of_hidden(self) -> bool:
        unseen = [one for one in self.sight().hidden if one.kind == "crisis.alert"]
        done = False
        for one in self.rng.sample(unseen, min(4, len(unseen))):
            party = one.ref.originator
            made = self.maker.alert(world=one.world, about=self.ground.said[one.ref], kind="Ack")
            done |= self.maker.enter(party, made, self.hiding_label(party), one.ref) is not None
        return done

    def batch(self) -> bool:
        party = self.originator()
        labels = [self.hiding_label(party) for _ in range(7)]
        return bool(self.maker.enter_all(party, [self.maker.alert(category=_CATEGORY) for _ in labels], labels))

    def succession(self) -> Ref | None:
        """A hidden item whose label turns into another hidden one within the hour."""
        party = self.originator()
        label = self.hiding_label(party)
        label = msgspec.structs.replace(label, succession=Succession(self.clock.now + DAY // 24, label))
        return self.maker.enter(party, self.maker.alert(), label)

    def relabel(self) -> bool:
        """Move hidden items, those with something under them too, behind other hidden gates."""
        done = False
        for one in self.some_hidden(6):
            with suppress(Refused):
                self.house.relabel(hand_of(one.ref.originator), one.ref, self.hiding_label(one.ref.originator))
                done = True
        return done

    def rectify(self) -> bool:
        for one in self.some_hidden(3):
            draft, said = self.maker.alert(world=one.world, twin=self.ground.said[one.ref], category=_CATEGORY)
            self.house.rectify(hand_of(one.ref.originator), one.ref, draft)
            self.ground.said[one.ref] = said
        return True

    def recall(self) -> bool:
        for one in self.some_hidden(3):
            self.house.recall(hand_of(one.ref.originator), one.ref)
        return True

    def recall_lost(self) -> bool:
        """Recall what the reader could read once and lost since: that it ended later is none of theirs."""
        lost = self.some_lost(2)
        for one in lost:
            self.house.recall(hand_of(one.ref.originator), one.ref)
        return bool(lost)

    def relabel_lost(self) -> bool:
        lost = self.some_lost(2)
        for one in lost:
            self.house.relabel(hand_of(one.ref.originator), one.ref, self.hiding_label(one.ref.originator))
        return bool(lost)

    def made(self, made: Made, parent: Ref | None = None) -> bool:
        """Enter a cyber thing where the reader does not see it."""
        party = self.originator()
        return self.analyst.enter_as(party, made, self.hiding_label(party), parent) is not None

    def seen_things(self, kind: str = "indicator") -> list[tuple[Standing, Thing]]:
        seen = [one for one in self.sight().visible if one.ref in self.ground.things]
        found = [(one, self.ground.things[one.ref]) for one in seen if kind == "" or one.kind == f"cyber.{kind}"]
        return self.rng.sample(found, min(6, len(found)))

    def objects(self) -> bool:
        """Objects about what visible ones are about, of types the reader sees and of one they do not."""
        world = self.rng.choice(list(World))
        made = [self.analyst.indicator(world), self.analyst.domain(world), self.analyst.domain(world, SHARED)]
        made += [self.analyst.plain(kind, world) for kind in ("malware", "attack-pattern", "identity")]
        done = [self.made(one) for one in made]  # all of them, not the first that is taken
        return any(done)

    def object_twins(self) -> bool:
        """The same id and version as a visible object: the very same bytes, and other ones."""
        done = False
        for one, thing in self.seen_things():
            for data in (thing.data, thing.data.replace(b"Beacon", b"Decoy")):
                done |= self.made(self.analyst.again(data, one.world))
        for one, thing in self.seen_things("domain-name"):
            done |= self.made(self.analyst.again(thing.data, one.world))
        return done

    def object_versions(self) -> bool:
        """Newer and older versions of visible objects, of their originators too where those can hide them."""
        done = False
        for one, thing in self.seen_things():
            for at in ("2099-01-01T00:00:00.000Z", "2016-12-01T00:00:00.000Z"):
                made = self.analyst.indicator(one.world, thing, modified=at)
                done |= self.made(made)
                if one.ref.originator in PARTIES and any(
                    self.shut(one.ref.originator, self.maker.label(marking)) for marking in MARKINGS
                ):
                    party = one.ref.originator
                    done |= self.analyst.enter_as(party, made, self.hiding_label(party)) is not None
        return done

    def object_children(self) -> bool:
        done = False
        for one, thing in self.seen_things():
            for kind in ("sighting", "opinion"):
                done |= self.made(self.analyst.about(kind, thing, one.world), one.ref)
        return done

    def relations(self) -> bool:
        """Relations among what is visible and what is hidden."""
        done = False
        for one, thing in self.seen_things():
            done |= self.made(self.analyst.relation(thing, self.analyst.indicator(one.world)[2], one.world))
        return done

    def definitions(self) -> bool:
        """A marking definition under the id that the reader's own pushes will name, and one of its own."""
        phantom = {"id": f"marking-definition--{NOWHERE}"}
        made = [self.analyst.plain("marking-definition", world, **phantom) for world in World]
        done = [self.made(one) for one in (*made, self.analyst.plain("marking-definition"))]
        return any(done)

    def event(self) -> bool:
        made = self.analyst.event(self.rng.choice(list(World)), 0, "tlp:red")
        return self.analyst.enter("OMN", made, "TLP:RED // OMN ONLY") is not None

    def collections(self) -> bool:
        """Collections of their own, and some under the ids of visible ones."""
        world = self.rng.choice(list(World))
        done = self.made(self.analyst.collection(world, push="TLP:AMBER // Releasable to ICI"))
        for one, thing in self.seen_things("collection"):
            said = {**msgspec.json.decode(thing.data), "title": "Hidden feed", "types": ["tool"]}
            done |= self.made(self.analyst.made(said, "hidden", one.world, COLLECTION))
        return done

    def push(self) -> bool:
        """Submissions of others, of the same objects too, for their own party alone."""
        others = [one for name, one in self.ground.people.items() if name in _PUSHING and name != self.name]
        others = [one for one in others if one.reader.party != self.reader.party]
        for world in World:
            seen = [thing.data for one, thing in self.seen_things("") if one.world == world and "--" in thing.id]
            self.analyst.push(self.rng.choice(others), world, [*seen, self.analyst.indicator(world)[2].data])
        return True

    def object_changes(self) -> bool:
        """Relabels, recalls and rectifications of hidden objects."""
        unseen = [one for one in self.sight().hidden if one.ref in self.ground.things]
        done = False
        for number, one in enumerate(self.rng.sample(unseen, min(8, len(unseen)))):
            with suppress(Refused):
                self.change(number, one)
                done = True
        return done

    def change(self, number: int, one: Standing) -> None:
        hand, thing = hand_of(one.ref.originator), self.ground.things[one.ref]
        if number % 4 == 3:
            self.house.recall(hand, one.ref)
        elif number % 4 == 2 and thing.type == "indicator":
            self.house.rectify(hand, one.ref, self.analyst.indicator(one.world, thing)[0])
        else:
            self.house.relabel(hand, one.ref, self.hiding_label(one.ref.originator))

    def network(self) -> bool:
        """Statements that name parties and frameworks of which the reader reads nowhere."""
        done = False
        for party in _UNHEARD:
            said = {"kind": "party", "id": party, "type": "nation", "names": {"en": f"Hidden {party}"}}
            done |= self.state("NATO", self.maker.statement(**said))
        said = {
            "kind": "framework",
            "id": "UP2011",
            "type": "operation",
            "names": {"en": "Hidden UP"},
            "keeper": "NATO",
        }
        done |= self.state("NATO", self.maker.statement(**said))
        said = {"kind": "mission", "id": "SAU-NATO", "type": "mission", "of": "SAU", "to": "NATO"}
        return done | self.state("OMN", self.maker.statement(**said))

    def membership(self) -> bool:
        """Keeper's statements about other parties, in a framework whose audience the reader has no part in."""
        done = False
        for party in (*_UNHEARD, self.originator()):
            if party != self.reader.party:
                said = {"kind": "membership", "framework": "UP2011", "party": party, "standing": "member"}
                done |= self.state("NATO", self.maker.statement(**said, since=f"2011-0{self.rng.randint(1, 9)}-01"))
        return done

    def claim(self) -> bool:
        """What someone who is not the keeper says of who belongs where; it counts for nothing."""
        said = {"kind": "membership", "framework": "MD", "party": self.rng.choice(PARTIES), "standing": "former"}
        return self.state("OMN", self.maker.statement(**said, since=f"2012-0{self.rng.randint(1, 9)}-01"))

    def state(self, party: str, made: tuple[Draft, Said]) -> bool:
        return self.maker.enter(party, made, self.hiding_label(party)) is not None

    def account(self) -> bool:
        """New accounts, tokens, sign-ins and closings of others."""
        name = f"hidden.{self.rng.randrange(10**9)}"
        made = open_account(
            self.house.book,
            _CHEAP,
            name=name,
            shown="Hidden",
            party="SAU",
            password=PASSWORD,
            by="",
            roles=frozenset(Role),
        )
        self.house.doors.make_token(made, "hidden", self.clock.now + DAY, by="")
        if self.rng.random() < 0.5:
            close_account(self.house.book, made, by="")
        return True

    def others_look(self) -> bool:
        for name, person in self.ground.people.items():
            if name != self.name:
                for world in World:
                    self.house.room(person.reader, world).changes()
        stranger = Reader(f"stranger {self.rng.random()}", "SAU", (Clearance("NATO-EXAMPLE", "SECRET"),))
        self.house.room(stranger).changes()
        return True

    def clearance(self) -> bool:
        """Another reader gains a clearance, and so moves into a class of its own."""
        other = self.rng.choice([one for name, one in self.ground.people.items() if name != self.name]).account
        level = self.rng.choice(("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL"))
        changed = msgspec.structs.replace(other, clearances=(Clearance("NATO-EXAMPLE", level),))
        change_account(self.house.book, changed, by="")
        self.house.room(changed.reader).changes()
        return True

    def index(self) -> bool:
        """Index what waits, again and again, so that segments are made and merged."""
        for _ in range(9):
            self.alert()
            self.house.book.words.catch_up(everything=True)
        return True

    def some_hidden(self, count: int) -> list[Standing]:
        unseen = [one for one in self.sight().hidden if one.kind == "crisis.alert" and one.ref in self.ground.said]
        return self.rng.sample(unseen, min(count, len(unseen)))

    def some_lost(self, count: int) -> list[Standing]:
        room = self.house.room(self.reader)
        retracted = {
            change.ref
            for change in room.changes(self.ground.cursors[self.name][0].cursor, 500).changes
            if change.item is None
        }
        lost = [one for one in self.sight().hidden if one.ref in retracted and one.kind == "crisis.alert"]
        return self.rng.sample(lost, min(count, len(lost)))
