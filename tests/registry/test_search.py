"""What search finds is what a plain filter over everything finds, wherever an entry is filed at the moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from diwan.intake import change
from diwan.intake.office import Office
from diwan.intake.take import Taken, take_all
from diwan.registry import search, segments
from diwan.registry.book import Book
from diwan.registry.search import find
from diwan.registry.words import field, terms_of
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

AUDIENCES = [("KWT", *others) for others in ((), ("QAT",), ("QAT", "JOR"), ("JOR",), ("BHR",))]
VOCABULARY = [f"word{n}" for n in range(60)]
COUNT, BATCH = 3000, 150


class Held(msgspec.Struct):
    """What the plain filter knows of one item."""

    ref: Ref
    draft: Draft
    audience: tuple[str, ...]


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_BATCH", 64)
    monkeypatch.setattr(segments, "_FANOUT", 4)
    monkeypatch.setattr(segments, "_COMMON", 8)


@pytest.mark.usefixtures("small_segments")
def test_search_finds_what_a_plain_filter_finds_in_segments_merges_and_tail(
    book: Book, office: Office, officer: Hand, amber: Callable[..., Label], note: Callable[..., Draft]
) -> None:
    chance = random.Random(11)
    held: list[Held] = []
    asked = 0
    for start in range(0, COUNT, BATCH):
        enter(office, officer, [draft(note, chance, start + n) for n in range(BATCH)], amber, chance, held)
        alter(office, officer, amber, note, chance, held)
        if chance.random() < 0.8:
            book.words.catch_up(everything=chance.random() < 0.3)
        asked += compare(book, chance, held)

    levels = dict(book.words._segments._ink.execute("SELECT level, count(*) FROM segment GROUP BY level"))
    (tail,) = book.words._segments._register.execute("SELECT count(*) FROM tail").fetchone()
    assert levels.keys() >= {0, 2}
    assert tail > 0
    assert asked > 500


def draft(note: Callable[..., Draft], chance: random.Random, number: int) -> Draft:
    # Low words are common, high ones rare, so that both kinds of list are walked.
    text = " ".join(VOCABULARY[min(59, int(chance.expovariate(0.12)))] for _ in range(6))
    return note(f"note {number}", text=(text,), facets=(("severity", chance.choice(("Minor", "Severe"))),))


def enter(
    office: Office,
    officer: Hand,
    drafts: list[Draft],
    amber: Callable[..., Label],
    chance: random.Random,
    held: list[Held],
) -> None:
    audiences = [chance.choice(AUDIENCES) for _ in drafts]
    labelled = [(draft, amber(*audience)) for draft, audience in zip(drafts, audiences, strict=True)]
    taken = take_all(office, officer, labelled, originator="KWT")
    for one, draft, audience in zip(taken, drafts, audiences, strict=True):
        assert isinstance(one, Taken)
        held.append(Held(one.refs[0], draft, audience))


def alter(
    office: Office,
    officer: Hand,
    amber: Callable[..., Label],
    note: Callable[..., Draft],
    chance: random.Random,
    held: list[Held],
) -> None:
    for one in chance.sample(held, 12):
        what = chance.randrange(3)
        if what == 0:
            one.audience = chance.choice(AUDIENCES)
            change.relabel(office, officer, one.ref, amber(*one.audience))
        elif what == 1:
            one.draft = draft(note, chance, chance.randrange(10**6, 10**7))
            change.rectify(office, officer, one.draft, one.ref)
        else:
            change.recall(office, officer, one.ref)
            held.remove(one)


def compare(book: Book, chance: random.Random, held: list[Held]) -> int:
    """Ask each reader for random terms from random places, and return how many questions found anything."""
    answered, apart = 0, random.Random(len(held))
    for party in ("KWT", "QAT", "JOR", "BHR", "NATO"):
        with book.shelf(Reader(f"r of {party}", party), World.ACTUAL) as opened:
            shelf = opened.shelf
            place = {entry.ref: entry.position for entry in shelf.entries(shelf.oldest(0, COUNT, 1.0))}
            mine = [one for one in held if party in one.audience]
            assert place.keys() == {one.ref for one in mine}
            filed = sorted((place[one.ref], set(terms_of(one.draft, "KWT").split())) for one in mine)
            for _ in range(12):
                terms = some_terms(chance)
                start = chance.choice([None, *(chance.sample([position for position, _ in filed], 2) if filed else [])])
                limit, newest = chance.choice((1, 5, 50, 5000)), chance.random() < 0.5
                density, among = chance.choice((0.0001, 0.05, 1.0)), some_of_which(apart)
                if among and apart.random() < 0.5:
                    terms = []
                found = find(shelf, terms, start, limit, density, newest=newest, among=among)
                assert found == plainly(filed, terms, start, limit, newest=newest, among=among)
                answered += bool(found)
    return answered


def some_of_which(chance: random.Random) -> list[str]:
    return chance.sample(VOCABULARY, chance.choice((1, 3, 8))) if chance.random() < 0.4 else []


def some_terms(chance: random.Random) -> list[str]:
    words = [VOCABULARY[min(59, int(chance.expovariate(0.12)))] for _ in range(chance.choice((1, 1, 2, 3)))]
    return [*words, field("severity", "Minor")] if chance.random() < 0.3 else words


def plainly(
    filed: list[Any], terms: list[str], start: int | None, limit: int, *, newest: bool, among: list[str]
) -> list[int]:
    found = [
        position for position, held in filed if held.issuperset(terms) and (not among or not held.isdisjoint(among))
    ]
    if newest:
        return [position for position in reversed(found) if start is None or position < start][:limit]
    return [position for position in found if start is None or position > start][:limit]


def test_a_term_that_shares_its_number_with_another_finds_only_its_own(
    monkeypatch: pytest.MonkeyPatch,
    book: Book,
    office: Office,
    officer: Hand,
    amber: Callable[..., Label],
    note: Callable[..., Draft],
) -> None:
    for room in (search, segments):
        monkeypatch.setattr(room, "number", lambda term: len(term))
    held: list[Held] = []
    drafts = [note("storm"), note("flood"), note("flare")]
    enter(office, officer, drafts, amber, random.Random(1), held)
    book.words.catch_up(everything=True)

    with book.shelf(officer.reader, World.ACTUAL) as opened:
        found = find(opened.shelf, ["flood"], None, 10, 1.0, newest=True)
        assert [entry.title for entry in opened.shelf.entries(found)] == ["flood"]


def test_a_word_index_that_is_lost_half_way_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
    book: Book,
    office: Office,
    officer: Hand,
    amber: Callable[..., Label],
    note: Callable[..., Draft],
) -> None:
    """The segment is written before the tail is cleared; if that never comes, entries are found once and not twice."""
    held: list[Held] = []
    enter(office, officer, [note(f"storm {n}") for n in range(20)], amber, random.Random(1), held)
    book.words._segments.add(everything=True)

    for _ in range(2):
        with book.shelf(officer.reader, World.ACTUAL) as opened:
            assert len(find(opened.shelf, ["storm"], None, 50, 1.0, newest=True)) == 20
        enter(office, officer, [note("other")], amber, random.Random(1), held)
        assert book.words.catch_up(everything=True) == 1
