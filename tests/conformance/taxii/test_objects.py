"""TAXII 2.1, sections 5.3, 5.4, 5.6 and 5.8: the manifest, the objects, one object and its versions."""

from __future__ import annotations

import json

import pytest
from taxii_node import MEDIA, STAMP, STIX, Caller, Maker, dates, first_last, ids, later, refused, told


def test_what_is_pushed_comes_back_as_it_was(kuwait: Caller, make: Maker) -> None:
    """5.4 and 3.7: objects in an envelope."""
    pushed = [make.indicator(), make.malware(), make.domain(), make.statement(), make.tide()]
    since = kuwait.enter("shared", *pushed)

    assert told(kuwait.objects("shared", added_after=since)) in (
        {"objects": pushed},
        {"more": False, "objects": pushed},
    )


def test_bytes_of_an_object_are_kept_as_they_came(kuwait: Caller, make: Maker) -> None:
    """3.7: an object is served, not rewritten: order, spaces, escapes and numbers stay, or signatures over it break."""
    text = json.dumps(make.tide(x_height=0)).replace(
        '"x_height": 0', '"x_height" :  1.50e+2, "x_text": "\\u00e9\\/\\ud83c\\udf0a"'
    )
    assert told(kuwait.post("shared", f'{{"objects": [{text}]}}'.encode()), 202)["status"] in ("complete", "pending")

    answer = kuwait.objects("shared", match_id=json.loads(text)["id"])

    assert ids(told(answer)) == [json.loads(text)["id"]]
    assert text.encode() in answer.content


def test_envelope_has_the_fields_of_the_clause_and_no_other(kuwait: Caller, make: Maker) -> None:
    """3.7: `more`, `next`, `objects`."""
    since = kuwait.enter("shared", *make.envelope(4))

    whole = told(kuwait.objects("shared", added_after=since))
    part = told(kuwait.objects("shared", added_after=since, limit=3))

    assert {"objects"} <= whole.keys() <= {"more", "objects"}
    assert whole.get("more", False) is False
    assert part.keys() == {"more", "next", "objects"}
    assert part["more"] is True


@pytest.mark.parametrize("what", ["objects", "manifest"])
def test_nothing_is_an_envelope_without_objects_and_without_dates(kuwait: Caller, make: Maker, what: str) -> None:
    """3.7 and 5.3.1: no empty list (clause 2); a header without a date broke EclecticIQ."""
    answer = getattr(kuwait, what)("shared", match_id=f"indicator--{make.uuid()}")

    assert told(answer) in ({}, {"more": False})
    assert first_last(answer) == (None, None)


@pytest.mark.parametrize("what", ["objects", "manifest"])
def test_headers_give_the_first_and_the_last_date_of_the_page(kuwait: Caller, make: Maker, what: str) -> None:
    """3.2: X-TAXII-Date-Added-First and -Last, equal to the manifest's dates."""
    since = kuwait.enter("shared", *make.envelope(5))
    added = dates(told(kuwait.manifest("shared", added_after=since)))

    whole, part = (getattr(kuwait, what)("shared", added_after=since, limit=limit) for limit in (100, 2))

    assert first_last(whole) == (added[0], added[4])
    assert first_last(part) == (added[0], added[1])


def test_manifest_names_every_version_in_the_order_of_the_objects(kuwait: Caller, make: Maker) -> None:
    """5.3 and 3.3: both ascend by date added."""
    one, other = make.indicator(), make.malware()
    since = kuwait.enter("shared", one, other, later(one, 5))

    listed = told(kuwait.manifest("shared", added_after=since, match_version="all"))["objects"]
    objects = told(kuwait.objects("shared", added_after=since, match_version="all"))["objects"]

    assert [(entry["id"], entry["version"]) for entry in listed] == [(o["id"], o["modified"]) for o in objects]
    assert [o["id"] for o in objects] == [one["id"], other["id"], one["id"]]
    assert dates({"objects": listed}) == sorted(dates({"objects": listed}))


def test_entry_of_the_manifest_has_the_fields_of_the_clause(kuwait: Caller, make: Maker) -> None:
    """5.3.1: `id`, `date_added`, `version`, `media_type`; clause 2: six digits of a second and Z."""
    since = kuwait.enter("shared", make.indicator(), make.domain(), make.tide())

    for entry in told(kuwait.manifest("shared", added_after=since))["objects"]:
        assert entry.keys() == {"id", "date_added", "version", "media_type"}
        assert entry["media_type"] == STIX
        assert STAMP.fullmatch(entry["date_added"])


def test_dates_of_one_envelope_rise_strictly(kuwait: Caller, make: Maker) -> None:
    """3.5: no two objects share a date added, or who polls by `added_after` loses some."""
    pushed = make.envelope(120)
    since = kuwait.enter("shared", *pushed)

    said = told(kuwait.manifest("shared", added_after=since))

    added = dates(said)
    assert ids(said) == [one["id"] for one in pushed]
    assert added == sorted(set(added))
    assert len(added) == 120


def test_version_is_when_it_was_modified_as_it_was_written(kuwait: Caller, make: Maker) -> None:
    """5.3.1, `version`: `modified`, else `created`, else the date added (as for most observables)."""
    modified, created, neither = make.indicator(), make.statement(), make.domain()
    precise = later(make.indicator(), 2)
    precise["modified"] = "2026-03-02T08:00:00.123456Z"
    kuwait.enter("shared", modified, created, neither, precise)

    entries = {
        id: told(kuwait.manifest("shared", match_id=id))["objects"][0]
        for id in (one["id"] for one in (modified, created, neither, precise))
    }

    assert entries[modified["id"]]["version"] == modified["modified"]
    assert entries[precise["id"]]["version"] == precise["modified"]
    assert entries[created["id"]]["version"] == created["created"]
    assert entries[neither["id"]]["version"] == entries[neither["id"]]["date_added"]


def test_one_object_is_an_envelope_of_its_newest_version(kuwait: Caller, make: Maker) -> None:
    """5.6: by its id; the last version where none is asked for (3.4.1)."""
    one = make.indicator()
    kuwait.enter("shared", one, later(one, 4), later(one, 3))

    answer = kuwait.object("shared", one["id"])
    entry = told(kuwait.manifest("shared", match_id=one["id"]))["objects"][0]

    assert told(answer)["objects"] == [later(one, 4)]
    assert entry["version"] == later(one, 4)["modified"]
    assert first_last(answer) == (entry["date_added"], entry["date_added"])


def test_one_object_is_given_in_the_versions_that_are_asked_for(kuwait: Caller, make: Maker) -> None:
    """5.6 and 3.4.1: first, last, all, or a version by its value."""
    one = make.indicator()
    kuwait.enter("shared", one, later(one, 3), later(one, 4))

    def got(version: str) -> list[str]:
        return sorted(o["modified"] for o in told(kuwait.object("shared", one["id"], match_version=version))["objects"])

    versions = [later(one, day)["modified"] for day in (1, 3, 4)]
    assert [got(v) for v in ("first", "last", "all", versions[1], "first,last", f"{versions[1]},last")] == [
        versions[:1],
        versions[2:],
        versions,
        versions[1:2],
        [versions[0], versions[2]],
        versions[1:],
    ]


def test_versions_of_an_object_are_all_its_versions(kuwait: Caller, make: Maker) -> None:
    """5.8.1: `versions`, each once; headers with the dates they were added."""
    one = make.indicator()
    kuwait.enter("shared", one, later(one, 4), later(one, 3))

    answer = kuwait.versions("shared", one["id"])
    added = dates(told(kuwait.manifest("shared", match_id=one["id"], match_version="all")))

    said = told(answer)
    assert {"versions"} <= said.keys() <= {"more", "versions"}
    assert sorted(said["versions"]) == [later(one, day)["modified"] for day in (1, 3, 4)]
    assert first_last(answer) == (added[0], added[2])


def test_versions_of_what_has_no_times_is_the_date_it_was_added(kuwait: Caller, make: Maker) -> None:
    """5.8.1 with 5.3.1."""
    one, dated = make.domain(), make.statement()
    kuwait.enter("shared", one, dated)

    added = dates(told(kuwait.manifest("shared", match_id=one["id"])))
    assert told(kuwait.versions("shared", one["id"]))["versions"] == added
    assert told(kuwait.versions("shared", dated["id"]))["versions"] == [dated["created"]]


@pytest.mark.parametrize("what", ["object", "versions"])
def test_object_that_is_not_there_is_not_found(kuwait: Caller, make: Maker, what: str) -> None:
    """5.6 and 5.8: 404."""
    refused(getattr(kuwait, what)("shared", f"indicator--{make.uuid()}"), 404)
    refused(getattr(kuwait, what)("shared", "nothing"), 404)


def test_object_outside_what_a_collection_holds_is_not_found_in_it(kuwait: Caller, make: Maker) -> None:
    """5.6: an object *of a collection*; what is beside a collection's query is not in it."""
    tide, beacon = make.tide(), make.indicator()
    since = kuwait.enter("shared", tide, beacon)

    assert told(kuwait.object("tides", tide["id"]))["objects"] == [tide]
    assert ids(told(kuwait.objects("tides", added_after=since))) == [tide["id"]]
    assert ids(told(kuwait.manifest("tides", added_after=since))) == [tide["id"]]
    assert ids(told(kuwait.objects("tides", match_id=beacon["id"]))) == []
    refused(kuwait.object("tides", beacon["id"]), 404)
    refused(kuwait.versions("tides", beacon["id"]), 404)


def test_every_collection_dates_an_object_strictly_rising(kuwait: Caller, make: Maker) -> None:
    """3.3: in each collection on its own."""
    pushed = [make.tide(), make.indicator(), make.tide(), make.tide()]
    since = kuwait.enter("shared", *pushed)

    said = told(kuwait.manifest("tides", added_after=since))

    assert ids(said) == [one["id"] for one in pushed if one["type"] == "x-tide-table"]
    assert dates(said) == sorted(set(dates(said)))


def test_answer_is_of_taxii_and_not_of_stix(kuwait: Caller, make: Maker) -> None:
    """3.7: since 2.1 an envelope is a message of TAXII."""
    one = make.indicator()
    kuwait.enter("shared", one)

    for answer in (kuwait.object("shared", one["id"]), kuwait.versions("shared", one["id"])):
        assert answer.headers["content-type"] == MEDIA
