"""A register filled from a seed: the same drafts, clock and chance on every engine, texts that are hard to carry."""

from __future__ import annotations

import random
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import pytest

from diwan.intake import change
from diwan.intake.office import Office
from diwan.intake.take import Taken, take, take_all
from diwan.registry import ink, segments
from diwan.registry.book import Book
from diwan.registry.chance import Chance
from diwan.release.ceiling import Ceiling, Height
from diwan.sealing.keys import Signer
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Link, Part, Ref, Version
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Reader

PARTIES: Final = ("KWT", "QAT", "JOR", "BHR")
AUDIENCES: Final = (("KWT",), ("KWT", "QAT"), ("KWT", "QAT", "JOR"), ("KWT", "JOR"), ("ICI", "KWT"))
HARD: Final = (
    "a ? and ?? and $1 and $$ and %s and {0}",
    "it's \"quoted\" -- and; /* not */ \\ E'\\x00' \\\\",
    "مرفأ الكويت ‏رأس‎ left",
    "🛢️🚢 𐍈 four bytes",
    "zero\u200bwidth\ufeff e\u0301 \u00e9",
    "line\nbreak\ttab\r\x01\x1f\x7f",
    "café É ß ﬁ İ ı",
    "x" * 9000,
)
"""Texts that an engine, a driver or a question put together carelessly would mangle."""


class Clock:
    def __init__(self) -> None:
        self.now = 1_485_244_800_000_000

    def __call__(self) -> int:
        self.now += 1000
        return self.now


class Filled(msgspec.Struct, frozen=True):
    """A register and what its makers know of it."""

    book: Book
    office: Office
    refs: list[Ref]


def reader(party: str) -> Reader:
    return Reader(f"reader of {party}", party)


def label(*parties: str) -> Label:
    audience = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, parties)
    return Label("TLP", "UNCLASSIFIED", (audience,), Handling(tlp="TLP:AMBER"))


def note(number: int, parent: Ref | None = None) -> Draft:
    hard = HARD[number % len(HARD)]
    return Draft(
        kind=("network.party", "crisis.alert")[number % 2],
        title=f"note {number} {hard}",
        parts=(
            Part("note.txt", "text/plain", b"\x00\xff" * (number % 3) + hard.encode()),
            Part("e", "text/plain", b""),
        ),
        text=("common", f"word{number % 7}", hard),
        facets=(("severity", ("Minor", "Severe")[number % 2]),),
        values=(f"incident={number % 5}", hard[:200]),
        aliases=(
            Alias("cap", f"n{number // 2 if number % 10 == 1 else number} {hard[:60]}"),
            Alias("other", f"{number}"),
        ),
        version=Version(f"2017-{number:04}", f"v{number}", b"%d" % number),
        links=tuple(Link(relation, Alias("other", f"{number - 1}")) for relation in ("updates", "cites")),
        parent=parent,
        author=hard if number % 3 else None,
        brief=msgspec.json.encode({"n": number}),
    )


def fill(folder: Path, register: str, *, synchronous: str = "OFF") -> Filled:
    """Fill a register: entries for five audiences, children, moves, recalls, two memberships; half of it indexed."""
    book = Book(folder, postgres=register, clock=Clock(), chance=Chance(3), synchronous=synchronous)
    signers = {party: Signer(party.encode().ljust(32, b".")) for party in ("KWT", "NATO")}
    ceiling = Ceiling("this node", (Height("TLP", "UNCLASSIFIED"),))
    office = Office(book, signers, ceiling, {Role.DUTY_OFFICER: ceiling})
    kwt, nato = (Hand(Reader(f"officer of {one}", one), frozenset({Role.DUTY_OFFICER})) for one in ("KWT", "NATO"))
    policy = (files("diwan.release") / "policies" / "tlp.toml").read_text("utf-8")
    book.write(lambda ink: ink.install_policy("TLP", policy))
    for party, signer in signers.items():
        book.write(lambda ink, party=party, signer=signer: ink.publish_key(party, signer.kid, signer.public))
    chance = random.Random(8)
    refs: list[Ref] = []
    with pytest.MonkeyPatch.context() as small:
        small.setattr(ink, "_MILE", 16)
        small.setattr(segments, "_COMMON", 8)
        small.setattr(segments, "_BATCH", 16)
        small.setattr(segments, "_FANOUT", 2)
        for start in (0, 40):
            drafts = [(note(n), label(*AUDIENCES[n % 5])) for n in range(start, start + 40)]
            taken = take_all(office, kwt, drafts, originator="KWT")
            refs += [ref for one in taken if isinstance(one, Taken) for ref in one.refs]
            if start == 0:
                book.words.catch_up(everything=True)
                for party in (*PARTIES, "NATO", "OUT"):
                    with book.shelf(reader(party), World.ACTUAL):
                        pass
                _belong(office, nato, "QAT")
                leaving = _belong(office, nato, "JOR")
                for party in (*PARTIES, "NATO", "OUT"):
                    with book.shelf(reader(party), World.ACTUAL):
                        pass
        refs += [
            take(office, kwt, note(n, refs[n % 9]), label(*AUDIENCES[n % 5]), originator="KWT").refs[0]
            for n in range(80, 92)
        ]
        for ref in chance.sample(refs[:60], 12):
            change.relabel(office, kwt, ref, label(*chance.choice(AUDIENCES)))
        for n in range(8, 16):
            change.rectify(office, kwt, note(n + 400 - n % 2 + n % 2), refs[n])
        change.recall(office, nato, leaving)
        for party in (*PARTIES, "NATO", "OUT"):
            with book.shelf(reader(party), World.ACTUAL):
                pass
        for n in range(20, 26):
            change.recall(office, kwt, refs[n])
    return Filled(book, office, refs)


def _belong(office: Office, hand: Hand, party: str) -> Ref:
    statement = Draft(
        kind="network.membership",
        title=f"{party} in ICI",
        parts=(Part("membership.json", "application/json", party.encode()),),
        membership=Membership("ICI", party, Standing.MEMBER),
    )
    return take(office, hand, statement, label("NATO"), originator="NATO").refs[0]
