"""What of an event is for fewer readers: how it is cut, and that an edition tells nothing of what it leaves out."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymisp import MISPEvent

from diwan.desks.cyber.kinds.misp import Claims, Cut, Group, Org, cuts, every_attribute
from diwan.desks.cyber.parse.misp import edition, event_of, parse_event
from diwan.terms.errors import Malformed, NotAllowed
from diwan.terms.item import Alias

SPECIMENS = Path(__file__).parents[2] / "specimens" / "misp"
WHOLE = (SPECIMENS / "phishing.json").read_bytes()
NARROWER = (SPECIMENS / "narrower.json").read_bytes()
IDENT = "ab" * 16
NAME = "abababab-abab-4bab-abab-abababababab"
MARKS = ("PAP:GREEN", "tlp:amber")
INNER = Group(
    "5f0c0046-7a11-4c3e-9b1d-000000000046",
    "Inner circle",
    (
        Org("Harbour Watch", "5f0c0050-7a11-4c3e-9b1d-000000000050"),
        Org("Second CERT", "5f0c0052-7a11-4c3e-9b1d-000000000052"),
    ),
    "6",
)


def changed(**more: Any) -> bytes:
    tree = json.loads(WHOLE)
    tree["Event"] |= more
    return json.dumps(tree).encode()


def test_an_event_without_narrower_parts_goes_whole_to_whom_it_says() -> None:
    assert cuts(event_of(WHOLE)) == [Cut(whole=True, claims=(Claims(1, None, MARKS),))]


def test_an_event_with_narrower_parts_goes_whole_to_the_fewest_and_as_an_edition_to_the_others() -> None:
    assert cuts(event_of(NARROWER)) == [
        Cut(whole=True, claims=(Claims(1, None, MARKS), Claims(0), Claims(4, INNER))),
        Cut(whole=False, claims=(Claims(1, None, MARKS),)),
    ]


def test_an_edition_keeps_what_is_for_all_and_has_its_own_name() -> None:
    draft = edition(parse_event(NARROWER, {}), IDENT)

    assert draft.aliases == (Alias("misp", NAME),)
    assert draft.links == ()
    assert draft.values == (
        "ipv4:192.0.2.17",
        "url:http://login.example.com/track?id=7",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cve:CVE-2023-1234",
        "filename:invoice-2023.pdf.exe",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
    )
    assert cuts(event_of(draft.parts[0].data)) == [Cut(whole=True, claims=(Claims(1, None, MARKS),))]


@pytest.mark.parametrize(
    "told",
    [
        "5f0c0002-7a11",  # the whole event's name
        "5f0c000b-7a11",  # the hidden attribute, also as a reference and in a report
        "192.0.2.18",  # its value, also in a comment that is for all
        "billing@example.net",
        "Inner circle",
        "informant-7",  # a tag that was not to leave its instance
        "RelatedEvent",
        "5f0c0001-7a11",  # the event it correlates with
        "analyst@example.org",
        "1700000400",  # the last edit, that of a hidden part
        "9010",  # local numbers, whose gaps would count what is missing
        '"id"',
        '"9"',  # the number of attributes before
    ],
)
def test_an_edition_tells_nothing_of_what_it_leaves_out(told: str) -> None:
    data = edition(parse_event(NARROWER, {}), IDENT).parts[0].data

    assert told in NARROWER.decode()
    assert told not in data.decode()


def test_counts_and_times_of_an_edition_are_those_of_what_is_left() -> None:
    made = json.loads(edition(parse_event(NARROWER, {}), IDENT).parts[0].data)["Event"]

    assert (made["attribute_count"], made["timestamp"], made["publish_timestamp"]) == ("6", "1700000350", "1700000350")
    assert [one["name"] for one in made["EventReport"]] == ["What the port saw"]


def test_pymisp_reads_an_edition() -> None:
    oracle = MISPEvent()
    oracle.load(edition(parse_event(NARROWER, {}), IDENT).parts[0].data)

    assert (oracle.uuid, oracle.info) == (NAME, "Phishing with an informant")
    assert [one.value for one in oracle.attributes] == [
        "192.0.2.17",
        "http://login.example.com/track?id=7",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "CVE-2023-1234",
    ]
    assert [one.distribution for one in oracle.attributes] == [5, 5, 5, 5]


def test_the_edition_of_an_event_that_extends_another_does_not_say_so() -> None:
    draft = edition(parse_event(WHOLE, {}), IDENT)

    assert "5f0c005a-7a11" in WHOLE.decode()
    assert "5f0c005a-7a11" not in draft.parts[0].data.decode()
    assert draft.links == ()


def test_no_source_of_a_sighting_and_no_description_repeats_what_an_edition_leaves_out() -> None:
    tree = json.loads(WHOLE)
    event = tree["Event"]
    hidden = event["Attribute"][0] | {"distribution": "0", "type": "other", "value": "left-out-value", "Sighting": []}
    seen = [{"uuid": "5f0c0059-7a11-4c3e-9b1d-000000000059", "type": "0", "source": "as told of left-out-value"}]
    kept = event["Attribute"][1] | {"Sighting": seen}
    event |= {"distribution": "1", "Attribute": [hidden, kept]}
    event["Object"][0]["description"] = "goes with left-out-value"

    text = edition(parse_event(json.dumps(tree).encode(), {}), IDENT).parts[0].data.decode()

    assert text.count('"Sighting":[{"uuid":') == 1
    assert "left-out-value" not in text


def test_an_event_whose_title_tells_of_a_hidden_part_has_no_edition() -> None:
    tree = json.loads(NARROWER)
    tree["Event"]["info"] = "Mails from Billing@example.net"

    with pytest.raises(NotAllowed, match="title tells"):
        edition(parse_event(json.dumps(tree).encode(), {}), IDENT)


def test_equal_input_gives_the_same_edition_byte_for_byte() -> None:
    assert edition(parse_event(NARROWER, {}), IDENT) == edition(parse_event(NARROWER, {}), IDENT)


@pytest.mark.parametrize("whole", [WHOLE, NARROWER])
def test_an_edition_has_uuids_of_its_own_which_misp_takes_beside_those_of_the_whole(whole: bytes) -> None:
    made = json.loads(edition(parse_event(whole, {}), IDENT).parts[0].data)["Event"]

    def parts(event: dict[str, Any]) -> list[dict[str, Any]]:
        objects = event.get("Object", [])
        return [*event["Attribute"], *objects, *(one for held in objects for one in held["Attribute"])]

    own, theirs = ({one["uuid"] for one in parts(event)} for event in (made, json.loads(whole)["Event"]))
    drawn = [one for held in made["Object"] for one in held.get("ObjectReference", ())]

    assert own
    assert own.isdisjoint(theirs)
    assert {UUID(one["referenced_uuid"]) for one in drawn} <= set(map(UUID, own))
    assert UUID(made["uuid"]).version == 4


@pytest.mark.parametrize(
    ("more", "apart"),
    [
        ({"Note": [{"note": "an opinion", "distribution": "0"}]}, (Claims(0),)),
        ({"Unheard": {"of": [{"distribution": 0, "x": 1}]}}, (Claims(0),)),
        ({"Unheard": [{"distribution": "wide"}]}, (Claims(0),)),
        ({"Unheard": [{"distribution": 3}]}, ()),
        ({"EventTag": [{"Tag": {"name": "tlp:red"}}]}, (Claims(5, tags=("tlp:red",)),)),
        ({"RelatedEvent": [{"Event": {"info": "another", "distribution": "0"}}]}, (Claims(0),)),
        ({"Galaxy": [{"name": "Actor", "GalaxyCluster": [{"value": "X", "distribution": "0"}]}]}, (Claims(0),)),
        ({"Tag": [{"name": "tlp:amber"}, {"name": "PAP:GREEN"}, {"name": "case:1", "local": True}]}, (Claims(0),)),
        # As MISP writes its own organisation, which is no tag.
        ({"Org": {"name": "Example CERT", "uuid": "5f0c0051-7a11-4c3e-9b1d-000000000051", "local": True}}, ()),
    ],
)
def test_whatever_has_a_distribution_counts_known_here_or_not(more: dict[str, Any], apart: tuple[Claims, ...]) -> None:
    data = changed(**more)

    assert event_of(data).apart == apart
    assert "Unheard" not in edition(parse_event(data, {}), IDENT).parts[0].data.decode()


def test_an_event_with_very_many_audiences_goes_whole_to_its_originator_alone() -> None:
    one = json.loads(WHOLE)["Event"]["Attribute"][0]
    many = [
        one
        | {"distribution": "4", "sharing_group_id": str(n), "uuid": f"00000000-0000-4000-8000-{n:012}", "Sighting": []}
        for n in range(1, 100)
    ]

    assert event_of(changed(Attribute=many)).apart == (Claims(0),)


def test_sightings_of_a_hidden_attribute_say_that_they_are_apart() -> None:
    tree = json.loads(WHOLE)
    tree["Event"]["Attribute"][0]["distribution"] = "0"
    event = event_of(json.dumps(tree).encode())

    assert [one.apart for one in next(every_attribute(event)).sightings] == [True, True]


@given(
    st.lists(st.sampled_from(["5", "0", "1", "2", "3", "4", None]), min_size=9, max_size=9), st.sampled_from("01234")
)
def test_no_value_of_a_narrower_attribute_is_in_any_edition(levels: list[str | None], event_level: str) -> None:
    tree = json.loads(WHOLE)
    tree["Event"] |= {"distribution": event_level, "EventReport": [], "sharing_group_id": "6"}
    attributes = [*tree["Event"]["Attribute"], *tree["Event"]["Object"][0]["Attribute"]]
    for number, (one, level) in enumerate(zip(attributes, levels, strict=True)):
        one |= {"distribution": level, "sharing_group_id": "7", "type": "other", "value": f"value-{number}-end"}
    draft = parse_event(json.dumps(tree).encode(), {})

    event = event_of(draft.parts[0].data)
    text = edition(draft, IDENT).parts[0].data.decode()

    for one in every_attribute(event):
        assert (one.value in text) is not one.apart
    assert bool(event.apart) is any(one.apart for one in every_attribute(event))


def test_an_edition_says_of_every_organisation_of_its_group_that_it_may_not_extend_it_where_nothing_is_said() -> None:
    orgs = [{"Organisation": {"name": "Harbour Watch"}}, {"extend": True, "Organisation": {"name": "Second CERT"}}]
    group = {"uuid": "5f0c0046-7a11-4c3e-9b1d-000000000046", "name": "Inner circle", "SharingGroupOrg": orgs}
    narrow = json.loads(NARROWER)["Event"] | {"distribution": "4", "sharing_group_id": "6", "SharingGroup": group}

    made = json.loads(edition(parse_event(json.dumps(narrow).encode(), {}), IDENT).parts[0].data)["Event"]

    assert made["SharingGroup"]["SharingGroupOrg"] == [{"extend": False} | orgs[0], orgs[1]]
    for junk in (None, "x", [], ["x", None], {"a": 1}):
        group["SharingGroupOrg"] = junk
        with suppress(Malformed):
            edition(parse_event(json.dumps(narrow).encode(), {}), IDENT)


def test_a_large_event_is_read_and_cut_in_time() -> None:
    one = json.loads(WHOLE)["Event"]["Attribute"][0]
    many = [
        one | {"uuid": f"00000000-0000-4000-8000-{n:012}", "value": f"192.0.{n % 250}.{n // 250}", "Sighting": []}
        for n in range(5_000)
    ]
    for hidden in many[::2]:
        hidden["distribution"] = "0"
        hidden["comment"] = "secret " * 10
    data = changed(Attribute=many)

    made = msgspec.json.decode(edition(parse_event(data, {}), IDENT).parts[0].data)

    assert len(made["Event"]["Attribute"]) == 2_500
