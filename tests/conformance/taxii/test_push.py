"""TAXII 2.1, sections 5.5 and 4.3: adding objects, and the status of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from taxii_node import (
    LARGEST,
    MEDIA,
    SHELVES,
    STAMP,
    UNKNOWN,
    UUID4,
    Caller,
    Json,
    Maker,
    dates,
    ids,
    later,
    refused,
    told,
)


def envelope(*objects: object) -> bytes:
    return json.dumps({"objects": objects}).encode()


def check_status(status: Json) -> None:
    """Hold a status against the table of its clause, as taxii2-client does; 4.3.1."""
    lists = {"successes": "success_count", "failures": "failure_count", "pendings": "pending_count"}
    counts = [status["success_count"], status["failure_count"], status["pending_count"]]
    assert {"id", "status", "total_count", "success_count", "failure_count", "pending_count"} <= status.keys()
    assert status.keys() <= {*lists, *lists.values(), "id", "status", "total_count", "request_timestamp"}
    assert UUID4.fullmatch(status["id"])
    assert status["status"] in ("complete", "pending")
    assert STAMP.fullmatch(status["request_timestamp"])
    assert [type(count) for count in counts] == [int, int, int]
    assert sum(counts) == status["total_count"]
    for name, count in lists.items():
        if name in status:
            assert 0 < len(status[name]) == status[count], "no empty list, and as many as counted"
            assert all({"id", "version"} <= one.keys() <= {"id", "version", "message"} for one in status[name])


def named(one: Json) -> Json:
    return {"id": one["id"], "version": one["modified"]}


def test_pushing_is_accepted_with_a_status(kuwait: Caller, make: Maker) -> None:
    """5.5: 202 with a status resource; 4.3.1 for what is in it."""
    one, other = make.envelope(2)

    status = told(kuwait.post("shared", envelope(one, other)), 202)

    check_status(status)
    assert status["total_count"] == 2
    assert kuwait.push("shared", [one])["status"] == "complete"


def test_status_names_every_object_with_its_version(kuwait: Caller, make: Maker) -> None:
    """4.3.2: `id` and `version` of each."""
    one, plain, dated = make.indicator(), make.domain(), make.statement()

    status = kuwait.push("shared", [one, plain, dated])

    check_status(status)
    (added,) = dates(told(kuwait.manifest("shared", match_id=plain["id"])))
    assert {said["id"]: said["version"] for said in status["successes"]} == {
        one["id"]: one["modified"],
        plain["id"]: added,
        dated["id"]: dated["created"],
    }


def test_status_may_be_asked_for_again(kuwait: Caller, make: Maker) -> None:
    """4.3: kept for a day; the same answer."""
    status = kuwait.push("shared", [make.indicator(), make.indicator(pattern_type=7)])

    for _ in range(2):
        assert told(kuwait.ask(f"{kuwait.root}status/{status['id']}/")) == status


@pytest.mark.parametrize("id", [UNKNOWN, "nothing", "%00", "a" * 3000])
def test_status_that_is_not_there_is_not_found(kuwait: Caller, id: str) -> None:
    """4.3: 404."""
    refused(kuwait.ask(f"{kuwait.root}status/{id}/"), 404)


def test_status_of_another_caller_is_not_found(kuwait: Caller, qatar: Caller, reads: Caller, make: Maker) -> None:
    """4.3 with 8.2.2: what somebody pushed is theirs to follow."""
    status = kuwait.push("ours", [make.indicator()])

    for other in (qatar, reads):
        refused(other.ask(f"{other.root}status/{status['id']}/"), 404)


def test_status_is_under_the_root_it_was_given_at(taxii: Any, kuwait: Caller, make: Maker) -> None:
    """4.3: `{api-root}/status/{id}/`."""
    status = kuwait.push("shared", [make.indicator()])

    refused(kuwait.ask(f"{taxii.exercise}status/{status['id']}/"), 404)


def test_the_same_object_pushed_again_is_no_failure_and_is_not_there_twice(kuwait: Caller, make: Maker) -> None:
    """5.5: an object of the same id and version is not added again, and it is no error."""
    pushed = [make.indicator(), make.domain(), make.statement(), make.tide()]
    since = kuwait.enter("shared", *pushed)
    before = told(kuwait.manifest("shared", added_after=since, match_version="all"))

    status = kuwait.push("shared", pushed)

    check_status(status)
    assert (status["success_count"], status["failure_count"]) == (4, 0)
    assert told(kuwait.manifest("shared", added_after=since, match_version="all")) == before


def test_the_same_object_twice_in_one_envelope_is_there_once(kuwait: Caller, make: Maker) -> None:
    """5.5: nor within one message."""
    one, plain = make.indicator(), make.domain()

    status = kuwait.push("shared", [one, plain, one, plain])

    check_status(status)
    assert (status["total_count"], status["failure_count"]) == (4, 0)
    for id in (one["id"], plain["id"]):
        assert ids(told(kuwait.manifest("shared", match_id=id, match_version="all"))) == [id]


def test_changed_content_under_the_same_id_and_version_is_refused_by_name(kuwait: Caller, make: Maker) -> None:
    """5.5 and STIX 2.1, section 3.6.2: a change without a new version is none; what came first stays."""
    first, good, after = make.indicator(), make.indicator(), make.indicator()
    kuwait.enter("shared", first)

    status = kuwait.push("shared", [good, {**first, "name": "Changed"}, after])

    check_status(status)
    assert status["successes"] == [named(good), named(after)]
    assert [{key: one[key] for key in ("id", "version")} for one in status["failures"]] == [named(first)]
    assert status["failures"][0]["message"].strip()
    assert told(kuwait.object("shared", first["id"], match_version="all"))["objects"] == [first]
    assert ids(told(kuwait.objects("shared", match_id=f"{good['id']},{after['id']}"))) == [good["id"], after["id"]]


def test_of_very_many_refusals_each_is_named_and_only_of_the_first_it_is_told_why(kuwait: Caller) -> None:
    """4.3.2: `message` is optional; a status of what is not even an object of STIX must not be many times its size."""
    pushed = envelope(*({"junk": f"{number:08}"} for number in range(3_000)))

    status = told(kuwait.post("shared", pushed), 202)

    check_status(status)
    assert (status["failure_count"], len({one["id"] for one in status["failures"]})) == (3_000, 3_000)
    assert ["message" in one for one in status["failures"]] == [True] * 1_000 + [False] * 2_000


def test_two_contents_of_one_version_in_one_envelope_are_one_that_went_in_and_one_that_did_not(
    kuwait: Caller, make: Maker
) -> None:
    """5.5: the same rule within one message."""
    one = make.indicator()

    status = kuwait.push("shared", [one, {**one, "name": "Changed"}])

    check_status(status)
    assert (status["success_count"], status["failure_count"]) == (1, 1)
    assert told(kuwait.object("shared", one["id"], match_version="all"))["objects"] == [one]


def test_versions_of_one_object_in_one_envelope_all_go_in(kuwait: Caller, make: Maker) -> None:
    """5.5 with 5.8: in whatever order."""
    one = make.indicator()
    kuwait.enter("shared", later(one, 6), one, later(one, 3))

    assert told(kuwait.object("shared", one["id"]))["objects"] == [later(one, 6)]
    assert len(told(kuwait.versions("shared", one["id"]))["versions"]) == 3


def test_older_version_pushed_later_is_kept_and_does_not_become_the_newest(kuwait: Caller, make: Maker) -> None:
    """3.4.1: last by version, not by when it came."""
    one = make.indicator()
    kuwait.enter("shared", later(one, 6))
    kuwait.enter("shared", later(one, 2))

    assert told(kuwait.object("shared", one["id"]))["objects"] == [later(one, 6)]
    assert told(kuwait.object("shared", one["id"], match_version="first"))["objects"] == [later(one, 2)]


def test_object_that_is_not_stix_fails_alone_and_the_others_go_in(kuwait: Caller, make: Maker) -> None:
    """4.3.1: `failures`; what is sound is kept."""
    good, after = make.envelope(2)
    bad = [
        make.indicator(pattern_type=7),
        make.indicator(created="yesterday"),
        {name: value for name, value in make.indicator().items() if name != "pattern"},
        make.malware(is_family="no"),
    ]

    status = kuwait.push("shared", [good, *bad, after])

    check_status(status)
    assert [one["id"] for one in status["failures"]] == [one["id"] for one in bad]
    assert all(one["message"].strip() for one in status["failures"])
    assert status["successes"] == [named(good), named(after)]
    found = told(kuwait.objects("shared", match_id=",".join(one["id"] for one in [good, *bad, after])))
    assert found["objects"] == [good, after]


def test_object_without_an_id_fails_under_its_place_in_the_envelope(kuwait: Caller, make: Maker) -> None:
    """4.3.1: `id` is required; what has none of its own may be told by any value. 4.3: every failure is counted."""
    good = make.indicator()
    nameless = {name: value for name, value in make.indicator().items() if name != "id"}
    bad = [nameless, nameless, {**nameless, "id": ""}, {**nameless, "id": 7}, {**nameless, "id": None}]

    status = told(kuwait.post("shared", envelope(good, *bad)), 202)

    check_status(status)
    assert status["successes"] == [named(good)]
    assert [one["id"] for one in status["failures"]] == [f"/objects/{place}" for place in range(1, 6)]
    assert all(STAMP.fullmatch(one["version"]) or one["version"] == good["modified"] for one in status["failures"])
    assert all(one["message"].strip() for one in status["failures"])


def test_message_of_a_failure_cannot_turn_a_terminal(kuwait: Caller, make: Maker) -> None:
    """4.3.2: people read `message`; nothing of an object's control or bidirectional characters comes back in it."""
    bad = make.indicator(pattern_type="\u202e\x1b[31m", **{"x\u202e\x07": 1})

    status = kuwait.push("shared", [bad])

    assert status["failure_count"] in (0, 1)
    for one in status.get("failures", []):
        assert one["message"].isprintable()
        assert not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in one["message"])


def test_thousand_failures_are_counted_and_bounded(kuwait: Caller, make: Maker) -> None:
    """4.3.1: counts and lists agree however many there are."""
    bad = [{"type": "malware", "id": f"malware--{make.uuid()}"} for _ in range(1000)]

    status = kuwait.push("shared", bad)

    check_status(status)
    assert (status["failure_count"], status["success_count"]) == (1000, 0)


def test_types_that_stix_does_not_know_go_in(kuwait: Caller, make: Maker) -> None:
    """5.5 with STIX 2.1, section 11: custom objects, custom properties, extensions."""
    tide = make.tide(x_deep={"list": [1, {"a": None}]})
    beacon = make.indicator(
        x_colour="blue",
        extensions={f"extension-definition--{make.uuid()}": {"extension_type": "property-extension", "depth": 1}},
    )

    kuwait.enter("shared", tide, beacon)

    assert told(kuwait.objects("shared", match_id=f"{tide['id']},{beacon['id']}"))["objects"] == [tide, beacon]


def test_empty_envelope_enters_nothing(kuwait: Caller) -> None:
    """3.7 and 5.5: no objects, no error or a refusal; never a failure of the server."""
    for body in (b"{}", b'{"objects": []}', b'{"more": false}'):
        answer = kuwait.post("shared", body)
        if answer.status_code == 202:
            check_status(told(answer, 202))
        else:
            refused(answer, 400, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"[]",
        b'"objects"',
        b"null",
        b'{"objects": {}}',
        b'{"objects": "a"}',
        b'{"objects": [1, "a", null]}',
        b'{"objects": [',
        b'{"objects": []} {}',
        b'\xff\xfe{"objects": []}',
        b'{"objects": [{"name": "\xff"}]}',
        b'{"objects": [{"name": "\\ud800"}]}',
        b'{"objects": [{"name": NaN}]}',
        b'{"objects": ' + b"[" * 100_000,
        b'{"objects": [' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"]}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_body_that_is_not_an_envelope_is_refused(kuwait: Caller, body: bytes) -> None:
    """5.5: 400 for what cannot be read, 422 for what can be read and not be understood."""
    answer = kuwait.post("shared", body)

    assert answer.elapsed.total_seconds() < 2
    refused(answer, 400, 422)


def test_object_too_deep_harms_no_other(kuwait: Caller, make: Maker) -> None:
    """5.5: refused alone or with the envelope; never a failure of the server."""
    deep: Any = 1
    for _ in range(400):
        deep = {"a": deep}
    good = make.indicator()

    answer = kuwait.post("shared", envelope(good, make.tide(x_deep=deep)))

    if answer.status_code == 202:
        check_status(told(answer, 202))
    else:
        refused(answer, 400, 422)


def padded(make: Maker, size: int) -> bytes:
    """Return an envelope of one object that is `size` bytes long."""
    body = envelope(make.indicator(description=""))
    return body.replace(b'"description": ""', b'"description": "' + b"a" * (size - len(body)) + b'"')


def test_body_of_exactly_the_largest_size_is_not_too_large(kuwait: Caller, make: Maker) -> None:
    """4.2.1: smaller than or equal to `max_content_length` is never 413; MISP fills envelopes up to it."""
    assert told(kuwait.ask(kuwait.root))["max_content_length"] == LARGEST
    for size in (LARGEST - 1, LARGEST):
        body = padded(make, size)
        assert len(body) == size
        assert told(kuwait.post("shared", body), 202)["failure_count"] == 0


@pytest.mark.parametrize("size", [LARGEST + 1, LARGEST * 3, 12_000_000])
def test_larger_body_is_too_large(kuwait: Caller, make: Maker, size: int) -> None:
    """5.5: 413, whether the size is announced or not; nothing is entered."""
    body = padded(make, size)
    id = json.loads(body)["objects"][0]["id"]

    refused(kuwait.post("shared", body), 413)
    chunks = (body[at : at + 65536] for at in range(0, len(body), 65536))
    refused(kuwait.ask(kuwait.at("shared", "objects"), "POST", content=chunks, headers={"Content-Type": MEDIA}), 413)
    assert ids(told(kuwait.objects("shared", match_id=id))) == []


def test_size_is_of_the_body_and_not_of_what_is_packed_in_it(kuwait: Caller, make: Maker) -> None:
    """4.2.1 and RFC 9110, section 8.4: a packed body is refused, or unpacked within the same bounds."""
    bomb = gzip.compress(padded(make, 12_000_000))
    headers = {"Content-Type": MEDIA, "Content-Encoding": "gzip"}

    refused(kuwait.ask(kuwait.at("shared", "objects"), "POST", content=bomb, headers=headers), 400, 413, 415)


@pytest.mark.parametrize(
    "media",
    [
        "application/taxii+json",
        "application/taxii+json;version=2.1",
        "application/taxii+json; version=2.1",
        'application/taxii+json; version="2.1"',
        "Application/TAXII+json;Version=2.1",
        "application/taxii+json;version=2.1;charset=utf-8",
    ],
)
def test_body_of_taxii_is_taken_however_it_is_said(kuwait: Caller, make: Maker, media: str) -> None:
    """1.6.8 and RFC 9110, section 8.3.1: without a version, with spaces, quoted, in any case of letters."""
    assert told(kuwait.post("shared", envelope(make.indicator()), media), 202)["failure_count"] == 0


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/taxii+json;version=2.0",
        "application/taxii+json;version=1.1",
        "application/vnd.oasis.taxii+json;version=2.0",
        "application/stix+json;version=2.1",
        "nothing",
        "application/taxii+json;version=2.1, text/plain",
    ],
)
def test_body_of_another_type_is_refused(kuwait: Caller, make: Maker, media: str) -> None:
    """5.5: 415; nothing is entered."""
    one = make.indicator()

    refused(kuwait.post("shared", envelope(one), media), 415)
    assert ids(told(kuwait.objects("shared", match_id=one["id"]))) == []


def test_body_of_no_type_is_refused(kuwait: Caller, make: Maker) -> None:
    """5.5: `Content-Type` is part of the request."""
    refused(kuwait.post("shared", envelope(make.indicator()), None), 400, 415)


def test_collection_that_takes_nothing_refuses(kuwait: Caller, make: Maker) -> None:
    """5.5: 403 or 404 where `can_write` is false."""
    one = make.indicator()

    refused(kuwait.post("closed", envelope(one)), 403)
    assert ids(told(kuwait.objects("closed", match_id=one["id"]))) == []


def test_account_without_a_role_is_refused(reads: Caller, kuwait: Caller, make: Maker) -> None:
    """5.5: 403 or 404 where `can_write` is false for this caller."""
    one = make.indicator()

    for shelf in ("shared", "ours", "closed"):
        refused(reads.post(shelf, envelope(one)), 403)
    assert ids(told(kuwait.objects("shared", match_id=one["id"]))) == []


def test_pushing_to_what_is_not_there_and_to_what_is_not_released_are_the_same_answer(
    qatar: Caller, kuwait: Caller, make: Maker
) -> None:
    """5.5: 404."""
    hidden, unknown = (qatar.post(shelf, envelope(make.indicator())) for shelf in ("hidden", UNKNOWN))

    refused(unknown, 404)
    assert (hidden.status_code, hidden.text) == (404, unknown.text)
    kuwait.enter("hidden", make.indicator())


@pytest.mark.parametrize("name", ["Beacon", "Said otherwise"])
def test_what_two_parties_say_of_one_version_is_each_told_at_a_date_of_its_own(
    kuwait: Caller, qatar: Caller, make: Maker, name: str
) -> None:
    """5.5: no party hides what another says by having said it first; 5.8: the version is named once."""
    one, between = make.indicator(), make.malware()
    other = {**one, "name": name}
    since = kuwait.enter("shared", one, between)

    status = qatar.push("shared", [other])

    check_status(status)
    assert status["successes"] == [named(other)]
    for asking in (kuwait, qatar):
        for version in ("all", "last", "first", one["modified"]):
            asked = {"added_after": since, "match_version": version}
            assert told(asking.objects("shared", **asked))["objects"] == [one, between, other]
            listed = told(asking.manifest("shared", **asked))
            assert ids(listed) == [one["id"], between["id"], one["id"]]
            assert dates(listed) == sorted(set(dates(listed)))
        assert told(asking.object("shared", one["id"]))["objects"] == [one, other]
        assert told(asking.versions("shared", one["id"]))["versions"] == [one["modified"]]


def test_pushed_into_the_exercise_is_seen_in_the_exercise_alone(taxii: Any, kuwait: Caller, make: Maker) -> None:
    """5.5: under one API root."""
    playing = taxii.caller("kuwait", root=taxii.exercise)
    one = make.indicator()
    playing.enter("exercise", one)

    assert ids(told(playing.objects("exercise", match_id=one["id"]))) == [one["id"]]
    for shelf in SHELVES:
        if shelf not in ("exercise",):
            assert ids(told(kuwait.objects(shelf, match_id=one["id"]))) == []


def test_status_says_nothing_of_who_else_can_read(
    kuwait: Caller, qatar: Caller, make: Maker, caller: Callable[[str], Caller]
) -> None:
    """5.5 with 8.2.2: pushing what somebody keeps to itself already answers as if it were new."""
    one = make.indicator()
    kuwait.enter("ours", one)
    assert ids(told(qatar.objects("shared", match_id=one["id"]))) == []

    same, changed = qatar.push("shared", [one]), qatar.push("shared", [{**make.indicator(), "name": "Other"}])

    assert (same["success_count"], same["failure_count"]) == (1, 0)
    assert changed["failure_count"] == 0
    assert told(qatar.objects("shared", match_id=one["id"]))["objects"] == [one]


def test_changed_content_of_what_is_hidden_is_taken(kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """5.5 with 8.2.2: a conflict with what the caller cannot see would tell of it."""
    one = make.indicator()
    kuwait.enter("ours", one)

    status = qatar.push("shared", [{**one, "name": "Seen by another"}])

    assert (status["success_count"], status["failure_count"]) == (1, 0)
    assert told(qatar.object("shared", one["id"]))["objects"] == [{**one, "name": "Seen by another"}]
