"""The canonical form, against a slow and plain statement of the same rule."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diwan.sealing.canon import canon, read
from diwan.terms.errors import Malformed


def slow_canon(value: Any) -> bytes | None:
    """Return the canonical form as the profile words it, or None outside it."""
    if not in_profile(value, depth=0):
        return None
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return data if len(data) <= 64 * 1024 else None


def in_profile(value: Any, depth: int) -> bool:
    if value is None or type(value) is bool:
        return True
    if type(value) is int:
        return abs(value) < 2**53
    if type(value) is str:
        return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)
    if depth == 8:
        return False
    if type(value) is list:
        return all(in_profile(inner, depth + 1) for inner in value)
    if type(value) is dict:
        return all(type(key) is str and key.isascii() and in_profile(inner, depth + 1) for key, inner in value.items())
    return False


texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "\\", "\x00\x1f\x7f", "/ ", "é", "😀"]
)
keys = st.text(st.characters(max_codepoint=0x7F), max_size=6)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
thorough = settings(max_examples=300, derandomize=True, deadline=None)


def refused(value: object) -> bool:
    try:
        canon(value)
    except Malformed:
        return True
    return False


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@thorough
@given(plain)
def test_canonical_form_is_what_the_slow_reference_says(value: Any) -> None:
    expected = slow_canon(value)

    if expected is None:
        assert refused(value)
    else:
        assert canon(value) == expected


@thorough
@given(anything)
@example({"é": 1})
@example([math.nan])
@example("\ud800")
@example({1: "an integer key"})
def test_what_the_slow_reference_refuses_is_refused(value: Any) -> None:
    expected = slow_canon(value)

    if expected is None:
        assert refused(value)
    else:
        assert canon(value) == expected


@thorough
@given(st.dictionaries(keys, plain, max_size=4).filter(lambda value: slow_canon(value) is not None))
def test_canonical_bytes_read_back_as_the_value_they_came_from(value: dict[str, Any]) -> None:
    assert read(canon(value)) == value


@thorough
@given(
    st.dictionaries(st.sampled_from(["a", "b", "é", "ключ"]), plain | st.floats() | st.just(2**53), max_size=3),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_another_spelling_is_refused_and_the_one_spelling_is_read(
    value: dict[str, Any], ascii_only: bool, separators: tuple[str, str]
) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode()

    if slow_canon(value) == data:
        assert read(data) == value
    else:
        with pytest.raises(Malformed):
            read(data)


@thorough
@given(st.data())
def test_any_changed_byte_is_refused_or_says_something_else(data: st.DataObject) -> None:
    original = canon({"a": [1, "x", None, True], "b": {"c": "ميناء", "d": -7}, "e": "\n"})
    place = data.draw(st.integers(0, len(original) - 1))
    changed = original[:place] + bytes([original[place] ^ data.draw(st.integers(1, 255))]) + original[place + 1 :]

    try:
        value = read(changed)
    except Malformed:
        return

    assert value != read(original)
    assert slow_canon(value) == changed


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"rel":["KWT"],"rel":["ALL"]}', id="duplicate key"),
        pytest.param(b'{"a":1,"a":1}', id="duplicate key, equal values"),
        pytest.param(b'{"a":1.0}', id="float"),
        pytest.param(b'{"a":1e2}', id="exponent"),
        pytest.param(b'{"a":-0}', id="minus zero"),
        pytest.param(b'{"a":01}', id="leading zero"),
        pytest.param(b'{"a":9007199254740992}', id="2^53"),
        pytest.param(b'{"a":9007199254740993}', id="2^53 + 1"),
        pytest.param(b'{"a":-9007199254740992}', id="-2^53"),
        pytest.param(b'{"a":' + b"9" * 60_000 + b"}", id="60,000 digits"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="infinity"),
        pytest.param(b'{"a": 1}', id="white space inside"),
        pytest.param(b'{"a":1}\n', id="white space after"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param(b'{"b":1,"a":2}', id="keys out of order"),
        pytest.param(b'{"a":"\\u0041"}', id="needless escape"),
        pytest.param(b'{"a":"\\/"}', id="escaped solidus"),
        pytest.param(b'{"a":"\\u001F"}', id="upper-case escape"),
        pytest.param(b'{"a":"\\u00e9"}', id="escaped letter"),
        pytest.param(b'{"a":"\\ud800"}', id="lone surrogate, escaped"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="lone surrogate, encoded"),
        pytest.param(b'{"a":"\xc0\xaf"}', id="overlong UTF-8"),
        pytest.param('{"é":1}'.encode(), id="key not ASCII"),
        pytest.param('{"a":[{"b":{"é":1}}]}'.encode(), id="inner key not ASCII"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"a":1}{"a":1}', id="two objects"),
        pytest.param(b'{"a":' + b"[" * 8 + b"]" * 8 + b"}", id="nine levels"),
        pytest.param(b"[" * 60_000 + b"]" * 5_000, id="60,000 levels, within the length"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 levels"),
        pytest.param(b'{"a":"' + b"x" * 65_529 + b'"}', id="64 KiB and one byte"),
    ],
)
def test_bytes_outside_the_profile_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a":9007199254740991,"b":-9007199254740991}', id="2^53 - 1"),
        pytest.param(b'{"a":' + b"[" * 7 + b"]" * 7 + b"}", id="eight levels"),
        pytest.param(b'{"a":"' + b"x" * 65_528 + b'"}', id="64 KiB"),
        pytest.param('{"a":"ميناء 😀 \x7f \u2028"}'.encode(), id="any Unicode"),
    ],
)
def test_bytes_at_the_edge_of_the_profile_are_read(data: bytes) -> None:
    assert read(data) == json.loads(data)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(nested(100_000), id="100,000 levels"),
        pytest.param(nested(9), id="nine levels"),
        pytest.param({"a": math.nan}, id="NaN would become null"),
        pytest.param({"a": 1.0}, id="float equal to an integer"),
        pytest.param({"a": (1, 2)}, id="tuple"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param({"a": Decimal(1)}, id="decimal"),
        pytest.param({"a": datetime(2017, 1, 24, tzinfo=UTC)}, id="date"),
        pytest.param({"a": object()}, id="object"),
        pytest.param({"a": 10**30}, id="big integer"),
        pytest.param({"\udc00": 1}, id="lone surrogate in a key"),
        pytest.param({1: "a"}, id="integer key"),
    ],
)
def test_values_that_json_cannot_say_exactly_have_no_canonical_form(value: object) -> None:
    with pytest.raises(Malformed, match="no canonical form"):
        canon(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(Malformed, match="deeper"):
        canon(value)
