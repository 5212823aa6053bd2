"""Reader classes as they are kept: which gates are open to all readers of one party and clearance, and as of when.

A class is brought up to date when it matters and not with every new gate: whether a gate was open to it from the start
can be told later as well, from the rules and the instant at which the gate was made, as long as the rules are the same.
Before they change, every class is settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from diwan.registry.engines.lines import Asked
from diwan.release.decide import Rules, next_turn, open_gates
from diwan.terms.gate import Gate
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant


class Made(msgspec.Struct, frozen=True):
    """A gate, and the last position that was given before it was made."""

    gate: Gate
    since: Instant


class ClassKey(msgspec.Struct, frozen=True):
    """What makes readers one class."""

    party: str
    clearances: tuple[Clearance, ...]


encode_key: Final = msgspec.json.Encoder(order="deterministic").encode
read_numbers: Final = msgspec.json.Decoder(list[int]).decode
_read_key: Final = msgspec.json.Decoder(ClassKey).decode
_read_gate: Final = msgspec.json.Decoder(Gate).decode


def load_gates(connection: Asked, after: int = 0) -> dict[int, Made]:
    """Return the gates numbered above `after`."""
    rows = connection.execute("SELECT number, value, since FROM gate WHERE number>?", [after])
    return {number: Made(_read_gate(value), since) for number, value, since in rows}


def bare(gates: Mapping[int, Made]) -> dict[int, Gate]:
    """Return the gates without when they were made."""
    return {number: made.gate for number, made in gates.items()}


def open_from_the_start(reader: Reader, gates: Mapping[int, Made], rules: Rules, now: Instant) -> frozenset[int]:
    """Return those gates that were open to a reader when they were made."""
    turn = turn_of(reader, gates, rules, None, now)
    if turn is None or turn > now:
        return open_gates(reader, bare(gates), rules, now)
    one_by_one = (open_gates(reader, {n: made.gate}, rules, min(made.since, now)) for n, made in gates.items())
    return frozenset().union(*one_by_one)


def turn_of(
    reader: Reader, gates: Mapping[int, Made], rules: Rules, known: Instant | None, now: Instant
) -> Instant | None:
    """Return the first instant, `known` or another, at which any of these gates may open or shut since it was made.

    Where the clock was set back, a gate may be made at a position that is still to come: then it is since now.
    """
    first = min((now, *(made.since for made in gates.values())))
    soon = next_turn(reader, bare(gates), rules, first)
    return min((at for at in (known, soon) if at is not None), default=None)


def class_faults(connection: Asked, rules: Rules, now: Instant) -> Iterator[str]:
    """Yield which classes hold open what their party and clearances do not open, of those that are up to date."""
    gates = bare(load_gates(connection))
    rows = connection.execute(
        "SELECT number, value, gates, turns, open FROM reader_class WHERE rules=?", [rules.revision]
    )
    for number, value, known, turns, opened in rows.fetchall():
        if turns is not None and now >= turns:
            continue  # looked at anew before anything is shown by it
        key = _read_key(value)
        theirs = {gate: one for gate, one in gates.items() if gate <= known}
        if open_gates(Reader("", key.party, key.clearances), theirs, rules, now) != set(read_numbers(opened)):
            yield f"Reader class {number} of {key.party} holds other gates open than its party and clearances do."


def settle(connection: Asked, rules: Rules, now: Instant) -> None:
    """Bring every class that is at the present `rules` up to the present gates, before the rules change."""
    rows = connection.execute(
        "SELECT number, value, gates, turns, open FROM reader_class WHERE rules=?"
        " AND gates < (SELECT coalesce(max(number), 0) FROM gate)",
        [rules.revision],
    ).fetchall()
    if not rows:
        return
    fresh = load_gates(connection, min(row[2] for row in rows))
    last = max(fresh)
    changed = []
    for number, value, known, turns, opened in rows:
        key = _read_key(value)
        reader = Reader("", key.party, key.clearances)
        late = {gate: made for gate, made in fresh.items() if gate > known}
        is_open = {*read_numbers(opened), *open_from_the_start(reader, late, rules, now)}
        row = last, turn_of(reader, late, rules, turns, now), msgspec.json.encode(sorted(is_open)), number
        changed.append(row)
    connection.executemany("UPDATE reader_class SET gates=?, turns=?, open=? WHERE number=?", changed)
