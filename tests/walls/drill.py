"""A small register with something hidden in every place a reader could look, and every look that must not find it.

    python drill.py <an empty folder, or one with a begun register>

Prints the names of the checks that failed, one a line; nothing when every promise held.  Run on a source tree in which
one line was loosened, it must name the check that noticed.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import msgspec

from diwan.intake import change
from diwan.intake.office import Office
from diwan.intake.take import Taken, take
from diwan.reading import Query, ReadingRoom, Released, Selection, open_room
from diwan.reading.cursor import CursorKey
from diwan.registry.book import Book
from diwan.registry.chance import Chance
from diwan.registry.engines.lines import Merging
from diwan.registry.engines.sqlite import Sqlite
from diwan.release.ceiling import Ceiling, Height
from diwan.sealing.keys import Signer
from diwan.terms.errors import BadCursor, Malformed, NotAllowed, NotFound, Refused, Unlabelled
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Link, Part, Ref, Version
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label, Succession
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader

DAY = 86_400_000_000
START = 1_485_244_800_000_000
SECRET = Clearance("NATO-EXAMPLE", "SECRET")
OFFICER = frozenset({Role.DUTY_OFFICER})

failed: list[str] = []


@contextmanager
def check(name: str) -> Iterator[None]:
    """Note the check as failed if anything in it was not as promised, whatever it was."""
    try:
        yield
    except Exception as wrong:  # noqa: BLE001 -- whatever went wrong, the check did not hold
        failed.append(f"{name}: {type(wrong).__name__} {str(wrong)[:90]}")


def equal(found: object, promised: object) -> None:
    if found != promised:
        raise AssertionError(f"{found!r} is not {promised!r}")


def refused(error: type[Exception], ask: Callable[[], object]) -> str:
    try:
        answer = ask()
    except error as refusal:
        return str(refusal)
    raise AssertionError(f"answered {answer!r} instead of refusing")


class Time:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        self.now += 1000
        return self.now


class Node:
    """A register with its two doors."""

    def __init__(self, folder: Path) -> None:
        self.time = Time()
        self.book = Book(folder, clock=self.time, chance=Chance(7), synchronous="OFF")
        signers = {party: Signer(party.encode().ljust(32, b".")) for party in ("KWT", "QAT", "NATO")}
        heights = (Height("TLP", "UNCLASSIFIED", strictest_tlp="TLP:AMBER+STRICT"), Height("NATO-EXAMPLE", "SECRET"))
        higher = (Height("TLP", "UNCLASSIFIED"), Height("NATO-EXAMPLE", "SECRET"))
        lower = (Height("TLP", "UNCLASSIFIED", widest_tlp="TLP:GREEN"),)
        self.office = Office(
            book=self.book,
            signers=signers,
            node_ceiling=Ceiling("this node", heights),
            role_ceilings={
                Role.DUTY_OFFICER: Ceiling("duty officer", higher),
                Role.PROGRAMME_OFFICER: Ceiling("programme officer", lower),
            },
        )
        self.key = CursorKey(b"drill")
        policies = sorted((files("diwan.release") / "policies").iterdir(), key=str)
        for file in policies:
            self.book.write(lambda ink, file=file: ink.install_policy(file.name, file.read_text("utf-8")))
        for party, signer in signers.items():
            self.book.write(lambda ink, party=party, s=signer: ink.publish_key(party, s.kid, s.public))

    def room(self, party: str, world: World = World.ACTUAL, *, held: tuple[Clearance, ...] = ()) -> ReadingRoom:
        return open_room(self.book, self.key, Reader(f"reader of {party}", party, held), world)

    def enter(self, party: str, title: str, label: Label, *, held: tuple[Clearance, ...] = (), **more: object) -> Ref:
        return self.take(hand(party, held), note(title, **more), label, originator=party).refs[0]

    def take(self, by: Hand, draft: Draft, label: Label, *, originator: str) -> Taken:
        return take(self.office, by, draft, label, originator=originator)


def hand(party: str, held: tuple[Clearance, ...] = (), roles: frozenset[Role] = OFFICER) -> Hand:
    return Hand(Reader(f"officer of {party}", party, held), roles)


def amber(*parties: str, tlp: str = "TLP:AMBER", then: Succession | None = None) -> Label:
    audience = (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, parties),) if parties else ()
    return Label("TLP", "UNCLASSIFIED", audience, Handling(tlp=tlp), succession=then)


def classified(level: str, *parties: str) -> Label:
    context = Category("Context", CategoryType.PERMISSIVE, ("NATO", "Releasable"))
    return Label("NATO-EXAMPLE", level, (context, Category(RELEASABLE_TO, CategoryType.PERMISSIVE, parties)))


def note(title: str, **more: object) -> Draft:
    part = Part("note.txt", "text/plain", title.encode())
    whole = {"kind": "crisis.alert", "title": title, "parts": (part,), **more}
    return Draft(**whole)  # type: ignore[arg-type]


def titles(items: object) -> list[str]:
    return [item.title for item in items]  # type: ignore[attr-defined]


def main(folder: Path) -> None:
    node = Node(folder)
    entered = hide(node)
    for stage in (look_either_way, knock, lose):
        with check(stage.__name__):
            stage(node, entered)
    node.book.close()
    for said in failed:
        print(said)


def hide(node: Node) -> dict[str, Ref]:
    """Enter what QAT may read, and beside each thing something it may not."""
    both, own = amber("KWT", "QAT"), amber("KWT")
    statement = Membership("ICI", "QAT", Standing.MEMBER)
    refs = {
        "statement": node.enter("NATO", "statement", amber("NATO"), kind="network.membership", membership=statement)
    }
    plain = {
        "aliases": (Alias("cap", "plain"),),
        "links": (Link("updates", Alias("cap", "hidden")),),
        "values": ("incident=1",),
        "facets": (("severity", "Minor"),),
    }
    hidden = {
        "aliases": (Alias("cap", "hidden"),),
        "links": (Link("updates", Alias("cap", "plain")),),
        "values": ("incident=1",),
        "facets": (("severity", "Extreme"),),
    }
    refs["plain"] = node.enter("KWT", "plain", both, **plain)
    refs["hidden"] = node.enter("KWT", "hidden", own, **hidden)
    refs["narrow child"] = node.enter("KWT", "narrow child", own, parent=refs["plain"])
    refs["child of hidden"] = node.enter("KWT", "child of hidden", both, parent=refs["hidden"])
    refs["family"] = node.enter("KWT", "family", both)
    refs["child of family"] = node.enter("KWT", "child of family", both, parent=refs["family"])
    refs["was narrow"] = node.enter("KWT", "was narrow, draft", own)
    change.rectify(node.office, hand("KWT"), note("was narrow"), refs["was narrow"])
    change.relabel(node.office, hand("KWT"), refs["was narrow"], both)
    for at, says, label in (("1", "object", both), ("2", "newer object", own)):
        named = {"aliases": (Alias("stix", "seen"),), "version": Version(at, at, says.encode()), "values": ("seen=1",)}
        refs[says] = node.enter("KWT", says, label, world=World.TEST, kind="cyber.indicator", **named)
    named = {"aliases": (Alias("stix", "unseen"),), "version": Version("1", "1", b"unseen"), "values": ("unseen=1",)}
    refs["other object"] = node.enter("KWT", "other object", own, world=World.TEST, kind="cyber.indicator", **named)
    refs["exercise"] = node.enter("KWT", "exercise", both, world=World.EXERCISE)
    refs["of the community"] = node.enter("KWT", "of the community", amber("ICI"))
    later = Succession(START + 10 * DAY, own)
    refs["until a date"] = node.enter("KWT", "until a date", amber("KWT", "QAT", then=later))
    refs["secret"] = node.enter("KWT", "secret", classified("SECRET", "KWT", "QAT"), held=(SECRET,))
    return refs


def look_either_way(node: Node, refs: dict[str, Ref]) -> None:
    """Look gate by gate, and look in time order, whichever a page of so little would be read by."""
    for costs in (Merging(0, 0), Merging(1 << 20, 1 << 20)):
        Sqlite.merging = costs  # type: ignore[misc]
        look(node, refs)


def look(node: Node, refs: dict[str, Ref]) -> None:
    """Look everywhere as QAT."""
    mine = ["until a date", "of the community", "was narrow", "child of family", "family", "plain"]
    room = node.room("QAT")
    for stage in ("fresh", "indexed"):
        with check("list"):
            equal(titles(room.walk()), mine)
            equal(titles(room.page(limit=4).items), mine[:4])
            equal(titles(room.page(Query(order="oldest")).items), mine[::-1])
        with check("count"):
            equal((room.count(), room.count("crisis.alert"), room.kinds()), (6, 6, {"crisis.alert": 6}))
        with check("search"):
            equal(titles(room.page(Query(words="narrow")).items), ["was narrow"])
            equal(titles(room.page(Query(words="hidden")).items), [])
            equal(titles(room.page(Query(kind="crisis.alert"), limit=3).items), mine[:3])
            equal(room.tally(Query(words="draft")).found, 0)
        with check("facets"):
            equal(room.facets(Query(), ["severity"]), {"severity": {"minor": 1}})
        if stage == "fresh":
            node.book.words.catch_up(everything=True)
    with check("point"):
        equal(room.get(refs["family"]).title, "family")
        unknown = refused(NotFound, lambda: room.get(Ref("KWT", "0" * 32)))
        for name in ("hidden", "narrow child", "child of hidden", "exercise", "secret", "statement"):
            equal(refused(NotFound, lambda name=name: room.get(refs[name])), unknown)
    plain = room.get(refs["plain"])
    with check("alias"):
        equal((room.known_as(Alias("cap", "hidden")), titles(room.known_as(Alias("cap", "plain")))), ((), ["plain"]))
    with check("links"):
        equal((room.links(plain), room.linked_from(plain)), ((), ()))
    with check("related"):
        equal((room.related(plain), titles(room.mentioning("incident=1"))), ((), ["plain"]))
    with check("children"):
        equal((room.children(plain), titles(room.children(room.get(refs["family"])))), ((), ["child of family"]))
    with check("history"):
        equal(titles(room.history(room.get(refs["was narrow"]))), ["was narrow"])
    with check("parts"):
        equal([part.data for part in room.parts(plain)], [b"plain"])
    with check("worlds"):
        equal(titles(node.room("QAT", World.EXERCISE).walk()), ["exercise"])
    test = node.room("QAT", World.TEST)
    for name, asked in (("arrivals", None), ("arrivals by name", ("seen", "unseen"))):
        with check(name):
            found = test.arrivals(Selection(scheme="stix", names=asked)).found
            equal([(one.name, one.version, one.data) for one in found], [("seen", "1", b"object")])
    with check("seen"):
        found = test.seen(("seen=1", "unseen=1"))
        equal({value: titles(items) for value, items in found.items()}, {"seen=1": ["object"]})
    with check("labels"):
        equal(test.labels(), (amber("KWT", "QAT"),))
    with check("reach"):
        refused(NotFound, lambda: room.reach(plain))
        equal(node.room("KWT").reach(node.room("KWT").get(refs["plain"])).parties, frozenset({"KWT", "QAT"}))
    with check("clearance"):
        cleared = node.room("QAT", held=(SECRET,))
        equal(titles(cleared.page(limit=1).items), ["secret"])
        refused(NotFound, lambda: room.get(refs["secret"]))
    with check("cursor"):
        cursor = node.room("KWT").page(limit=1).cursor
        refused(BadCursor, lambda: room.page(cursor=cursor, limit=1))
        refused(BadCursor, lambda: node.room("KWT").page(Query(order="oldest"), cursor, limit=1))
        refused(BadCursor, lambda: node.room("KWT", World.EXERCISE).page(cursor=cursor, limit=1))
        refused(BadCursor, lambda: node.room("KWT").changes(cursor))
        every = Selection(scheme="stix", which=("all",))
        cursor = node.room("KWT", World.TEST).arrivals(every, limit=1).cursor
        refused(BadCursor, lambda: test.arrivals(every, cursor=cursor))
        refused(BadCursor, lambda: node.room("KWT", World.TEST).arrivals(Selection(scheme="stix"), cursor=cursor))
    with check("forged"):
        hidden = node.room("KWT").get(refs["hidden"])
        whole = {field: getattr(hidden, field) for field in hidden.__struct_fields__}
        refused(Exception, lambda: msgspec.convert({**whole, "seal": {}}, Released))
        refused(Exception, lambda: msgspec.json.decode(msgspec.json.encode({**whole, "seal": None}), type=Released))
        refused(Exception, lambda: Released(**{**whole, "seal": None}))
        refused(Exception, lambda: msgspec.structs.replace(hidden, to=room.reader))
        refused(Exception, lambda: msgspec.structs.replace(plain, ref=hidden.ref))
        found = node.room("KWT", World.TEST).arrivals(Selection(scheme="stix", which=("all",)))
        refused(Exception, lambda: msgspec.structs.replace(found, to=room.reader))
    with check("someone else's"):
        for ask in (room.parts, room.envelope, room.history, room.children, room.links, room.related, room.why):
            refused(NotFound, lambda ask=ask: ask(hidden))
    with check("base tables"), node.book.shelf(room.reader, World.ACTUAL) as opened:
        refused(sqlite3.DatabaseError, lambda: opened.shelf.ask("SELECT title FROM revision", []))
        refused(sqlite3.DatabaseError, lambda: opened.shelf.ask("SELECT count(*) FROM stand", []))
        refused(sqlite3.DatabaseError, lambda: opened.shelf.ask("DELETE FROM temp.allowed", []))
    with check("own pages"), node.book.own_pages() as pages:
        pages.execute("SELECT count(*) FROM account").fetchone()
        for table in ("revision", "part", "item", "stand", "alias", "tail", "label"):
            refused(sqlite3.DatabaseError, lambda table=table: pages.execute(f"SELECT * FROM {table}"))


def knock(node: Node, refs: dict[str, Ref]) -> None:
    """Try as QAT to enter or change what it may not, and to learn from the answers."""
    both, qat = amber("KWT", "QAT"), hand("QAT")
    with check("in another's name"):
        refused(NotAllowed, lambda: node.take(qat, note("x"), both, originator="KWT"))
        refused(NotAllowed, lambda: change.recall(node.office, qat, refs["plain"]))
        refused(NotAllowed, lambda: change.relabel(node.office, qat, refs["plain"], both))
        refused(NotAllowed, lambda: change.rectify(node.office, qat, note("x"), refs["plain"]))
    with check("without a role"):
        nobody = hand("QAT", roles=frozenset({Role.ADMINISTRATOR}))
        refused(NotAllowed, lambda: node.take(nobody, note("x"), both, originator="QAT"))
    with check("an empty label"):
        refused(Unlabelled, lambda: node.take(qat, note("x"), amber(), originator="QAT"))
        refused(Unlabelled, lambda: node.take(qat, note("x"), Label("NONE", "OPEN"), originator="QAT"))
    with check("above a ceiling"):
        refused(NotAllowed, lambda: node.take(qat, note("x"), amber("QAT", tlp="TLP:RED"), originator="QAT"))
        programme = hand("QAT", roles=frozenset({Role.PROGRAMME_OFFICER}))
        refused(NotAllowed, lambda: node.take(programme, note("x"), amber(tlp="TLP:CLEAR"), originator="QAT"))
    with check("above one's clearance"):
        refused(NotAllowed, lambda: node.take(qat, note("x"), classified("SECRET", "QAT"), originator="QAT"))
    with check("under what one may not read"):
        refused(NotFound, lambda: node.take(qat, note("x", parent=refs["hidden"]), both, originator="QAT"))
    with check("what one may not read"):
        secret = node.enter("QAT", "own secret", classified("SECRET", "QAT"), held=(SECRET,))
        refused(NotFound, lambda: change.recall(node.office, qat, secret))
    with check("what is named beyond"):
        naming = note("names it", links=(Link("updates", Alias("cap", "hidden")),))
        equal(node.take(qat, naming, amber("QAT", "BHR"), originator="QAT").notices, ())
    with check("a hidden twin"):
        node.take(hand("KWT"), note("twin", aliases=(Alias("cap", "hidden"),)), amber("KWT", "BHR"), originator="KWT")
        node.take(qat, note("twin", aliases=(Alias("cap", "hidden"),)), both, originator="QAT")
        refused(Refused, lambda: node.take(qat, note("2", aliases=(Alias("cap", "hidden"),)), both, originator="QAT"))
    with check("a claim"):
        claim = Membership("ICI", "JOR", Standing.MEMBER)
        node.enter("QAT", "claim", amber("QAT"), kind="network.membership", membership=claim)
        equal(titles(node.room("JOR").walk()), [])
    with check("another kind"):
        other = note("x", kind="network.party")
        refused(Malformed, lambda: change.rectify(node.office, hand("KWT"), other, refs["plain"]))


def lose(node: Node, refs: dict[str, Ref]) -> None:
    """Take things from QAT, and see that they are gone at once, told once, and told to nobody else."""
    kwt, room, jordan = hand("KWT"), node.room("QAT"), node.room("JOR")
    seen, nothing = room.changes(limit=100).cursor, jordan.changes().cursor
    with check("a hidden change"):
        change.recall(node.office, kwt, refs["narrow child"])
        change.relabel(node.office, kwt, refs["hidden"], amber("KWT", "ARE"))
        equal(room.changes(seen).changes, ())
    with check("recalled"):
        change.recall(node.office, kwt, refs["plain"])
        refused(NotFound, lambda: room.get(refs["plain"]))
        equal(room.known_as(Alias("cap", "plain")), ())
    with check("relabelled"):
        change.relabel(node.office, kwt, refs["family"], amber("KWT"))
        refused(NotFound, lambda: room.get(refs["family"]))
        refused(NotFound, lambda: room.get(refs["child of family"]))
    with check("lost"):
        change.recall(node.office, hand("NATO"), refs["statement"])
        refused(NotFound, lambda: room.get(refs["of the community"]))
        equal("of the community" in titles(room.walk()), False)
    with check("a date"):
        equal(room.get(refs["until a date"]).title, "until a date")
        node.time.now = START + 11 * DAY
        refused(NotFound, lambda: room.get(refs["until a date"]))
    with check("told"):
        told = [(one.what, one.ref) for one in room.changes(seen).changes]
        gone = ("plain", "family", "child of family", "of the community", "until a date")
        equal(sorted(told), sorted(("retracted", refs[name]) for name in gone))
    with check("told to nobody else"):
        equal(jordan.changes(nothing).changes, ())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
