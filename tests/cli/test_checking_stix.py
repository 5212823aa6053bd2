from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
MISP = Path(__file__).parents[1] / "specimens" / "misp"
INDICATOR = {
    "type": "indicator",
    "spec_version": "2.1",
    "id": "indicator--5c6d54f5-0f3a-4a4b-8f0e-0a2d3d1f9b11",
    "created": "2017-01-20T08:00:00.000Z",
    "modified": "2017-01-20T08:00:00.000Z",
    "name": "Beacon",
    "description": "Asked for every hour",
    "pattern": "[domain-name:value = 'beacon.example']",
    "pattern_type": "stix",
    "valid_from": "2017-01-20T08:00:00Z",
    "indicator_types": ["malicious-activity"],
}


def found(told: Any) -> list[tuple[str, str, str, int | None]]:
    return [(one["rule"], one["severity"], one["path"], one["line"]) for one in told["findings"]]


def test_real_files_of_the_standard_are_without_error(diwan: Run, data: Path) -> None:
    checked = diwan("check", "stix", data / "stix" / "oasis-infrastructure.json", "--json")

    assert checked.code == 0
    assert {one["severity"] for one in checked.told[0]["findings"]} <= {"warning"}


def test_an_error_is_told_by_rule_and_line_and_ends_with_one(diwan: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(INDICATOR))
    bad.write_text(f"[\n{json.dumps(INDICATOR)},\n{json.dumps({**INDICATOR, 'pattern': '[domain-name:value ='})}]")

    checked = diwan("check", "stix", good, bad, "--json")

    assert checked.code == 1
    assert [row["file"] for row in checked.told] == [str(good), str(bad)]
    assert found(checked.told[0]) == []
    assert found(checked.told[1]) == [
        ("pattern.syntax", "error", "/objects/1/pattern", 3),
        ("file.twice", "warning", "/objects/1", 3),
    ]


def test_the_oasis_validator_is_asked_for_as_many_objects_as_one_likes(diwan: Run, tmp_path: Path) -> None:
    file = tmp_path / "custom.json"
    second = {**INDICATOR, "id": "indicator--5c6d54f5-0f3a-4a4b-8f0e-0a2d3d1f9b12", "indicator_types": ["oddity"]}
    file.write_text(json.dumps([INDICATOR, second]))

    with_it, without = diwan("check", "stix", file, "--json"), diwan("check", "stix", file, "--slow", 1, "--json")

    assert (with_it.code, without.code) == (0, 0)
    assert found(with_it.told[0]) == [("validator.indicator_types", "warning", "/objects/1", 1)]
    assert found(without.told[0]) == [("file.partly", "warning", "/", None)]


def test_misp_events_are_checked_by_rule(diwan: Run, tmp_path: Path) -> None:
    odd = tmp_path / "odd.json"
    said = json.loads((MISP / "phishing.json").read_bytes())
    said["Event"]["distribution"] = "9"
    odd.write_text(json.dumps(said))

    checked = diwan("check", "misp", MISP / "phishing.json", odd, "--json")

    assert checked.code == 1
    assert [one for one in found(checked.told[0]) if one[1] == "error"] == []
    assert [one[0] for one in found(checked.told[1]) if one[1] == "error"] == ["misp.distribution"]
