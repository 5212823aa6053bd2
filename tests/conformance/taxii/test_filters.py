"""TAXII 2.1, section 3.4: what narrows an answer, and what of it is malformed."""

from __future__ import annotations

import time

import pytest
from taxii_node import Caller, Maker, dates, ids, later, micro, refused, told

READS = ["objects", "manifest"]
TYPES = tuple(
    """
    attack-pattern campaign course-of-action grouping identity indicator infrastructure intrusion-set location malware
    malware-analysis note observed-data opinion report threat-actor tool vulnerability relationship sighting
    marking-definition extension-definition language-content artifact autonomous-system directory domain-name
    email-addr email-message file ipv4-addr ipv6-addr mac-addr mutex network-traffic process software url user-account
    windows-registry-key x509-certificate
    """.split()  # noqa: SIM905 -- a list of words reads better as words
)
both = pytest.mark.parametrize("what", READS)


@both
def test_id_narrows_to_one_object(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4.1, match[id]."""
    one, other = make.envelope(2)
    kuwait.enter("shared", one, other)

    assert ids(told(getattr(kuwait, what)("shared", match_id=one["id"]))) == [one["id"]]


@both
def test_several_ids_are_one_or_the_other(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: values of one field are ORed."""
    pushed = make.envelope(4)
    kuwait.enter("shared", *pushed)
    asked = [pushed[3]["id"], f"indicator--{make.uuid()}", pushed[1]["id"], pushed[1]["id"]]

    assert ids(told(getattr(kuwait, what)("shared", match_id=",".join(asked)))) == [pushed[1]["id"], pushed[3]["id"]]


@both
def test_types_narrow_and_several_are_one_or_the_other(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4.1, match[type]; a type that STIX does not know is a type."""
    beacon, limpet, tide = make.indicator(), make.malware(), make.tide()
    since = kuwait.enter("shared", beacon, limpet, tide)

    def got(types: str) -> list[str]:
        return ids(told(getattr(kuwait, what)("shared", match_type=types, added_after=since)))

    assert [got(types) for types in ("malware", "x-tide-table", "indicator,x-tide-table", "tool", "tool,malware")] == [
        [limpet["id"]],
        [tide["id"]],
        [beacon["id"], tide["id"]],
        [],
        [limpet["id"]],
    ]


@both
def test_different_fields_must_all_hold(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: fields are ANDed."""
    beacon, limpet = make.indicator(), make.malware()
    kuwait.enter("shared", beacon, limpet)
    two = f"{beacon['id']},{limpet['id']}"

    assert ids(told(getattr(kuwait, what)("shared", match_id=two, match_type="malware"))) == [limpet["id"]]
    assert ids(told(getattr(kuwait, what)("shared", match_id=beacon["id"], match_type="malware"))) == []


@pytest.mark.parametrize("type", TYPES)
def test_no_type_of_stix_is_an_error(kuwait: Caller, type: str) -> None:
    """3.4.1: a server MUST NOT fail for an object type of STIX."""
    assert {id.split("--")[0] for id in ids(told(kuwait.objects("shared", match_type=type, limit=3)))} <= {type}


@both
def test_versions_narrow_to_first_last_all_or_one_by_its_value(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4.1, match[version]: last where nothing is said; lists may hold words and values."""
    one, other = make.indicator(), make.malware()
    kuwait.enter("shared", later(one, 3), one, other, later(one, 5))
    first, middle, last = (later(one, day)["modified"] for day in (1, 3, 5))

    def got(version: str | None) -> list[str]:
        said = told(getattr(kuwait, what)("shared", match_id=one["id"], match_version=version))
        return sorted(o.get("modified") or o["version"] for o in said.get("objects", []))

    asked = [None, "last", "first", "all", middle, "first,last", f"{first},{middle}", "2020-01-01T00:00:00.000Z"]
    assert [got(version) for version in asked] == [
        [last],
        [last],
        [first],
        [first, middle, last],
        [middle],
        [first, last],
        [first, middle],
        [],
    ]
    assert [got("all,first"), got(f"last,{last}"), got("2026-03-03T08:00:00Z")] == [
        [first, middle, last],
        [last],
        [middle],
    ]


def test_version_of_what_has_no_times_is_the_date_it_was_added(kuwait: Caller, make: Maker) -> None:
    """3.4.1: `created` where there is no `modified`, the date added where there is neither."""
    plain, dated = make.domain(), make.statement()
    kuwait.enter("shared", plain, dated)
    (added,) = dates(told(kuwait.manifest("shared", match_id=plain["id"])))

    assert ids(told(kuwait.objects("shared", match_version=added))) == [plain["id"]]
    assert told(kuwait.objects("shared", match_id=dated["id"], match_version=dated["created"]))["objects"] == [dated]
    for word in ("first", "last", "all"):
        assert told(kuwait.objects("shared", match_id=plain["id"], match_version=word))["objects"] == [plain]


@both
def test_versions_of_the_specification_narrow(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4.1, match[spec_version]; only STIX 2.1 is here."""
    one = make.indicator()
    kuwait.enter("shared", one)

    def got(spec: str) -> list[str]:
        return ids(told(getattr(kuwait, what)("shared", match_id=one["id"], match_spec_version=spec)))

    assert [got(spec) for spec in ("2.1", "2.0,2.1", "2.0", "2.2")] == [[one["id"]], [one["id"]], [], []]


def test_version_of_the_specification_narrows_one_object_and_its_versions(kuwait: Caller, make: Maker) -> None:
    """5.6 and 5.8, tables of parameters."""
    one = make.indicator()
    kuwait.enter("shared", one)

    assert told(kuwait.object("shared", one["id"], match_spec_version="2.1"))["objects"] == [one]
    assert told(kuwait.versions("shared", one["id"], match_spec_version="2.1"))["versions"] == [one["modified"]]
    assert kuwait.object("shared", one["id"], match_spec_version="2.0").status_code in (200, 404)


@both
def test_observable_without_a_version_of_the_specification_is_of_the_newest(
    kuwait: Caller, make: Maker, what: str
) -> None:
    """STIX 2.1, section 3.2: an observable without `spec_version` is of 2.1; OASIS' own examples hold some."""
    one = make.domain()
    del one["spec_version"]
    kuwait.enter("shared", one)

    assert ids(told(getattr(kuwait, what)("shared", match_id=one["id"], match_spec_version="2.1"))) == [one["id"]]


@both
def test_fields_and_parameters_that_nobody_defined_are_passed_over(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: a server MAY ignore match fields that it does not know."""
    one = make.indicator()
    kuwait.enter("shared", one)

    said = getattr(kuwait, what)("shared", match_id=one["id"], match_colour="blue", wanted="yes")

    assert ids(told(said)) == [one["id"]]


@both
def test_brackets_may_come_as_they_are_or_encoded(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: clients write both; commas too."""
    one, other = make.envelope(2)
    kuwait.enter("shared", one, other)
    path = kuwait.at("shared", what)

    for query in (f"match[id]={one['id']},{other['id']}", f"match%5Bid%5D={one['id']}%2C{other['id']}"):
        assert ids(told(kuwait.ask(f"{path}?{query}"))) == [one["id"], other["id"]]


@both
def test_added_after_leaves_out_the_instant_itself(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: *after*."""
    pushed = make.envelope(3)
    since = kuwait.enter("shared", *pushed)
    first, second, third = dates(told(kuwait.manifest("shared", added_after=since)))

    def got(at: str) -> list[str]:
        return ids(told(getattr(kuwait, what)("shared", added_after=at)))

    every = [one["id"] for one in pushed]
    assert [got(since), got(first), got(second), got(third)] == [every, every[1:], every[2:], []]


@both
@pytest.mark.parametrize("form", ["second", "date", "millis"])
def test_added_after_may_be_written_as_clients_write_it(kuwait: Caller, make: Maker, what: str, form: str) -> None:
    """3.4: OpenCTI's connector sends no fraction, its ingester milliseconds, others a bare date."""
    one = make.indicator()
    since = kuwait.enter("shared", one)
    written = {
        "second": f"{since[:19]}Z",
        "date": since[:10],
        "millis": f"{since[:23]}Z",
    }[form]

    assert one["id"] in ids(told(getattr(kuwait, what)("shared", added_after=written, match_id=one["id"])))


def test_added_after_of_long_ago_is_everything_and_of_tomorrow_nothing(kuwait: Caller, make: Maker) -> None:
    """3.4: EclecticIQ begins at 1970; a date ahead is no error."""
    one = make.indicator()
    kuwait.enter("shared", one)

    for long_ago in ("1970-01-01T00:00:00.000Z", "1970-01-01", "0001-01-01T00:00:00Z"):
        assert ids(told(kuwait.objects("shared", added_after=long_ago, match_id=one["id"]))) == [one["id"]]
    for ahead in ("2999-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999999Z"):
        assert told(kuwait.objects("shared", added_after=ahead)) in ({}, {"more": False})


MALFORMED = [
    ("limit", "0"),
    ("limit", "-1"),
    ("limit", "abc"),
    ("limit", "1.5"),
    ("limit", ""),
    ("limit", "1e3"),
    ("limit", "\u0661"),
    ("added_after", ""),
    ("added_after", "yesterday"),
    ("added_after", "2026-13-01T00:00:00Z"),
    ("added_after", "2026-02-30T00:00:00Z"),
    ("added_after", "2026-03-01T25:00:00Z"),
    ("added_after", "1772352000"),
    ("next", "nothing-we-gave"),
    ("next", "a" * 5000),
    ("next", "\u2028"),
    ("match[version]", "newest"),
    ("match[version]", "2026-13-45T00:00:00Z"),
]


@both
@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_malformed_parameter_is_refused(kuwait: Caller, what: str, name: str, value: str) -> None:
    """3.4: 400 for any parameter that is malformed."""
    refused(kuwait.ask(kuwait.at("shared", what), params={name: value}), 400)


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_malformed_parameter_is_refused_at_one_object_too(kuwait: Caller, make: Maker, name: str, value: str) -> None:
    """3.4, 5.6 and 5.8: what an object's endpoints take is checked there as well."""
    one = make.indicator()
    kuwait.enter("shared", one)

    refused(kuwait.ask(kuwait.at("shared", "objects", one["id"]), params={name: value}), 400)
    if name != "match[version]":
        refused(kuwait.ask(kuwait.at("shared", "objects", one["id"], "versions"), params={name: value}), 400)


@both
@pytest.mark.parametrize("value", ["\x00", "' OR 1=1 --", "indicator--*", "%", "a" * 6000, "\u202e"])
def test_hostile_values_match_nothing_and_break_nothing(kuwait: Caller, what: str, value: str) -> None:
    """3.4: 400, or nothing found."""
    for field in ("match[id]", "match[type]", "match[spec_version]"):
        answer = kuwait.ask(kuwait.at("shared", what), params={field: value})

        if answer.status_code == 200:
            assert ids(told(answer)) == []
        else:
            refused(answer, 400, 414)


def test_thousands_of_values_are_answered_or_refused_at_once(kuwait: Caller, make: Maker) -> None:
    """3.4: a client that names everything it knows."""
    one = make.indicator()
    kuwait.enter("shared", one)
    asked = ",".join([*(f"indicator--{make.uuid()}" for _ in range(500)), one["id"]])

    answer = kuwait.objects("shared", match_id=asked)

    if answer.status_code == 200:
        assert ids(told(answer)) == [one["id"]]
    else:
        refused(answer, 400, 414)
    assert answer.elapsed.total_seconds() < 5


def test_dates_added_are_never_ahead_of_the_clock(kuwait: Caller, make: Maker) -> None:
    """3.4: a date in the future stalls every poller until then (seen at another server)."""
    kuwait.enter("shared", *make.envelope(60))
    said = told(kuwait.manifest("shared", added_after="2026-01-01"))

    assert max(map(micro, dates(said))) <= time.time_ns() // 1000
