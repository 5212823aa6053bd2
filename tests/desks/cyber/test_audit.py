from __future__ import annotations

import gzip
import json
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.desks.cyber.parse.audit import audit
from diwan.terms.finding import Finding, Weight

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"
NAME = "3f6a2c1e-8b1d-4b6e-9a55-0c7d2f4b9e11"
T1, T2 = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


def _sdo(kind: str, **said: Any) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{NAME}", "created": T1, "modified": T2, **said}


INDICATOR = _sdo(
    "indicator",
    name="x",
    description="x",
    pattern="[url:value = 'https://example.org']",
    pattern_type="stix",
    valid_from=T1,
    indicator_types=["benign"],
)


def _bundle(*objects: dict[str, Any]) -> bytes:
    return json.dumps({"type": "bundle", "id": f"bundle--{NAME}", "objects": objects}, indent=1).encode()


def _starts(data: bytes) -> list[int]:
    return [line for line, text in enumerate(data.decode().split("\n"), 1) if text == "  {"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the audit asked the network"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("the audit asked for a name"))


def test_what_is_no_json_is_told_as_one_error() -> None:
    assert audit(b"{") == (
        Finding("file.json", Weight.ERROR, "/", "STIX: Input data was truncated. Nothing was entered."),
    )


def test_a_good_object_breaks_nothing_here_and_there() -> None:
    assert audit(json.dumps(INDICATOR).encode()) == ()


def test_errors_come_first_with_the_line_of_their_object() -> None:
    broken = INDICATOR | {"pattern": "[a]", "id": f"indicator--{NAME.replace('3', '4')}"}

    data = _bundle(_sdo("identity", name="x", x_desk=1), INDICATOR, broken)

    found = audit(data)

    assert [(item.rule, item.path, item.line) for item in found] == [
        ("pattern.syntax", "/objects/2/pattern", _starts(data)[2]),
        ("custom.properties", "/objects/0", _starts(data)[0]),
    ]


def test_what_only_the_reference_validator_knows_is_told_under_its_name() -> None:
    said = INDICATOR | {
        "indicator_types": ["nonsense"],
        "external_references": [{"source_name": "x", "url": "https://x.example"}],
    }
    seen = {"type": "artifact", "id": f"artifact--{NAME}", "mime_type": "application/x-no-such", "payload_bin": "YQ=="}

    found = audit(_bundle(said, seen))

    assert [(item.rule, item.severity, item.path) for item in found] == [
        ("validator.must", Weight.ERROR, "/objects/1"),
        ("validator.indicator_types", Weight.WARNING, "/objects/0"),
        ("validator.extref_hashes", Weight.WARNING, "/objects/0"),
        ("validator.uuid_check", Weight.WARNING, "/objects/1"),
    ]


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (INDICATOR | {"valid_until": "2025-01-01T00:00:00Z"}, "time.order"),
        (INDICATOR | {"pattern": "[file:hashes.MD5 = 'a']"}, "hashes.form"),
        (INDICATOR | {"lang": "fr_FR"}, "lang.form"),
        (INDICATOR | {"granular_markings": [{"lang": "fr", "selectors": ["labels"]}]}, "marking.selector"),
        (INDICATOR | {"x_desk": 1}, "custom.properties"),
        (_sdo("x-desk-note", name="x"), "custom.object"),
        (
            _sdo("relationship", relationship_type="uses", source_ref=f"tool--{NAME}", target_ref=f"malware--{NAME}"),
            "relationship.suggested",
        ),
    ],
)
def test_what_both_say_is_said_once(said: dict[str, Any], rule: str) -> None:
    assert [found.rule for found in audit(_bundle(said))] == [rule]


def test_a_language_that_the_reference_list_lacks_is_no_fault() -> None:
    assert audit(_bundle(INDICATOR | {"lang": "gsw-CH"})) == ()


def test_an_object_of_2_0_is_checked_as_what_it_becomes() -> None:
    old = {
        key: value for key, value in INDICATOR.items() if key not in ("spec_version", "pattern_type", "indicator_types")
    }
    data = json.dumps({"type": "bundle", "spec_version": "2.0", "objects": [old | {"labels": ["benign"]}]}).encode()

    assert [(found.rule, found.path) for found in audit(data)] == [("file.version", "/")]


def test_two_objects_of_one_version_that_differ_are_told() -> None:
    other = INDICATOR | {"name": "y"}

    data = _bundle(INDICATOR, INDICATOR, other)

    found = audit(data)

    assert [(item.rule, item.path, item.line) for item in found] == [("file.twice", "/objects/2", _starts(data)[2])]


def test_a_broken_object_does_not_hide_the_others() -> None:
    data = b'{"objects":[{"a":1,"a":2},\n' + json.dumps(INDICATOR | {"confidence": 500}).encode() + b"]}"

    assert [(item.rule, item.path, item.line) for item in audit(data)] == [
        ("file.json", "/objects/0", 1),
        ("schema.value", "/objects/1/confidence", 2),
    ]


def test_only_so_many_objects_are_given_to_the_slow_validator_and_that_is_told() -> None:
    objects = [INDICATOR | {"id": f"indicator--{NAME[:-4]}{number:04x}"} for number in range(6)]
    done: list[tuple[int, int]] = []

    found = audit(_bundle(*objects), progress=lambda *at: done.append(at), slow=2)

    assert done == [(number, 6) for number in range(1, 7)]
    assert [str(item) for item in found] == [
        "file.partly at /: the OASIS validator saw 2 of 6 objects; ours saw all of them"
    ]


def test_a_pattern_that_would_keep_the_reference_parser_for_minutes_is_left_to_ours() -> None:
    pattern = "[" + "(" * 60 + " OR ".join(["a:b = 1"] * 5_000) + ")" * 60 + "]"

    assert audit(_bundle(INDICATOR | {"pattern": pattern})) == ()


def test_findings_of_a_whole_file_are_bounded() -> None:
    objects = [INDICATOR | {"id": f"indicator--{NAME[:-4]}{number:04x}", "confidence": 101} for number in range(300)]

    found = audit(_bundle(*objects))

    assert Counter(item.rule for item in found) == {"schema.value": 200}


@settings(deadline=None, max_examples=40)
@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda said: json.dumps(said).encode())
)
def test_no_bytes_raise(data: bytes) -> None:
    assert all(str(found).isprintable() for found in audit(data))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("oasis-apt1.json", 76),
        ("oasis-poisonivy.json", 155),
        ("oasis-infrastructure.json", 10),
        ("capec-stix21.json.gz", 2_683),
    ],
)
def test_real_files_have_no_error_for_either_validator(name: str, count: int) -> None:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    data = (SHARED / name).read_bytes()
    done: list[int] = []

    found = audit(
        gzip.decompress(data) if name.endswith(".gz") else data, progress=lambda at, _: done.append(at), slow=200
    )

    assert done[-1] == count
    assert [str(item) for item in found if item.severity is Weight.ERROR] == []
