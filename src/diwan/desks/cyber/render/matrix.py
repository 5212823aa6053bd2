"""An ATT&CK matrix as a value: tactics in their order, techniques below them, and how often each is told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, Final

import msgspec

_CHAINS: Final = {
    "enterprise-attack": "mitre-attack",
    "mobile-attack": "mitre-mobile-attack",
    "ics-attack": "mitre-ics-attack",
}
"""The kill chain that names the tactics of each matrix."""
_SOURCES: Final = frozenset(["mitre-attack", "mitre-mobile-attack", "mitre-ics-attack"])


class Cell(msgspec.Struct, frozen=True):
    """One technique, in one tactic."""

    id: str
    """`T1059`."""
    name: str
    ref: str
    """Its STIX id."""
    count: int
    """As passed in for this technique alone."""
    total: int
    """With its sub-techniques that stand below it here."""
    below: tuple[Cell, ...] = ()
    """Its sub-techniques, sorted by id."""


class Column(msgspec.Struct, frozen=True):
    """One tactic."""

    id: str
    """`TA0002`."""
    name: str
    shortname: str
    """`execution`, as kill chain phases name it."""
    cells: tuple[Cell, ...]


class Matrix(msgspec.Struct, frozen=True):
    """All tactics of one domain, in the order in which an attack goes."""

    id: str
    """`enterprise-attack`."""
    name: str
    columns: tuple[Column, ...]


def matrices(objects: Iterable[Mapping[str, Any]], counts: Mapping[str, int] | None = None) -> tuple[Matrix, ...]:
    """Return the matrices in a set of ATT&CK objects, sorted by id; revoked and deprecated objects are left out.

    `counts` maps a technique's id (`T1059.001`) to a number; pass what the reader may know. Of several versions of
    one object the newest counts. Techniques are sorted by name, as ATT&CK shows them; a sub-technique stands below
    its technique where both are in the tactic, and by itself where the technique is not. A technique without a
    readable tactic is in no column.

    Source: ATT&CK data model, x-mitre-matrix `tactic_refs`, x-mitre-tactic `x_mitre_shortname`.
    """
    live = _live(objects)
    told = counts or {}
    phases = _phases(live.values(), told)
    found = [_matrix(obj, live, phases) for obj in live.values() if obj.get("type") == "x-mitre-matrix"]
    return tuple(sorted(found, key=lambda matrix: (matrix.id, matrix.name)))


def rows(matrix: Matrix) -> tuple[tuple[Cell | None, ...], ...]:
    """Return the matrix row by row, as a table is written; None where a column has ended."""
    return tuple(zip_longest(*(column.cells for column in matrix.columns)))


def _live(objects: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    newest: dict[str, Mapping[str, Any]] = {}
    for obj in objects:
        held = newest.get(str(obj.get("id")))
        if held is None or str(obj.get("modified")) > str(held.get("modified")):
            newest[str(obj.get("id"))] = obj
    return {ref: obj for ref, obj in newest.items() if not obj.get("revoked") and not obj.get("x_mitre_deprecated")}


_Phases = dict[tuple[str, str], list[Cell]]


def _phases(objects: Iterable[Mapping[str, Any]], counts: Mapping[str, int]) -> _Phases:
    phases: _Phases = {}
    for obj in objects:
        known = _external(obj) if obj.get("type") == "attack-pattern" else ""
        if known:
            count = counts.get(known, 0)
            cell = Cell(known, _text(obj, "name"), _text(obj, "id"), count, count)
            for phase in {_phase(one) for one in _listed(obj, "kill_chain_phases")}:
                phases.setdefault(phase, []).append(cell)
    return phases


def _matrix(obj: Mapping[str, Any], live: Mapping[str, Mapping[str, Any]], phases: _Phases) -> Matrix:
    known = _external(obj)
    chain = _CHAINS.get(known, f"mitre-{known}")
    tactics = [live[ref] for ref in _listed(obj, "tactic_refs") if isinstance(ref, str) and ref in live]
    return Matrix(known, _text(obj, "name"), tuple(_column(tactic, chain, phases) for tactic in tactics))


def _column(tactic: Mapping[str, Any], chain: str, phases: _Phases) -> Column:
    shortname = _text(tactic, "x_mitre_shortname")
    cells = phases.get((chain, shortname), [])
    return Column(_external(tactic), _text(tactic, "name"), shortname, _nested(cells))


def _nested(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    held = {cell.id: cell for cell in cells}
    below: dict[str, list[Cell]] = {}
    for known, cell in held.items():
        parent = known.partition(".")[0]
        if parent != known and parent in held:
            below.setdefault(parent, []).append(cell)
    nested = {cell.id for parts in below.values() for cell in parts}
    tops = [_topped(cell, below.get(cell.id, [])) for cell in held.values() if cell.id not in nested]
    return tuple(sorted(tops, key=lambda cell: (cell.name.casefold(), cell.id)))


def _topped(cell: Cell, below: list[Cell]) -> Cell:
    parts = tuple(sorted(below, key=lambda part: part.id))
    return msgspec.structs.replace(cell, total=cell.count + sum(part.count for part in parts), below=parts)


def _external(obj: Mapping[str, Any]) -> str:
    for one in _listed(obj, "external_references"):
        if isinstance(one, Mapping) and one.get("source_name") in _SOURCES:
            return _text(one, "external_id")
    return ""


def _phase(one: object) -> tuple[str, str]:
    return (_text(one, "kill_chain_name"), _text(one, "phase_name")) if isinstance(one, Mapping) else ("", "")


def _listed(obj: Mapping[str, Any], name: str) -> list[Any]:
    value = obj.get(name)
    return value if isinstance(value, list) else []


def _text(obj: Mapping[str, Any], name: str) -> str:
    value = obj.get(name)
    return value if isinstance(value, str) else ""
