"""TAXII 2.1, section 5.7: taking an object back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from taxii_node import Caller, Maker, bare, dates, ids, later, refused, told


def gone(asking: Caller, shelf: str, id: str) -> bool:
    """Return whether an object is in no answer of a collection."""
    for what in (asking.object, asking.versions):
        refused(what(shelf, id), 404)
    for ask in (asking.objects, asking.manifest):
        for version in ("all", "first", "last"):
            assert ids(told(ask(shelf, match_id=id, match_version=version))) == []
    return True


def test_what_is_deleted_is_gone_from_every_answer(kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """5.7: 200; afterwards 404 for the object, and it is in no manifest and no page, for nobody."""
    one, other = make.envelope(2)
    since = kuwait.enter("shared", one, later(one, 4), other)
    assert ids(told(qatar.objects("shared", added_after=since))) == [one["id"], other["id"]]

    answer = kuwait.delete("shared", one["id"])

    assert answer.status_code == 200
    for asking in (kuwait, qatar):
        assert gone(asking, "shared", one["id"])
        assert told(asking.objects("shared", added_after=since, match_version="all"))["objects"] == [other]


def test_deleted_object_is_gone_from_every_collection_that_held_it(kuwait: Caller, make: Maker) -> None:
    """5.7: a collection here is a view; what is taken back is taken back."""
    tide = make.tide()
    kuwait.enter("tides", tide)
    assert ids(told(kuwait.objects("shared", match_id=tide["id"]))) == [tide["id"]]

    told(kuwait.delete("shared", tide["id"]))

    assert gone(kuwait, "tides", tide["id"])


def test_deleting_again_and_deleting_what_never_was_are_not_found(kuwait: Caller, make: Maker) -> None:
    """5.7: 404."""
    one, never = make.envelope(2)
    kuwait.enter("shared", one)
    told(kuwait.delete("shared", one["id"]))

    again, unknown = kuwait.delete("shared", one["id"]), kuwait.delete("shared", never["id"])

    refused(unknown, 404)
    assert bare(again, one["id"]) == bare(unknown, never["id"])


def test_object_of_another_party_is_not_deleted(kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """5.7, table of permissions: who may read and not delete is told 403."""
    one = make.indicator()
    kuwait.enter("shared", one)
    assert told(qatar.object("shared", one["id"]))["objects"] == [one]

    refused(qatar.delete("shared", one["id"]), 403)

    for asking in (kuwait, qatar):
        assert told(asking.object("shared", one["id"]))["objects"] == [one]


def test_object_that_is_not_released_and_one_that_is_not_there_are_the_same_answer(
    kuwait: Caller, qatar: Caller, make: Maker
) -> None:
    """5.7: 404, word for word; nothing is taken back."""
    hidden, never = make.envelope(2)
    kuwait.enter("ours", hidden)

    answers = qatar.delete("shared", hidden["id"]), qatar.delete("shared", never["id"])

    refused(answers[1], 404)
    assert bare(answers[0], hidden["id"]) == bare(answers[1], never["id"])
    assert told(kuwait.object("ours", hidden["id"]))["objects"] == [hidden]


def test_account_without_a_role_deletes_nothing(kuwait: Caller, reads: Caller, make: Maker) -> None:
    """5.7: 403 where `can_write` is false."""
    one = make.indicator()
    kuwait.enter("shared", one)

    refused(reads.delete("shared", one["id"]), 403)
    assert told(reads.object("shared", one["id"]))["objects"] == [one]


def test_account_without_a_role_learns_nothing_by_deleting(
    kuwait: Caller, caller: Callable[[str], Caller], make: Maker
) -> None:
    """5.7 with 8.2.2: hidden and unknown are the same answer for whoever asks."""
    hidden, never = make.envelope(2)
    kuwait.enter("ours", hidden)
    asking = caller("qatar.reads")

    one, other = asking.delete("shared", hidden["id"]), asking.delete("shared", never["id"])

    refused(other, 403, 404)
    assert bare(one, hidden["id"]) == bare(other, never["id"])


def test_collection_that_takes_nothing_gives_nothing_up(kuwait: Caller, make: Maker) -> None:
    """5.7: 403 where `can_write` is false."""
    one = make.indicator()
    kuwait.enter("shared", one)

    refused(kuwait.delete("closed", one["id"]), 403)
    assert told(kuwait.object("closed", one["id"]))["objects"] == [one]


def test_one_version_is_deleted_where_it_is_named(kuwait: Caller, make: Maker) -> None:
    """5.7 and 3.4.1, match[version]: the others stay."""
    one = make.indicator()
    kuwait.enter("shared", one, later(one, 3), later(one, 5))

    told(kuwait.delete("shared", one["id"], match_version=later(one, 3)["modified"]))

    left = told(kuwait.objects("shared", match_id=one["id"], match_version="all"))["objects"]
    assert left == [one, later(one, 5)]
    assert sorted(told(kuwait.versions("shared", one["id"]))["versions"]) == [o["modified"] for o in left]


@pytest.mark.parametrize("asked", [{"limit": 1}, {"added_after": "2999-01-01"}, {"limit": 1, "match_version": "all"}])
def test_all_versions_are_deleted_whatever_a_page_would_hold(
    kuwait: Caller, make: Maker, asked: dict[str, object]
) -> None:
    """5.7: its parameters are match[version] and match[spec_version] alone."""
    one = make.indicator()
    kuwait.enter("shared", *(later(one, day) for day in range(1, 6)))

    told(kuwait.delete("shared", one["id"], **asked))

    assert gone(kuwait, "shared", one["id"])


def test_object_of_more_versions_than_a_page_holds_is_deleted_whole(kuwait: Caller, make: Maker) -> None:
    """5.7: 200 means gone."""
    one = make.indicator()
    many = [{**one, "modified": f"2026-04-01T08:{n // 60:02}:{n % 60:02}.000Z"} for n in range(1100)]
    for at in range(0, len(many), 300):
        assert kuwait.push("shared", many[at : at + 300])["failure_count"] == 0
    assert told(kuwait.versions("shared", one["id"]))["more"] is True

    told(kuwait.delete("shared", one["id"]))

    assert gone(kuwait, "shared", one["id"])


def test_after_the_newest_version_is_deleted_the_one_before_it_is_the_newest(kuwait: Caller, make: Maker) -> None:
    """5.7 and 3.4.1: last of what is there."""
    one = make.indicator()
    kuwait.enter("shared", one, later(one, 3), later(one, 5))

    told(kuwait.delete("shared", one["id"], match_version="last"))

    assert told(kuwait.object("shared", one["id"]))["objects"] == [later(one, 3)]
    assert ids(told(kuwait.manifest("shared", match_id=one["id"]))) == [one["id"]]
    told(kuwait.delete("shared", one["id"], match_version="all"))
    assert gone(kuwait, "shared", one["id"])


def test_version_that_is_not_there_is_not_found_and_nothing_is_deleted(kuwait: Caller, make: Maker) -> None:
    """5.7: 404."""
    one = make.indicator()
    kuwait.enter("shared", one)

    refused(kuwait.delete("shared", one["id"], match_version="2020-01-01T00:00:00.000Z"), 404)
    assert told(kuwait.object("shared", one["id"]))["objects"] == [one]


@pytest.mark.parametrize("version", ["newest", "2026-13-45T00:00:00Z"])
def test_malformed_version_deletes_nothing(kuwait: Caller, make: Maker, version: str) -> None:
    """3.4: 400 for a malformed parameter, here above all."""
    one = make.indicator()
    kuwait.enter("shared", one)

    refused(kuwait.delete("shared", one["id"], match_version=version), 400)
    assert told(kuwait.object("shared", one["id"]))["objects"] == [one]


def test_what_has_no_times_is_deleted_as_anything(kuwait: Caller, make: Maker) -> None:
    """5.7: observables and markings."""
    plain, dated = make.domain(), make.statement()
    kuwait.enter("shared", plain, dated)

    for one in (plain, dated):
        told(kuwait.delete("shared", one["id"]))
        assert gone(kuwait, "shared", one["id"])


def test_deleted_object_may_be_pushed_anew_and_is_added_at_a_later_date(kuwait: Caller, make: Maker) -> None:
    """5.5 with 5.7: it is not there any more, so it is new."""
    one = make.indicator()
    kuwait.enter("shared", one)
    (before,) = dates(told(kuwait.manifest("shared", match_id=one["id"])))
    told(kuwait.delete("shared", one["id"]))

    kuwait.enter("shared", one)

    (after,) = dates(told(kuwait.manifest("shared", match_id=one["id"])))
    assert before < after
    assert told(kuwait.object("shared", one["id"], match_version="all"))["objects"] == [one]


@pytest.mark.parametrize("first", ["kuwait", "qatar"])
def test_each_party_takes_its_own_back_whoever_said_it_first(
    caller: Callable[[str], Caller], make: Maker, first: str
) -> None:
    """5.7 with 5.5: what another party said too stays until that party takes it back as well."""
    kuwait, qatar = caller("kuwait"), caller("qatar")
    taking, staying = (kuwait, qatar) if first == "kuwait" else (qatar, kuwait)
    one = make.indicator()
    for asking in (kuwait, qatar):
        assert asking.push("shared", [one])["failure_count"] == 0

    told(taking.delete("shared", one["id"]))

    for asking in (kuwait, qatar):
        assert told(asking.object("shared", one["id"], match_version="all"))["objects"] == [one]
        assert ids(told(asking.manifest("shared", match_id=one["id"]))) == [one["id"]]
    refused(taking.delete("shared", one["id"]), 403)
    told(staying.delete("shared", one["id"]))
    for asking in (kuwait, qatar):
        assert gone(asking, "shared", one["id"])


@pytest.mark.parametrize("id", ["nothing", "%00", "..%2F..", "indicator--*"])
def test_hostile_ids_delete_nothing(kuwait: Caller, make: Maker, id: str) -> None:
    """5.7: 404 or 400."""
    one = make.indicator()
    kuwait.enter("shared", one)

    refused(kuwait.delete("shared", id), 400, 404)
    assert told(kuwait.object("shared", one["id"]))["objects"] == [one]
