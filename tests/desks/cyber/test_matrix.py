from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from diwan.desks.cyber.render.matrix import Cell, Column, Matrix, matrices, rows

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"


def technique(known: str, name: str, *phases: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "id": f"attack-pattern--{known}",
        "name": name,
        "modified": "2020-01-01T00:00:00.000Z",
        "external_references": [
            {"source_name": "capec", "external_id": "X"},
            {"source_name": "mitre-attack", "external_id": known},
        ],
        "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": phase} for phase in phases],
    } | more


def tactic(known: str, shortname: str) -> dict[str, Any]:
    return {
        "type": "x-mitre-tactic",
        "id": f"x-mitre-tactic--{known}",
        "name": shortname.title(),
        "x_mitre_shortname": shortname,
        "external_references": [{"source_name": "mitre-attack", "external_id": known}],
    }


MATRIX = {
    "type": "x-mitre-matrix",
    "id": "x-mitre-matrix--1",
    "name": "Ours",
    "external_references": [{"source_name": "mitre-attack", "external_id": "enterprise-attack"}],
    "tactic_refs": ["x-mitre-tactic--TA2", "x-mitre-tactic--TA1", "x-mitre-tactic--gone"],
}


def cell(known: str, name: str, count: int = 0, total: int | None = None, below: tuple[Cell, ...] = ()) -> Cell:
    return Cell(known, name, f"attack-pattern--{known}", count, count if total is None else total, below)


def test_tactics_stand_in_the_matrixs_order_with_techniques_by_name_and_parts_below() -> None:
    objects = [
        tactic("TA1", "impact"),
        tactic("TA2", "access"),
        technique("T2", "beta", "access", "impact"),
        technique("T2.002", "Second part", "access"),
        technique("T2.001", "First part", "access"),
        technique("T1", "Alpha", "access"),
        technique("T9.001", "Part of what is not here", "impact"),
        technique("T3", "Revoked", "access", revoked=True),
        technique("T4", "Deprecated", "access", x_mitre_deprecated=True),
        technique("T5", "Elsewhere", "unheard"),
        MATRIX,
    ]

    told = matrices(objects, {"T2": 1, "T2.001": 4, "T9.001": 2, "T3": 9})

    below = (cell("T2.001", "First part", 4), cell("T2.002", "Second part"))
    assert told == (
        Matrix(
            "enterprise-attack",
            "Ours",
            (
                Column("TA2", "Access", "access", (cell("T1", "Alpha"), cell("T2", "beta", 1, 5, below))),
                Column(
                    "TA1", "Impact", "impact", (cell("T2", "beta", 1), cell("T9.001", "Part of what is not here", 2))
                ),
            ),
        ),
    )
    assert [[one and one.id for one in row] for row in rows(told[0])] == [["T1", "T2"], ["T2", "T9.001"]]


def test_of_several_versions_the_newest_counts() -> None:
    old, new = technique("T1", "Old", "access"), technique("T1", "New", "access", modified="2021-01-01T00:00:00.000Z")

    (told,) = matrices([new, old, tactic("TA2", "access"), MATRIX])

    assert told.columns[0].cells == (cell("T1", "New"),)


def test_objects_of_the_wrong_shape_are_passed_over() -> None:
    wrong = [
        {},
        {"type": "attack-pattern", "id": 7, "kill_chain_phases": {"a": 1}},
        technique("T1", "x") | {"kill_chain_phases": [1, None], "external_references": ["x"]},
        {"type": "x-mitre-matrix", "id": "m", "tactic_refs": [[], 7]},
    ]

    assert matrices(wrong) == (Matrix("", "", ()),)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("attack-enterprise-18.1.stix21.json.gz", [("enterprise-attack", "Enterprise ATT&CK", 14, 250, 637)]),
        ("attack-ics-18.1.json.gz", [("ics-attack", "ATT&CK for ICS", 12, 94, 0)]),
        ("attack-mobile-17.1.json.gz", [("mobile-attack", "Mobile ATT&CK", 12, 88, 51)]),
    ],
)
def test_the_matrices_of_attack_are_whole(file: str, told: list[tuple[str, str, int, int, int]]) -> None:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    objects = json.loads(gzip.decompress((SHARED / file).read_bytes()))["objects"]

    begun = time.process_time()
    found = matrices(objects)

    assert time.process_time() - begun < 2
    assert [
        (
            one.id,
            one.name,
            len(one.columns),
            sum(len(column.cells) for column in one.columns),
            sum(len(top.below) for column in one.columns for top in column.cells),
        )
        for one in found
    ] == told
    first = {"enterprise-attack": "reconnaissance", "ics-attack": "initial-access", "mobile-attack": "initial-access"}
    assert [one.columns[0].shortname for one in found] == [first[one.id] for one in found]
    assert all(column.cells for one in found for column in one.columns)
