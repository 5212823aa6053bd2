"""TAXII 2.1, section 3.5: whichever way a client pages, it gets everything once and comes to an end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from taxii_node import Caller, Json, Maker, dates, first_last, ids, later, refused, told

MOST = 60
"""Pages after which a pager has lost its way."""
both = pytest.mark.parametrize("what", ["objects", "manifest"])


def by_next(ask: Callable[..., object], **asked: object) -> list[Json]:
    """Follow `next` until there is no more, as taxii2-client and MISP do."""
    pages = [told(ask("shared", **asked))]  # type: ignore[arg-type]
    while pages[-1].get("more"):
        assert len(pages) < MOST, "the pages do not end"
        pages.append(told(ask("shared", **asked, next=pages[-1]["next"])))  # type: ignore[arg-type]
    return pages


def by_date(ask: Callable[..., object], added_after: str, **asked: object) -> list[Json]:
    """Follow the header of the last date alone, as a client does that knows no `next`."""
    pages = []
    while True:
        answer = ask("shared", added_after=added_after, **asked)
        pages.append(told(answer))  # type: ignore[arg-type]
        assert len(pages) < MOST, "the pages do not end"
        if not pages[-1].get("more"):
            return pages
        added_after = first_last(answer)[1] or ""  # type: ignore[arg-type]


def by_both(ask: Callable[..., object], added_after: str, **asked: object) -> list[Json]:
    """Send `next` and the last date cut to milliseconds together, as OpenCTI's ingester does."""
    pages, cursor = [], None
    while True:
        answer = ask("shared", added_after=added_after, next=cursor, **asked)
        pages.append(told(answer))  # type: ignore[arg-type]
        assert len(pages) < MOST, "the pages do not end"
        if not pages[-1].get("more"):
            return pages
        cursor, added_after = pages[-1]["next"], (first_last(answer)[1] or "")[:23] + "Z"  # type: ignore[arg-type]


def gathered(pages: list[Json]) -> list[str]:
    return [id for page in pages for id in ids(page)]


@both
@pytest.mark.parametrize("limit", [1, 6, 7, 20, 21, 1000])
def test_limit_is_never_exceeded_and_what_fits_is_given_whole(
    kuwait: Caller, make: Maker, what: str, limit: int
) -> None:
    """3.4 and 3.5: at most `limit`; all where they fit; `more` says which."""
    pushed = make.envelope(20)
    since = kuwait.enter("shared", *pushed)

    page = told(getattr(kuwait, what)("shared", added_after=since, limit=limit))

    assert ids(page) == [one["id"] for one in pushed[:limit]]
    assert page.get("more", False) is (limit < 20)
    assert ("next" in page) is (limit < 20)


@both
@pytest.mark.parametrize("pager", [by_next, by_date, by_both])
def test_every_pager_gets_everything_once_and_in_order(
    kuwait: Caller, make: Maker, what: str, pager: Callable[..., list[Json]]
) -> None:
    """3.5: by `next`, by `added_after`, or by both together."""
    pushed = make.envelope(23)
    since = kuwait.enter("shared", *pushed)

    for limit in (5, 23, 2):
        pages = pager(getattr(kuwait, what), added_after=since, limit=limit)

        assert gathered(pages) == [one["id"] for one in pushed]
        assert all(len(ids(page)) == limit for page in pages[:-1])
        assert pages[-1].keys() <= {"more", "objects"}


@both
@pytest.mark.parametrize("pager", [by_next, by_date, by_both])
def test_every_pager_gets_what_a_filter_lets_through_once(
    kuwait: Caller, make: Maker, what: str, pager: Callable[..., list[Json]]
) -> None:
    """3.5 with 3.4: pages of what matches; none is short because something else lay between."""
    beacons, limpets = make.envelope(12), [make.malware() for _ in range(12)]
    mixed = [one for pair in zip(beacons, limpets, strict=True) for one in pair]
    since = kuwait.enter("shared", *mixed)

    pages = pager(getattr(kuwait, what), added_after=since, limit=5, match_type="malware")

    assert gathered(pages) == [one["id"] for one in limpets]
    assert [len(ids(page)) for page in pages] == [5, 5, 2]


@both
@pytest.mark.parametrize("pager", [by_next, by_date, by_both])
def test_every_pager_gets_every_version_once(
    kuwait: Caller, make: Maker, what: str, pager: Callable[..., list[Json]]
) -> None:
    """3.5 with match[version]=all; without it the newest alone."""
    first = make.envelope(6)
    pushed = first + [later(one, 4) for one in first]
    since = kuwait.enter("shared", *pushed)

    every = gathered(pager(getattr(kuwait, what), added_after=since, limit=5, match_version="all"))
    last = gathered(pager(getattr(kuwait, what), added_after=since, limit=5))

    assert every == [one["id"] for one in pushed]
    assert last == [one["id"] for one in first]


@both
def test_cursor_alone_goes_on_where_the_page_ended(kuwait: Caller, make: Maker, what: str) -> None:
    """3.5: `next` with nothing beside it, and `next` with another limit."""
    pushed = make.envelope(9)
    since = kuwait.enter("shared", *pushed)
    ask = getattr(kuwait, what)
    cursor = told(ask("shared", added_after=since, limit=4))["next"]

    assert ids(told(ask("shared", next=cursor, limit=2))) == [one["id"] for one in pushed[4:6]]
    assert ids(told(ask("shared", added_after=since, next=cursor, limit=100))) == [one["id"] for one in pushed[4:]]
    assert ids(told(ask("shared", next=cursor))) == [one["id"] for one in pushed[4:]]


@both
def test_page_asked_for_again_is_the_same_page(kuwait: Caller, make: Maker, what: str) -> None:
    """3.5: a client whose connection broke asks again."""
    since = kuwait.enter("shared", *make.envelope(9))
    ask = getattr(kuwait, what)
    cursor = told(ask("shared", added_after=since, limit=4))["next"]

    one, other = (ask("shared", next=cursor, limit=4) for _ in range(2))

    assert ids(told(one)) == ids(told(other))
    assert first_last(one) == first_last(other)


@both
def test_page_without_a_limit_is_bounded_and_a_huge_one_is_cut_down(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: a server MAY give fewer than `limit`; it is no error to ask for many."""
    pushed = make.envelope(3)
    since = kuwait.enter("shared", *pushed)

    for limit in (10**6, 2**31, 2**63, 10**30):
        page = told(getattr(kuwait, what)("shared", added_after=since, limit=limit))
        assert ids(page) == [one["id"] for one in pushed]


def test_what_is_pushed_while_someone_pages_comes_on_a_later_page(kuwait: Caller, make: Maker) -> None:
    """3.5: pages are over a list that grows at its end."""
    pushed, more = make.envelope(6), make.envelope(3)
    since = kuwait.enter("shared", *pushed)
    first = told(kuwait.objects("shared", added_after=since, limit=4))
    kuwait.enter("shared", *more)

    rest = told(kuwait.objects("shared", added_after=since, next=first["next"], limit=100))

    assert ids(first) + ids(rest) == [one["id"] for one in pushed + more]


def test_what_is_deleted_while_someone_pages_takes_nothing_else_along(kuwait: Caller, make: Maker) -> None:
    """3.5 with 5.7: cursors stand between objects, not at a count of them."""
    pushed = make.envelope(9)
    since = kuwait.enter("shared", *pushed)
    first = told(kuwait.objects("shared", added_after=since, limit=4))
    for at in (1, 3, 5):
        told(kuwait.delete("shared", pushed[at]["id"]))

    rest = told(kuwait.objects("shared", added_after=since, next=first["next"], limit=100))

    assert ids(rest) == [pushed[at]["id"] for at in (4, 6, 7, 8)]


def test_newer_version_pushed_while_someone_pages_is_seen(kuwait: Caller, make: Maker) -> None:
    """3.5: what became newer after it was passed comes again, as the newer version."""
    pushed = make.envelope(6)
    since = kuwait.enter("shared", *pushed)
    first = told(kuwait.objects("shared", added_after=since, limit=3))
    newer = later(pushed[1], 6)
    kuwait.enter("shared", newer)

    rest = told(kuwait.objects("shared", next=first["next"], added_after=since, limit=100))["objects"]

    assert rest == [*pushed[3:], newer]


@both
def test_cursor_of_another_reader_is_refused(kuwait: Caller, qatar: Caller, make: Maker, what: str) -> None:
    """3.4: it is malformed to whom it was not given; it would tell what another one sees."""
    since = kuwait.enter("shared", *make.envelope(5))
    cursor = told(getattr(kuwait, what)("shared", added_after=since, limit=2))["next"]

    assert len(ids(told(getattr(qatar, what)("shared", added_after=since)))) == 5
    refused(getattr(qatar, what)("shared", next=cursor), 400)
    refused(getattr(qatar, what)("shared", added_after=since, limit=2, next=cursor), 400)


@both
def test_cursor_of_a_collection_of_other_things_is_refused(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: a cursor holds for the list it was given with."""
    since = kuwait.enter("shared", *[make.tide() for _ in range(5)])
    cursor = told(getattr(kuwait, what)("shared", added_after=since, limit=2))["next"]

    refused(getattr(kuwait, what)("tides", next=cursor), 400)


@both
def test_cursor_with_another_filter_is_refused(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4 and 3.5: going on with another question would leave out what it asks for."""
    since = kuwait.enter("shared", *make.envelope(5))
    ask = getattr(kuwait, what)
    cursor = told(ask("shared", added_after=since, match_type="indicator", limit=2))["next"]

    assert len(ids(told(ask("shared", added_after=since, match_type="indicator", next=cursor)))) == 3
    refused(ask("shared", added_after=since, match_type="malware", next=cursor), 400)
    refused(ask("shared", added_after=since, match_type="indicator", match_version="all", next=cursor), 400)


@both
def test_cursor_that_was_touched_is_refused(kuwait: Caller, make: Maker, what: str) -> None:
    """3.4: clients MUST NOT look inside; who changes it learns nothing."""
    since = kuwait.enter("shared", *make.envelope(5))
    ask = getattr(kuwait, what)
    cursor = told(ask("shared", added_after=since, limit=2))["next"]
    step = max(1, len(cursor) // 12)
    touched = [
        cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(0, len(cursor) - 1, step)
    ]

    for wrong in (*touched, cursor[:-2], cursor + "AAAA", cursor[4:]):
        refused(ask("shared", next=wrong, limit=2), 400)


def test_date_as_a_pager_may_run_behind_the_cursor_but_never_before_it(kuwait: Caller, make: Maker) -> None:
    """3.5 with both: whichever is further on decides, so nothing comes twice."""
    pushed = make.envelope(8)
    since = kuwait.enter("shared", *pushed)
    added = dates(told(kuwait.manifest("shared", added_after=since)))
    cursor = told(kuwait.objects("shared", added_after=since, limit=4))["next"]

    assert ids(told(kuwait.objects("shared", added_after=added[5], next=cursor))) == [o["id"] for o in pushed[6:]]
    assert ids(told(kuwait.objects("shared", added_after=added[0], next=cursor))) == [o["id"] for o in pushed[4:]]


def test_versions_page_as_objects_do(kuwait: Caller, make: Maker) -> None:
    """5.8: `limit`, `next` and `added_after` for the versions of one object."""
    one = make.indicator()
    kuwait.enter("shared", *(later(one, day) for day in range(1, 9)))
    found: list[str] = []
    cursor = None
    for _ in range(MOST):
        said = told(kuwait.versions("shared", one["id"], limit=3, next=cursor))
        assert len(said["versions"]) <= 3
        found += said["versions"]
        cursor = said.get("next")
        if not said.get("more"):
            break

    assert cursor is None
    assert sorted(found) == [later(one, day)["modified"] for day in range(1, 9)]
    added = dates(told(kuwait.manifest("shared", match_id=one["id"], match_version="all")))
    assert len(told(kuwait.versions("shared", one["id"], added_after=added[4]))["versions"]) == 3


def test_one_object_pages_through_its_versions(kuwait: Caller, make: Maker) -> None:
    """5.6: `limit` and `next` with match[version]=all."""
    one = make.indicator()
    kuwait.enter("shared", *(later(one, day) for day in range(1, 8)))

    first = told(kuwait.object("shared", one["id"], match_version="all", limit=4))
    rest = told(kuwait.object("shared", one["id"], match_version="all", limit=4, next=first["next"]))

    assert (first["more"], rest.get("more", False)) == (True, False)
    assert first["objects"] + rest["objects"] == [later(one, day) for day in range(1, 8)]
