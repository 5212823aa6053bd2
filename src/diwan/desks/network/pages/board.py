"""The board: the network as it was, is or is set to be on one day, as far as this reader is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby
from typing import Final

import msgspec

from diwan.desk import Request
from diwan.desks.network.kinds import MissionType, Party, Told, Turn, first_day, holds, parties, posts, rolls, turns
from diwan.desks.network.pages.picture import picture
from diwan.desks.network.pages.statements import called, items, told
from diwan.reading import ReadingRoom
from diwan.terms.errors import Malformed
from diwan.terms.time import day

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Step(msgspec.Struct, frozen=True):
    """One day of the timeline and what turned on it."""

    on: date
    turns: tuple[Turn, ...]


def network_board(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return the network as of `as_of` in the query (YYYY-MM-DD), by default today by the room's clock, UTC.

    Raises:
        Malformed: `as_of` is not a day.
    """
    today = day(room.now)
    on = _as_of(request.query.get("as_of"), today)
    read = items(room)
    statements = tuple(map(told, read.values()))
    known = parties(statements)
    kept = rolls(statements, on)
    steps = _steps(statements)
    standing = posts(statements, on)
    return {
        "on": on,
        "today": today,
        "frameworks": tuple(roll for roll in kept if not roll.operation),
        "operations": tuple(roll for roll in kept if roll.operation),
        "offices": tuple(p for p in standing if not p.claimed and p.mission.type is MissionType.OFFICE),
        "missions": tuple(p for p in standing if not p.claimed and p.mission.type is MissionType.MISSION),
        "claimed_posts": tuple(post for post in standing if post.claimed),
        "parties": tuple(_standing_on(known, on)),
        "known": {party: about for party, (_, about) in known.items()},
        "steps": steps,
        "earlier": max((step.on for step in steps if step.on < on), default=None),
        "later": min((step.on for step in steps if step.on > on), default=None),
        "picture": picture(kept),
        "items": read,
        "called": called,
        "first_day": first_day,
    }


def _as_of(text: str | None, today: date) -> date:
    if not text:
        return today
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Malformed("The network is shown as of a day, which is written YYYY-MM-DD. Nothing is shown.")


def _steps(statements: Iterable[Told]) -> tuple[Step, ...]:
    return tuple(Step(on, tuple(group)) for on, group in groupby(turns(statements), key=lambda turn: turn.on))


def _standing_on(known: Mapping[str, tuple[Told, Party]], on: date) -> Iterable[tuple[Told, Party]]:
    return (one for one in known.values() if holds(one[1].since, one[1].until, on))
