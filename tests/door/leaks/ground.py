"""The ground: a node with something in it for everyone, much of it for others only, built from a seed.

Memberships come and go, labels widen and narrow, items are rectified and recalled, and every reader looks now and then,
so that feeds hold releases, revisions and retractions and old cursors exist.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec
from argon2 import PasswordHasher
from leaks.cyber import SHARING, Thing, cyber_step, lay_cyber, place_in

from diwan.house import House
from diwan.people.accounts import Account, open_account
from diwan.people.passwords import Passwords
from diwan.reading import Query
from diwan.registry.chance import Chance
from diwan.release.marking import parse_marking
from diwan.terms.errors import Refused
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant, instant, moment
from postgres_server import Server
from tampering import Bare, bare_database, bare_files

START: Final = instant(datetime(2017, 1, 2, 6, tzinfo=UTC))
MINUTE: Final = 60_000_000
DAY: Final = 86_400_000_000
PASSWORD: Final = "correct horse battery staple"
PARTIES: Final = ("NATO", "KWT", "QAT", "BHR", "ARE", "JOR", "OMN")
CAP: Final = "application/cap+xml"
NETWORK: Final = "application/vnd.diwan.network+json"
SETTINGS: Final = """\
title = "Centre"
keeper = "NATO"
hosted = ["KWT", "QAT", "BHR", "ARE", "JOR", "OMN"]

[[heights]]
policy = "TLP"
classification = "UNCLASSIFIED"

[[heights]]
policy = "NATO-EXAMPLE"
classification = "SECRET"
"""
MARKINGS: Final = (
    "TLP:CLEAR",
    "TLP:GREEN // Releasable to ICI, MD, NATO",
    "TLP:AMBER // Releasable to ICI",
    "TLP:AMBER // Releasable to MD",
    "TLP:AMBER // Releasable to BHR, QAT",
    "TLP:AMBER // Releasable to KWT, JOR",
    "TLP:AMBER // NATO ONLY",
    "TLP:RED // QAT ONLY",
    "TLP:RED // ARE ONLY",
    "TLP:RED // OMN ONLY",
    "NATO UNCLASSIFIED // Releasable to ICI",
    "NATO RESTRICTED // Releasable to KWT, QAT",
    "NATO SECRET // Releasable to QAT",
)
PLAIN: Final = ("tanker", "dhow", "convoy", "radar", "pipeline", "cargo", "نفط", "marée")
_SECRET: Final = Clearance("NATO-EXAMPLE", "SECRET")
_STATUS: Final = {World.ACTUAL: "Actual", World.EXERCISE: "Exercise", World.TEST: "Test"}
_CHEAP: Final = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Clock:
    """A clock that stands still until it is moved; under the pen of the ground it is moved before every step."""

    def __init__(self, now: Instant = START) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now


class Stream(Chance):
    """Chance drawn anew for every instant and purpose, so that what one question draws shifts nothing of the next.

    A hidden child that moves along with its parent draws a position too; without this, the reader's own next id would
    be another, though nobody could tell the two apart.
    """

    def __init__(self, seed: int, clock: Callable[[], Instant]) -> None:
        super().__init__(seed)
        self._seed = seed
        self._clock = clock
        self._drawn: Counter[tuple[Instant, str]] = Counter()

    def bytes(self, count: int) -> bytes:
        return self._at("bytes").bytes(count)

    def apart(self, low: int, high: int, count: int) -> list[int]:
        return self._at("apart").apart(low, high, count)

    def _at(self, purpose: str) -> Chance:
        key = self._clock(), purpose
        self._drawn[key] += 1
        return Chance(hash((self._seed, *key[:1], len(purpose), self._drawn[key])))


class Person(msgspec.Struct, frozen=True):
    """Someone who reads: their account, and the secrets that let them in."""

    account: Account
    session: str
    token: str

    @property
    def reader(self) -> Reader:
        return self.account.reader


class Kept(msgspec.Struct, frozen=True):
    """A cursor that a reader was given: for which feed or list, and in which world."""

    world: World
    feed: bool
    cursor: str


class Said(msgspec.Struct, frozen=True):
    """What can be asked for to find one item: its word, its CAP name, its incident."""

    word: str
    name: str
    value: str


class Ground(msgspec.Struct):
    """A node's folder and everything its makers know of it."""

    folder: Path
    seed: int
    now: Instant
    people: dict[str, Person] = {}
    cursors: dict[str, list[Kept]] = {}
    said: dict[Ref, Said] = {}
    phantoms: dict[Ref, Said] = {}
    """Alerts that nobody entered, by the Cancels that refer to them and that everyone may read."""
    widened: list[Ref] = []
    """What everyone may read now, and hardly anyone could read before it was rectified and relabelled."""
    things: dict[Ref, Thing] = {}
    """The cyber ones among all that was said."""
    statuses: dict[str, list[tuple[World, str]]] = {}
    """The ids of submissions, by who pushed them over TAXII."""
    places: dict[str, list[tuple[World, str]]] = {}
    """Cursors of what arrived, as the readers were given them now and then."""
    server: Server | None = None
    """Where the register is a database and no files."""
    database: str = ""

    def bare(self) -> AbstractContextManager[Bare]:
        """Lend the register, past every wall."""
        if self.server is None:
            return bare_files(self.folder)
        return bare_database(self.server.superuser_of(self.database))


@contextmanager
def open_house(folder: Path, clock: Callable[[], Instant], seed: int) -> Iterator[House]:
    """Open the node in `folder` with time and chance of our own."""
    house = House(folder, clock=clock, chance=Stream(seed, clock), synchronous="OFF")
    house.doors._passwords = _CHEAP  # how long a hash takes is no question here, and there are many
    try:
        yield house
    finally:
        house.close()


def copy_of(ground: Ground, into: Path) -> Ground:
    """Return the same ground in a folder, and where there is a server a database, of its own; the house is closed."""
    shutil.copytree(ground.folder, into)
    database = ground.server.database(like=ground.database) if ground.server is not None else ""
    _say_where(into, database)
    return msgspec.structs.replace(
        ground,
        folder=into,
        database=database,
        said=dict(ground.said),
        things=dict(ground.things),
        cursors={name: list(kept) for name, kept in ground.cursors.items()},
        statuses={name: list(ids) for name, ids in ground.statuses.items()},
        places={name: list(kept) for name, kept in ground.places.items()},
    )


def hand_of(party: str) -> Hand:
    """Return the hand that enters everything of a party; nobody's view is taken as this reader."""
    return Hand(Reader(f"hand of {party}", party, (_SECRET,)), frozenset({Role.RELEASING_OFFICER}))


class Maker:
    """Enters things at a node, each with a word, a name and an incident by which it could be found."""

    def __init__(
        self, house: House, clock: Clock, rng: random.Random, ground: Ground, *, pace: int = 90_000_000
    ) -> None:
        self.house = house
        self.clock = clock
        self.rng = rng
        self.ground = ground
        self.pace = pace

    def hand(self, party: str) -> Hand:
        return hand_of(party)

    def say(self, word: str, name: str, value: str) -> Said:
        return Said(word, name, value)

    def label(self, marking: str) -> Label:
        return parse_marking(marking, self.house.rules().policies)

    def pass_time(self) -> None:
        self.clock.now += self.rng.randint(2_000, self.pace)
        self.ground.now = self.clock.now

    def alert(
        self,
        *,
        world: World = World.ACTUAL,
        about: Said | None = None,
        kind: str = "Alert",
        twin: Said | None = None,
        category: str = "",
        severity: str = "",
    ) -> tuple[Draft, Said]:
        """Return the draft of an alert; `about` is what it refers to, `twin` whose CAP name it bears."""
        rng = self.rng
        word = f"zq{rng.randrange(16**8):08x}"
        sent = moment(self.clock.now).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        name = twin.name if twin else f"watch@centre.example,X-{word},{sent}"
        sender, identifier, sent = name.split(",")
        value = about.value if about else rng.choice(("SPILL-7", "SPILL-8", f"CASE-{word}"))
        said = Said(word, name, value)
        references = f"<references>{about.name}</references>" if about else ""
        text = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{identifier}</identifier><sender>{sender}</sender><sent>{sent}</sent>
<status>{_STATUS[world]}</status><msgType>{kind}</msgType><scope>Public</scope><note>{word}</note>
{references}<incidents>{value}</incidents>
<info><language>en</language><category>{category or rng.choice(("Infra", "Env", "Met"))}</category>
<event>{rng.choice(PLAIN)}</event><urgency>{rng.choice(("Expected", "Future"))}</urgency>
<severity>{severity or rng.choice(("Severe", "Moderate", "Minor"))}</severity><certainty>Likely</certainty>
<expires>2017-12-31T00:00:00+00:00</expires>
<headline>{rng.choice(PLAIN)} {rng.choice(PLAIN)} {word}</headline>
<area><areaDesc>Area {word}</areaDesc><circle>{24 + rng.random() * 6:.3f},{48 + rng.random() * 8:.3f} 5</circle></area>
</info></alert>"""
        return self.house.draft(CAP, text.encode()), said

    def statement(self, **said: object) -> tuple[Draft, Said]:
        """Return the draft of a network statement."""
        draft = self.house.draft(NETWORK, msgspec.json.encode(said))
        alias = draft.aliases[0]
        return draft, Said(str(said.get("id") or said.get("party")), alias.value, "SPILL-7")

    def enter(self, party: str, made: tuple[Draft, Said], label: Label, parent: Ref | None = None) -> Ref | None:
        """Enter what was made, under `parent`; None where intake refuses."""
        self.pass_time()
        draft, said = made
        try:
            taken = self.house.take(
                hand_of(party), msgspec.structs.replace(draft, parent=parent), label, originator=party
            )
        except Refused:
            return None
        self.ground.said.update(dict.fromkeys(taken.refs, said))
        return taken.refs[0]

    def enter_all(self, party: str, made: Sequence[tuple[Draft, Said]], labels: Sequence[Label]) -> list[Ref]:
        """Enter several alerts in one batch, each under its label."""
        self.pass_time()
        labelled = [(draft, label) for (draft, _), label in zip(made, labels, strict=True)]
        outcomes = self.house.take_all(hand_of(party), labelled, originator=party)
        refs = []
        for (_, said), outcome in zip(made, outcomes, strict=True):
            if not isinstance(outcome, Refused):
                self.ground.said.update(dict.fromkeys(outcome.refs, said))
                refs += outcome.refs
        return refs

    def belong(self, framework: str, party: str, marking: str, since: date | None = None, **more: object) -> Ref | None:
        """State as the keeper that a party is a member."""
        said = {"kind": "membership", "framework": framework, "party": party, "standing": "member", **more}
        if since is not None:
            said["since"] = since.isoformat()
        return self.enter("NATO", self.statement(**said), self.label(marking))


def _say_where(folder: Path, database: str) -> None:
    (folder / "settings.toml").write_text((f'postgres = "{database}"\n' if database else "") + SETTINGS, "utf-8")


def lay_ground(folder: Path, seed: int, *, size: int = 40, server: Server | None = None) -> Ground:
    """Build a node in `folder`, its register on `server` if one is given.

    `size` is how many random steps are taken beside the fixed ones.
    """
    folder.mkdir(parents=True)
    database = server.database() if server is not None else ""
    _say_where(folder, database)
    (folder / "desks" / "cyber").mkdir(parents=True)
    (folder / "desks" / "cyber" / "sharing.toml").write_text(SHARING, "utf-8")
    ground, clock, rng = Ground(folder, seed, START, server=server, database=database), Clock(), random.Random(seed)
    with open_house(folder, clock, seed) as house:
        make = Maker(house, clock, rng, ground)
        leaving = _lay_network(make)
        _open_accounts(house, ground)
        refs: list[Ref] = []
        for world in World:
            for party, marking in _ONE_OF_EACH:
                made = make.alert(world=world)
                if ref := make.enter(party, made, make.label(marking)):
                    refs.append(ref)
        for party in PARTIES:
            phantom = make.alert()[1]
            cancel = make.enter(party, make.alert(about=phantom, kind="Cancel"), make.label("TLP:CLEAR"))
            assert cancel is not None
            ground.phantoms[cancel] = phantom
        for world in World:
            _widen(make, world)
        cyber = [ref for world in World for ref in lay_cyber(make, world)]
        _look(house, ground)
        house.book.words.catch_up(everything=True)
        # Two gain what already stands: one by a statement, one by a date that comes later.
        make.belong("MD", "JOR", "TLP:AMBER // Releasable to MD", date(1995, 1, 1))
        make.belong("MD", "QAT", "TLP:AMBER // Releasable to MD", date(2017, 1, 3))
        _look(house, ground, limit=2)
        for step in range(size):
            _step(make, refs)
            _cyber_step(make, cyber)
            if step == size // 2:
                # A member leaves: its reader loses what the framework opened, and what happens there later is hidden.
                house.recall(hand_of("NATO"), leaving)
                _look(house, ground)
                house.book.words.catch_up(everything=True)
            if step % 9 == 8:
                _look(house, ground, limit=rng.randint(1, 6))
        clock.now += DAY
        ground.now = clock.now
        _look(house, ground)
        _sign_in(house, ground)
    return ground


_ONE_OF_EACH: Final = tuple((party, marking) for party in ("KWT", "NATO", "OMN") for marking in MARKINGS)


def _lay_network(make: Maker) -> Ref:
    clear = make.label("TLP:CLEAR")
    for framework in ("ICI", "MD"):
        said = {"kind": "framework", "id": framework, "type": "framework", "names": {"en": framework}, "keeper": "NATO"}
        make.enter("NATO", make.statement(**said), clear)
    for party in PARTIES:
        said = {
            "kind": "party",
            "id": party,
            "type": "organisation" if party == "NATO" else "nation",
            "names": {"en": f"Party {party}"},
        }
        make.enter("NATO", make.statement(**said), clear if party != "OMN" else make.label("TLP:AMBER // NATO ONLY"))
    for party in ("KWT", "QAT", "BHR"):
        make.belong("ICI", party, "TLP:CLEAR", date(2004, 6, 28))
    # A member whose own membership is stated where it cannot read it.
    leaving = make.belong("ICI", "ARE", "TLP:AMBER // NATO ONLY", date(2005, 1, 1))
    office = {"kind": "mission", "id": "NATO-ICI-RC", "type": "office", "of": "NATO", "host": "KWT"}
    make.enter("NATO", make.statement(**office), make.label("TLP:AMBER // Releasable to ICI"))
    assert leaving is not None
    return leaving


def _open_accounts(house: House, ground: Ground) -> None:
    for name, party, clearances, roles in (
        ("kuwait", "KWT", (), (Role.DUTY_OFFICER,)),
        ("kuwait.release", "KWT", (_SECRET,), (Role.RELEASING_OFFICER,)),
        ("qatar", "QAT", (_SECRET,), (Role.DUTY_OFFICER,)),
        ("bahrain", "BHR", (Clearance("NATO-EXAMPLE", "UNCLASSIFIED"),), (Role.DUTY_OFFICER,)),
        ("emirates", "ARE", (), (Role.DUTY_OFFICER,)),
        ("jordan", "JOR", (), (Role.DUTY_OFFICER,)),
        ("outside", "OUT.EXAMPLE", (), ()),
        ("admin", "NATO", (), (Role.ADMINISTRATOR,)),
    ):
        account = open_account(
            house.book,
            _CHEAP,
            name=name,
            shown=f"Post {name}",
            party=party,
            password=PASSWORD,
            by="",
            clearances=clearances,
            roles=frozenset(roles),
        )
        ground.people[name] = Person(account, "", "")
        ground.cursors[name] = []


def _sign_in(house: House, ground: Ground) -> None:
    for name, person in ground.people.items():
        _, session = house.doors.sign_in(name, PASSWORD, "192.0.2.1")
        token = house.doors.make_token(person.account, "feed", ground.now + 90 * DAY, by="")
        ground.people[name] = Person(person.account, session, token)


def _look(house: House, ground: Ground, limit: int = 500) -> None:
    for name, person in ground.people.items():
        for world in World:
            room = house.room(person.reader, world)
            before = next(
                (kept.cursor for kept in reversed(ground.cursors[name]) if kept.feed and kept.world == world), None
            )
            ground.cursors[name].append(Kept(world, True, room.changes(before, limit).cursor))
            if (place := place_in(ground, house, name, world)) is not None:
                ground.places.setdefault(name, []).append((world, place))
            page = room.page(Query(), limit=2)
            if page.cursor is not None:
                ground.cursors[name].append(Kept(world, False, page.cursor))


def _widen(make: Maker, world: World) -> None:
    ref = make.enter("OMN", make.alert(world=world), make.label("TLP:RED // OMN ONLY"))
    assert ref is not None
    draft, said = make.alert(world=world)
    make.pass_time()
    make.house.rectify(hand_of("OMN"), ref, draft)
    make.pass_time()
    make.house.relabel(hand_of("OMN"), ref, make.label("TLP:CLEAR"))
    make.ground.said[ref] = said
    make.ground.widened.append(ref)


def _cyber_step(make: Maker, refs: list[Ref]) -> None:
    make.pass_time()
    try:
        cyber_step(make, refs)
    except Refused:
        return


def _step(make: Maker, refs: list[Ref]) -> None:
    rng = make.rng
    party, ref = rng.choice(PARTIES), rng.choice(refs)
    label = make.label(rng.choice(MARKINGS))
    act = rng.choice(
        ("alert", "alert", "child", "answer", "relabel", "relabel", "relabel", "rectify", "recall", "batch")
    )
    made = make.alert(world=rng.choice(list(World)))
    make.pass_time()
    try:
        match act:
            case "alert":
                entered = make.enter(party, made, label)
                refs += [entered] if entered else []
            case "child":
                entered = make.enter(party, make.alert(about=make.ground.said[ref], kind="Ack"), label, ref)
                refs += [entered] if entered else []
            case "answer":
                kind = rng.choice(("Update", "Cancel"))
                entered = make.enter(ref.originator, make.alert(about=make.ground.said[ref], kind=kind), label)
                refs += [entered] if entered else []
            case "relabel":
                make.house.relabel(hand_of(ref.originator), ref, label)
            case "rectify":
                draft, said = make.alert(twin=make.ground.said[ref])
                make.house.rectify(hand_of(ref.originator), ref, draft)
                make.ground.said[ref] = said
            case "recall":
                make.house.recall(hand_of(ref.originator), ref)
            case "batch":
                labels = [label, *(make.label(rng.choice(MARKINGS)) for _ in range(4))]
                refs += make.enter_all(party, [make.alert() for _ in labels], labels)
    except Refused:
        return
