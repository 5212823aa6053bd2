from __future__ import annotations

import gzip
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import stix2
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.kinds.naming import canonical, deterministic_id
from diwan.desks.cyber.parse.finding import RULES
from diwan.desks.cyber.parse.json_bytes import objects_in, read_object
from diwan.desks.cyber.parse.rules import check_object, examine, faults
from diwan.desks.cyber.parse.rules_marks import TLP_1, TLP_2, TLP_2_EXTENSION
from diwan.terms.finding import Weight

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"
NAME = "3f6a2c1e-8b1d-4b6e-9a55-0c7d2f4b9e11"
OTHER = "9d3c1f70-52c4-4f0b-8f0e-5a4b6c7d8e9f"
T1, T2, T3 = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"
CLEAR = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"


def _sdo(kind: str, **said: Any) -> dict[str, Any]:
    base = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{NAME}", "created": T1, "modified": T2}
    return base | said


def _sco(kind: str, uuid: str = NAME, **said: Any) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid}", **said}


def _marking(**said: Any) -> dict[str, Any]:
    base = _sdo("marking-definition", definition_type="statement", definition={"statement": "Ours"}) | said
    return {key: value for key, value in base.items() if key != "modified" or "modified" in said}


IDENTITY = _sdo("identity", name="Desk", description="x", roles=["a"])
INDICATOR = _sdo("indicator", pattern="[a:b = 1]", pattern_type="stix", valid_from=T1, indicator_types=["benign"])
RELATIONSHIP = _sdo(
    "relationship",
    relationship_type="uses",
    source_ref=f"malware--{NAME}",
    target_ref=f"tool--{NAME}",
)
SIGHTING = _sdo("sighting", sighting_of_ref=f"indicator--{NAME}")
WORDS = _sdo("language-content", object_ref=f"identity--{NAME}", contents={"fr": {"name": "Bureau"}})
MALWARE = _sdo("malware", is_family=False)
FILE = _sco("file", name="a.exe")
RED = {
    "type": "marking-definition",
    "spec_version": "2.1",
    "id": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
    "created": "2017-01-20T00:00:00.000Z",
    "definition_type": "tlp",
    "name": "TLP:RED",
    "definition": {"tlp": "red"},
}
EXTENSION = {"extension_type": "property-extension", "tlp_2_0": "amber+strict"}
TOP = {f"extension-definition--{OTHER}": {"extension_type": "toplevel-property-extension"}}
NEW = {f"extension-definition--{OTHER}": {"extension_type": "new-sdo"}}
STRICT = {
    "type": "marking-definition",
    "spec_version": "2.1",
    "id": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "created": "2022-10-01T00:00:00.000Z",
    "name": "TLP:AMBER+STRICT",
    "extensions": {TLP_2_EXTENSION: EXTENSION},
}
GOOD = [IDENTITY, INDICATOR, RELATIONSHIP, SIGHTING, WORDS, MALWARE, FILE, RED, STRICT, _marking()]


def _mark(*selectors: str, **said: Any) -> dict[str, Any]:
    return {"granular_markings": [{"selectors": list(selectors), **(said or {"marking_ref": CLEAR})}]}


# Rule, object, where it must be found.  Each breaks this rule and no other.
BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("id.type", _sdo("x-desk-note", id=f"x-desk-notes--{NAME}", extensions=NEW), "/id"),
    ("id.v4", _sco("process", "3f6a2c1e-8b1d-5b6e-9a55-0c7d2f4b9e11", pid=1), "/id"),
    ("id.v4", _sco("user-account", "3f6a2c1e-8b1d-5b6e-9a55-0c7d2f4b9e11", display_name="x"), "/id"),
    ("id.deterministic", FILE | {"id": "file--3f6a2c1e-8b1d-5b6e-9a55-0c7d2f4b9e11"}, "/id"),
    ("ref.type", IDENTITY | {"created_by_ref": f"tool--{NAME}"}, "/created_by_ref"),
    ("ref.type", IDENTITY | {"object_marking_refs": [CLEAR, f"tool--{NAME}"]}, "/object_marking_refs/1"),
    ("ref.type", MALWARE | {"sample_refs": [f"url--{NAME}"]}, "/sample_refs/0"),
    ("ref.type", SIGHTING | {"sighting_of_ref": f"ipv4-addr--{NAME}"}, "/sighting_of_ref"),
    ("ref.type", SIGHTING | {"created_by_ref": f"location--{NAME}"}, "/created_by_ref"),
    (
        "ref.type",
        _sdo("malware-analysis", product="x", analysis_sco_refs=[f"file--{NAME}", f"malware--{NAME}"]),
        "/analysis_sco_refs/1",
    ),
    (
        "ref.type",
        _sdo(
            "observed-data",
            first_observed=T1,
            last_observed=T1,
            number_observed=1,
            object_refs=[f"relationship--{NAME}"],
        ),
        "/object_refs",
    ),
    ("ref.type", FILE | {"parent_directory_ref": f"file--{NAME}"}, "/parent_directory_ref"),
    ("ref.type", FILE | {"contains_refs": [f"identity--{NAME}"]}, "/contains_refs/0"),
    ("ref.type", _sco("ipv4-addr", value="192.0.2.1", belongs_to_refs=[f"file--{NAME}"]), "/belongs_to_refs/0"),
    ("ref.type", _sco("network-traffic", protocols=["tcp"], src_ref=f"url--{NAME}"), "/src_ref"),
    ("time.order", IDENTITY | {"modified": "2025-12-31T23:59:59.999Z"}, "/modified"),
    (
        "time.order",
        IDENTITY | {"created": T1.replace("000Z", "1010Z"), "modified": T1.replace("000Z", "100999Z")},
        "/modified",
    ),
    ("time.order", INDICATOR | {"valid_until": T1}, "/valid_until"),
    ("time.order", INDICATOR | {"valid_until": "2026-01-01T00:00:00Z"}, "/valid_until"),
    ("time.order", RELATIONSHIP | {"start_time": T2, "stop_time": T2}, "/stop_time"),
    ("time.order", SIGHTING | {"first_seen": T3, "last_seen": T2}, "/last_seen"),
    ("time.order", _sdo("campaign", name="x", first_seen=T3, last_seen=T2), "/last_seen"),
    ("time.order", _sco("network-traffic", protocols=["tcp"], src_ref=f"ipv4-addr--{NAME}", start=T2, end=T1), "/end"),
    ("time.calendar", IDENTITY | {"created": "2025-02-29T00:00:00.000Z"}, "/created"),
    ("time.calendar", INDICATOR | {"valid_from": "2026-04-31T00:00:00Z"}, "/valid_from"),
    ("time.calendar", FILE | {"mtime": "2026-02-30T00:00:00Z"}, "/mtime"),
    ("lang.form", IDENTITY | {"lang": "fr_FR"}, "/lang"),
    ("contents.lang", WORDS | {"contents": {"123": {"name": "Bureau"}}}, "/contents/123"),
    ("contents.property", WORDS | {"contents": {"fr": {"Name": "Bureau"}}}, "/contents/fr"),
    ("marking.one_of", IDENTITY | _mark("name", marking_ref=CLEAR, lang="fr"), "/granular_markings/0"),
    ("marking.one_of", IDENTITY | {"granular_markings": [{"selectors": ["name"]}]}, "/granular_markings/0"),
    ("marking.selector", IDENTITY | _mark("name", "sectors"), "/granular_markings/0/selectors/1"),
    ("marking.selector", IDENTITY | _mark("roles.[1]"), "/granular_markings/0/selectors/0"),
    ("marking.selector", IDENTITY | _mark("name.first"), "/granular_markings/0/selectors/0"),
    ("lang.form", IDENTITY | _mark("name", lang="français"), "/granular_markings/0/lang"),
    ("marking.circular", _marking(object_marking_refs=[f"marking-definition--{NAME}"]), "/object_marking_refs"),
    ("marking.circular", _marking(**_mark("id", marking_ref=f"marking-definition--{NAME}")), "/granular_markings"),
    ("marking.versioned", _marking(modified=T2), "/modified"),
    ("tlp.altered", RED | {"name": "Red", "definition_type": "x"}, "/"),
    ("tlp.altered", STRICT | {"created": T1}, "/"),
    (
        "tlp.altered",
        STRICT | {"extensions": {TLP_2_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": "clear"}}},
        "/",
    ),
    ("tlp.altered", _marking(id=CLEAR), "/"),
    ("tlp.copy", STRICT | {"id": f"marking-definition--{NAME}"}, "/id"),
    ("pattern.syntax", INDICATOR | {"pattern": "[a:b = ]"}, "/pattern"),
    ("text.direction", IDENTITY | {"name": "Harbour \u202eTREC"}, "/name"),
    ("text.direction", MALWARE | {"aliases": ["Limpet", "Mussel \u2067 Oyster"]}, "/aliases"),
    ("text.direction", _sco("domain-name", value="pilots.\u202eelpmaxe"), "/value"),
    ("hashes.form", INDICATOR | {"pattern": "[file:hashes.MD5 = 'abc']"}, "/pattern"),
    ("hashes.name", FILE | {"hashes": {"sha256": "a" * 64}}, "/hashes"),
    ("relationship.suggested", RELATIONSHIP | {"relationship_type": "indicates"}, "/relationship_type"),
    ("custom.object", _sdo("x-desk-note", name="x"), "/type"),
    ("custom.properties", IDENTITY | {"x_desk": 1}, "/"),
    (
        "extension.kind",
        IDENTITY | {"extensions": {f"extension-definition--{OTHER}": {"extension_type": "new-sdo"}}},
        f"/extensions/extension-definition--{OTHER}",
    ),
    (
        "observed.deprecated",
        _sdo("observed-data", first_observed=T1, last_observed=T1, number_observed=1, objects={"0": FILE}),
        "/objects",
    ),
    ("json.wide", IDENTITY | {"x_desk": 2**53, "extensions": TOP}, "/x_desk"),
    (
        "schema.required",
        _sdo(
            "extension-definition",
            name="x",
            schema="https://example.org",
            version="1.0",
            extension_types=["property-extension"],
        ),
        "/created_by_ref",
    ),
]


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    return SHARED


def _said(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [read_object(raw) for raw in objects_in(data).objects]


@pytest.mark.parametrize("said", GOOD, ids=lambda said: str(said["type"]))
def test_a_good_object_breaks_nothing(said: dict[str, Any]) -> None:
    assert check_object(said) == ()


@pytest.mark.parametrize(("rule", "said", "path"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_broken_rule_is_found_in_its_place_and_no_other(rule: str, said: dict[str, Any], path: str) -> None:
    assert [(found.rule, found.path, found.severity) for found in check_object(said)] == [(rule, path, RULES[rule])]
    assert [found.rule for found in faults(said)] == ([rule] if RULES[rule] is Weight.ERROR else [])


def test_every_rule_that_is_not_the_schemas_is_broken_by_a_test() -> None:
    ours = {rule for rule in RULES if not rule.startswith(("schema.", "file.", "validator."))}

    assert ours <= {rule for rule, _, _ in BROKEN}


@pytest.mark.parametrize(
    "tag",
    ["fr", "en-GB", "zh-Hant-TW", "sl-rozaj-biske", "de-CH-1901", "en-a-bbb-x-a-ccc", "x-desk", "i-klingon", "ar-001"],
)
def test_a_language_tag_of_the_standard_is_taken(tag: str) -> None:
    assert faults(IDENTITY | {"lang": tag}) == ()


def test_errors_come_first_and_a_place_is_told_once() -> None:
    said = IDENTITY | {"x_desk": 1, "object_marking_refs": [], "created_by_ref": f"tool--{NAME}"}

    found = check_object(said, "/objects/4")

    assert [(item.rule, item.path) for item in found] == [
        ("schema.empty", "/objects/4/object_marking_refs"),
        ("ref.type", "/objects/4/created_by_ref"),
        ("custom.properties", "/objects/4"),
    ]


@pytest.mark.parametrize(("ident", "level"), [*TLP_1.items(), *TLP_2.items()])
def test_the_fixed_markings_are_those_of_the_reference_library(ident: str, level: str) -> None:
    ours = {TLP_1[str(mark["id"])] for mark in (stix2.TLP_WHITE, stix2.TLP_GREEN, stix2.TLP_AMBER, stix2.TLP_RED)}

    assert ours == set(TLP_1.values())
    assert [found.rule for found in faults(_marking(id=ident, name=f"TLP:{level.upper()}"))] == ["tlp.altered"]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
JSON = st.recursive(
    LEAVES | st.sampled_from([T1, "id", "lang"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20) | st.just("selectors"), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = sorted({name for _, said, _ in BROKEN for name in said} - {"type"} | {"hashes", "extensions", "objects"})


@given(st.sampled_from([said for _, said, _ in BROKEN]), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5))
def test_no_value_in_any_place_raises(said: dict[str, Any], change: dict[str, Any]) -> None:
    found = check_object(said | change)

    assert len(found) <= 200
    assert all(str(item).isprintable() for item in found)
    assert set(faults(said | change)) <= set(found)


@given(JSON, st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_a_type_of_any_sort_is_checked(kind: Any, said: dict[str, Any]) -> None:
    assert faults(said | {"type": kind}) != ()


def test_findings_are_bounded_and_a_hostile_object_is_cheap() -> None:
    marks = [{"selectors": ["a.b"] * 100} for _ in range(1_000)]
    began = time.process_time()

    found = check_object(IDENTITY | {"granular_markings": marks, "object_marking_refs": [f"tool--{NAME}"] * 50_000})

    assert len(found) == 200
    assert time.process_time() - began < 2


OBSERVABLES = [
    {"type": "ipv4-addr", "value": "198.51.100.3"},
    {"type": "file", "hashes": {"SHA-256": "a" * 64, "MD5": "b" * 32}, "name": 'é\u2028"\\.exe'},
    {
        "type": "file",
        "hashes": {
            "SHA3-256": "d" * 64,
            "SSDEEP": "96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4HYuL8N3TzS8QsO/wqWXLcMSx:sF1LjEtHHlZDrJzrhuyZvHYm8tKp/RWO",
        },
    },
    {"type": "email-message", "is_multipart": False, "subject": "a\tb\x7f", "body": "x"},
    {"type": "network-traffic", "src_ref": f"ipv4-addr--{NAME}", "src_port": 80, "protocols": ["tcp", "http"]},
    {"type": "x509-certificate", "hashes": {"SHA-1": "c" * 40}, "serial_number": "1"},
    {"type": "software", "name": "x", "version": "1"},
    {"type": "autonomous-system", "number": 64496},
    {"type": "user-account", "user_id": "u", "account_type": "unix"},
    {"type": "windows-registry-key", "key": "hklm", "values": [{"name": "a", "data": "b", "data_type": "REG_SZ"}]},
    {
        "type": "file",
        "name": "x",
        "extensions": {"windows-pebinary-ext": {"pe_type": "dll", "sections": [{"name": "s", "entropy": 6.5}]}},
    },
]


@pytest.mark.parametrize("said", OBSERVABLES, ids=lambda said: str(said["type"]))
def test_an_identifier_is_the_one_that_the_reference_library_makes(said: dict[str, Any]) -> None:
    assert deterministic_id(said) == stix2.parse(said | {"spec_version": "2.1"}, version="2.1").id


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (-0.0, "0"), (1.0, "1"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (1e-6, "0.000001"),
        (1.5e-6, "0.0000015"), (1e-7, "1e-7"), (4.5, "4.5"), (-2e-3, "-0.002"), (-1.5e-6, "-0.0000015"),
        (333333333.33333329, "333333333.3333333"), (-1e16, "-10000000000000000"), (-1.5e16, "-15000000000000000"),
        (9007199254740993, "9007199254740992"), (1.7976931348623157e308, "1.7976931348623157e+308"), (5e-324, "5e-324"),
        (1.5e300, "1.5e+300"), (123456789012345680000.5, "123456789012345680000"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_canonical_json_asks(number: float, text: str) -> None:
    assert canonical(number) == text


def test_keys_are_sorted_by_their_utf_16_units() -> None:
    assert canonical({"\ufb33": 1, "\N{GRINNING FACE}": [True, None], "a": "\x01\u20ac/"}) == (
        '{"a":"\\u0001€/","\N{GRINNING FACE}":[true,null],"\ufb33":1}'
    )


def test_no_object_of_the_published_sets_has_an_error(shared: Path) -> None:
    files = sorted(path for path in shared.glob("*.json*") if "history" not in path.name)

    found = Counter((path.name, item.rule) for path in files for said in _said(path) for item in faults(said))

    assert (len(files), found) == (10, Counter())


def test_old_versions_err_by_empty_lists_and_by_times_that_run_backwards(shared: Path) -> None:
    versions = _said(shared / "attack-history-versions.ndjson.gz")

    broken = Counter(frozenset(found.rule for found in faults(said)) for said in versions)

    backwards = sum("created" in said and said.get("modified", said["created"]) < said["created"] for said in versions)
    assert {rules for rules in broken if rules} <= {
        frozenset({"schema.empty"}), frozenset({"time.order"}), frozenset({"schema.empty", "time.order"})
    }  # fmt: skip
    assert sum(count for rules, count in broken.items() if "schema.empty" in rules) == 533
    assert sum(count for rules, count in broken.items() if "time.order" in rules) == backwards == 2


def test_sixty_thousand_objects_a_second_are_examined(shared: Path) -> None:
    objects = _said(shared / "attack-ics-18.1.json.gz")
    examine(objects[0])
    spent = []
    for _ in range(5):
        began = time.process_time()
        for said in objects:
            examine(said)
        spent.append(time.process_time() - began)

    # A tenth of what a free core does, so that a busy machine does not fail it.
    assert len(objects) / min(spent) > 10_000
