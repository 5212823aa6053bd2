"""TAXII 2.1, sections 5.1 and 5.2: the list of collections, and one collection."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from taxii_node import SHELVES, STIX, UNKNOWN, UUID4, Caller, Maker, Node, Shelf, bare, enter_shelf, ids, refused, told

from diwan.house import House

FIELDS = {"id", "title", "description", "alias", "can_read", "can_write", "media_types"}
PEOPLE = ("kuwait", "kuwait.reads", "qatar", "jordan.reads")
anyone = pytest.mark.parametrize("who", PEOPLE)


@anyone
def test_every_collection_has_the_fields_of_the_clause_and_no_other(caller: Callable[[str], Caller], who: str) -> None:
    """5.2.1 and 3.8: names as in the table; the optional ones are left out rather than empty (clause 2)."""
    listed = caller(who).collections()

    assert listed
    for one in listed:
        assert {"id", "title", "can_read", "can_write"} <= one.keys() <= FIELDS
        assert all(value not in ("", [], None) for value in one.values())
        assert isinstance(one["title"], str)


@anyone
def test_ids_of_collections_are_uuids_of_version_4(caller: Callable[[str], Caller], who: str) -> None:
    """5.2.1 and clause 2, `identifier`; Microsoft Sentinel's connector refuses every other."""
    listed = [one["id"] for one in caller(who).collections()]

    assert all(map(UUID4.fullmatch, listed))
    assert len(set(listed)) == len(listed)


@anyone
def test_may_read_and_may_write_are_booleans(caller: Callable[[str], Caller], who: str) -> None:
    """5.2.1: `can_read` and `can_write` are literal booleans; null broke MISP at another server."""
    for one in caller(who).collections():
        assert (type(one["can_read"]), type(one["can_write"])) == (bool, bool)


@anyone
def test_media_type_of_every_collection_is_that_of_stix(caller: Callable[[str], Caller], who: str) -> None:
    """5.2.1: `media_types` of what is in a collection, with its version."""
    assert {tuple(one["media_types"]) for one in caller(who).collections()} == {(STIX,)}


@anyone
def test_collection_asked_for_alone_is_what_the_list_says(caller: Callable[[str], Caller], who: str) -> None:
    """5.2: the same resource."""
    asking = caller(who)

    for one in asking.collections():
        assert told(asking.ask(asking.at(one["id"]))) == one


def test_list_keeps_its_order(kuwait: Caller) -> None:
    """3.3: collections in a stable order."""
    assert kuwait.collections() == kuwait.collections() == kuwait.collections()


def test_officer_writes_where_a_collection_takes_something_and_nowhere_else(kuwait: Caller) -> None:
    """5.2.1: `can_write` says whether this caller may add objects."""
    writes = {one["id"]: one["can_write"] for one in kuwait.collections()}

    assert {name: writes[SHELVES[name].id] for name in ("shared", "ours", "tides", "hidden", "closed")} == {
        "shared": True,
        "ours": True,
        "tides": True,
        "hidden": True,
        "closed": False,
    }


def test_account_without_a_role_reads_everywhere_and_writes_nowhere(reads: Caller) -> None:
    """5.2.1: what the caller may do, not what somebody may."""
    listed = reads.collections()

    assert len(listed) > 4
    assert {(one["can_read"], one["can_write"]) for one in listed} == {(True, False)}


def test_collection_that_is_not_released_is_not_in_the_list(kuwait: Caller, qatar: Caller) -> None:
    """5.1: a server MAY leave out what the caller may not see."""
    hers = {one["id"] for one in qatar.collections()}
    ours = {one["id"] for one in kuwait.collections()}

    assert ours - hers == {SHELVES["hidden"].id}
    assert hers <= ours


@pytest.mark.parametrize(
    "more", [(), ("objects",), ("manifest",), ("objects", "indicator--x"), ("objects", "indicator--x", "versions")]
)
def test_collection_that_is_not_released_and_one_that_is_not_there_are_the_same_answer(
    qatar: Caller, kuwait: Caller, more: tuple[str, ...]
) -> None:
    """5.1 to 5.8: 404, word for word."""
    if not more:
        told(kuwait.ask(kuwait.at("hidden")))
    hidden, unknown = qatar.ask(qatar.at("hidden", *more)), qatar.ask(qatar.at(UNKNOWN, *more))

    refused(unknown, 404)
    assert bare(hidden, SHELVES["hidden"].id) == bare(unknown, UNKNOWN)


@pytest.mark.parametrize("name", ["nothing", "6A2A9C1E", "..%2F..", "%00", "a" * 3000, "%F0%9F%8C%8A"])
def test_collection_of_a_name_that_cannot_be_is_not_found(kuwait: Caller, name: str) -> None:
    """5.2: 404."""
    refused(kuwait.ask(f"{kuwait.root}collections/{name}/"), 404)


def test_every_alias_leads_to_its_collection_and_no_other(kuwait: Caller) -> None:
    """5.2.1: an alias is unique under its root and stands for the id in a path."""
    aliased = [one for one in kuwait.collections() if "alias" in one]

    assert len({one["alias"] for one in aliased}) == len(aliased)
    for one in aliased:
        assert told(kuwait.ask(kuwait.at(one["alias"]))) == one


def test_exercise_has_collections_of_its_own(taxii: Node, kuwait: Caller) -> None:
    """5.1: the collections under one API root; the same id under the other root is not found."""
    playing = taxii.caller("kuwait", root=taxii.exercise)

    played = {one["id"] for one in playing.collections()}
    assert SHELVES["exercise"].id in played
    assert not played & {one["id"] for one in kuwait.collections()}
    refused(kuwait.ask(kuwait.at("exercise")), 404)
    refused(playing.ask(playing.at("shared")), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_collections_are_only_read(kuwait: Caller, method: str) -> None:
    """3.1: GET alone is defined for the list and for a collection."""
    for path in (f"{kuwait.root}collections/", kuwait.at("shared"), kuwait.at("shared", "manifest")):
        assert kuwait.ask(path, method).status_code in (404, 405)


def test_collection_holds_what_its_query_says(kuwait: Caller, qatar: Caller, make: Maker) -> None:
    """5.4: by originator and by what an object says of its TLP, in pages, in the manifest and at one object."""
    ours, theirs = make.envelope(2)
    green = make.indicator(object_marking_refs=["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"])
    since = kuwait.enter("shared", ours)
    qatar.enter("shared", theirs)
    kuwait.enter("green", green)

    for asking in (kuwait, qatar):
        got = {
            shelf: (
                ids(told(asking.objects(shelf, added_after=since))),
                ids(told(asking.manifest(shelf, added_after=since))),
                [asking.object(shelf, one["id"]).status_code for one in (ours, theirs, green)],
            )
            for shelf in ("shared", "of-qatar", "green")
        }

        every = [one["id"] for one in (ours, theirs, green)]
        assert got == {
            "shared": (every, every, [200, 200, 200]),
            "of-qatar": ([theirs["id"]], [theirs["id"]], [404, 200, 404]),
            "green": ([green["id"]], [green["id"]], [404, 404, 200]),
        }


def test_what_is_pushed_into_the_collection_of_everything_is_at_first_for_ones_own_party(
    kuwait: Caller, qatar: Caller, reads: Caller, make: Maker
) -> None:
    """5.5: without a marking to push under, nobody else is let read by mistake."""
    one, everything = make.indicator(), kuwait.collections()[0]["id"]
    assert everything not in {shelf.id for shelf in SHELVES.values()}
    assert kuwait.push(everything, [one])["failure_count"] == 0

    assert [asking.object("shared", one["id"]).status_code for asking in (kuwait, reads, qatar)] == [200, 200, 404]


def test_copy_of_another_party_takes_none_out_of_a_collection_of_one(
    kuwait: Caller, qatar: Caller, make: Maker
) -> None:
    """5.4: what stands elsewhere, said by another, is not in this collection; what is, is told."""
    one = make.indicator()
    for asking in (kuwait, qatar):
        assert asking.push("shared", [one])["failure_count"] == 0

    for asking in (kuwait, qatar):
        for version in ("all", "last", "first"):
            assert ids(told(asking.objects("of-qatar", match_id=one["id"], match_version=version))) == [one["id"]]
            assert ids(told(asking.manifest("of-qatar", match_id=one["id"], match_version=version))) == [one["id"]]
        assert told(asking.object("of-qatar", one["id"]))["objects"] == [one]


def test_no_collection_can_be_entered_beside_that_of_everything_under_its_id(taxii: Node, kuwait: Caller) -> None:
    """5.1: an id is unique under its root; that of everything is known to all, and stays what it is."""
    before = kuwait.collections()
    house = House(taxii.folder)
    enter_shelf(house, "in disguise", Shelf(before[0]["id"], "TLP:CLEAR", "TLP:CLEAR", types=("tool",)))
    house.close()

    assert kuwait.collections() == before
    assert told(kuwait.ask(kuwait.at(before[0]["id"]))) == before[0]
