"""Proof: the register says what its originators sealed, and the audit log is as it was written.

What it does not prove: titles, authors, briefs, search terms, aliases, links and mentions are read out of the sealed
parts by a desk and signed by nobody; installed policies and the statements of membership that count are the node's own.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from diwan.registry import chain
from diwan.registry.classes import class_faults
from diwan.registry.engines.lines import Line
from diwan.registry.law import load_rules
from diwan.registry.roll import roll_faults
from diwan.registry.seals import seal_faults
from diwan.registry.stances import stance_faults
from diwan.terms.errors import Malformed
from diwan.terms.time import Instant

Progress = Callable[[str, int, int], None]
"""What is under way, how much of it is done, and how much there is."""


class Proof(msgspec.Struct, frozen=True):
    """What was proved, and every fault that was found."""

    items: int
    lines: int
    root: bytes
    """The root over all lines of the audit log, computed anew."""
    faults: tuple[str, ...]


def prove(connection: Line, now: Instant, progress: Progress = lambda _, __, ___: None) -> Proof:
    """Check every revision's signature and bytes, what stands behind which gate, and hash the whole audit log anew.

    What is open to whom is checked as of `now`, unless someone looked later: then the clock was set back since.

    All of it in one snapshot of the register: what is written meanwhile is neither looked at nor a fault.
    """
    connection.snapshot()
    try:
        faults = [*seal_faults(connection, progress), *stance_faults(connection)]
        facts: dict[str, int] = dict(connection.execute("SELECT name, value FROM state").fetchall())
        if facts.get("looked", 0) <= now:
            faults += class_faults(connection, load_rules(connection, facts["rules"]), now)
        lines, root, log_faults = _audit(connection, progress)
        faults += [*log_faults, *roll_faults(connection)]
        (items,) = connection.execute("SELECT count(*) FROM revision").fetchone()
    finally:
        connection.rollback()  # nothing was written but the roll's own scratch table
    return Proof(items, lines, root, tuple(faults))


def root_at(connection: Line, size: int) -> bytes:
    """Return the root over the first `size` lines of the audit log, computed anew from the lines."""
    return chain.root_over(
        value for (value,) in connection.stream("SELECT value FROM leaf WHERE number<? ORDER BY number", [size])
    )


def _audit(connection: Line, progress: Progress) -> tuple[int, bytes, list[str]]:
    size = chain.size(connection)
    (count,) = connection.execute("SELECT count(*) FROM leaf").fetchone()
    progress("audit log", 0, size)
    computed = root_at(connection, size)
    progress("audit log", size, size)
    if count != size:
        return size, computed, [f"The audit log has {count} lines and ends at number {size - 1}: lines are missing."]
    try:
        stored = chain.root(connection)
    except Malformed as fault:
        return size, computed, [str(fault)]
    faults = [] if computed == stored else ["The audit log's lines do not give its stored root: lines were changed."]
    return size, computed, faults
