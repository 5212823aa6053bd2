"""The ATT&CK matrix of one domain, made of what is released, with how often each technique is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from diwan.desk import Request
from diwan.desks.cyber.kinds.stix import CUSTOM, Brief
from diwan.desks.cyber.pages.briefs import brief_of, said_by
from diwan.desks.cyber.render.matrix import Cell, Matrix, matrices
from diwan.reading import Query, ReadingRoom, Released
from diwan.terms.errors import Malformed

USES: Final = 20_000
"""Relationships `uses` that are counted at most, the newest."""
TECHNIQUES: Final = 3_000
_TACTICS: Final = 200
_CHAINS: Final = {
    "enterprise-attack": "mitre-attack",
    "mobile-attack": "mitre-mobile-attack",
    "ics-attack": "mitre-ics-attack",
}
_STEPS: Final = (1, 5, 20, 60)
"""From so many uses on a cell has the next stronger colour."""


def matrix_board(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return the matrix of the domain that is asked for, or of the first there is."""
    frames = _custom(room, "x-mitre-matrix")
    domains = sorted({known for frame in frames for known in _domain(frame)})
    wanted = request.query.get("domain", "")
    domain = wanted if wanted in domains else next(iter(domains), "")
    techniques = _techniques(room, domain) if domain else {}
    counts, counted = _uses(room, techniques) if techniques else ({}, 0)
    objects = [*frames, *_custom(room, "x-mitre-tactic"), *_as_objects(techniques, domain)]
    made = [one for one in matrices(objects, counts) if one.id == domain] if domain else []
    return {
        "domains": domains,
        "domain": domain,
        "matrix": made[0] if made else None,
        "item_of": {brief.id: item for item, brief in techniques.values()},
        "heat": heat,
        "used": sum(number > 0 for number in counts.values()),
        "techniques": _shown(made[0]) if made else 0,
        "bounded": counted >= USES,
        "most": USES,
    }


def heat(number: int) -> int:
    """Return how strongly a cell is coloured, 0 to 4."""
    return sum(number >= step for step in _STEPS)


Techniques = dict[str, tuple[Released, Brief]]
"""By STIX id."""


def _techniques(room: ReadingRoom, domain: str) -> Techniques:
    query = Query(kind="cyber.attack-pattern", facets=(("x_mitre_domains", domain),))
    found: Techniques = {}
    for item in islice(room.walk(query), TECHNIQUES):
        brief = brief_of(item)
        if brief is not None and brief.technique and not brief.revoked:
            found.setdefault(brief.id, (item, brief))
    return found


def _as_objects(techniques: Techniques, domain: str) -> Iterator[Mapping[str, Any]]:
    """Yield the techniques as far as a matrix reads them: briefs say it all, and no bytes need be opened."""
    chain = _CHAINS.get(domain, f"mitre-{domain}")
    for item, brief in techniques.values():
        yield {
            "type": "attack-pattern",
            "id": brief.id,
            "modified": brief.version,
            "name": item.title,
            "external_references": [{"source_name": "mitre-attack", "external_id": brief.technique}],
            "kill_chain_phases": [{"kill_chain_name": chain, "phase_name": name} for name in brief.tactics],
        }


def _uses(room: ReadingRoom, techniques: Techniques) -> tuple[dict[str, int], int]:
    """Return by technique how many different objects use it, and how many relationships were read."""
    query = Query(kind="cyber.relationship", facets=(("relationship_type", "uses"),))
    users: dict[str, set[str]] = {}
    read = 0
    for item in islice(room.walk(query, size=2_000), USES):
        read += 1
        brief = brief_of(item)
        if brief is not None and not brief.revoked and brief.target in techniques:
            users.setdefault(techniques[brief.target][1].technique, set()).add(brief.source)
    return {known: len(by) for known, by in users.items()}, read


def _custom(room: ReadingRoom, kind: str) -> list[dict[str, Any]]:
    found = []
    for item in islice(room.walk(Query(kind=CUSTOM, facets=(("type", kind),))), _TACTICS):
        try:
            found.append(said_by(room, item))
        except Malformed:
            continue
    return found


def _domain(frame: Mapping[str, Any]) -> Iterator[str]:
    for one in frame.get("external_references") or ():
        if isinstance(one, dict) and str(one.get("source_name", "")).startswith("mitre-"):
            yield str(one.get("external_id", ""))
            return


def _shown(matrix: Matrix) -> int:
    return len({cell.id for column in matrix.columns for top in column.cells for cell in _both(top)})


def _both(cell: Cell) -> tuple[Cell, ...]:
    return (cell, *cell.below)
