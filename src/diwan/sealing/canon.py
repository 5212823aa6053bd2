"""The canonical form: one value has one spelling in bytes, so what is signed is what was read.

It is the profile of JSON in which RFC 8785 needs no number formatting and no UTF-16 sorting: ASCII keys in order, no
floats, integers below 2^53, strings of any Unicode without lone surrogates, at most eight containers deep, at most
64 KiB, UTF-8 without white space and without needless escapes.
"""

from __future__ import annotations

from typing import Annotated, Final, cast

import msgspec

from diwan.terms.errors import Malformed

Value = None | bool | int | str | list["Value"] | dict[str, "Value"]

LONGEST: Final = 64 * 1024
"""Bytes of a canonical form at most."""
DEEPEST: Final = 8
"""Containers within containers at most."""
BOUND: Final = 2**53
"""Integers are smaller than this, either way: every JSON reader holds them exactly (RFC 8259, section 6)."""

_Scalar = None | bool | Annotated[int, msgspec.Meta(gt=-BOUND, lt=BOUND)] | str


def _within(deepest: int) -> object:
    """Return the type of values at most `deepest` containers deep: the decoder itself then bounds depth and work."""
    inside: object = _Scalar
    for _ in range(deepest):
        inside = _Scalar | list[inside] | dict[str, inside]  # type: ignore[valid-type] # built at run time
    return inside


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(_within(DEEPEST)).decode


def canon(value: object) -> bytes:
    """Return the canonical form of a value made of dict, list, str, int, bool and None.

    Raises:
        Malformed: the value lies outside the profile.
    """
    try:
        data = _encode(value)
        # The encoder writes NaN as null, a tuple as a list, a date as text: only what reads back equal was plain.
        plain = _parse(data) == value
    except (ValueError, TypeError, RecursionError) as wrong:
        raise Malformed(f"The value has no canonical form: {_reason(wrong)}. Nothing was sealed.") from None
    if not plain:
        raise Malformed("The value has no canonical form: it holds something that JSON cannot say. Nothing was sealed.")
    return data


def read(data: bytes) -> dict[str, Value]:
    """Return the object whose canonical form is exactly `data`.

    Comparing with the one spelling refuses at once duplicate keys, floats, needless escapes and white space.

    Raises:
        Malformed: `data` is not JSON, outside the profile, or another spelling of what it says.
    """
    try:
        value = _parse(data)
    except (ValueError, TypeError, RecursionError) as wrong:
        raise Malformed(f"Not in canonical form: {_reason(wrong)}. Refused.") from None
    if not isinstance(value, dict):
        raise Malformed("Not in canonical form: a JSON object was expected. Refused.")
    return value


def _parse(data: bytes) -> Value:
    if len(data) > LONGEST:
        raise ValueError(f"{len(data)} bytes are more than {LONGEST}")
    value = cast("Value", _decode(data))
    if _encode(value) != data:
        raise ValueError("the same value has another, canonical spelling")
    if not data.isascii() and not _ascii_keys(value):
        raise ValueError("a key is not ASCII")
    return value


def _ascii_keys(value: Value) -> bool:
    match value:
        case dict():
            return all(key.isascii() and _ascii_keys(inner) for key, inner in value.items())
        case list():
            return all(map(_ascii_keys, value))
        case _:
            return True


def _reason(wrong: Exception) -> str:
    """Return the parser's reason on one line, without the text that it could not read."""
    match wrong:
        case RecursionError():
            return f"it is deeper than {DEEPEST} levels"
        case UnicodeError():
            return "it is not UTF-8 text, or holds a lone surrogate"
        case _:
            return str(wrong)
