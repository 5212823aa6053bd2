"""TAXII 2.1, section 8.2.2: a server MAY leave out what a caller may not see; here, object by object."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from taxii_node import Caller, Json, Maker, Node, bare, dates, first_last, ids, join_ici, later, refused, told

from diwan.house import House

Calling = Callable[[str], Caller]


@pytest.fixture
def mixed(kuwait: Caller, make: Maker) -> tuple[list[Json], list[Json], str]:
    """Objects for ICI and objects of KWT alone, pushed in turn; and an instant before the first."""
    shared, ours = make.envelope(9), [make.malware() for _ in range(9)]
    since = ""
    for one, other in zip(ours, shared, strict=True):
        before = kuwait.enter("ours", one)
        kuwait.enter("shared", other)
        since = since or before
    return shared, ours, since


@pytest.mark.parametrize("what", ["objects", "manifest"])
def test_each_reader_gets_exactly_what_is_released_to_them(
    caller: Calling, mixed: tuple[list[Json], list[Json], str], what: str
) -> None:
    """5.3 and 5.4: the whole of it, in order, in every collection that holds everything."""
    shared, ours, since = mixed
    together = [one["id"] for pair in zip(ours, shared, strict=True) for one in pair]

    got = {
        who: ids(told(getattr(caller(who), what)("shared", added_after=since)))
        for who in ("kuwait", "kuwait.reads", "qatar", "qatar.reads", "jordan.reads")
    }

    assert got == {
        "kuwait": together,
        "kuwait.reads": together,
        "qatar": [one["id"] for one in shared],
        "qatar.reads": [one["id"] for one in shared],
        "jordan.reads": [],
    }


@pytest.mark.parametrize("what", ["objects", "manifest"])
def test_pages_headers_and_more_know_nothing_of_what_is_not_released(
    kuwait: Caller, qatar: Caller, mixed: tuple[list[Json], list[Json], str], what: str
) -> None:
    """3.2, 3.4 and 3.5: full pages, `more` false when no released object is left, dates of released objects alone."""
    shared, _, since = mixed
    ask = getattr(qatar, what)
    added = dates(told(qatar.manifest("shared", added_after=since)))

    first = ask("shared", added_after=since, limit=5)
    rest = ask("shared", added_after=since, limit=4, next=told(first)["next"])

    assert ids(told(first)) == [one["id"] for one in shared[:5]]
    assert (told(first)["more"], first_last(first)) == (True, (added[0], added[4]))
    assert ids(told(rest)) == [one["id"] for one in shared[5:]]
    assert (told(rest).get("more", False), first_last(rest)) == (False, (added[5], added[8]))
    assert "next" not in told(rest)


def test_dates_of_a_reader_rise_strictly_and_are_those_of_the_manifest(
    kuwait: Caller, qatar: Caller, mixed: tuple[list[Json], list[Json], str]
) -> None:
    """3.3: for each reader on its own."""
    since = mixed[2]

    for asking in (kuwait, qatar):
        added = dates(told(asking.manifest("shared", added_after=since)))
        assert added == sorted(set(added))
        assert first_last(asking.objects("shared", added_after=since)) == (added[0], added[-1])


@pytest.mark.parametrize("what", ["object", "versions"])
def test_object_that_is_not_released_and_one_that_is_not_there_are_the_same_answer(
    kuwait: Caller, qatar: Caller, make: Maker, what: str
) -> None:
    """5.6 and 5.8: 404, byte for byte, in every collection and with every parameter."""
    hidden, never = make.envelope(2)
    kuwait.enter("ours", hidden)
    told(getattr(kuwait, what)("shared", hidden["id"]))

    for shelf in ("shared", "ours", "closed", "tides", "hidden"):
        for asked in ({}, {"match_version": "all"}, {"limit": 1}, {"added_after": "2020-01-01"}):
            got, unknown = (getattr(qatar, what)(shelf, one["id"], **asked) for one in (hidden, never))
            refused(unknown, 404)
            assert got.content == unknown.content
            assert bare(got, hidden["id"]) == bare(unknown, never["id"])


@pytest.mark.parametrize("what", ["objects", "manifest"])
def test_filter_for_what_is_not_released_is_the_filter_for_what_is_not_there(
    kuwait: Caller, qatar: Caller, make: Maker, what: str
) -> None:
    """3.4: byte for byte."""
    hidden, never = make.envelope(2)
    kuwait.enter("ours", hidden)
    assert ids(told(getattr(kuwait, what)("shared", match_id=hidden["id"]))) == [hidden["id"]]

    got, unknown = (getattr(qatar, what)("shared", match_id=one["id"]) for one in (hidden, never))

    assert bare(got) == bare(unknown)


def test_later_version_that_is_not_released_leaves_the_earlier_one_as_the_newest(
    kuwait: Caller, qatar: Caller, make: Maker
) -> None:
    """3.4.1: first and last among what the caller may see."""
    one = make.indicator()
    kuwait.enter("shared", one, later(one, 3))
    kuwait.enter("ours", later(one, 2), later(one, 6))

    def got(asking: Caller, version: str) -> list[str]:
        said = told(asking.objects("shared", match_id=one["id"], match_version=version))
        return sorted(o["modified"] for o in said["objects"])

    versions = {day: later(one, day)["modified"] for day in (1, 2, 3, 6)}
    assert (got(kuwait, "last"), got(kuwait, "all")) == ([versions[6]], sorted(versions.values()))
    assert (got(qatar, "last"), got(qatar, "first")) == ([versions[3]], [versions[1]])
    assert got(qatar, "all") == [versions[1], versions[3]]
    assert sorted(told(qatar.versions("shared", one["id"]))["versions"]) == [versions[1], versions[3]]
    assert told(qatar.object("shared", one["id"]))["objects"] == [later(one, 3)]


def test_earlier_version_that_is_not_released_is_not_the_first(kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """3.4.1: the other way round."""
    one = make.indicator()
    kuwait.enter("ours", one)
    kuwait.enter("shared", later(one, 4))

    assert told(qatar.objects("shared", match_id=one["id"], match_version="first"))["objects"] == [later(one, 4)]
    assert told(kuwait.objects("shared", match_id=one["id"], match_version="first"))["objects"] == [one]


def test_size_of_an_answer_does_not_grow_with_what_is_hidden(kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """8.2.2: the same bytes before and after something that is not released was pushed."""
    shared = make.envelope(3)
    since = kuwait.enter("shared", *shared)
    asked = [
        ("objects", {"added_after": since}),
        ("manifest", {"added_after": since}),
        ("objects", {"added_after": since, "limit": 3}),
    ]
    before = [bare(getattr(qatar, what)("shared", **params)) for what, params in asked]

    kuwait.enter("ours", *[make.malware() for _ in range(20)], later(shared[0], 9))

    assert [bare(getattr(qatar, what)("shared", **params)) for what, params in asked] == before


def test_copy_that_is_not_released_changes_nothing_for_who_sees_the_other(
    kuwait: Caller, qatar: Caller, make: Maker
) -> None:
    """5.5 with 8.2.2: the same id and version, said by another party to others alone; the same bytes as before."""
    one, other = make.envelope(2)
    assert qatar.push("shared", [one])["failure_count"] == 0
    kuwait.enter("ours", other)
    assert qatar.push("shared", [other])["failure_count"] == 0
    asked = [(ask, id) for ask in (qatar.object, qatar.versions) for id in (one["id"], other["id"])]
    before = [bare(ask("shared", id)) for ask, id in asked] + [bare(qatar.manifest("shared", match_id=one["id"]))]

    assert kuwait.push("ours", [{**one, "name": "Known to few"}])["failure_count"] == 0
    told(kuwait.delete("ours", other["id"]))

    after = [bare(ask("shared", id)) for ask, id in asked] + [bare(qatar.manifest("shared", match_id=one["id"]))]
    assert after == before


def whole(one: Json) -> str:
    return json.dumps(one, sort_keys=True)


def polled(asking: Caller, added_after: str, limit: int) -> tuple[list[str], list[str], str]:
    """Poll by `added_after` alone until there is no more; return what came, the dates, and where it ended."""
    found: list[str] = []
    stamps: list[str] = []
    while True:
        answer = asking.objects("shared", added_after=added_after, limit=limit, match_version="all")
        said = told(answer)
        found += map(whole, said.get("objects", []))
        first, last = first_last(answer)
        if first and last:
            assert first <= last
            stamps += [first, last] if len(ids(said)) > 1 else [first]
            added_after = last
        if not said.get("more"):
            return found, stamps, added_after


def test_reader_who_joins_later_gets_what_came_into_view_by_polling_on(
    taxii: Node, kuwait: Caller, qatar: Caller, caller: Calling, make: Maker
) -> None:
    """3.4 and 3.5: what comes into view is added for that reader at that moment, so who polls by `added_after` alone
    gets all of it, each once, at strictly rising dates; nobody else's dates move."""
    asking, other = caller("emirates.reads"), caller("qatar.reads")
    timeless = make.domain()
    before, mine = [*make.envelope(30), timeless], [make.malware() for _ in range(3)]
    since = kuwait.enter("shared", *before)
    kuwait.enter("ours", *mine)
    assert polled(asking, since, 7)[0] == []
    # What the reader has of one party already, and what comes into view of another.
    twin = make.indicator()
    kuwait.enter("shared", twin)
    assert qatar.push("wide", [twin])["failure_count"] == 0
    assert ids(told(asking.manifest("shared", added_after=since))) == [twin["id"]]
    theirs = dates(told(other.manifest("shared", added_after=since)))
    # A poller that has something of this very moment as its last date.
    start = max(polled(asking, "2020-01-01T00:00:00.000Z", 100)[2], theirs[-1])

    house = House(taxii.folder)
    join_ici(house, "ARE")
    house.close()
    after = make.envelope(5)
    kuwait.enter("shared", *after)
    found, stamps, ended = polled(asking, start, 7)

    wanted = [whole(one) for one in [*before, *after]]
    assert [one for one in found if one in wanted] == wanted
    assert not set(map(whole, mine)) & set(found)
    assert ids(told(asking.manifest("shared", match_id=twin["id"], match_version="all"))) == [twin["id"]] * 2
    assert found.count(whole(twin)) == 1
    listed = everything(asking)["objects"]
    assert [json.loads(one)["id"] for one in found] == [one["id"] for one in listed if one["date_added"] > start]
    assert stamps == sorted(set(stamps))
    assert dates(told(other.manifest("shared", added_after=since)))[: len(theirs)] == theirs
    assert polled(asking, ended, 7)[0] == []
    # What says no version has one that can be asked for, also where it came later than it was entered (3.4.1).
    (named,) = told(asking.manifest("shared", match_id=timeless["id"]))["objects"]
    assert ids(told(asking.objects("shared", match_id=timeless["id"], match_version=named["version"]))) == [
        timeless["id"]
    ]


def test_reader_who_joined_later_sees_dates_that_are_the_manifests(
    taxii: Node, kuwait: Caller, caller: Calling, make: Maker
) -> None:
    """3.2 and 5.3: also what came into view has one date for one reader, in every answer, and distinct from others'."""
    asking = caller("emirates.reads")
    listed = everything(asking)

    added = dates(listed)

    assert added == sorted(set(added))
    for entry in listed["objects"][::17]:
        answer = asking.objects("shared", match_id=entry["id"], match_version=entry["version"])
        found = ids(told(answer))
        assert set(found) == {entry["id"]}
        if len(found) == 1:  # of two parties' copies each has a date of its own
            assert first_last(answer) == (entry["date_added"], entry["date_added"])


def everything(asking: Caller) -> Json:
    found: list[Json] = []
    cursor = None
    while True:
        said = told(asking.manifest("shared", match_version="all", limit=500, next=cursor))
        found += said.get("objects", [])
        if not said.get("more"):
            return {"objects": found}
        cursor = said["next"]
