"""What is said of one object: who sighted it, who calls it a false positive, and how old that makes an indicator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.aging import COURSES, LONG, Age, Sense, Sighted, age
from diwan.desks.cyber.kinds.sightings import told_in
from diwan.desks.cyber.kinds.stix import Brief
from diwan.desks.cyber.pages.briefs import brief_of, said_by
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import Malformed
from diwan.terms.time import Instant

MOST: Final = 100
"""Sightings and opinions read of one object at most, the newest."""
SIGHTING: Final = "cyber.sighting"
OPINION: Final = "cyber.opinion"


class Word(msgspec.Struct, frozen=True):
    """What one party says of an object by a sighting or an opinion."""

    item: Released
    at: Instant
    sense: Sense | None
    """None: an opinion that is no sighting."""
    count: int = 1
    opinion: str = ""
    note: str = ""


def words_on(room: ReadingRoom, pointing: Iterable[tuple[str, Released]]) -> tuple[Word, ...]:
    """Return what the sightings and opinions among what points to an object say of it, newest first."""
    found: list[Word] = []
    for relation, item in pointing:
        if (relation, item.kind) in (("sighting_of", SIGHTING), ("object", OPINION)) and len(found) < MOST:
            word = word_of(room, item)
            found += [word] if word else []
    return tuple(sorted(found, key=lambda one: -one.at))


def word_of(room: ReadingRoom, item: Released) -> Word | None:
    """Return what a sighting or opinion says; None where it is revoked or cannot be read."""
    try:
        said = said_by(room, item)
    except Malformed:
        return None
    told = told_in(said)
    if told is None:
        return None
    return Word(item, told.at or item.at, told.sense, told.count, told.opinion, told.note)


def sighted(words: Iterable[Word]) -> Iterator[Sighted]:
    """Yield what is said as sightings, each by the party that answers for it; that it is over, no other party says."""
    for word in words:
        if word.sense not in (None, Sense.EXPIRATION):
            yield Sighted(word.at, word.item.ref.originator, word.sense)


def tally(words: Iterable[Word]) -> tuple[int, int]:
    """Return how often an object was sighted, and how many say that it is a false positive."""
    told = tuple(words)
    seen = sum(word.count for word in told if word.sense is Sense.SEEN)
    return seen, sum(word.sense is Sense.FALSE_POSITIVE for word in told)


def age_of(brief: Brief, now: Instant, words: Iterable[Word]) -> Age | None:
    """Return how old an indicator is for a reader who may know of `words`; None for anything else.

    Of several observables the one that ages fastest counts.
    """
    if brief.type != "indicator" or brief.valid_from is None:
        return None
    courses = [COURSES.get(key.partition(":")[0], LONG) for key in brief.values] or [LONG]
    return age(
        min(courses, key=lambda course: course.lifetime),
        valid_from=brief.valid_from,
        now=now,
        confidence=brief.confidence,
        valid_until=brief.valid_until,
        revoked=brief.revoked,
        sightings=sighted(words),
    )


def indicator_words(room: ReadingRoom, item: Released) -> tuple[Word, ...]:
    """Return what is said of one item, from its newest links."""
    return words_on(room, room.linked_from(item, MOST)) if brief_of(item) else ()
