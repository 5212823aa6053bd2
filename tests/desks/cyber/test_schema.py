from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from diwan.desks.cyber.parse import schema
from diwan.desks.cyber.parse.json_bytes import objects_in, read_object
from diwan.desks.cyber.parse.schema import conforms, known, properties_of, schema_findings

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"
NAME = "3f6a2c1e-8b1d-4b6e-9a55-0c7d2f4b9e11"
BASE = {
    "type": "identity",
    "spec_version": "2.1",
    "id": f"identity--{NAME}",
    "created": "2026-01-01T00:00:00.000Z",
    "modified": "2026-01-01T00:00:00.000Z",
    "name": "Desk",
}


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    return SHARED


def _said(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [read_object(raw) for raw in objects_in(data).objects]


@pytest.fixture(scope="session")
def history(shared: Path) -> list[dict[str, Any]]:
    return _said(shared / "attack-history-versions.ndjson.gz")


def test_every_object_of_the_published_sets_conforms(shared: Path) -> None:
    files = sorted(path for path in shared.glob("*.json*") if "history" not in path.name)

    broken = Counter(path.name for path in files for said in _said(path) if not conforms(said["type"], said))

    assert len(files) == 10
    assert broken == Counter()


def test_exactly_533_old_versions_break_the_schema_all_by_empty_lists(history: list[dict[str, Any]]) -> None:
    broken = [said for said in history if not conforms(said["type"], said)]

    reasons = [{found.rule for found in schema_findings(said["type"], said)} for said in broken]

    assert (len(history), len(broken)) == (16_208, 533)
    assert all(reasons)
    assert Counter(rule for rules in reasons for rule in rules) == {"schema.empty": 533}


def test_every_finding_of_an_old_version_names_the_empty_list(history: list[dict[str, Any]]) -> None:
    for said in history:
        if conforms(said["type"], said):
            continue
        paths = sorted(found.path for found in schema_findings(said["type"], said, "/objects/7"))
        assert paths == sorted(f"/objects/7/{name}" for name, value in said.items() if value == [])


def test_verdicts_equal_those_of_the_python_validator_on_300_objects(history: list[dict[str, Any]]) -> None:
    documents, places = schema._documents()
    registry = Registry().with_resources((name, Resource.from_contents(text)) for name, text in documents.items())
    broken = [said for said in history if not conforms(said["type"], said)]
    sample = history[::80][:203] + broken[::5][:97]

    verdicts = [
        Draft202012Validator(documents[places[schema._schema_of(said["type"], said)]], registry=registry).is_valid(said)
        for said in sample
    ]

    assert len(sample) == 300
    assert verdicts == [conforms(said["type"], said) for said in sample]
    assert verdicts.count(False) >= 97


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": None}, [("schema.type", "/name", "is null; leave the property out instead")]),
        ({"labels": []}, [("schema.empty", "/labels", "is empty; leave the property out instead")]),
        ({"confidence": 101}, [("schema.value", "/confidence", "101 is out of range (maximum)")]),
        ({"revoked": "no"}, [("schema.type", "/revoked", "'no' is not of type boolean")]),
        ({"BAD": 1}, [("schema.extra", "/", "'BAD': no name that a property may have here")]),
        (
            {"created": "2026-01-01T00:00:00Z"},
            [
                (
                    "schema.form",
                    "/created",
                    "'2026-01-01T00:00:00Z' is not a time to the millisecond, such as 2016-01-20T12:31:12.123Z",
                )
            ],
        ),
        ({"spec_version": "3.0"}, [("schema.value", "/spec_version", "'3.0' is none of '2.0', '2.1'")]),
        (
            {"created_by_ref": "identity--1\u202e"},
            [("schema.form", "/created_by_ref", "'identity--1\\u202e' is not an identifier (type--UUID)")],
        ),
    ],
)
def test_a_fault_is_told_once_in_plain_words(change: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    found = schema_findings("identity", BASE | change)

    assert [(item.rule, item.path, item.message) for item in found] == expected


def test_a_missing_property_is_told_at_its_own_place() -> None:
    said = {key: value for key, value in BASE.items() if key != "name"}

    assert [str(found) for found in schema_findings("identity", said, "/objects/0")] == [
        "schema.required at /objects/0/name: is missing"
    ]


def test_an_alternative_is_told_by_what_each_branch_lacks() -> None:
    said = BASE | {"type": "location", "id": f"location--{NAME}"}

    assert [str(found) for found in schema_findings("location", said)] == [
        "schema.choice at /: fits no form that it may have: region is missing; or country is missing; "
        "or latitude is missing"
    ]


def test_findings_of_a_hostile_object_are_bounded() -> None:
    said = BASE | {f"x{number:04}": None for number in range(5_000)}

    assert len(list(schema_findings("identity", said))) == 200


def test_an_unknown_type_is_held_to_the_common_properties() -> None:
    said = BASE | {"type": "x-desk-note", "id": f"x-desk-note--{NAME}"}
    seen = {"type": "x-desk-mark", "id": f"x-desk-mark--{NAME}", "value": "1"}

    assert (known("x-desk-note"), conforms("x-desk-note", said), conforms("x-desk-mark", seen)) == (False, True, True)
    assert (known("core"), properties_of("core")) == (False, frozenset())
    assert not conforms("x-desk-note", {key: value for key, value in said.items() if key != "modified"})


def test_a_language_alone_may_be_a_granular_marking() -> None:
    said = BASE | {"granular_markings": [{"lang": "fr", "selectors": ["name"]}]}

    assert conforms("identity", said)


def test_the_properties_of_a_type_include_the_common_ones() -> None:
    assert {"roles", "name", "created_by_ref", "extensions"} <= properties_of("identity")
    assert "pattern" not in properties_of("identity")
    assert {"hashes", "defanged"} <= properties_of("file")
    assert properties_of("x-desk-note") == frozenset()


def test_no_network_and_no_slow_validator_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("the schemas asked the network"))
    schema._documents.cache_clear()
    schema._registry.cache_clear()
    schema._validator.cache_clear()

    assert conforms("identity", BASE)
    use = "from diwan.desks.cyber.parse.schema import known; known('file')"
    code = f"import sys; {use}; print('stix2validator' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_a_file_is_cut_into_the_exact_bytes_of_each_object() -> None:
    first, second = b'{ "type":"a",\n  "x" : [ 1,2 ] }', b'{\t"type":"b"}'

    bundle = objects_in(b'{"type":"bundle","id":"bundle--1",\n"objects":[\n' + first + b" ,\n\n" + second + b"]}\n")
    lines = objects_in(b'{"type":"a"}\n' + second + b"\n")

    assert bundle.objects == (first, second)
    assert list(bundle.lines()) == [3, 6]
    assert json.dumps(bundle.head) == '{"type": "bundle", "id": "bundle--1"}'
    assert (lines.form, lines.objects, list(lines.lines())) == ("lines", (b'{"type":"a"}', second), [1, 2])
