"""Cyber things for the ground: STIX objects of many types and versions, MISP events, collections, and pushes.

Every world gets objects for everyone and for others alone: versions of one id under different labels, one id and
version of two parties, observables without versions, relations with a hidden end, children, definitions, granular
markings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_DNS, UUID, uuid5

import msgspec

from diwan.desk import Request
from diwan.desks.cyber.kinds.collection import MEDIA_TYPE as COLLECTION
from diwan.desks.cyber.kinds.markings import DEFINITIONS
from diwan.desks.cyber.kinds.misp import MEDIA_TYPE as MISP
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE as STIX
from diwan.desks.cyber.kinds.stix import written_ms
from diwan.desks.cyber.routes.asked import asked
from diwan.desks.cyber.routes.collections import all_collections, selection, whole
from diwan.desks.cyber.routes.push import push
from diwan.terms.gate import World
from diwan.terms.item import Draft, Ref

if TYPE_CHECKING:
    from leaks.ground import Ground, Maker, Person, Said

SHARED: Final = "shared.example"
"""A name that visible and hidden objects are about."""
SHARING: Final = 'community = "ICI"\nconnected = ["MD"]\n'
_CLEAR: Final = "TLP:CLEAR"
_MADE: Final = "2016-12-01T00:00:00.000Z"
_PUSHED: Final = "TLP:AMBER // Releasable to ICI"
_VERSIONS: Final = (("KWT", _CLEAR), ("KWT", "TLP:AMBER // NATO ONLY"), ("KWT", "TLP:AMBER // Releasable to ICI"))


class Thing(msgspec.Struct, frozen=True):
    """What can be asked for of one object: its standard's id, its version as written, its bytes and observables."""

    id: str
    type: str
    version: str = ""
    data: bytes = b""
    values: tuple[str, ...] = ()


Made = tuple[Draft, "Said", Thing]


class Analyst:
    """Makes cyber things with the maker's chance and clock, and enters them."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.rng = maker.rng
        self.ground: Ground = maker.ground

    def ident(self, kind: str) -> str:
        return f"{kind}--{UUID(int=self.rng.getrandbits(128), version=4)}"

    def made(self, said: dict[str, Any], word: str, world: World = World.ACTUAL, media_type: str = STIX) -> Made:
        """Return the draft of an object, by what it can be found."""
        return self.read(msgspec.json.encode(said), word, world, media_type)

    def again(self, data: bytes, world: World) -> Made:
        """Return an object that was made before, or one much like it."""
        found = re.search(rb"zq[0-9a-f]{8}", data)
        return self.read(data, found[0].decode() if found else "shared", world)

    def read(self, data: bytes, word: str, world: World, media_type: str = STIX) -> Made:
        draft = msgspec.structs.replace(self.maker.house.draft(media_type, data), world=world)
        thing = Thing(
            draft.aliases[0].value,
            draft.kind.partition(".")[2],
            draft.version.written if draft.version else "",
            data,
            draft.values,
        )
        return draft, self.maker.say(word, thing.id, draft.values[0] if draft.values else "SPILL-7"), thing

    def word(self) -> str:
        return f"zq{self.rng.randrange(16**8):08x}"

    def indicator(self, world: World = World.ACTUAL, of: Thing | None = None, **more: Any) -> Made:
        """Return an indicator for the shared name and one of its own; of `of`, a version made now."""
        word, at = self.word(), written_ms(self.maker.clock.now)
        said = {
            "type": "indicator",
            "spec_version": "2.1",
            "id": of.id if of else self.ident("indicator"),
            "created": "2016-12-01T00:00:00.000Z",
            "modified": at,
            "name": f"Beacon {word}",
            "pattern": f"[domain-name:value = '{SHARED}' OR domain-name:value = '{word}.example']",
            "pattern_type": "stix",
            "valid_from": "2016-12-01T00:00:00Z",
            "indicator_types": ["malicious-activity"],
            "object_marking_refs": [DEFINITIONS["TLP:CLEAR"]],
            **more,
        }
        return self.made(said, word, world)

    def plain(self, kind: str, world: World = World.ACTUAL, **more: Any) -> Made:
        """Return a domain object of a type that needs little more than a name."""
        word, at = self.word(), written_ms(self.maker.clock.now)
        said = {"type": kind, "spec_version": "2.1", "id": self.ident(kind), "created": at, "modified": at}
        own: dict[str, Any] = {
            "malware": {"name": f"Worm {word}", "is_family": False},
            "attack-pattern": {
                "name": f"Lure {word}",
                "x_mitre_domains": ["enterprise-attack"],
                "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "initial-access"}],
                "external_references": [{"source_name": "mitre-attack", "external_id": "T1566"}],
            },
            "identity": {"name": f"Team {word}", "identity_class": "group"},
            "marking-definition": {"name": f"Terms {word}", "definition": {"statement": "PAP:RED"}},
        }
        said |= own[kind]
        if kind == "marking-definition":
            said |= {"definition_type": "statement"}
            del said["modified"]
        return self.made({**said, **more}, word, world)

    def domain(self, world: World = World.ACTUAL, value: str = "") -> Made:
        """Return an observable; it has no version, and its id is made of what it is."""
        word = self.word()
        value = value or f"{word}.example"
        said = {"type": "domain-name", "spec_version": "2.1", "id": f"domain-name--{uuid5(NAMESPACE_DNS, value)}"}
        return self.made({**said, "value": value}, value.partition(".")[0], world)

    def framed(self, world: World = World.ACTUAL) -> list[Made]:
        """Return the frame of a matrix of techniques: one matrix and one tactic."""
        at = {"spec_version": "2.1", "created": _MADE, "modified": _MADE}
        tactic = {"type": "x-mitre-tactic", "id": self.ident("x-mitre-tactic"), "name": "Initial access", **at}
        named = {"source_name": "mitre-attack", "external_id": "enterprise-attack"}
        frame = {"type": "x-mitre-matrix", "id": self.ident("x-mitre-matrix"), "name": "Enterprise", **at}
        tactic |= {"x_mitre_shortname": "initial-access", "external_references": [{**named, "external_id": "TA0001"}]}
        frame |= {"tactic_refs": [tactic["id"]], "external_references": [named]}
        return [self.made(said, "enterprise", world) for said in (tactic, frame)]

    def holding(self, kind: str, of: list[Thing], world: World = World.ACTUAL, **more: Any) -> Made:
        """Return a report or grouping of objects, some of which a reader may not know."""
        word, at = self.word(), written_ms(self.maker.clock.now)
        said = {"type": kind, "spec_version": "2.1", "id": self.ident(kind), "created": at, "modified": at}
        own: dict[str, Any] = {"report": {"published": at}, "grouping": {"context": "suspicious-activity"}}[kind]
        return self.made(
            {**said, **own, **more, "name": f"Digest {word}", "object_refs": [thing.id for thing in of]}, word, world
        )

    def relation(self, source: Thing, target: Thing, world: World = World.ACTUAL, how: str = "related-to") -> Made:
        """Return a relationship between two objects, of which a reader may know one, both or neither."""
        word, at = self.word(), written_ms(self.maker.clock.now)
        said = {"type": "relationship", "spec_version": "2.1", "id": self.ident("relationship"), "created": at}
        ends = {"source_ref": source.id, "target_ref": target.id, "relationship_type": how}
        return self.made({**said, "modified": at, **ends, "description": f"Seen with {word}"}, word, world)

    def about(self, kind: str, of: Thing, world: World = World.ACTUAL) -> Made:
        """Return a sighting or an opinion of an object."""
        word, at = self.word(), written_ms(self.maker.clock.now)
        said = {"type": kind, "spec_version": "2.1", "id": self.ident(kind), "created": at, "modified": at}
        own = {
            "sighting": {"sighting_of_ref": of.id, "count": 2, "description": f"Seen {word}"},
            "opinion": {"object_refs": [of.id], "opinion": "disagree", "explanation": f"Not ours {word}"},
        }
        return self.made({**said, **own[kind]}, word, world)

    def event(self, world: World = World.ACTUAL, distribution: int = 0, *tags: str) -> Made:
        """Return a MISP event that says itself for whom it is."""
        word = self.word()
        ip = {"type": "domain", "category": "Network activity", "value": SHARED, "to_ids": True}
        said = {
            "uuid": str(UUID(int=self.rng.getrandbits(128), version=4)),
            "info": f"Campaign {word}",
            "date": "2017-01-02",
            "timestamp": str(self.maker.clock.now // 1_000_000),
            "distribution": str(distribution),
            "Orgc": {"name": "Example CERT", "uuid": "5f0c0051-7a11-4c3e-9b1d-000000000051"},
            "Tag": [{"name": tag} for tag in tags],
            "Attribute": [{"uuid": str(UUID(int=self.rng.getrandbits(128), version=4)), **ip}],
        }
        return self.made({"Event": said}, word, world, MISP)

    def collection(self, world: World = World.ACTUAL, **more: Any) -> Made:
        """Return a collection, a standing query under a random id."""
        word = self.word()
        ident = str(UUID(int=self.rng.getrandbits(128), version=4))
        return self.made({"id": ident, "title": f"Feed {word}", **more}, word, world, COLLECTION)

    def enter(self, party: str, made: Made, marking: str, parent: Ref | None = None) -> Thing | None:
        """Enter what was made under a marking; None where intake refuses."""
        return self.enter_as(party, made, self.maker.label(marking), parent)

    def enter_as(self, party: str, made: Made, label: Any, parent: Ref | None = None) -> Thing | None:
        """Enter what was made under a label."""
        draft, said, thing = made
        ref = self.maker.enter(party, (draft, said), label, parent)
        if ref is None:
            return None
        self.ground.things[ref] = thing
        return thing

    def push(self, person: Person, world: World, objects: list[bytes], into: int = 0) -> None:
        """Push objects over TAXII as someone with an account, into one of the collections that they may see."""
        self.maker.pass_time()
        clerk = self.maker.house.clerk("cyber", person.account.hand, world)
        collections = all_collections(clerk)
        body = b'{"objects":[' + b",".join(objects) + b"]}"
        status = push(clerk, collections[into % len(collections)], body)
        self.ground.statuses.setdefault(person.account.name, []).append((world, status.id))


def lay_cyber(make: Maker, world: World) -> list[Ref]:
    """Enter cyber things in a world, for everyone and for others, and return what may be changed later."""
    analyst = Analyst(make)
    before = set(analyst.ground.things)
    indicators = _lay_objects(analyst, world)
    _lay_versions(analyst, world)
    _lay_around(analyst, world, indicators)
    changing = [ref for ref in analyst.ground.things if ref not in before]
    _lay_collections(analyst, world)
    for name in ("kuwait", "qatar", "jordan"):
        person = analyst.ground.people[name]
        fresh = [analyst.indicator(world)[2].data, analyst.domain(world)[2].data, analyst.domain(world, SHARED)[2].data]
        broken = b'{"type":"indicator","id":"indicator--%s"}' % name.encode()
        analyst.push(person, world, [*fresh, fresh[0], broken])
        analyst.push(person, world, [analyst.indicator(world)[2].data], into=1)
    return changing


def _lay_objects(analyst: Analyst, world: World) -> dict[str, Thing]:
    markings = (_CLEAR, _PUSHED, "TLP:AMBER // Releasable to MD", "TLP:RED // OMN ONLY", "TLP:AMBER // NATO ONLY")
    found = {}
    for marking in markings:
        for party in ("KWT", "OMN"):
            made = analyst.indicator(world)
            if thing := analyst.enter(party, made, marking):
                found[f"{party} {marking}"] = thing
    for kind in ("malware", "attack-pattern", "identity", "marking-definition"):
        for party, marking in (("NATO", _CLEAR), ("OMN", "TLP:RED // OMN ONLY"), ("QAT", _PUSHED)):
            if thing := analyst.enter(party, analyst.plain(kind, world), marking):
                found[f"{kind} {marking}"] = thing
    for party, marking in (("KWT", _CLEAR), ("OMN", "TLP:RED // OMN ONLY")):
        analyst.enter(party, analyst.domain(world, SHARED), marking)
    analyst.enter("OMN", analyst.domain(world), "TLP:RED // OMN ONLY")
    return found


def _lay_versions(analyst: Analyst, world: World) -> None:
    """Enter versions of one id behind different gates, and the same version by others, saying the same and not."""
    first: Thing | None = None
    for party, marking in _VERSIONS:
        first = analyst.enter(party, analyst.indicator(world, first), marking) or first
    made = analyst.indicator(world)
    twin = analyst.again(made[2].data, world)
    other = analyst.again(made[2].data.replace(b"Beacon", b"Decoy"), world)
    analyst.enter("KWT", made, _PUSHED)
    analyst.enter("OMN", twin, "TLP:RED // OMN ONLY")
    analyst.enter("QAT", other, "TLP:AMBER // Releasable to BHR, QAT")
    analyst.enter("KWT", other, "TLP:AMBER // Releasable to KWT, JOR")


def _lay_around(analyst: Analyst, world: World, found: dict[str, Thing]) -> None:
    seen, unseen = found[f"KWT {_CLEAR}"], found["OMN TLP:RED // OMN ONLY"]
    worm, hidden = found[f"malware {_CLEAR}"], found["malware TLP:RED // OMN ONLY"]
    under = {thing.id: ref for ref, thing in analyst.ground.things.items()}
    for source, target in ((seen, worm), (seen, hidden), (unseen, worm), (unseen, hidden)):
        analyst.enter("KWT", analyst.relation(source, target, world), _CLEAR)
        analyst.enter("OMN", analyst.relation(source, target, world), "TLP:RED // OMN ONLY")
    for user, lure, marking in (
        (worm, _CLEAR, _CLEAR),
        (hidden, _CLEAR, "TLP:RED // OMN ONLY"),
        (worm, _PUSHED, _CLEAR),
    ):
        used = analyst.relation(user, found[f"attack-pattern {lure}"], world, "uses")
        analyst.enter("OMN", used, marking)
    for made in analyst.framed(world):
        analyst.enter("NATO", made, _CLEAR)
    for kind in ("report", "grouping"):
        by = {"created_by_ref": found[f"identity {_CLEAR}"].id}
        analyst.enter("KWT", analyst.holding(kind, [seen, worm, unseen], world, **by), _CLEAR)
        analyst.enter("OMN", analyst.holding(kind, [seen, hidden], world), "TLP:RED // OMN ONLY")
    for kind in ("sighting", "opinion"):
        analyst.enter("KWT", analyst.about(kind, seen, world), _CLEAR, under[seen.id])
        analyst.enter("QAT", analyst.about(kind, seen, world), "TLP:RED // QAT ONLY", under[seen.id])
        analyst.enter("OMN", analyst.about(kind, unseen, world), "TLP:RED // OMN ONLY", under[unseen.id])
    part: dict[str, Any] = {"granular_markings": [{"marking_ref": DEFINITIONS["TLP:RED"], "selectors": ["name"]}]}
    # Written by whom some may not know; the reports of Kuwait are by whom everyone knows.
    part |= {"created_by_ref": found["identity TLP:RED // OMN ONLY"].id}
    analyst.enter("QAT", analyst.indicator(world, **part), _PUSHED)
    analyst.enter("NATO", analyst.event(world, 3, "tlp:clear"), _CLEAR)
    analyst.enter("OMN", analyst.event(world, 0, "tlp:red"), "TLP:RED // OMN ONLY")
    analyst.enter("QAT", analyst.event(world, 1, "tlp:amber"), _PUSHED)


def _lay_collections(analyst: Analyst, world: World) -> None:
    analyst.enter("NATO", analyst.collection(world, types=["indicator"], push=_PUSHED), _CLEAR)
    made = analyst.collection(world, originators=["OMN"], push="TLP:RED // OMN ONLY")
    analyst.enter("OMN", made, "TLP:RED // OMN ONLY")
    # Of one id, entered first where hardly anyone sees it, then for everyone by another party.
    said = {**msgspec.json.decode(made[2].data), "title": f"Other feed {analyst.word()}", "types": ["malware"]}
    analyst.enter("NATO", analyst.made(said, said["title"][-10:], world, COLLECTION), _CLEAR)
    analyst.enter("KWT", analyst.collection(world, tlp=["TLP:CLEAR"], words="beacon"), _PUSHED)


def cyber_step(make: Maker, refs: list[Ref]) -> None:
    """Do one random thing to what stands, or enter another version, child or relation of it."""
    analyst, rng = Analyst(make), make.rng
    ref = rng.choice(refs)
    thing, marking, party = analyst.ground.things[ref], rng.choice(_MARKINGS), rng.choice(("KWT", "QAT", "OMN"))
    match rng.choice(("version", "version", "relation", "child", "observable", "relabel", "relabel", "recall")):
        case "version" if thing.type == "indicator":
            analyst.enter(rng.choice((ref.originator, party)), analyst.indicator(of=thing), marking)
        case "relation":
            other = analyst.ground.things[rng.choice(refs)]
            analyst.enter(party, analyst.relation(thing, other), marking)
        case "child":
            analyst.enter(party, analyst.about(rng.choice(("sighting", "opinion")), thing), marking, ref)
        case "observable":
            analyst.enter(party, analyst.domain(value=SHARED if rng.random() < 0.5 else ""), marking)
        case "relabel":
            make.house.relabel(make.hand(ref.originator), ref, make.label(marking))
        case "recall":
            make.house.recall(make.hand(ref.originator), ref)


_MARKINGS: Final = (_CLEAR, _PUSHED, "TLP:AMBER // Releasable to MD", "TLP:AMBER // Releasable to KWT, JOR",
                    "TLP:AMBER // NATO ONLY", "TLP:RED // OMN ONLY", "TLP:RED // QAT ONLY")  # fmt: skip


def place_in(ground: Ground, house: Any, name: str, world: World) -> str | None:
    """Return a cursor of someone's list of everything, two objects on."""
    clerk = house.clerk("cyber", ground.people[name].account.hand, world)
    chosen = selection(whole(clerk), asked(Request()), data=False)
    cursor: str | None = clerk.room.arrivals(chosen, limit=2).cursor
    return cursor
