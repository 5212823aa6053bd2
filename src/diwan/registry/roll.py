"""The roll: whether what the audit log says was entered, changed and recalled is what there is and still stands."""

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
    " revisions INTEGER NOT NULL, entered INTEGER NOT NULL DEFAULT 0, revised INTEGER NOT NULL DEFAULT 0,"
    " recalled INTEGER NOT NULL DEFAULT 0)"
)
_ITEMS: Final = (
    "SELECT originator, id, CASE WHEN EXISTS(SELECT 1 FROM stand s WHERE s.item=i.number AND s.until IS NULL)"
    " THEN 1 ELSE 0 END, (SELECT count(*) FROM revision r WHERE r.item=i.number) FROM item i"
)


class _Line(msgspec.Struct):
    act: str = ""
    of: list[str] = []


_read: Final = msgspec.json.Decoder(_Line).decode


def roll_faults(connection: Line) -> Iterator[str]:
    """Yield where audit log and items disagree; the caller's transaction is to be rolled back, with the roll."""
    connection.execute(_ROLL)
    named = ((Ref(originator, ident.hex()), *rest) for originator, ident, *rest in connection.stream(_ITEMS))
    connection.executemany(
        "INSERT INTO roll(digest, ref, stands, revisions) VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
        ((digest(ref), str(ref), *rest) for ref, *rest in named),
    )
    published: set[str] = set()
    for number, value in enumerate(lines(connection)):
        try:
            line = _read(value)
        except ValueError:
            yield f"Line {number} of the audit log cannot be read."
            continue
        if line.act == "enter":
            yield from (
                f"Line {number} of the audit log enters {one}, an item that is not there."
                for one in line.of
                if connection.execute("UPDATE roll SET entered=1 WHERE digest=?", [one]).rowcount == 0
            )
        elif line.act in ("relabel", "rectify"):
            connection.executemany("UPDATE roll SET revised=revised+1 WHERE digest=?", [(one,) for one in line.of])
        elif line.act == "recall":
            connection.executemany("UPDATE roll SET recalled=1 WHERE digest=?", [(one,) for one in line.of])
        elif line.act == "publish key":
            published.update(line.of)
    for (ref,) in connection.execute("SELECT ref FROM roll WHERE entered=0 ORDER BY ref"):
        yield f"{ref}: no line of the audit log enters it."
    for ref, held, told in connection.execute(
        "SELECT ref, revisions, 1 + revised FROM roll WHERE entered=1 AND revisions <> 1 + revised ORDER BY ref"
    ):
        yield f"{ref}: has {held} revisions, and the audit log tells of {told}."
    for kid, party in connection.execute("SELECT kid, party FROM signing_key ORDER BY kid"):
        if kid not in published:
            yield f"Key {kid} of {party}: no line of the audit log publishes it."
    for ref, stands in connection.execute("SELECT ref, stands FROM roll WHERE stands=recalled ORDER BY ref"):
        yield f"{ref}: stands, though it was recalled." if stands else f"{ref}: stands nowhere, and nobody recalled it."
