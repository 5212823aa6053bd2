"""What a node remembers of a source between two polls, and what a page says about it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from diwan.desks.cyber.calls.backoff import delay
from diwan.desks.cyber.calls.call import Fault
from diwan.desks.cyber.calls.dates import SECOND
from diwan.desks.cyber.calls.source import Source
from diwan.terms.time import Instant

SEEN: Final = 20_000
"""Digests kept at most; past that an object may be handed over twice, never lost."""
_KNOCK: Final = 86_400
_LONGEST: Final = 3_600.0
_LATE: Final = 3


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """The objects of one page: their digests, and the page's last date as an instant, where it had one."""

    last: Instant | None
    digests: tuple[str, ...]


class Walk(msgspec.Struct, frozen=True):
    """A walk through a collection that is under way: what is asked next, and what tells that it goes in circles."""

    after: str = ""
    """`added_after` of the next call; empty for none."""
    next: str = ""
    """The server's own cursor; in TAXII 2.0, the number of the next object."""
    limit: int = 0
    """Objects asked for; 0 leaves it to the server."""
    began: Instant | None = None
    """The server's clock at the first answer."""
    last: Instant | None = None
    """The latest date that a page ended with."""
    grain: int = 1
    """Microseconds that one last place of that date stands for."""
    ordered: bool = True
    """Whether every page began where the one before ended, or later."""
    undated: bool = False
    """Whether a page with objects told no date."""
    rung: int = 0
    """How far up the ladder of ways past one shared date."""
    restarts: int = 0
    idle: int = 0
    """Pages without anything new, in a row."""
    mark: str = ""
    """The page that this one is compared with; it moves on at the powers of two, and so meets any circle."""
    steps: int = 0
    lap: int = 1


class State(msgspec.Struct, frozen=True):
    """Where the polling of one source stands. It is kept after the page that it came with is entered, never before."""

    since: str = ""
    """`added_after` of the next walk; empty for the beginning."""
    walk: Walk | None = None
    seen: tuple[Seen, ...] = ()
    """The objects near `since`, newest page last."""
    steady: bool = False
    """Whether the server's cursors are known to change from page to page, so that one can be given twice."""
    failures: int = 0
    """Polls that failed, in a row."""
    stopped: bool = False
    """Whether the last failure was one that only a person can mend."""
    tried: Instant | None = None
    not_before: Instant = 0
    last_ok: Instant | None = None
    """When a walk last came to its end."""
    walked: Instant | None = None
    """When a walk from the beginning last began."""
    last_error: str = ""
    doubt: str = ""
    """The last place where the server made it impossible to be sure that nothing was left out."""
    pages: int = 0
    taken: int = 0
    """Objects handed over."""
    known: int = 0
    """Objects that had been handed over before and were dropped."""
    odd: int = 0
    """Things among the objects that are none."""


class Health(msgspec.Struct, frozen=True):
    """How a source is, for a page."""

    state: Literal["well", "late", "failing", "stopped"]
    said: str
    last_ok: Instant | None
    due: Instant
    taken: int
    known: int
    doubt: str


def due(state: State, source: Source, now: Instant) -> Instant:
    """Return when the source is to be called next.

    At once while a walk is under way, every `source.every` seconds otherwise; after failures later and later, within
    an hour; after one that only a person can mend, once a day.
    """
    if state.tried is None:
        return now
    if state.stopped:
        return state.tried + _KNOCK * SECOND
    if state.failures:
        return max(state.not_before, state.tried)
    return state.tried if state.walk else state.tried + source.every * SECOND


def health(state: State, source: Source, now: Instant) -> Health:
    """Return how a source is: late when no walk came to its end for three intervals, though none failed."""
    grade: Literal["well", "late", "failing", "stopped"] = "well"
    said = state.doubt
    since = state.last_ok if state.last_ok is not None else state.tried
    if state.stopped:
        grade, said = "stopped", state.last_error
    elif state.failures:
        grade, said = "failing", state.last_error
    elif since is not None and now - since > _LATE * source.every * SECOND:
        grade, said = "late", "The collection has not been read to its end for three intervals."
    return Health(grade, said, state.last_ok, due(state, source, now), state.taken, state.known, state.doubt)


def resumed(state: State) -> State:
    """Return the state after a person mended what stopped it: called again at once, from where it was."""
    return msgspec.structs.replace(state, stopped=False, failures=0, not_before=0, tried=None, last_error="")


def failed(state: State, fault: Fault, now: Instant, chance: float, source: Source) -> State:
    """Return the state after a poll that failed: nothing moved, and the next call is later."""
    wait = delay(state.failures, chance, base=float(source.every), cap=max(_LONGEST, source.every))
    return msgspec.structs.replace(
        state,
        failures=state.failures + 1,
        stopped=fault.lasting,
        tried=now,
        not_before=now + int(max(fault.after, wait) * SECOND),
        last_error=str(fault),
    )
