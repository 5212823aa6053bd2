"""How an indicator ages: its score falls with time, a sighting restarts the clock, and one day it is over."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from diwan.terms.time import Instant

_DAY: Final = 86_400_000_000


class State(StrEnum):
    """How far an indicator may still be relied upon."""

    FRESH = "fresh"
    FADING = "fading"
    """Less than half of its first score is left."""
    EXPIRED = "expired"
    REVOKED = "revoked"


class Sense(StrEnum):
    """What a party says by a sighting: MISP's types 0, 1 and 2."""

    SEEN = "seen"
    FALSE_POSITIVE = "false-positive"
    EXPIRATION = "expiration"


class Sighted(msgspec.Struct, frozen=True, order=True):
    """One sighting that is released to the reader."""

    at: Instant
    party: str
    sense: Sense = Sense.SEEN


class Course(msgspec.Struct, frozen=True):
    """How fast a sort of indicator ages."""

    lifetime: int
    """Microseconds from the last sighting to a score of 0 (τ)."""
    shape: float = 1.0
    """MISP's decay speed (δ): 1 falls evenly, more falls early, less falls late."""
    threshold: int = 0
    """The score below which an indicator is over."""
    unstated: int = 50
    """The first score where the originator states no confidence."""
    doubters: int = 2
    """From so many parties on, their word that it is a false positive counts."""

    def __post_init__(self) -> None:
        """Refuse a course on which nothing ages.

        Raises:
            ValueError: the lifetime, the shape or the number of doubters is not above 0.
        """
        if self.lifetime <= 0 or not self.shape > 0 or self.doubters < 1:
            raise ValueError("a course needs a lifetime, a shape and a number of doubters above 0")


class Age(msgspec.Struct, frozen=True):
    """How old an indicator is, at one instant."""

    score: int
    """0 to 100."""
    state: State
    expires_at: Instant | None
    """When it is, or was, over unless somebody sees it again; None where it is revoked."""


COURSES: Final = {
    "ipv4": Course(30 * _DAY, 2.0),
    "ipv6": Course(30 * _DAY, 2.0),
    "cidr": Course(60 * _DAY, 2.0),
    "url": Course(30 * _DAY, 2.0),
    "domain": Course(90 * _DAY),
    "email": Course(180 * _DAY),
}
"""The house's own choice: addresses change hands within weeks, names within months."""
LONG: Final = Course(730 * _DAY, 0.5)
"""For what does not change hands: a file's hash stays that file's hash."""


def course_of(kind: str) -> Course:
    """Return the course on which an observable of this kind ages."""
    return COURSES.get(kind, LONG)


def score(base: float, elapsed: int, course: Course) -> float:
    """Return what is left of a base score after `elapsed` microseconds, never below 0.

    Source: base · (1 - (t/τ)^(1/δ)), MISP's polynomial decaying model; Iklody et al., "Decaying of Indicators of
    Compromise", arXiv 1803.11052.
    """
    if elapsed <= 0:
        return base
    if elapsed >= course.lifetime:
        return 0.0
    return base * (1 - math.pow(elapsed / course.lifetime, 1 / course.shape))


def age(
    course: Course,
    *,
    valid_from: Instant,
    now: Instant,
    confidence: int | None = None,
    valid_until: Instant | None = None,
    revoked: bool = False,
    sightings: Iterable[Sighted] = (),
) -> Age:
    """Return the score, the state and the end of an indicator at `now`.

    Pass the sightings that are released to the reader and no others: the answer depends on nothing else. The clock
    starts at `valid_from` and again at each sighting up to `now`; later ones are not yet known. A party's word that it
    is over ends it at the instant it names, unless somebody sees it after that. What the originator set as
    `valid_until` (STIX 2.1, 4.7) no sighting moves. From `course.doubters` parties on whose last word is "false
    positive", the base score is halved, then a third of it, and so on.
    """
    if revoked:
        return Age(0, State.REVOKED, None)
    told = tuple(sightings)
    known = tuple(one for one in told if one.at <= now)
    seen = max((one.at for one in known if one.sense is Sense.SEEN), default=valid_from)
    start = max(valid_from, seen)
    base = _base(course, confidence, known)
    ends = [start + _left(base, course)]
    ends += [one.at for one in told if one.sense is Sense.EXPIRATION and one.at >= start]
    ends += [valid_until] if valid_until is not None else []
    end = min(ends)
    if now >= end:
        return Age(0, State.EXPIRED, end)
    left = score(base, now - start, course)
    return Age(round(left), State.FADING if left * 2 < base else State.FRESH, end)


def _base(course: Course, confidence: int | None, known: tuple[Sighted, ...]) -> float:
    first = course.unstated if confidence is None else min(max(confidence, 0), 100)
    word = {one.party: one.sense for one in sorted(known)}
    doubts = sum(sense is Sense.FALSE_POSITIVE for sense in word.values())
    return first / (2 + doubts - course.doubters) if doubts >= course.doubters else float(first)


def _left(base: float, course: Course) -> int:
    """Return the microseconds after which the score is below the threshold."""
    if base <= course.threshold:
        return 0
    return int(course.lifetime * math.pow(1 - course.threshold / base, course.shape))
