"""MISP out: a feed that clients load, events made from STIX, and sightings; PyMISP is the oracle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pymisp import MISPEvent, MISPSighting

from diwan.desks.cyber.kinds.misp import (
    Claims,
    EventBrief,
    Group,
    Known,
    Member,
    Org,
    Sharing,
    Sighting,
    count_of,
    distribution_of,
    label_of,
    sightings_of,
)
from diwan.desks.cyber.kinds.misp.types import TYPES
from diwan.desks.cyber.kinds.observable import KINDS, Observable, of_sco
from diwan.desks.cyber.parse.misp import brief_of, check_events, event_of, events_in, parse_event
from diwan.desks.cyber.render.misp import (
    attribute_of,
    event_from_stix,
    feed_event,
    feed_hashes,
    feed_manifest,
    sightings_json,
)
from diwan.terms.errors import Malformed, NotAllowed
from diwan.terms.item import Draft
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label

ROOT = Path(__file__).parents[3]
SPECIMENS = ROOT / "tests" / "specimens" / "misp"
SHARED = ROOT / ".." / "shared" / "data" / "stix"
FILES = ("phishing.json", "answer.json", "narrower.json")
ORGC = Org("Example CERT", "5f0c0051-7a11-4c3e-9b1d-000000000051")
REPORT = {
    "type": "report",
    "id": "report--0f1c8a4e-1111-4f1a-8f1a-0123456789ab",
    "name": "Wipers against ports",
    "created": "2024-03-01T08:00:00.000Z",
    "modified": "2024-03-02T09:30:00.123Z",
    "published": "2024-02-29T00:00:00Z",
}
INDICATOR = {
    "type": "indicator",
    "id": "indicator--1a2b3c4d-2222-4f1a-8f1a-0123456789ab",
    "name": "Command server",
    "pattern": "[ipv4-addr:value = '192.0.2.44']",
    "pattern_type": "stix",
}
YARA = INDICATOR | {
    "id": "indicator--5a2b3c4d-2222-4f1a-8f1a-0123456789ab",
    "pattern": "rule a {}",
    "pattern_type": "yara",
}
DOMAIN = {"type": "domain-name", "id": "domain-name--3c4d5e6f-3333-5f1a-8f1a-0123456789ab", "value": "port.example.org"}
ACTOR = {"type": "intrusion-set", "id": "intrusion-set--7c4d5e6f-3333-4f1a-8f1a-0123456789ab", "name": "Grey Heron"}
SEEN = {INDICATOR["id"]: [Observable("ipv4", "192.0.2.44")], DOMAIN["id"]: list(of_sco(DOMAIN))}


def drafts() -> list[Draft]:
    found = [one for name in FILES for one in events_in((SPECIMENS / name).read_bytes(), name, {})]
    return [one for one in found if isinstance(one, Draft)]


def feed(folder: Path) -> None:
    """Write a feed as the desk's routes serve it."""
    events = [event_of(draft.parts[0].data) for draft in drafts()]
    for draft, event in zip(drafts(), events, strict=True):
        (folder / f"{event.uuid}.json").write_bytes(feed_event(draft.parts[0].data))
    (folder / "manifest.json").write_bytes(feed_manifest(brief_of(event) for event in events))
    (folder / "hashes.csv").write_bytes(feed_hashes(events))


COMMUNITY = Claims(1, tags=("tlp:amber",))


def made(claims: Claims = COMMUNITY, **more: Any) -> bytes:
    objects = [INDICATOR, YARA, DOMAIN, ACTOR, {"type": "relationship", "id": "relationship--x"}]
    return event_from_stix(REPORT, objects, claims, orgc=ORGC, observables=SEEN, **more)


def test_events_that_came_as_misp_go_out_byte_for_byte() -> None:
    wrapped = parse_event((SPECIMENS / "phishing.json").read_bytes(), {}).parts[0].data
    bare = drafts()[2].parts[0].data

    assert feed_event(wrapped) == (SPECIMENS / "phishing.json").read_bytes()
    assert feed_event(bare) == b'{"Event":' + bare + b"}"


def test_a_client_fetches_from_the_manifest_what_it_lacks_and_pymisp_loads_it(tmp_path: Path) -> None:
    feed(tmp_path)
    known = {"5f0c0001-7a11-4c3e-9b1d-000000000001": 1700000400, "5f0c0002-7a11-4c3e-9b1d-000000000002": 1}

    # What MISP's feed reader does: everything in the manifest that is new, or newer than what is held.
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    wanted = [uuid for uuid, line in manifest.items() if known.get(uuid, -1) < line["timestamp"]]
    loaded = []
    for uuid in wanted:
        event = MISPEvent()
        event.load_file(str(tmp_path / f"{uuid}.json"))
        loaded.append((event.uuid, event.info))

    assert loaded == [
        ("5f0c0003-7a11-4c3e-9b1d-000000000003", "مؤشرات تصيّد ضد الموانئ"),
        ("5f0c0004-7a11-4c3e-9b1d-000000000004", "A bare event"),
        ("5f0c0002-7a11-4c3e-9b1d-000000000002", "Phishing with an informant"),
    ]


def test_the_manifest_is_what_pymisp_would_write(tmp_path: Path) -> None:
    feed(tmp_path)
    ours = json.loads((tmp_path / "manifest.json").read_bytes())

    theirs: dict[str, Any] = {}
    for path in tmp_path.glob("5f0c*.json"):
        event = MISPEvent()
        event.load_file(str(path))
        theirs |= event.manifest

    assert ours.keys() == theirs.keys()
    for uuid, line in ours.items():
        assert {key: line[key] for key in line if key != "Tag"} == {
            key: theirs[uuid][key] for key in line if key != "Tag"
        }
        assert [tag["name"] for tag in line["Tag"]] == [
            tag["name"] for tag in theirs[uuid]["Tag"] if str(tag["local"]) == "0" or tag["local"] is False
        ]


def test_hashes_are_those_that_pymisp_would_write(tmp_path: Path) -> None:
    feed(tmp_path)
    ours = {tuple(line.split(",")) for line in (tmp_path / "hashes.csv").read_text().splitlines()}

    theirs = set()
    for path in tmp_path.glob("5f0c*.json"):
        event = MISPEvent()
        event.load_file(str(path))
        theirs |= {(digest, event.uuid) for digest in event.attributes_hashes("md5")}

    assert ours == theirs
    assert (hashlib.md5(b"192.0.2.17").hexdigest(), "5f0c0001-7a11-4c3e-9b1d-000000000001") in ours


def test_an_empty_feed_is_an_empty_feed() -> None:
    assert (feed_manifest(()), feed_hashes(())) == (b"{}", b"")


def test_an_event_made_from_stix_loads_in_pymisp_with_the_right_types() -> None:
    oracle = MISPEvent()
    oracle.load(made())

    assert (oracle.info, oracle.date.isoformat(), oracle.distribution, oracle.Orgc.name) == (
        "Wipers against ports",
        "2024-02-29",
        1,
        "Example CERT",
    )
    assert [(one.type, one.category, one.value, one.to_ids, one.comment) for one in oracle.attributes] == [
        ("ip-dst", "Network activity", "192.0.2.44", True, "Command server"),
        ("yara", "Payload installation", "rule a {}", True, "Command server"),
        ("domain", "Network activity", "port.example.org", False, ""),
        ("threat-actor", "Attribution", "Grey Heron", False, ""),
    ]
    assert check_events(made()) == []


def test_the_same_report_is_the_same_event_again_and_another_is_not() -> None:
    other = event_from_stix(REPORT | {"id": "report--x"}, [DOMAIN], Claims(0), orgc=ORGC, observables=SEEN)

    assert made() == made()
    assert event_of(made()).uuid != event_of(other).uuid


def attributes_in(event: bytes) -> list[dict[str, Any]]:
    return list(json.loads(event)["Event"]["Attribute"])


def test_a_value_that_an_observable_tells_of_too_is_still_for_detection() -> None:
    domain = {**INDICATOR, "pattern": "[domain-name:value = 'port.example.org']"}
    seen = {domain["id"]: list(of_sco(DOMAIN)), DOMAIN["id"]: list(of_sco(DOMAIN))}
    event = attributes_in(event_from_stix(REPORT, [DOMAIN, domain], COMMUNITY, orgc=ORGC, observables=seen))

    assert [(one["value"], one["to_ids"]) for one in event] == [("port.example.org", True)]


def test_one_indicator_in_two_reports_is_two_attributes() -> None:
    other = REPORT | {"id": "report--9c4d5e6f-3333-4f1a-8f1a-0123456789ab"}
    told = [
        {
            one["uuid"]
            for one in attributes_in(event_from_stix(head, [INDICATOR], COMMUNITY, orgc=ORGC, observables=SEEN))
        }
        for head in (REPORT, other)
    ]

    assert all(told)
    assert told[0].isdisjoint(told[1])


def test_what_misp_cannot_store_is_written_so_that_it_can() -> None:
    weak = {
        "type": "vulnerability",
        "id": "vulnerability--7c4d5e6f-3333-4f1a-8f1a-0123456789ac",
        "name": "Heart\n bleed \N{PILE OF POO}",
    }
    long = INDICATOR | {"name": "ب" * 40_000}
    head = REPORT | {"name": "Report \N{PILE OF POO}"}
    event = json.loads(event_from_stix(head, [weak, long], COMMUNITY, orgc=ORGC, observables=SEEN))["Event"]
    said = {one["type"]: one for one in event["Attribute"]}

    assert event["info"] == "Report \N{REPLACEMENT CHARACTER}"
    assert said["text"]["value"] == "Heart bleed \N{REPLACEMENT CHARACTER}"
    assert said["text"]["category"] == "External analysis"
    assert max(len(one["comment"].encode()) for one in event["Attribute"]) <= 65_535


def test_a_value_that_misp_refuses_goes_out_within_its_pattern() -> None:
    beyond = [Observable("asn", "AS4294967296"), Observable("email", "root@localhost")]
    data = event_from_stix(REPORT, [INDICATOR], Claims(0), orgc=ORGC, observables={INDICATOR["id"]: beyond})

    assert [(one.type, one.value) for one in event_of(data).attributes] == [("stix2-pattern", INDICATOR["pattern"])]


def test_a_rule_of_suricatas_goes_out_as_a_pattern_since_misp_has_no_type_for_it() -> None:
    rule = INDICATOR | {"pattern_type": "suricata", "pattern": "alert tcp any any -> any any (sid:1;)"}
    data = event_from_stix(REPORT, [rule], Claims(0), orgc=ORGC, observables={})

    (said,) = event_of(data).attributes
    assert (said.type, said.category) == ("pattern-in-traffic", "Network activity")
    assert said.type in MISPEvent().describe_types["category_type_mappings"][said.category]


def test_a_revoked_indicator_is_not_for_detection() -> None:
    data = event_from_stix(REPORT, [INDICATOR | {"revoked": True}], Claims(0), orgc=ORGC, observables=SEEN)

    assert [one.to_ids for one in event_of(data).attributes] == [False]


VALUES = {
    "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "cidr": "192.0.2.0/24", "domain": "a.example", "email": "a@b.example",
    "mac": "00:00:5e:00:53:01", "asn": "AS64496", "cve": "CVE-2024-1234", "md5": "a" * 32, "sha1": "a" * 40,
    "sha256": "a" * 64, "sha512": "a" * 128, "ssdeep": "3:abc:de", "tlsh": f"T1{'A' * 70}",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_observable_has_a_type_that_misp_allows_in_its_category(kind: str) -> None:
    got = attribute_of(Observable(kind, VALUES.get(kind, "x")), source="indicator--x", to_ids=True)

    assert got is not None
    assert got.type in TYPES
    assert got.type in MISPEvent().describe_types["category_type_mappings"][got.category]


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ({"name": "x", "created": "2024-03-01T08:00:00Z"}, "no id"),
        ({"id": "report--x"}, "no created"),
        ({"id": "report--x", "created": "yesterday"}, "no created"),
        ({"id": "report--x", "created": "2024-03-01T08:00:00"}, "no created"),
    ],
)
def test_a_head_without_id_or_date_is_refused(head: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=f"{why}.*Nothing was exported"):
        event_from_stix(head, [], Claims(0), orgc=ORGC, observables={})


def test_an_event_that_says_nobody_is_not_exported() -> None:
    for claims in (Claims(None), Claims(5)):
        with pytest.raises(NotAllowed, match="0 to 4"):
            made(claims)


def test_a_label_goes_out_as_a_sharing_group_and_comes_back_as_itself() -> None:
    sharing = Sharing(
        own="KWT",
        community="GCC",
        members=(
            Member("KWT", "Harbour Watch", "5f0c0050-7a11-4c3e-9b1d-000000000050"),
            Member("QAT", "Second CERT", "5f0c0052-7a11-4c3e-9b1d-000000000052"),
        ),
        groups=(Known("5f0c0046-7a11-4c3e-9b1d-000000000046", "Inner circle", ("KWT", "QAT")),),
    )
    category = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("QAT",))
    label = Label("TLP", "UNCLASSIFIED", (category,), Handling(tlp="TLP:AMBER+STRICT", pap="PAP:GREEN"))

    data = made(distribution_of(label, sharing))
    oracle = MISPEvent()
    oracle.load(data)
    back = label_of(event_of(data).claims, sharing)

    assert [one["Organisation"]["name"] for one in oracle.SharingGroup.sgorgs] == ["Harbour Watch", "Second CERT"]
    assert back.categories == (Category("Only", CategoryType.PERMISSIVE, ("KWT", "QAT")),)
    assert back.handling == label.handling


def test_sightings_and_false_positives_go_out_and_come_back() -> None:
    said = (
        Sighting("sighting", "5f0c001e-7a11-4c3e-9b1d-00000000001e", "", "192.0.2.44", 1709300000, "proxy", ORGC),
        Sighting("false positive", "5f0c001f-7a11-4c3e-9b1d-00000000001f", "", "192.0.2.44", 1709300001),
    )

    data = made(sightings=said)
    back = sightings_of(event_of(data))

    assert [(one.kind, one.uuid, one.value, one.at, one.source, one.org) for one in back] == [
        (one.kind, one.uuid, one.value, one.at, one.source, one.org) for one in said
    ]
    assert count_of(event_of(data)).false_positives == 1
    oracle = MISPEvent()
    oracle.load(data)
    assert [one.type for one in oracle.attributes[0].sightings] == ["0", "1"]


def test_sightings_are_sent_as_misp_takes_them() -> None:
    sent = json.loads(
        sightings_json(
            [
                Sighting("false positive", "", "5f0c000a-7a11-4c3e-9b1d-00000000000a", "192.0.2.1", 7, "proxy"),
                Sighting("expiration", "", "", "192.0.2.2"),
            ]
        )
    )

    assert sent == [
        {"uuid": "5f0c000a-7a11-4c3e-9b1d-00000000000a", "type": "1", "source": "proxy", "timestamp": "7"},
        {"value": "192.0.2.2", "type": "2", "source": ""},
    ]
    for one in sent:
        MISPSighting().from_dict(**one)


def test_a_manifest_holds_a_group_s_name_nowhere() -> None:
    brief = EventBrief(
        uuid="u", info="i", date="2024-01-01", threat_level=4, analysis=0, group=Group("g", "Secret name")
    )

    assert "Secret" not in feed_manifest([brief]).decode()


@pytest.mark.parametrize("name", ["oasis-poisonivy.json", "oasis-apt1.json", "oasis-indicators-for-C2-with-COA.json"])
def test_real_reports_become_events_that_pymisp_loads(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    objects = json.loads((SHARED / name).read_bytes())["objects"]
    dated = [one for one in objects if "created" in one]
    head = next((one for one in dated if one["type"] == "report"), dated[0])
    seen = {one["id"]: of_sco(one) for one in objects}

    data = event_from_stix(head, objects, Claims(0, tags=("tlp:green",)), orgc=ORGC, observables=seen)
    oracle = MISPEvent()
    oracle.load(data)

    assert [(one.uuid, one.type, one.value) for one in oracle.attributes] == [
        (one.uuid, one.type, one.value) for one in event_of(data).attributes
    ]
    assert oracle.attributes
    assert check_events(data) == []
