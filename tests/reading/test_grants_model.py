"""Random memberships, clearances, dates, relabels and readers: every feed equals what a plain recomputation says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from diwan.house import House
from diwan.reading import ReadingRoom
from diwan.registry.chance import Chance
from diwan.release.ceiling import Height
from diwan.release.decide import Rules, admits
from diwan.settings import Settings
from diwan.terms.errors import NotFound, Refused
from diwan.terms.gate import Stand
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Part, Ref
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import day

PARTIES = ("NATO", "KWT", "QAT", "JOR")
FRAMEWORKS = ("ICI", "MD")
LEVELS = ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET")
SEEDS = range(12)
STEPS = 70
Held = tuple[int, Label]


class Told:
    """What the model believes of one item: the labels of its own and of all it stands under."""

    def __init__(self, ref: Ref, label: Label, parent: Told | None) -> None:
        self.ref = ref
        self.label = label
        self.parent = parent
        self.alive = True

    def lives(self) -> bool:
        return self.alive and (self.parent is None or self.parent.lives())

    def stands(self) -> Iterator[Stand]:
        yield Stand(self.ref.originator, self.label)
        if self.parent is not None:
            yield from self.parent.stands()


class Seen:
    """What was ever a reader's, and when anything last left them."""

    def __init__(self) -> None:
        self.ever: set[Ref] = set()
        self.now: set[Ref] = set()
        self.left: dict[Ref, int] = {}

    def look(self, visible: set[Ref], step: int) -> None:
        self.left.update(dict.fromkeys(self.now - visible, step))
        self.now = visible
        self.ever |= visible


class Subscriber:
    """A mirror of a feed: what it holds is what it was told, and it was never told what it already held.

    Only while it catches up page by page as things change may it be told something twice, or of the end of something
    that was theirs and ended before its page.
    """

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self.cursor: str | None = None
        self.held: dict[Ref, Held] = {}
        self.told_at: dict[Ref, int] = {}
        self.behind_at: int | None = None
        self.exact = True

    def poll(self, room: ReadingRoom, limit: int, changes_so_far: int, seen: Seen) -> bool:
        self.exact = self.exact and self.behind_at in (None, changes_so_far)
        answer = room.changes(self.cursor, limit)
        for change in answer.changes:
            if change.item is None:
                assert change.what == "retracted"
                assert change.ref in (self.held if self.exact else seen.ever)
                self.held.pop(change.ref, None)
            else:
                now = (change.item.revision, change.item.label)
                left_since = seen.left.get(change.ref, -1) >= self.told_at.get(change.ref, -1)
                assert not self.exact or self.held.get(change.ref) != now or left_since
                self.held[change.ref] = now
                self.told_at[change.ref] = changes_so_far
        if not answer.changes:
            assert self.cursor in (None, answer.cursor)
        self.cursor = answer.cursor
        self.behind_at = changes_so_far if answer.more else None
        self.exact = self.exact or not answer.more
        return answer.more


class World:
    """The register under test, and a plain list beside it."""

    def __init__(self, folder: Path, register: str, clock: Callable[[], int], seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = clock
        heights = (Height("TLP", "UNCLASSIFIED"), Height("NATO-EXAMPLE", "SECRET"))
        settings = Settings(keeper="NATO", hosted=PARTIES[1:], heights=heights, postgres=register)
        self.house = House(folder, settings, clock=clock, chance=Chance(seed), synchronous="OFF")
        self.items: list[Told] = []
        self.stated: list[tuple[Ref, Membership]] = []
        self.readers = {f"{party}-{n}": Reader(f"{party}-{n}", party) for party in (*PARTIES, "OUT") for n in (1, 2)}
        self.steps = 0
        self.seen = {name: Seen() for name in self.readers}
        self.subscribers = [Subscriber(name) for name in self.readers for _ in (1, 2)]

    def hand(self, party: str) -> Hand:
        everything = (Clearance("NATO-EXAMPLE", "SECRET"),)
        return Hand(Reader(f"hand-{party}", party, everything), frozenset({Role.RELEASING_OFFICER}))

    def label(self) -> Label:
        named = tuple(self.rng.sample((*PARTIES, *FRAMEWORKS), self.rng.randint(1, 3)))
        audience = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, named)
        if self.rng.random() < 0.5:
            return Label("TLP", "UNCLASSIFIED", (audience,), Handling(tlp=self.rng.choice(("TLP:AMBER", "TLP:RED"))))
        if self.rng.random() < 0.1:
            return Label("TLP", "UNCLASSIFIED", (), Handling(tlp="TLP:CLEAR"))
        context = Category("Context", CategoryType.PERMISSIVE, ("NATO", "Releasable"))
        parties = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, tuple(set(named) & set(PARTIES)) or ("NATO",))
        return Label("NATO-EXAMPLE", self.rng.choice(LEVELS), (context, parties))

    def enter(self) -> None:
        party = self.rng.choice(PARTIES)
        parent = self.rng.choice(self.items) if self.items and self.rng.random() < 0.3 else None
        text = f"item {self.rng.random()}"
        draft = Draft(
            kind="crisis.alert",
            title=text,
            parts=(Part("note.txt", "text/plain", text.encode()),),
            parent=parent.ref if parent else None,
        )
        label = self.label()
        try:
            taken = self.house.take(self.hand(party), draft, label, originator=party)
        except Refused:
            return
        self.items.append(Told(taken.refs[0], label, parent))

    def relabel(self) -> None:
        self.change(lambda item, label: self.house.relabel(self.hand(item.ref.originator), item.ref, label))

    def rectify(self) -> None:
        def act(item: Told, _: Label) -> None:
            text = f"rectified {self.rng.random()}"
            parent = item.parent.ref if item.parent else None
            draft = Draft(
                kind="crisis.alert",
                title=text,
                parts=(Part("note.txt", "text/plain", text.encode()),),
                parent=parent,
            )
            self.house.rectify(self.hand(item.ref.originator), item.ref, draft)

        self.change(act, keep=True)

    def change(self, act: Callable[[Told, Label], None], *, keep: bool = False) -> None:
        if not self.items:
            return
        item, label = self.rng.choice(self.items), self.label()
        try:
            act(item, label)
        except Refused:
            return
        item.label = item.label if keep else label

    def recall(self) -> None:
        if not self.items:
            return
        item = self.rng.choice(self.items)
        try:
            self.house.recall(self.hand(item.ref.originator), item.ref)
        except NotFound:
            return
        item.alive = False

    def state(self) -> None:
        today = day(self.clock())
        since = today + timedelta(days=self.rng.randint(-30, 30))
        until = since + timedelta(days=self.rng.randint(1, 40)) if self.rng.random() < 0.5 else None
        framework, party = self.rng.choice(FRAMEWORKS), self.rng.choice((*PARTIES, "OUT"))
        said = Membership(framework, party, self.rng.choice(list(Standing)), since, until)
        speaker = "NATO" if self.rng.random() < 0.8 else "QAT"
        text = f"{framework} {party} {self.rng.random()}"
        draft = Draft(
            kind="network.membership",
            title=text,
            parts=(Part("said.json", "application/json", text.encode()),),
            membership=said,
        )
        audience = (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("NATO",)),)
        label = Label("TLP", "UNCLASSIFIED", audience, Handling(tlp="TLP:AMBER"))
        taken = self.house.take(self.hand(speaker), draft, label, originator=speaker)
        self.items.append(Told(taken.refs[0], label, None))
        if speaker == "NATO":
            self.stated.append((taken.refs[0], said))

    def clear(self) -> None:
        name = self.rng.choice(list(self.readers))
        until = day(self.clock()) + timedelta(days=self.rng.randint(-5, 30)) if self.rng.random() < 0.4 else None
        held = (Clearance("NATO-EXAMPLE", self.rng.choice(LEVELS), (), until),) if self.rng.random() < 0.8 else ()
        self.readers[name] = Reader(name, self.readers[name].party, held)

    def wait(self) -> None:
        self.clock.pass_days(self.rng.randint(1, 15))  # type: ignore[attr-defined]

    def poll(self) -> None:
        subscriber = self.rng.choice(self.subscribers)
        self.ask(subscriber, self.rng.randint(1, 4))

    def ask(self, subscriber: Subscriber, limit: int) -> bool:
        room = self.house.room(self.readers[subscriber.reader])
        return subscriber.poll(room, limit, self.steps, self.seen[subscriber.reader])

    def step(self, act: Callable[[], None]) -> None:
        act()
        if act != self.poll:
            self.steps += 1
            for name, reader in self.readers.items():
                self.seen[name].look(set(self.visible(reader)), self.steps)

    def rules(self) -> Rules:
        alive = {item.ref for item in self.items if item.lives()}
        return Rules(1, self.house.rules().policies, tuple(said for ref, said in self.stated if ref in alive))

    def visible(self, reader: Reader) -> dict[Ref, Label]:
        rules, now = self.rules(), self.clock()
        return {
            item.ref: item.label
            for item in self.items
            if item.lives() and all(admits(reader, stand, rules, now) for stand in item.stands())
        }

    def check(self) -> None:
        for subscriber in self.subscribers:
            reader = self.readers[subscriber.reader]
            room = self.house.room(reader)
            while self.ask(subscriber, 3):
                pass
            expected = self.visible(reader)
            assert {ref: label for ref, (_, label) in subscriber.held.items()} == expected
            assert {item.ref: item.label for item in room.walk()} == expected
            assert room.count() == len(expected)
            assert subscriber.held == {item.ref: (item.revision, item.label) for item in room.walk()}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_feed_equals_what_a_plain_recomputation_says(
    tmp_path: Path, register: str, clock: object, seed: int
) -> None:
    world = World(tmp_path, register, clock, seed)  # type: ignore[arg-type]
    acts = [world.enter] * 5 + [world.relabel] * 3 + [world.rectify, world.recall, world.clear, world.wait]
    acts += [world.state] * 3 + [world.poll] * 8
    try:
        for step in range(STEPS // 3 if register else STEPS):  # a database answers the same, only later
            world.step(world.rng.choice(acts))
            if step % 20 == 19:
                world.check()
        world.check()
    finally:
        world.house.close()
    assert len(world.items) > (3 if register else 5)
