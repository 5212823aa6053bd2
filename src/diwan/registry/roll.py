"""The roll: whether what the audit log says was entered and recalled is what there is and what still stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from diwan.registry.chain import digest, lines
from diwan.registry.engines.lines import Line
from diwan.terms.item import Ref

# A table and not a set: a register may hold more items than memory should.
_ROLL: Final = (
    "CREATE TEMP TABLE roll(digest TEXT PRIMARY KEY, ref TEXT NOT NULL, stands INTEGER NOT NULL,"
    " entered INTEGER NOT NULL DEFAULT 0, recalled INTEGER NOT NULL DEFAULT 0)"
)
_ITEMS: Final = (
    "SELECT originator, id, CASE WHEN EXISTS(SELECT 1 FROM stand s WHERE s.item=i.number AND s.until IS NULL)"
    " THEN 1 ELSE 0 END FROM item i"
)


class _Line(msgspec.Struct):
    act: str = ""
    of: list[str] = []


_read: Final = msgspec.json.Decoder(_Line).decode


def roll_faults(connection: Line) -> Iterator[str]:
    """Yield where audit log and items disagree; the caller's transaction is to be rolled back, with the roll."""
    connection.execute(_ROLL)
    refs = ((Ref(originator, ident.hex()), stands) for originator, ident, stands in connection.stream(_ITEMS))
    connection.executemany(
        "INSERT INTO roll(digest, ref, stands) VALUES(?,?,?) ON CONFLICT DO NOTHING",
        ((digest(ref), str(ref), stands) for ref, stands in refs),
    )
    for number, value in enumerate(lines(connection)):
        try:
            line = _read(value)
        except ValueError:
            yield f"Line {number} of the audit log cannot be read."
            continue
        if line.act == "enter":
            yield from (
                f"Line {number} of the audit log enters {named}, an item that is not there."
                for named in line.of
                if connection.execute("UPDATE roll SET entered=1 WHERE digest=?", [named]).rowcount == 0
            )
        elif line.act == "recall":
            connection.executemany("UPDATE roll SET recalled=1 WHERE digest=?", [(named,) for named in line.of])
    for (ref,) in connection.execute("SELECT ref FROM roll WHERE entered=0 ORDER BY ref"):
        yield f"{ref}: no line of the audit log enters it."
    for ref, stands in connection.execute("SELECT ref, stands FROM roll WHERE stands=recalled ORDER BY ref"):
        yield f"{ref}: stands, though it was recalled." if stands else f"{ref}: stands nowhere, and nobody recalled it."
