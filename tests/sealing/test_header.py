"""Headers: what they must say, what they must not, and how revisions rise."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.sealing.header import Header, PartHead, canon, decode, encode, next_rev
from diwan.terms.errors import Malformed
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession

ID = "9f86d081884c7d659a2feaa0c55ad015"
NOON = 1_485_259_200_000_000
LABEL = Label("ICI", "RESTRICTED", (Category("Releasable To", CategoryType.PERMISSIVE, ("KWT", "QAT")),))
PART = PartHead(n="alert.xml", mt="application/cap+xml", len=3, d="ab" * 32)

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
labels = st.builds(
    Label,
    names,
    names,
    st.lists(
        st.builds(Category, names, st.sampled_from(CategoryType), st.lists(names, max_size=3).map(tuple)), max_size=3
    ).map(tuple),
    st.builds(Handling, tlp=st.none() | names, pap=st.none() | names, pass_on=st.booleans()),
    st.none() | st.integers(0, 2**53 - 1),
    st.none() | st.builds(Succession, st.integers(0, 2**53 - 1), st.builds(Label, names, names)),
)
headers = st.builds(
    Header,
    kind=st.just("item"),
    org=st.sampled_from(["KWT", "QAT", "NATO-ICI-RC", "الكويت"]),
    id=st.just(ID),
    rev=st.integers(0, 2**53 - 1),
    iat=st.integers(0, 2**53 - 1),
    type=names,
    world=st.sampled_from(World),
    parent=st.none() | st.just(f"QAT/{ID}"),
    label=labels,
    parts=st.lists(
        st.builds(PartHead, n=names, mt=names, len=st.integers(0, 2**53 - 1), d=st.just("0f" * 32)),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


def item_header(**change: Any) -> Header:
    said: dict[str, Any] = {
        "kind": "item", "org": "KWT", "id": ID, "rev": 7, "iat": 5, "type": "crisis.alert", "world": World.ACTUAL,
        "label": LABEL, "parts": (PART,),
    }  # fmt: skip
    return Header(**(said | change))


def respelled(change: dict[str, Any]) -> bytes:
    """Return canonical bytes of the item header with some fields said otherwise."""
    return canon(json.loads(encode(item_header())) | change)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(headers)
def test_a_header_encoded_and_decoded_is_the_same_header(header: Header) -> None:
    data = encode(header)

    assert decode(data) == header
    assert canon(json.loads(data)) == data


def test_an_item_header_says_exactly_this() -> None:
    assert encode(item_header(parent=f"QAT/{ID}")).decode() == (
        f'{{"iat":5,"id":"{ID}","kind":"item",'
        '"label":{"categories":[{"tag":"Releasable To","type":"PERMISSIVE","values":["KWT","QAT"]}],'
        '"classification":"RESTRICTED","policy":"ICI"},'
        f'"org":"KWT","parent":"QAT/{ID}",'
        f'"parts":[{{"d":"{"ab" * 32}","len":3,"mt":"application/cap+xml","n":"alert.xml"}}],'
        '"rev":7,"type":"crisis.alert","v":1,"world":"Actual"}'
    )


def test_a_withdraw_header_says_exactly_this() -> None:
    header = Header(kind="withdraw", org="KWT", id=ID, rev=7)

    assert encode(header).decode() == f'{{"id":"{ID}","kind":"withdraw","org":"KWT","rev":7,"v":1}}'
    assert decode(encode(header)) == header
    assert header.ref == Ref("KWT", ID)


@pytest.mark.parametrize("missing", ["iat", "type", "world", "label", "parts"])
def test_an_item_header_with_something_missing_cannot_exist(missing: str) -> None:
    data = json.loads(encode(item_header()))
    del data[missing]

    with pytest.raises(Malformed, match="one is missing"):
        decode(canon(data))
    with pytest.raises(Malformed, match="one is missing"):
        item_header(**{missing: () if missing == "parts" else None})


@pytest.mark.parametrize(
    "extra",
    [{"iat": 5}, {"type": "crisis.alert"}, {"world": World.ACTUAL}, {"label": LABEL}, {"parts": (PART,)},
     {"parent": f"QAT/{ID}"}],
    ids=lambda extra: next(iter(extra)),
)  # fmt: skip
def test_a_withdraw_header_that_says_more_cannot_exist(extra: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="nothing else"):
        Header(kind="withdraw", org="KWT", id=ID, rev=7, **extra)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "erase"},
        {"id": "9F86D081884C7D659A2FEAA0C55AD015"},
        {"id": ID + "\n"},
        {"org": ""},
        {"org": "KWT/QAT"},
        {"parent": "QAT"},
        {"parent": None},
        {"rev": -1},
        {"rev": True},
        {"world": "Real"},
        {"subject": "Drifting tanker"},
        {"parts": []},
        {"parts": [{"n": "a", "mt": "b", "len": 1, "d": "AB" * 32}]},
        {"parts": [{"n": "a", "mt": "b", "len": 1, "d": "ab" * 32, "salt": "00"}]},
        {"label": {"policy": "ICI", "classification": "RESTRICTED", "categories": []}},
        {"label": {"policy": "ICI", "classification": "RESTRICTED", "audience": "all"}},
        {"label": {"policy": "ICI", "classification": "RESTRICTED", "categories": [
            {"tag": "Releasable To", "type": "PERMISSIVE", "values": ["QAT", "KWT"]}]}},
        {"label": {"policy": "ICI", "classification": "RESTRICTED", "categories": [
            {"tag": "Releasable To", "type": "PERMISSIVE", "values": ["KWT", "KWT"]}]}},
    ],
    ids=str,
)  # fmt: skip
def test_a_canonical_object_that_is_not_a_header_in_its_one_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        decode(respelled(change))


def test_a_header_without_its_version_is_refused() -> None:
    data = json.loads(encode(item_header()))
    del data["v"]

    with pytest.raises(Malformed, match="another, canonical spelling"):
        decode(canon(data))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(item_header(rev=2**53), id="revision too great"),
        pytest.param(item_header(id="1"), id="id too short"),
        pytest.param(item_header(type="\ud800"), id="lone surrogate"),
        pytest.param(item_header(label=Label("x" * 70_000, "y")), id="too long"),
        pytest.param(item_header(label=Label("ICI", "R", review_at=2**53 + 1)), id="review date too great"),
        pytest.param(item_header(v=2), id="unknown version"),
        pytest.param(item_header(parts=[PART]), id="a list where a tuple belongs"),
    ],
)
def test_a_header_outside_its_bounds_is_not_written(header: Header) -> None:
    with pytest.raises(Malformed, match=r"Nothing was sealed\.$"):
        encode(header)


def test_a_chain_of_successions_ends_where_the_canonical_form_does() -> None:
    once = Label("ICI", "R", succession=Succession(1, LABEL))
    twice = Label("ICI", "S", succession=Succession(1, once))

    assert decode(encode(item_header(label=once))).label == once
    with pytest.raises(Malformed):
        encode(item_header(label=twice))


def test_a_revision_is_the_generation_and_the_milliseconds() -> None:
    assert next_rev(None, 0, NOON) == NOON // 1000
    assert next_rev(None, 3, NOON + 999) == 3 * 2**43 + NOON // 1000


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**52)), min_size=2, max_size=20))
def test_revisions_rise_whatever_the_clock_and_the_generation_do(moments: list[tuple[int, int]]) -> None:
    revisions: list[int] = []
    for generation, now in moments:
        revisions.append(next_rev(revisions[-1] if revisions else None, generation, now))

    assert all(earlier < later for earlier, later in pairwise(revisions))


def test_two_revisions_in_one_millisecond_or_with_the_clock_going_back_still_rise() -> None:
    first = next_rev(None, 0, NOON)
    second = next_rev(first, 0, NOON)
    third = next_rev(second, 0, NOON - 86_400_000_000)

    assert [second, third] == [first + 1, first + 2]


def test_a_restored_generation_outranks_revisions_that_the_backup_had_not_seen() -> None:
    backed_up = next_rev(None, 0, NOON)
    lost = next_rev(backed_up, 0, NOON + 400 * 86_400_000_000)

    restored = next_rev(backed_up, 1, NOON)

    assert restored > lost


@pytest.mark.parametrize(
    ("previous", "generation", "now"),
    [(None, 1024, NOON), (None, -1, NOON), (None, 0, -1), (None, 0, 2**43 * 1000), (2**53 - 1, 0, NOON)],
)
def test_a_revision_that_would_not_fit_is_refused(previous: int | None, generation: int, now: int) -> None:
    with pytest.raises(ValueError, match="no revision"):
        next_rev(previous, generation, now)
