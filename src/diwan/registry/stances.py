"""Stances: whether everything that stands does so behind the gate that its label and those above it give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from diwan.registry.engines.lines import Line
from diwan.terms.gate import Gate, Stand
from diwan.terms.label import Label, unpack

Behind = tuple[str, frozenset[Stand]]
"""A gate as it is compared: its world and its labels."""

_ORPHANS: Final = {
    "{} entries stand for no revision of their item.": "SELECT count(*) FROM stand s"
    " LEFT JOIN revision r ON r.position=s.revision AND r.item=s.item WHERE r.position IS NULL",
    "{} entries belong to no item.": "SELECT count(*) FROM stand s"
    " LEFT JOIN item i ON i.number=s.item WHERE i.number IS NULL",
    "{} revisions belong to no item or to no batch.": "SELECT count(*) FROM revision r"
    " LEFT JOIN item i ON i.number=r.item LEFT JOIN batch b ON b.number=r.batch"
    " WHERE i.number IS NULL OR b.number IS NULL",
    "{} items stand in more than one place.": "SELECT count(*) FROM"
    " (SELECT 1 FROM stand WHERE until IS NULL GROUP BY item HAVING count(*)>1) AS twice",
    **{
        f"{{}} rows of `{table}` are not behind the gate of what they find.": f"SELECT count(*) FROM {table} f"
        " LEFT JOIN stand s ON s.since=f.since AND s.until IS NULL AND s.gate=f.gate WHERE s.since IS NULL"
        for table in ("alias", "link", "mention", "tail")
    },
    # Those of a register of the first shape lead to none (0).
    "{} names lead to the bytes of another item.": "SELECT count(*) FROM alias a JOIN stand s ON s.since=a.since"
    " LEFT JOIN part p ON p.number=a.part AND p.item=s.item WHERE p.number IS NULL AND a.part <> 0",
}
_STANDING: Final = (
    "SELECT i.originator, i.id, i.world, i.parent, s.gate, r.label, r.rev,"
    " (SELECT max(n.rev) FROM revision n WHERE n.item=i.number)"
    " FROM stand s JOIN item i ON i.number=s.item JOIN revision r ON r.position=s.revision WHERE s.until IS NULL"
)
_HISTORY: Final = (
    "SELECT i.originator, i.id, s.gate, r.gate, r.label FROM stand s JOIN item i ON i.number=s.item"
    " JOIN revision r ON r.item=s.item WHERE s.until IS NULL"
)
_ABOVE: Final = (
    "SELECT i.originator, i.parent, r.label FROM item i JOIN stand s ON s.item=i.number AND s.until IS NULL"
    " JOIN revision r ON r.position=s.revision WHERE i.number=?"
)


def stance_faults(connection: Line) -> Iterator[str]:
    """Yield what stands where it should not, for its current label and those of all it stands under."""
    for said, query in _ORPHANS.items():
        (count,) = connection.execute(query).fetchone()
        if count:
            yield said.format(count)
    labels = {number: label for number, value in _all(connection, "label") if (label := _label(value))}
    gates = {number: gate for number, value in _all(connection, "gate") if (gate := _gate(value))}
    for number, world in connection.execute("SELECT number, world FROM gate"):
        if number not in gates or gates[number][0] != world:
            yield f"Gate {number} is filed under {world} and is none of that world."
    yield from _standing_faults(connection, labels, gates)
    yield from _history_faults(connection, labels, gates)


def _standing_faults(connection: Line, labels: Mapping[int, Label], gates: Mapping[int, Behind]) -> Iterator[str]:
    above: dict[int, frozenset[Stand] | None] = {}
    for originator, ident, world, parent, gate, label, rev, newest in connection.stream(_STANDING):
        ref = f"{originator}/{ident.hex()}"
        if rev != newest:
            yield f"{ref}: revision {rev} stands, though {newest} replaced it."
        if parent is not None and parent not in above:
            above[parent] = _stands_from(connection, parent, labels)
        inherited = frozenset[Stand]() if parent is None else above[parent]
        if inherited is None or label not in labels:
            yield f"{ref}: stands without a label, or under what does not stand."
        elif gates.get(gate) != (world, inherited | {Stand(originator, labels[label])}):
            yield f"{ref}: stands behind another gate than its label and those above it give."


def _history_faults(connection: Line, labels: Mapping[int, Label], gates: Mapping[int, Behind]) -> Iterator[str]:
    for originator, ident, current, behind, label in connection.stream(_HISTORY):
        now = gates.get(current)
        if now is None or label not in labels:
            continue  # said above
        if gates.get(behind) != (now[0], now[1] | {Stand(originator, labels[label])}):
            yield f"{originator}/{ident.hex()}: its history is kept behind another gate than its labels give."


def _stands_from(connection: Line, item: int, labels: Mapping[int, Label]) -> frozenset[Stand] | None:
    """Return the labels of an item and all above it, or None where one of them does not stand."""
    stands: set[Stand] = set()
    passed: set[int] = set()
    here: int | None = item
    while here is not None and here not in passed:
        passed.add(here)
        row = connection.execute(_ABOVE, [here]).fetchone()
        if row is None or row[2] not in labels:
            return None
        stands.add(Stand(row[0], labels[row[2]]))
        here = row[1]
    return frozenset(stands) if here is None else None


def _all(connection: Line, table: str) -> list[tuple[int, bytes]]:
    return connection.execute(f"SELECT number, value FROM {table}").fetchall()


def _label(value: bytes) -> Label | None:
    try:
        return unpack(value)
    except ValueError:
        return None


def _gate(value: bytes) -> Behind | None:
    try:
        gate = msgspec.json.decode(value, type=Gate)
    except ValueError:
        return None
    return gate.world, frozenset(gate.stands)
