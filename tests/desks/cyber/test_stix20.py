from __future__ import annotations

import gzip
import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.kinds.naming import deterministic_id
from diwan.desks.cyber.parse.json_bytes import objects_in, read_object
from diwan.desks.cyber.parse.rules import faults
from diwan.desks.cyber.parse.stix20 import is_old, upgrade

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"
EXAMPLES = Path(str(distribution("stix2-validator").locate_file("stix2validator/schemas-2.0/examples")))
NAME = "3f6a2c1e-8b1d-4b6e-9a55-0c7d2f4b9e11"
T1 = "2017-01-01T00:00:00.000Z"
AMBER = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
TYPES = ("indicator_types", "malware_types", "report_types", "threat_actor_types", "tool_types")
NEWER = (
    "grouping",
    "location",
    "note",
    "opinion",
    "infrastructure",
    "incident",
    "malware-analysis",
    "language-content",
)


def _old(kind: str, **said: Any) -> dict[str, Any]:
    return {"type": kind, "id": f"{kind}--{NAME}", "created": T1, "modified": T1, **said}


def _new(kind: str, **said: Any) -> dict[str, Any]:
    return {"spec_version": "2.1", **_old(kind, **said)}


def _lowered(said: dict[str, Any]) -> dict[str, Any]:
    """Return a 2.1 object as 2.0 would have said it."""
    old = {key: value for key, value in said.items() if key not in ("spec_version", "is_family", "pattern_type")}
    for name in TYPES:
        if name in old:
            old["labels"] = old.pop(name)
    if said["type"] in ("malware", "tool"):
        old.setdefault("labels", [said["type"]])
    if said["type"] == "marking-definition" and said.get("definition_type") == "tlp":
        del old["name"]
    return old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            _old("indicator", labels=["benign"], pattern="[url:value = 'a']", valid_from=T1),
            _new(
                "indicator", pattern="[url:value = 'a']", valid_from=T1, indicator_types=["benign"], pattern_type="stix"
            ),
        ),
        (
            _old("malware", name="x", labels=["worm"]),
            _new("malware", name="x", malware_types=["worm"], is_family=True),
        ),
        (
            _old("report", name="x", labels=["malware"], published=T1, object_refs=[f"tool--{NAME}"]),
            _new("report", name="x", published=T1, object_refs=[f"tool--{NAME}"], report_types=["malware"]),
        ),
        (
            _old("threat-actor", name="x", labels=["spy"], roles=["agent"]),
            _new("threat-actor", name="x", roles=["agent"], threat_actor_types=["spy"]),
        ),
        (
            _old(
                "tool",
                name="x",
                labels=["remote-access"],
                granular_markings=[{"marking_ref": AMBER, "selectors": ["labels.[0]", "name"]}],
            ),
            _new(
                "tool",
                name="x",
                granular_markings=[{"marking_ref": AMBER, "selectors": ["tool_types.[0]", "name"]}],
                tool_types=["remote-access"],
            ),
        ),
        (
            _old("identity", name="x", labels=["ours"], identity_class="group"),
            _new("identity", name="x", labels=["ours"], identity_class="group"),
        ),
        (_old("sighting", sighting_of_ref=f"tool--{NAME}"), _new("sighting", sighting_of_ref=f"tool--{NAME}")),
        (
            {
                "type": "marking-definition",
                "id": AMBER,
                "created": "2017-01-20T00:00:00.000Z",
                "definition_type": "tlp",
                "definition": {"tlp": "amber"},
            },
            {
                "type": "marking-definition",
                "spec_version": "2.1",
                "id": AMBER,
                "created": "2017-01-20T00:00:00.000Z",
                "definition_type": "tlp",
                "definition": {"tlp": "amber"},
                "name": "TLP:AMBER",
            },
        ),
    ],
    ids=lambda said: str(said["type"]),
)
def test_an_object_of_2_0_says_in_2_1_what_it_said(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert is_old(old)
    assert upgrade(old) == [new]
    assert faults(new) == ()


def test_a_period_in_a_pattern_is_written_as_2_1_writes_it() -> None:
    text = "[a:b = 'START'] START '2017-01-01T00:00:00Z' STOP '2017-01-02T00:00:00Z' OR [a:b = 1]"

    (new,) = upgrade(_old("indicator", labels=["benign"], pattern=text, valid_from=T1))

    expected = "[a:b = 'START'] START t'2017-01-01T00:00:00Z' STOP t'2017-01-02T00:00:00Z' OR [a:b = 1]"
    assert (new["pattern"], faults(new)) == (expected, ())


def test_observables_come_out_with_names_by_content_and_the_markings_of_what_held_them() -> None:
    held = {
        "0": {"type": "file", "name": "a.zip", "parent_directory_ref": "1", "created": "2017-01-01T00:00:00Z"},
        "1": {"type": "directory", "path": "/tmp"},
        "2": {"type": "process", "pid": 1, "binary_ref": "0", "name": "a", "child_refs": ["2"]},
        "3": {"type": "ipv4-addr", "value": "192.0.2.1"},
        "4": {"type": "ipv4-addr", "value": "192.0.2.1"},
        "5": {"type": "network-traffic", "protocols": ["tcp"], "src_ref": "4"},
    }
    marks = [{"marking_ref": AMBER, "selectors": ["objects.0.name", "objects.1", "first_observed", "objects"]}]
    seen = {"first_observed": T1, "last_observed": T1, "number_observed": 1}
    old = _old("observed-data", objects=held, object_marking_refs=[AMBER], granular_markings=marks, **seen)

    new = upgrade(old)

    folder = deterministic_id({"type": "directory", "path": "/tmp"})
    file = deterministic_id({"type": "file", "name": "a.zip", "parent_directory_ref": folder})
    address = deterministic_id({"type": "ipv4-addr", "value": "192.0.2.1"})
    traffic = deterministic_id({"type": "network-traffic", "protocols": ["tcp"], "src_ref": address})
    process = new[3]["id"]
    common = {"spec_version": "2.1", "object_marking_refs": [AMBER]}
    expected = [
        _new(
            "observed-data",
            object_marking_refs=[AMBER],
            granular_markings=[
                {"marking_ref": AMBER, "selectors": ["first_observed"]},
                {"marking_ref": AMBER, "selectors": ["object_refs"]},
            ],
            object_refs=[file, folder, process, address, traffic],
            **seen,
        ),
        {
            "type": "file",
            "id": file,
            "name": "a.zip",
            "parent_directory_ref": folder,
            "ctime": "2017-01-01T00:00:00Z",
            "granular_markings": [{"marking_ref": AMBER, "selectors": ["name"]}],
            **common,
        },
        {
            "type": "directory",
            "id": folder,
            "path": "/tmp",
            "granular_markings": [{"marking_ref": AMBER, "selectors": ["type", "id"]}],
            **common,
        },
        {"type": "process", "id": process, "pid": 1, "image_ref": file, "name": "a", "child_refs": [process], **common},
        {"type": "ipv4-addr", "id": address, "value": "192.0.2.1", **common},
        {"type": "network-traffic", "id": traffic, "protocols": ["tcp"], "src_ref": address, **common},
    ]
    assert new == expected
    assert [fault for said in new for fault in faults(said)] == []
    assert upgrade(old) == new


def test_a_ring_of_observables_is_named_all_the_same() -> None:
    held = {
        "0": {"type": "file", "name": "a", "extensions": {"archive-ext": {"contains_refs": ["1"]}}},
        "1": {"type": "file", "name": "b", "extensions": {"archive-ext": {"contains_refs": ["0"]}}},
    }
    seen = {"first_observed": T1, "last_observed": T1, "number_observed": 1}

    new = upgrade(_old("observed-data", objects=held, **seen))

    names = [said["id"] for said in new]
    assert [said["extensions"]["archive-ext"]["contains_refs"] for said in new[1:]] == [[names[2]], [names[1]]]
    assert [fault for said in new for fault in faults(said)] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.json")), ids=lambda path: path.stem)
def test_the_examples_of_2_0_have_no_fault_as_2_1(path: Path) -> None:
    cut = objects_in(path.read_bytes())
    old = [read_object(raw) for raw in cut.objects]

    new = [said for item in old for said in upgrade(item)]

    assert cut.head["spec_version"] == "2.0"
    assert all(is_old(said, "2.0") for said in old)
    assert [(said["id"], str(fault)) for said in new for fault in faults(said)] == []


@pytest.mark.parametrize(
    "name", ["attack-ics-18.1", "attack-mobile-17.1", "capec-stix21", "oasis-apt1", "oasis-poisonivy"]
)
def test_real_objects_lowered_to_2_0_come_back_as_they_were(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    path = next(SHARED.glob(f"{name}.json*"))
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    objects = [said for said in json.loads(data)["objects"] if said["type"] not in NEWER]

    back = {said["id"]: said for item in objects for said in upgrade(_lowered(item))}

    assert len(back) == len(objects)
    assert [str(fault) for said in back.values() for fault in faults(said)] == []
    for said in objects:
        kept = {key: value for key, value in said.items() if key not in ("malware_types", "tool_types", "is_family")}
        assert {key: back[said["id"]].get(key) for key in kept} == kept


@pytest.mark.parametrize(
    ("said", "bundle", "old"),
    [
        ({"type": "tool", "created": T1}, None, True),
        ({"type": "tool", "created": T1}, "2.0", True),
        ({"type": "tool", "created": T1, "spec_version": "2.1"}, "2.0", False),
        ({"type": "tool", "created": T1, "spec_version": "2.0"}, None, True),
        ({"type": "marking-definition"}, None, True),
        ({"type": "url", "value": "x"}, None, False),
        ({"type": "url", "value": "x"}, "2.1", False),
    ],
)
def test_the_version_of_an_object_is_what_it_or_its_bundle_says(
    said: dict[str, Any], bundle: str | None, old: bool
) -> None:
    assert is_old(said, bundle) is old


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["0", "1", "file", "objects.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["0", "1", "type", "x_ref", "x_refs", "selectors", "name", "extensions"]), inner
        )
    ),
    max_leaves=10,
)
KINDS = st.sampled_from(["observed-data", "indicator", "malware", "marking-definition", "tool"])


@given(
    KINDS | JSON, st.dictionaries(st.sampled_from(["objects", "labels", "granular_markings", "pattern", "id"]), JSON)
)
def test_nothing_that_json_can_hold_raises(kind: Any, said: dict[str, Any]) -> None:
    new = upgrade({"type": kind, **said})

    assert new[0]["spec_version"] == "2.1"
    assert upgrade({"type": kind, **said}) == new
