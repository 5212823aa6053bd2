from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.parse.json_bytes import Form, objects_in, read_object, wide_numbers
from diwan.terms.errors import Malformed

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "stix"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=5), max_size=5), st.sampled_from([None, 1, "\t"]))
def test_objects_cut_from_a_list_and_read_are_the_objects(said: list[dict[str, Any]], indent: int | str | None) -> None:
    texts = [json.dumps(item, indent=indent, ensure_ascii=indent is None) for item in said]
    data = f" [{' , '.join(texts)}\n]".encode()

    cut = objects_in(data)

    assert cut.objects == tuple(text.encode() for text in texts)
    assert [read_object(raw) for raw in cut.objects] == said
    assert [data.decode().split("\n")[line - 1].count("{") > 0 for line in cut.lines()] == [True] * len(said)


@pytest.mark.parametrize(
    ("data", "form", "count", "head"),
    [
        (b'{"type":"bundle","id":"bundle--1","objects":[{}]}', Form.BUNDLE, 1, {"type": "bundle", "id": "bundle--1"}),
        (b'{"type":"bundle","id":"bundle--1"}', Form.BUNDLE, 0, {"type": "bundle", "id": "bundle--1"}),
        (b'{"objects":[{"a":"objects"},{}],"more":true,"next":"a"}', Form.ENVELOPE, 2, {"more": True, "next": "a"}),
        (b"{}", Form.ENVELOPE, 0, {}),
        (b'\n{"type":"observed-data","objects":{"0":{}}} ', Form.OBJECT, 1, {}),
        (b"[]", Form.LIST, 0, {}),
        (b"{}\n\n{}\n", Form.LINES, 2, {}),
    ],
)
def test_the_form_of_a_file_is_read_from_what_it_holds(
    data: bytes, form: Form, count: int, head: dict[str, Any]
) -> None:
    cut = objects_in(data)

    assert (cut.form, len(cut.objects), cut.head) == (form, count, head)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"1",
        b'"a"',
        b"[1]",
        b"[[]]",
        b"{}\n1",
        b"\xef\xbb\xbf[]",
        b'[{"a":"\xff"}]',
        b'[{"a":NaN}]',
        b'{"objects":{}}',
        b'{"objects":[{"a":"bbbbbbbbbbbbbbb"}],"objects":[{"a":"ccccccccccccccc"}]}',
        b'{"objects":[],"objects":[]}',
        b'{"type":"bundle","type":"bundle","objects":[]}',
        b'{"type":"bundle","objects":[{}]',
        b"[" * 10_000_000,
        b'[{"a":' * 1_600_000,
        b"[" + b"{}," * 3_300_000 + b"{}]",
        bytes(range(32, 127)) * 105_000,
        b'["' + b"a" * 10_000_000,
        b"[" + b"1," * 5_000_000 + b"1]",
        b"[" + b"9" * 10_000_000 + b"]",
        b"\x00" * 10_000_000,
        b"\n" * 10_000_000,
        b"{\n" * 5_000_000,
    ],
    ids=range(25),
)
def test_what_is_no_list_of_objects_is_refused_at_once(data: bytes) -> None:
    began = time.process_time()

    with pytest.raises(Malformed, match=r"^STIX: .*\. Nothing was entered\.$"):
        objects_in(data)

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a":1,"a":2}', "a field stands twice in one object"),
        (b'{"a":{"b":1,"\\u0062":2}}', "a field stands twice in one object"),
        (b'{"a":1 , "a" : 1}', "a field stands twice in one object"),
        (b'{"a":NaN}', "NaN is not a JSON number"),
        (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
        (b'{"a":1e999}', "a number is larger than a double holds"),
        (b'{"a":' + b"9" * 400 + b"}", "a number is larger than a double holds"),
        (b'{"a":-' + b"9" * 310 + b"}", "a number is larger than a double holds"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested deeper than 64 levels"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 64 levels"),
        (b"[]", "a STIX object is a JSON object"),
    ],
)
def test_an_object_that_two_readers_could_read_apart_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_object(data)

    assert str(refused.value) == f"STIX: {why}. Nothing was entered."


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1.0,"b":[1.50,-0,-0.0,1e2,1E+2,0.1000000000000000055511151231257827]}',
        b'{"a":18446744073709551616,"b":9223372036854775808,"c":123456789012345678901234567890}',
        b'{ "a" : "\\u00e9\\/\\n" , "\xc3\xa9" : ["\xc3\xa9", null, true, {} ] }',
    ],
    ids=["floats", "wide integers", "escapes"],
)
def test_however_an_object_is_spelt_its_values_are_those_of_the_standard_library(data: bytes) -> None:
    assert repr(read_object(data)) == repr(json.loads(data))


@pytest.mark.parametrize("data", [b'{"a":"\\ud800"}', b'{"\\uDC00":1}', b'{"a":"\\ud800\\u0041"}'])
def test_half_a_surrogate_pair_is_refused_and_a_whole_one_is_read(data: bytes) -> None:
    assert read_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}

    with pytest.raises(Malformed):
        read_object(data)


def test_a_refusal_never_repeats_a_character_that_turns_the_line() -> None:
    with pytest.raises(Malformed) as refused:
        read_object('{"a":\u202e}'.encode())

    assert str(refused.value).isprintable()


def test_sixty_four_levels_and_a_hundred_lists_side_by_side_are_read() -> None:
    deep = b'{"a":' * 64 + b"1" + b"}" * 64

    assert read_object(deep)["a"] is not None
    assert len(read_object(b'{"a":[' + b"[]," * 100 + b"[]]}")["a"]) == 101


def test_integers_beyond_all_readers_are_told_by_their_place() -> None:
    said = read_object(b'{"a":9007199254740991,"b":[1,{"c":-9007199254740992}],"d":true}')

    assert list(wide_numbers(said, "/objects/0")) == ["/objects/0/b/1/c"]


def test_the_objects_of_real_files_joined_again_are_the_same_bytes() -> None:
    if not SHARED.is_dir():
        pytest.skip("shared STIX data is not beside the project")
    data = gzip.decompress((SHARED / "attack-ics-18.1.json.gz").read_bytes())

    cut = objects_in(data)

    start = 0
    for raw in cut.objects:
        at = data.index(raw, start)
        assert data[start:at].strip(b' \r\n,{}[]":') in (
            b"",
            b"",
            data[start:at].strip(b' \r\n,{}[]":') if not start else b"",
        )
        start = at + len(raw)
    assert len(cut.objects) == len(json.loads(data)["objects"])
    assert [json.loads(raw) for raw in cut.objects] == json.loads(data)["objects"]
