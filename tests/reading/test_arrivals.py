"""Random versions, relabels, recalls, memberships and pollers: nobody misses what is theirs, or is served it twice.

Beside the register stands a plain list of what was entered, from which every reader's share is worked out anew; the
instants at which things came to a reader are worked out once more from the rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from diwan.house import House
from diwan.reading import Query, ReadingRoom, Selection
from diwan.registry.chance import Chance
from diwan.release.ceiling import Height
from diwan.release.decide import Rules, admits
from diwan.settings import Settings
from diwan.terms.errors import NotFound, Refused
from diwan.terms.gate import Gate, Stand
from diwan.terms.gate import World as Situation
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part, Ref, Version
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Reader
from diwan.terms.time import day
from tampering import Tamper

PARTIES = ("NATO", "KWT", "QAT", "JOR")
FRAMEWORKS = ("ICI", "MD")
NAMES = tuple(f"indicator--{number}" for number in range(8))
SEEDS = range(12)
STEPS = 90
EVERY = Selection(scheme="stix", which=("all",), refs=True)
SELECTIONS = {
    "everything": EVERY,
    "without bytes": Selection(scheme="stix", which=("all",), data=False, refs=True),
    "by name": Selection(scheme="stix", which=("all",), names=NAMES, refs=True),
    "by type": msgspec.structs.replace(EVERY, alternatives=((("type", "a"), ("type", "b")),)),
    "by word": msgspec.structs.replace(EVERY, query=Query(words="thing")),
}


class Told:
    """What the model believes of one version: its label and all it stands under."""

    def __init__(self, ref: Ref, label: Label, parent: Told | None) -> None:
        self.ref = ref
        self.label = label
        self.parent = parent
        self.alive = True
        self.moved = 0
        """At which step its label, or that of what it stands under, last changed."""

    def lives(self) -> bool:
        return self.alive and (self.parent is None or self.parent.lives())

    def stands(self) -> list[Stand]:
        own = Stand(self.ref.originator, self.label)
        return [own, *(self.parent.stands() if self.parent else [])]


class Poller:
    """A client: goes on by the last instant it was told, by `next`, or by both, and holds what it was given."""

    def __init__(self, reader: str, how: str, selection: str) -> None:
        self.reader = reader
        self.how = how
        self.selection = selection
        self.after = 0
        self.cursor: str | None = None
        self.held: dict[Ref, int] = {}
        """Each version and the step at which it was last given."""
        self.last = 0

    def poll(self, room: ReadingRoom, limit: int, step: int, may_again: Callable[[Ref, int], bool]) -> bool:
        """Ask once, and return whether there is more."""
        after = 0 if self.how == "next" and self.cursor is not None else self.after
        answer = room.arrivals(SELECTIONS[self.selection], after=after, cursor=self.cursor, limit=limit)
        for one in answer.found:
            assert one.at > self.last
            self.last = one.at
            assert one.ref is not None
            assert one.ref not in self.held or may_again(one.ref, self.held[one.ref])
            self.held[one.ref] = step
        self.after = self.last
        self.cursor = answer.cursor if self.how != "added_after" else None
        return answer.cursor is not None


class World:
    """The register under test, and a plain list beside it."""

    def __init__(self, folder: Path, register: str, tamper: Tamper, clock: Callable[[], int], seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = clock
        self.tamper = tamper
        heights = (Height("TLP", "UNCLASSIFIED"),)
        settings = Settings(keeper="NATO", hosted=PARTIES[1:], heights=heights, postgres=register)
        self.house = House(folder, settings, clock=clock, chance=Chance(seed), synchronous="OFF")
        self.items: list[Told] = []
        self.stated: list[tuple[Told, Membership]] = []
        self.readers = {party: Reader(f"reader of {party}", party) for party in (*PARTIES, "OUT")}
        self.gained: dict[str, dict[Ref, int]] = {name: {} for name in self.readers}
        """When a version last came into someone's view."""
        self.views: dict[str, set[Ref]] = {name: set() for name in self.readers}
        self.steps = 0
        ways = [(name, how) for name in self.readers for how in ("added_after", "next", "both")]
        self.pollers = [Poller(name, how, self.rng.choice(["everything", "by name", "by type"])) for name, how in ways]

    def hand(self, party: str) -> Hand:
        return Hand(Reader(f"hand of {party}", party), frozenset({Role.RELEASING_OFFICER}))

    def label(self) -> Label:
        if self.rng.random() < 0.15:
            return Label("TLP", "UNCLASSIFIED", (), Handling(tlp="TLP:CLEAR"))
        named = tuple(self.rng.sample((*PARTIES, *FRAMEWORKS), self.rng.randint(1, 2)))
        return Label(
            "TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, named),), Handling(tlp="TLP:AMBER")
        )

    def draft(self, name: str, at: str, says: bytes, parent: Told | None = None) -> Draft:
        # The same words in other bytes: what is entered twice may be spelt anew.
        data = says + b" " * self.rng.randint(1, 3)
        return Draft(
            kind="cyber.indicator",
            title=f"thing {name}",
            parts=(Part("object.json", "application/stix+json", data),),
            aliases=(Alias("stix", name),),
            version=Version(at, at, says),
            facets=(("type", "ab"[len(at) % 2]),),
            parent=parent.ref if parent else None,
        )

    def enter(self) -> None:
        party, name = self.rng.choice(PARTIES), self.rng.choice(NAMES)
        at = self.rng.choice(("", "2017-01-01T00:00:00", "2017-01-02T00:00:00", "2017-01-02T00:00:00.5"))
        says = f"{name}/{at}/{self.rng.randint(1, 2)}".encode()
        parent = self.rng.choice(self.items) if self.items and self.rng.random() < 0.25 else None
        label = self.label()
        try:
            taken = self.house.take(self.hand(party), self.draft(name, at, says, parent), label, originator=party)
        except Refused:
            return
        self.items.append(Told(taken.refs[0], label, parent))

    def chosen(self) -> Told | None:
        return self.rng.choice(self.items) if self.items else None

    def relabel(self) -> None:
        item, label = self.chosen(), self.label()
        if item is None:
            return
        try:
            self.house.relabel(self.hand(item.ref.originator), item.ref, label)
        except Refused:
            return
        item.label, item.moved = label, self.steps + 1

    def recall(self) -> None:
        item = self.chosen()
        if item is None:
            return
        try:
            self.house.recall(self.hand(item.ref.originator), item.ref)
        except NotFound:
            return
        item.alive = False

    def state(self) -> None:
        today = day(self.clock())
        since = today + timedelta(days=self.rng.randint(-30, 20))
        until = since + timedelta(days=self.rng.randint(1, 40)) if self.rng.random() < 0.5 else None
        said = Membership(
            self.rng.choice(FRAMEWORKS),
            self.rng.choice((*PARTIES, "OUT")),
            self.rng.choice(list(Standing)),
            since,
            until,
        )
        part = Part("said.json", "application/json", f"{said} {self.rng.random()}".encode())
        draft = Draft(kind="network.membership", title="said", parts=(part,), membership=said)
        audience = (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("NATO",)),)
        label = Label("TLP", "UNCLASSIFIED", audience, Handling(tlp="TLP:AMBER"))
        taken = self.house.take(self.hand("NATO"), draft, label, originator="NATO")
        self.stated.append((Told(taken.refs[0], label, None), said))

    def withdraw(self) -> None:
        standing = [told for told, _ in self.stated if told.alive]
        if standing:
            told = self.rng.choice(standing)
            self.house.recall(self.hand("NATO"), told.ref)
            told.alive = False

    def wait(self) -> None:
        self.clock.pass_days(self.rng.randint(1, 12))  # type: ignore[attr-defined]

    def index(self) -> None:
        self.house.book.words.catch_up(everything=True)

    def rules(self) -> Rules:
        said = tuple(said for told, said in self.stated if told.alive)
        return Rules(1, self.house.rules().policies, said)

    def visible(self, reader: Reader) -> list[Told]:
        rules, now = self.rules(), self.clock()
        alive = (item for item in self.items if item.lives())
        return [item for item in alive if all(admits(reader, stand, rules, now) for stand in item.stands())]

    def step(self, act: Callable[[], None]) -> None:
        act()
        self.steps += 1
        for name, reader in self.readers.items():
            now = {item.ref for item in self.visible(reader)}
            self.gained[name].update(dict.fromkeys(now - self.views[name], self.steps))
            self.views[name] = now

    def ask(self, poller: Poller, limit: int) -> bool:
        reader = self.readers[poller.reader]

        def may_again(ref: Ref, given: int) -> bool:
            """Only what moved, or left and came back, may be given again."""
            (item,) = (item for item in self.items if item.ref == ref)
            return max([self.gained[poller.reader].get(ref, 0), *(one.moved for one in _line(item))]) >= given

        return poller.poll(self.house.room(reader), limit, self.steps, may_again)

    def poll(self) -> None:
        poller = self.rng.choice(self.pollers)
        for _ in range(self.rng.randint(1, 3)):
            if not self.ask(poller, self.rng.randint(1, 5)):
                return

    def check(self) -> None:
        for poller in self.pollers:
            while self.ask(poller, self.rng.randint(1, 7)):
                pass
            assert {item.ref for item in self.visible(self.readers[poller.reader])} <= poller.held.keys()
        for reader in self.readers.values():
            self.check_rows(reader)

    def check_rows(self, reader: Reader) -> None:
        """Compare every selection with the instants that the rows themselves give."""
        room = self.house.room(reader)
        found = {name: room.arrivals(one, limit=10_000).found for name, one in SELECTIONS.items()}
        ours = {item.ref for item in self.visible(reader)}
        expected = _worked_out(self.tamper, room, self.rules(), self.clock())

        assert [(one.at, one.ref, one.data) for one in found["everything"]] == expected
        assert {ref for _, ref, _ in expected} == ours
        told = {name: [(one.at, one.ref) for one in each] for name, each in found.items()}
        assert told == {name: [(at, ref) for at, ref, _ in expected] for name in SELECTIONS}
        for party in PARTIES:
            of_one = msgspec.structs.replace(EVERY, alternatives=((("originator", party),),))
            theirs = [(one.at, one.ref) for one in room.arrivals(of_one, limit=10_000).found]
            assert theirs == [(at, ref) for at, ref, _ in expected if ref.originator == party]


def _line(item: Told) -> list[Told]:
    return [item, *(_line(item.parent) if item.parent else [])]


def _worked_out(tamper: Tamper, room: ReadingRoom, rules: Rules, now: int) -> list[tuple[int, Ref, bytes]]:
    """Return (instant, item, bytes) of all that came to a reader, from the tables and `admits` alone."""
    with tamper() as pages:
        gates = {
            number: msgspec.json.decode(value, type=Gate)
            for number, value in pages.execute("SELECT number, value FROM gate")
        }
        opened = {
            number
            for number, gate in gates.items()
            if gate.world == Situation.ACTUAL and all(admits(room.reader, stand, rules, now) for stand in gate.stands)
        }
        grants = pages.execute(
            "SELECT g.gate, g.opened FROM gate_grant g JOIN seat s ON s.class=g.class"
            " WHERE s.reader=? AND g.closed IS NULL AND g.opened > 0",
            [room.reader.id],
        ).fetchall()
        stands = pages.execute("SELECT since, gate, until FROM stand ORDER BY since").fetchall()
        rows = pages.execute(
            "SELECT a.since, a.gate, i.originator, i.id, p.data FROM alias a JOIN stand s ON s.since=a.since"
            " JOIN item i ON i.number=s.item JOIN part p ON p.number=a.part WHERE a.value LIKE 'stix:%'"
        ).fetchall()
    late = {gate: at for gate, at in grants if gate in opened}
    found = []
    for since, gate, party, ident, data in rows:
        if gate in opened:
            came = since
            if since < (at := late.get(gate, 0)):
                beside = {other for other, opening in late.items() if opening == at}
                stood = [s for s, g, until in stands if g in beside and s < at and (until is None or until >= at)]
                came = at + 1 + stood.index(since)
            found.append((came, Ref(party, ident.hex()), data))
    return sorted(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_poller_ends_with_all_that_is_theirs_in_order_and_once(
    tmp_path: Path, clock: Callable[[], int], seed: int, register: str, tamper: Tamper
) -> None:
    world = World(tmp_path / "node", register, tamper, clock, seed)
    acts = [world.enter] * 9 + [world.relabel] * 4 + [world.recall] * 2 + [world.state] * 3
    acts += [world.withdraw, world.wait, world.index] + [world.poll] * 9
    try:
        for step in range(STEPS // 3 if register else STEPS):  # a database answers the same, only later
            world.step(world.rng.choice(acts))
            if step % 30 == 29:
                world.check()
    finally:
        world.house.close()
    assert len(world.items) > (3 if register else 7)
