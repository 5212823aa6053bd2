"""Which gates are open to whom, since when: grants are rows, so that gains and losses take positions of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from diwan.registry.classes import (
    ClassKey,
    Made,
    bare,
    encode_key,
    load_gates,
    open_from_the_start,
    read_numbers,
    turn_of,
)
from diwan.registry.engines.lines import Asked
from diwan.registry.ink import Ink
from diwan.registry.sheet import Sheet
from diwan.release.decide import Rules, next_turn, open_gates
from diwan.terms.gate import World
from diwan.terms.reader import Reader
from diwan.terms.time import Instant

_AHEAD: Final = 1_000_000
"""Microseconds by which the clocks of hosts that share a register may differ."""


class Grant(msgspec.Struct, frozen=True):
    """That a gate was open to a reader class from one position until before another (None: still)."""

    gate: int
    opened: int
    closed: int | None
    span: int = 0
    """How many positions after `opened` are kept free: one for each entry that came into view with it."""


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A reader's place in the reading room: what is open to their class, and until when that is known to hold."""

    number: int
    open: Mapping[World, frozenset[int]]
    moved: Mapping[World, tuple[Grant, ...]]
    """Only what changed: a gate that was open ever since it exists has no grant here."""
    rules: int
    gates: int
    moves: int
    turns: Instant | None
    looked: Instant
    """When it was looked last whether a date has passed."""
    life: int
    """Of the register, in which all this was read."""

    def holds(self, facts: Mapping[str, int], life: int, now: Instant) -> bool:
        """Return whether nothing happened since that could open or close a gate, nor was the clock set back."""
        known = (self.rules, self.gates, self.moves) == (facts["rules"], facts["gates"], facts["moves"])
        return known and life == self.life and now >= self.looked and (self.turns is None or now < self.turns)


def take_seat(ink: Ink, connection: Sheet, reader: Reader, rules: Rules) -> Seat:
    """Return `reader`'s seat, brought up to the present rules, gates and date, within a writing transaction.

    A reader whose party or clearance changed keeps what they were shown as their past: their new class starts with the
    grants of the old one, so that gains and losses appear in their feed like any other.
    """
    number = _class_of(ink, connection, reader)
    known_rules, known_gates, turns, opened = connection.execute(
        "SELECT rules, gates, turns, open FROM reader_class WHERE number=?", [number]
    ).fetchone()
    gates, now = ink.fact("gates"), ink.now()
    fresh = load_gates(connection, known_gates) if known_gates != gates else {}
    was_open = frozenset(read_numbers(opened))
    if known_rules == rules.revision:
        # A gate that was open to the class when it was made was never closed to it: its entries stand at their place.
        was_open |= open_from_the_start(reader, fresh, rules, now)
        turns = turn_of(reader, fresh, rules, turns, now)
        known_gates = gates
    # Where someone looked ahead of this clock, it was set back since, and what was open to them then may not be yet.
    ahead = ink.fact("looked") > now + _AHEAD
    if known_rules != rules.revision or ahead or (turns is not None and now >= turns):
        everything = bare(load_gates(connection))
        is_open = open_gates(reader, everything, rules, now)
        # Under rules that nobody of the class has looked through yet, no gate made since was ever closed to them.
        gained = frozenset(gate for gate in is_open - was_open if gate <= known_gates)
        _record(ink, connection, number, gained=gained, lost=was_open - is_open)
        turns = next_turn(reader, everything, rules, now)
        changed = True
    else:
        is_open, changed = was_open, False
    if changed:
        ink.set_fact("looked", max(now, ink.fact("looked")))
    if changed or fresh:
        connection.execute(
            "UPDATE reader_class SET rules=?, gates=?, turns=?, open=? WHERE number=?",
            [rules.revision, gates, turns, msgspec.json.encode(sorted(is_open)), number],
        )
    worlds: dict[int, str] = dict(connection.execute("SELECT number, world FROM gate"))
    rows = connection.execute(
        "SELECT gate, opened, closed, span FROM gate_grant WHERE class=? ORDER BY gate, opened", [number]
    ).fetchall()
    return Seat(
        number=number,
        open={world: frozenset(gate for gate in is_open if worlds[gate] == world) for world in World},
        moved={world: tuple(Grant(*row) for row in rows if worlds[row[0]] == world) for world in World},
        rules=rules.revision,
        gates=gates,
        moves=ink.fact("moves"),
        turns=turns,
        looked=now,
        life=connection.life,
    )


def extended(
    seat: Seat, reader: Reader, rules: Rules, fresh: Mapping[int, Made], gates: int, now: Instant
) -> Seat | None:
    """Return a seat that knows the gates made since as well, up to number `gates`, or None where only the pen can tell.

    What is open from the start needs no record: nothing but the reader's own look depends on it.
    """
    if seat.rules != rules.revision or now < seat.looked:
        return None
    turns = turn_of(reader, fresh, rules, seat.turns, now)
    if turns is not None and now >= turns:
        return None
    is_open = open_gates(reader, bare(fresh), rules, now)
    more = {world: frozenset(gate for gate in is_open if fresh[gate].gate.world == world) for world in World}
    return msgspec.structs.replace(
        seat,
        open={world: seat.open[world] | more[world] for world in World},
        gates=gates,
        turns=turns,
        looked=now,
    )


def _class_of(ink: Ink, connection: Asked, reader: Reader) -> int:
    value = encode_key(ClassKey(reader.party, reader.clearances))
    seated = connection.execute(
        "SELECT c.number, c.value, c.gates, c.open FROM seat s JOIN reader_class c ON c.number=s.class"
        " WHERE s.reader=?",
        [reader.id],
    ).fetchone()
    if seated and seated[1] == value:
        return int(seated[0])
    if seated:
        number = _new_class(ink, connection, value, own=f"{reader.id}@{ink.now()}", gates=seated[2], opened=seated[3])
        connection.execute(
            "INSERT INTO gate_grant(class, gate, opened, closed, span)"
            " SELECT CAST(? AS INTEGER), gate, opened, closed, span FROM gate_grant WHERE class=?",
            [number, seated[0]],
        )
        ink.set_fact("moves", ink.fact("moves") + 1)
    else:
        shared = connection.execute("SELECT number FROM reader_class WHERE value=? AND own IS NULL", [value]).fetchone()
        number = int(shared[0]) if shared else _new_class(ink, connection, value, own=None, gates=0, opened=b"[]")
    connection.execute(
        "INSERT INTO seat(reader, class) VALUES(?,?) ON CONFLICT(reader) DO UPDATE SET class=excluded.class",
        [reader.id, number],
    )
    return number


def _new_class(ink: Ink, connection: Asked, value: bytes, *, own: str | None, gates: int, opened: bytes) -> int:
    number = ink.fact("classes") + 1
    ink.set_fact("classes", number)
    connection.insert("reader_class", [(number, value, own, -1, gates, None, opened)])
    return number


def _record(ink: Ink, connection: Asked, number: int, *, gained: frozenset[int], lost: frozenset[int]) -> None:
    if not gained and not lost:
        return
    position = ink.position()
    span = ink.keep_free(gained)
    for gate in sorted(lost):
        ended = connection.execute(
            "UPDATE gate_grant SET closed=? WHERE class=? AND gate=? AND closed IS NULL", [position, number, gate]
        )
        if ended.rowcount == 0:
            connection.insert("gate_grant", [(number, gate, 0, position, 0)])
    connection.insert("gate_grant", [(number, gate, position, None, span) for gate in sorted(gained)])
    line = {"act": "grants", "at": ink.now(), "class": number, "gained": len(gained), "lost": len(lost)}
    ink.log([encode_key(line)])
