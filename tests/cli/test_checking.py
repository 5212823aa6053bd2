from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

Run = Callable[..., Any]


def test_all_vectors_get_exactly_the_rules_that_are_expected(diwan: Run, data: Path) -> None:
    vectors = data / "cap" / "vectors"
    expected = msgspec.json.decode((vectors / "expected.json").read_bytes())

    told = diwan("check", "cap", *sorted(vectors.glob("*.xml")), "--json")

    found = {Path(row["file"]).stem: {one["rule"] for one in row["findings"]} for row in told.told}
    assert len(found) == 56
    assert found == {name: set(said["rules"]) for name, said in expected.items()}
    weights = {
        Path(row["file"]).stem: "error" if "error" in said else "warning" if said else "valid"
        for row in told.told
        for said in [{one["severity"] for one in row["findings"]}]
    }
    assert weights == {name: said["level"] for name, said in expected.items()}
    assert (told.code, told.err) == (1, "")


def test_files_without_an_error_end_with_zero(diwan: Run, specimen: Callable[[str], Path]) -> None:
    checked = diwan("check", "cap", specimen("three-languages.xml"), specimen("latin-1-prefixed.xml"))

    assert checked.code == 0
    assert checked.out.splitlines()[0] == f"{specimen('three-languages.xml')}: no findings"
    assert checked.out.splitlines()[1] == f"{specimen('latin-1-prefixed.xml')}: 2 finding(s)"


def test_a_finding_says_rule_weight_place_and_line(diwan: Run, specimen: Callable[[str], Path], tmp_path: Path) -> None:
    file = tmp_path / "[bold]odd.xml"
    file.write_bytes(specimen("three-languages.xml").read_bytes().replace(b"Moderate", b"[red]Bad", 1))

    (told,) = diwan("check", "cap", file, "--json").told
    shown = diwan("check", "cap", file)

    assert told["file"] == str(file)
    (found,) = told["findings"]
    assert (found["rule"], found["severity"], found["path"], found["line"]) == (
        "xsd.enum",
        "error",
        "/alert/info[1]/severity",
        15,
    )
    assert shown.code == 1
    assert f"{file}: 1 finding(s)" in shown.out
    assert "xsd.enum at /alert/info[1]/severity, line 15: '[red]Bad' is not one of" in shown.out
