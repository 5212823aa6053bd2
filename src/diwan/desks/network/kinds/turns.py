"""The turns: every day on which something began or ended, by anyone's word, oldest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec

from diwan.desks.network.kinds.days import first_day
from diwan.desks.network.kinds.posts import concerned
from diwan.desks.network.kinds.statement import Belonging, Mission, alias
from diwan.desks.network.kinds.told import Told, in_order, kept


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """That something began or ended."""

    on: date
    """The first day of which it may be true."""
    said: str
    """The day as it was said, `2016` where no more is known."""
    what: Literal["begins", "ends"]
    told: Told
    claimed: bool


def turns(told: Iterable[Told]) -> tuple[Turn, ...]:
    """Return each beginning and end once for everyone who says it; what is undated is in none."""
    ordered = in_order(told)
    keepers = kept(ordered)
    found: dict[tuple[object, ...], Turn] = {}
    for one in ordered:
        claimed = _claimed(one, keepers)
        for turn in _turns(one, claimed=claimed):
            found.setdefault((turn.on, turn.what, alias(one.statement), one.by), turn)
    return tuple(sorted(found.values(), key=_rank))


def _turns(one: Told, *, claimed: bool) -> Iterable[Turn]:
    since, until = one.statement.since, one.statement.until
    if since is not None:
        yield _turn(one, since, "begins", claimed=claimed)
    if until is not None:
        yield _turn(one, until, "ends", claimed=claimed)


def _turn(one: Told, said: date | str, what: Literal["begins", "ends"], *, claimed: bool) -> Turn:
    text = str(said)
    return Turn(on=first_day(text) or date.min, said=text, what=what, told=one, claimed=claimed)


def _claimed(one: Told, keepers: dict[str, dict[str, Told]]) -> bool:
    match one.statement:
        case Belonging():
            return one.by not in keepers.get(one.statement.framework, {})
        case Mission():
            return one.by not in concerned(one.statement)
        case _:
            return False


def _rank(turn: Turn) -> tuple[date, str, str, str]:
    return turn.on, turn.what, alias(turn.told.statement).value, turn.told.by
