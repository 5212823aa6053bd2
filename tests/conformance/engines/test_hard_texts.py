"""A text that some engine could not hold is refused on every engine, and harms nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from diwan.house import House
from diwan.intake.take import Taken
from diwan.reading import Query
from diwan.terms.errors import Malformed
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link, Part, Version
from diwan.terms.label import Label

BAD = {"NUL": "a\0b", "half a pair": "a\ud800b", "the other half": "\udfff"}


def _with(draft: Draft, field: str, text: str) -> Draft:
    values: dict[str, Any] = {
        "title": text,
        "author": text,
        "text": (text,),
        "values": (text,),
        "aliases": (Alias("cap", text),),
        "links": (Link("updates", Alias("cap", text)),),
        "facets": (("severity", text),),
        "parts": (Part(text, "text/plain", b"x"),),
        "version": Version(text, "", b""),
    }
    return msgspec.structs.replace(draft, **{field: values[field]})


FIELDS = ("title", "author", "text", "values", "aliases", "links", "facets", "parts", "version")


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_such_a_text_is_refused_wherever_it_stands_and_its_neighbours_are_taken(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft], text: str
) -> None:
    drafts = [note("before"), *(_with(note(field, name=field), field, text) for field in FIELDS), note("after")]

    taken = house.take_all(hand("KWT"), [(draft, amber("QAT")) for draft in drafts], originator="KWT")

    assert [type(one) for one in taken] == [Taken, *[Malformed] * len(FIELDS), Taken]
    assert [item.title for item in house.room(hand("QAT").reader).walk()] == ["after", "before"]
    with pytest.raises(Malformed, match="NUL or half of a surrogate pair"):
        house.rectify(hand("KWT"), taken[0].refs[0], _with(note("before"), "title", text))  # type: ignore[union-attr]


def test_a_job_that_writes_what_no_engine_holds_fails_alone_and_the_pen_writes_on(house: House) -> None:
    """Whatever gets past intake: its writer is told, and nobody waits for ever."""
    book = house.book
    failing = book._pen.post(lambda sheet: sheet.insert("policy", [("\ud800", "")]))
    going = book._pen.post(lambda sheet: sheet.insert("note", [("desk", "name", b"{}", 1 << 60)]))

    assert isinstance(failing.exception(20), UnicodeEncodeError)
    assert going.exception(20) is None
    with book.own_pages() as pages:
        assert pages.execute("SELECT name FROM note").fetchall() == [("name",)]


def test_who_asks_for_a_text_with_nul_finds_nothing_and_is_told_nothing_else(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]
) -> None:
    house.take(hand("KWT"), note("there", name="there"), amber("QAT"), originator="KWT")
    room = house.room(hand("QAT").reader)

    assert [item.title for item in room.known_as(Alias("cap", "there"))] == ["there"]
    assert room.known_as(Alias("cap", "th\0ere")) == ()
    assert room.mentioning("a\0b") == ()
    assert room.count("crisis.\0alert") == 0
    assert room.page(Query(kind="crisis.\0alert")).items == ()
    assert [item.title for item in room.walk()] == ["there"]
