"""MISP events in: what is read, what is refused, and that hostile files are cheap."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymisp import MISPEvent

from diwan.desks.cyber.kinds.misp import (
    Count,
    EventBrief,
    Group,
    Org,
    Sighting,
    every_attribute,
    sightings_of,
)
from diwan.desks.cyber.kinds.misp.types import CATEGORIES, TYPES, observables_of
from diwan.desks.cyber.parse.misp import brief_of, check_events, event_of, events_in, parse_event
from diwan.desks.cyber.parse.misp.document import EVENTS, REJECTS
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.item import Alias, Draft, Link, Part

SPECIMENS = Path(__file__).parents[2] / "specimens" / "misp"
PHISHING = (SPECIMENS / "phishing.json").read_bytes()
ANSWER = (SPECIMENS / "answer.json").read_bytes()


def uuid(number: int) -> str:
    return f"5f0c{number:04x}-7a11-4c3e-9b1d-0000000000{number:02x}"


def event(**more: Any) -> bytes:
    base = {"uuid": uuid(1), "info": "A test", "date": "2024-01-02", "timestamp": "1", "distribution": "0"}
    return json.dumps({"Event": base | {"Orgc": {"name": "Example CERT"}} | more}).encode()


def attribute(kind: str, value: object, **more: Any) -> dict[str, Any]:
    return {"uuid": uuid(9), "type": kind, "category": "Network activity", "value": value} | more


def rules(data: bytes) -> list[tuple[str, Weight, str]]:
    return [(one.rule, one.severity, one.path) for one in check_events(data)]


def test_an_event_becomes_a_draft_with_its_bytes_values_links_and_name() -> None:
    draft = parse_event(PHISHING, {"Harbour Watch": "KWT", "Example CERT": "QAT"})

    assert draft.kind == "cyber.event"
    assert draft.title == "Phishing against port operators"
    assert draft.parts == (Part("event.json", "application/vnd.misp+json", PHISHING),)
    assert draft.values == (
        "ipv4:192.0.2.17",
        "domain:login.example.com",
        "ipv4:192.0.2.18",
        "url:http://login.example.com/track?id=7",
        "email:billing@example.net",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cve:CVE-2023-1234",
        "filename:invoice-2023.pdf.exe",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
    )
    assert draft.aliases == (Alias("misp", uuid(1)),)
    assert draft.links == (Link("extends", Alias("misp", uuid(90))),)
    assert draft.names == ("QAT",)
    assert draft.author == "Example CERT"
    assert draft.version is not None
    assert (draft.version.at, draft.version.written) == ("000001700000400", "1700000400")
    assert check_events(PHISHING) == []


def test_the_brief_tells_what_a_list_needs() -> None:
    assert brief_of(event_of(PHISHING)) == EventBrief(
        uuid=uuid(1),
        info="Phishing against port operators",
        date="2023-11-14",
        threat_level=2,
        analysis=1,
        published=True,
        timestamp=1700000400,
        distribution=1,
        orgc=Org("Example CERT", uuid(81)),
        tags=("tlp:amber", "PAP:GREEN", "incident:phishing"),
        tlp="TLP:AMBER",
        pap="PAP:GREEN",
        count=Count(attributes=9, objects=1, sightings=1, false_positives=1, reports=1),
    )


def test_sightings_and_false_positives_come_with_their_attribute_and_organisation() -> None:
    assert sightings_of(event_of(PHISHING)) == (
        Sighting(
            "sighting",
            uuid(30),
            uuid(10),
            "192.0.2.17",
            1700000100,
            "proxy",
            Org("Harbour Watch", uuid(80)),
            apart=False,
        ),
        Sighting("false positive", uuid(31), uuid(10), "192.0.2.17", 1700000200, "", None, apart=False),
    )


def test_a_search_answer_gives_each_event_its_own_bytes_wrapped_or_bare() -> None:
    drafts = [one for one in events_in(ANSWER, "answer.json", {}) if isinstance(one, Draft)]

    first, second = (draft.parts[0].data for draft in drafts)
    assert [draft.title for draft in drafts] == ["مؤشرات تصيّد ضد الموانئ", "A bare event"]
    assert first.startswith(b'{"Event": {') and second.startswith(b'{"info": "A bare event"')
    assert b'{"response": [\n' + first + b",\n  " + second + b"\n]}\n" == ANSWER
    assert event_of(second).claims.group == Group(
        uuid(70), "Inner circle", (Org("Harbour Watch", uuid(80)), Org("Second CERT", uuid(82))), "6"
    )


def test_what_pymisp_reads_is_what_we_read() -> None:
    oracle = MISPEvent()
    oracle.load(PHISHING)
    ours = event_of(PHISHING)

    theirs = [*oracle.attributes, *(one for thing in oracle.objects for one in thing.attributes)]
    assert [(one.uuid, one.type, one.value, one.to_ids) for one in every_attribute(ours)] == [
        (one.uuid, one.type, one.value, one.to_ids) for one in theirs
    ]
    assert (ours.info, ours.date, ours.timestamp) == (
        oracle.info,
        oracle.date.isoformat(),
        int(oracle.timestamp.timestamp()),
    )


def test_every_type_and_category_that_pymisp_knows_is_known_and_no_other() -> None:
    oracle = MISPEvent().describe_types

    assert frozenset(oracle["types"]) == TYPES
    assert frozenset(oracle["categories"]) == CATEGORIES


@pytest.mark.parametrize(
    ("more", "rule", "path"),
    [
        ({"uuid": "not-a-uuid"}, "misp.uuid", "/Event/uuid"),
        ({"info": " "}, "misp.info", "/Event/info"),
        ({"date": "14.11.2023"}, "misp.date", "/Event/date"),
        ({"date": "2023-02-30"}, "misp.date", "/Event/date"),
        ({"distribution": "5"}, "misp.distribution", "/Event/distribution"),
        ({"distribution": "1.5"}, "misp.number", "/Event/distribution"),
        ({"timestamp": "253402300800"}, "misp.moment", "/Event/timestamp"),
        ({"timestamp": "-1"}, "misp.moment", "/Event/timestamp"),
        ({"threat_level_id": 0}, "misp.threat_level", "/Event/threat_level_id"),
        ({"analysis": 3}, "misp.analysis", "/Event/analysis"),
        ({"attribute_count": "2"}, "misp.incomplete", "/Event"),
        ({"Attribute": {"0": {}}}, "misp.structure", "/Event/Attribute"),
        ({"Attribute": [7]}, "misp.structure", "/Event/Attribute/0"),
        ({"Attribute": [attribute("ip-dst", {})]}, "misp.structure", "/Event/Attribute/0/value"),
        (
            {"Attribute": [attribute("ip-dst", "192.0.2.1", distribution=6)]},
            "misp.distribution",
            "/Event/Attribute/0/distribution",
        ),
    ],
)
def test_what_misp_itself_demands_keeps_an_event_out(more: dict[str, Any], rule: str, path: str) -> None:
    (reject,) = events_in(event(**more), "e.json", {})

    assert isinstance(reject, Reject)
    assert [(one.rule, one.path) for one in reject.findings if one.rule != "misp.attribute.value"] == [(rule, path)]
    with pytest.raises(Malformed, match="Not registered"):
        parse_event(event(**more), {})


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        ("md5", "d41d8cd98f00b204e9800998ecf8427", "a checksum of this type has 32 hexadecimal digits."),
        ("filename|sha1", "a.exe", "the value of a composite type needs one bar, between its halves."),
        ("filename|md5", "|d41d8cd98f00b204e9800998ecf8427e", "one half of a composite value is empty."),
        ("ip-dst", "192.0.2.300", "neither an IP address nor a network."),
        ("ip-dst|port", "192.0.2.1|70000", "a port is 1 to 65535."),
        ("AS", "ASX", "not the number of an autonomous system."),
        ("mac-address", "00:11", "not a MAC address of 6 bytes."),
        ("domain", "", "an attribute has no value."),
    ],
)
def test_a_bad_value_is_a_warning_and_nothing_is_correlated_by_it(kind: str, value: str, fault: str) -> None:
    data = event(Attribute=[attribute(kind, value), attribute("ip-src", "192.0.2.9", uuid=uuid(8))])

    assert check_events(data) == [
        Finding("misp.attribute.value", Weight.WARNING, "/Event/Attribute/0/value", fault),
    ]
    assert "ipv4:192.0.2.9" in parse_event(data, {}).values


@pytest.mark.parametrize("place", ["event", "attribute"])
def test_a_sharing_group_that_misp_cannot_store_is_told_of_and_means_its_organisations(place: str) -> None:
    told = json.loads(ANSWER)["response"][1]["SharingGroup"]
    for one in told["SharingGroupOrg"]:
        one.pop("extend", None)
    group = {"distribution": "4", "sharing_group_id": "6", "SharingGroup": told}
    within = [attribute("ip-src", "192.0.2.9", **(group if place == "attribute" else {}))]
    data = event(Attribute=within, **(group if place == "event" else {}))

    where = "/Event" if place == "event" else "/Event/Attribute/0"
    assert [(one.rule, one.severity, one.path) for one in check_events(data)] == [
        ("misp.sharing_group", Weight.WARNING, f"{where}/SharingGroup/SharingGroupOrg/0")
    ]
    said = event_of(data)
    claims = said.claims if place == "event" else said.attributes[0].claims
    assert claims.group is not None
    assert [org.name for org in claims.group.organisations] == ["Harbour Watch", "Second CERT"]


def test_an_unknown_type_or_category_is_a_warning() -> None:
    data = event(Attribute=[attribute("quantum-hash", "x", category="Elsewhere")])

    assert rules(data) == [
        ("misp.type.unknown", Weight.WARNING, "/Event/Attribute/0/type"),
        ("misp.category", Weight.WARNING, "/Event/Attribute/0/category"),
    ]
    assert parse_event(data, {}).values == ()


def test_halves_of_composites_are_observables_of_their_own() -> None:
    digest = "d41d8cd98f00b204e9800998ecf8427e"

    assert [one.key for one in observables_of("filename|md5", f"a|b.exe|{digest}")] == [
        "filename:a|b.exe",
        f"md5:{digest}",
    ]
    assert [one.key for one in observables_of("ip-dst|port", "2001:db8::1|443")] == ["ipv6:2001:db8::1"]
    assert [one.key for one in observables_of("hostname|port", "a.example|80")] == ["domain:a.example"]
    assert observables_of("text", "192.0.2.1") == ()


def test_a_reference_named_cancels_ends_nothing() -> None:
    other = {"uuid": uuid(3), "referenced_uuid": uuid(99), "relationship_type": "cancels"}
    data = event(Object=[{"uuid": uuid(2), "name": "file", "Attribute": [], "ObjectReference": [other]}])

    assert parse_event(data, {}).links == (Link("references", Alias("misp", uuid(99))),)


def test_deleted_attributes_are_neither_counted_nor_correlated() -> None:
    data = event(Attribute=[attribute("ip-dst", "192.0.2.1", deleted=True), attribute("ip-dst", "192.0.2.2")])

    draft = parse_event(data, {})

    assert draft.values == ("ipv4:192.0.2.2",)
    assert json.loads(draft.brief)["count"] == {"attributes": 1}


def test_a_title_cannot_turn_the_terminal() -> None:
    draft = parse_event(event(info="safe.exe\x1b[2J\nsecond"), {})

    assert draft.title == "safe.exe\ufffd[2J second"


@pytest.mark.parametrize("turned", [{"info": "safe\u202egnp.exe"}, {"Orgc": {"name": "Example \u2066TREC"}}])
def test_a_title_or_organisation_that_turns_the_reading_direction_is_refused(turned: dict[str, object]) -> None:
    with pytest.raises(Malformed, match="turns no reading direction"):
        parse_event(event(**turned), {})


def test_a_field_said_twice_is_refused() -> None:
    data = event().replace(b'"distribution": "0"', b'"distribution": "0", "distribution": "3"')

    (reject,) = events_in(data, "e.json", {})

    assert isinstance(reject, Reject)
    assert [one.rule for one in reject.findings] == ["misp.json"]


def test_what_stands_beside_an_event_is_refused_because_nobody_says_who_it_is_for() -> None:
    (reject,) = events_in(event()[:-1] + b', "Note": [{"distribution": "0"}]}', "e.json", {})

    assert isinstance(reject, Reject)
    assert [one.rule for one in reject.findings] == ["misp.structure"]


def test_one_bad_event_does_not_keep_the_others_out() -> None:
    data = b"[" + event(info="") + b"," + event(info="Good") + b"]"

    first, second = events_in(data, "two.json", {})

    assert isinstance(first, Reject)
    assert (first.where, [one.rule for one in first.findings]) == ("/0", ["misp.info"])
    assert isinstance(second, Draft)
    assert second.title == "Good"


@pytest.mark.parametrize(
    "junk",
    [
        b"[" * 10_000_000,
        b"\xff" * 10_000_000,
        b'{"Event":' * 1_000_000,
        b"[" + b"1," * 5_000_000 + b"1]",
        b"[" + b"{}," * 3_000_000 + b"{}]",
        b'{"Event":{"uuid":"1","Attribute":[' + b"{}," * 3_000_000 + b"{}]}}",
        b'{"response":{"Event":{"uuid":"1","Attribute":[' + b"{}," * 3_000_000 + b"{}]}}}",
        b'{"a":"' + b"x" * 10_000_000 + b'"}',
        b"[" + b'{"Event":{"uuid":1,"b":22222}},' * 300_000 + b"{}]",
    ],
    ids=[
        *("brackets", "bytes", "events in events", "numbers", "empty objects", "empty attributes", "an answer of them"),
        *("one string", "empty events"),
    ],
)
def test_ten_megabytes_of_junk_are_refused_fast_and_in_few_words(junk: bytes) -> None:
    begin = time.process_time()
    told = list(events_in(junk, "junk.json", {}))
    spent = time.process_time() - begin

    assert told
    assert all(isinstance(one, Reject) for one in told)
    assert len(told) <= REJECTS + 1 < EVENTS
    assert spent < 1


def test_depth_below_the_limit_is_read_and_above_it_is_a_finding_not_a_crash() -> None:
    def nested(depth: int) -> bytes:
        return event().replace(b'"A test"', b'"A test", "x": ' + b"[" * depth + b"]" * depth)

    assert isinstance(next(iter(events_in(nested(40), "e.json", {}))), Draft)
    for depth in (100, 5_000):
        assert isinstance(next(iter(events_in(nested(depth), "e.json", {}))), Reject)


def test_findings_end_at_two_hundred_and_an_error_among_them_is_always_told() -> None:
    bad = [attribute("md5", "short", uuid=f"{n}") for n in range(500)]
    data = event(Attribute=[*bad, attribute("ip-dst", [], uuid=uuid(9))])

    findings = check_events(data)
    (reject,) = events_in(data, "e.json", {})

    assert len(findings) == 200
    assert isinstance(reject, Reject)
    assert [one.rule for one in reject.findings] == ["misp.structure"]


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["5", "0", uuid(1)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Attribute", "Object", "Tag", "distribution", "SharingGroup", "value", "type", "uuid", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
_keys = st.sampled_from(
    ["Attribute", "Object", "Tag", "Orgc", "Galaxy", "EventReport", "SharingGroup", "distribution", "timestamp", "date"]
)


@given(st.dictionaries(_keys, _junk, max_size=4))
def test_whatever_stands_in_an_event_it_is_a_draft_or_a_reject(more: dict[str, Any]) -> None:
    make: Callable[..., bytes] = event
    (told,) = events_in(make(**more), "e.json", {"Kuwait": "KWT"})

    if isinstance(told, Reject):
        assert told.findings
        assert all(one.severity is Weight.ERROR for one in told.findings)
    else:
        assert told.aliases == (Alias("misp", uuid(1)),)


def test_what_misp_changes_without_an_edit_is_the_same_version() -> None:
    tree = json.loads((SPECIMENS / "phishing.json").read_bytes())
    before = parse_event(json.dumps(tree).encode(), {}).version
    tree["Event"] |= {"published": False, "publish_timestamp": "1", "RelatedEvent": []}
    published = parse_event(json.dumps(tree).encode(), {}).version
    tree["Event"]["info"] = "Something else"
    edited = parse_event(json.dumps(tree).encode(), {}).version

    assert before == published
    assert before != edited
