"""Safe reading of JSON: a file cut into the exact bytes of each object, and each object read once and strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, NoReturn

import msgspec

from diwan.desks.cyber.parse.finding import plain
from diwan.terms.errors import Malformed

LIMIT: Final = 64 * 1024 * 1024
"""Bytes of one file at most; all of ATT&CK Enterprise is 34 MB."""
DEPTH: Final = 64
"""Objects and lists inside one another at most."""
# No STIX object can be said in so few bytes, nor any of its values with a comma; ten megabytes of `{},` or `1,` would
# be millions of objects to refuse one by one.
_LEAST: Final = 16
_LEAST_VALUE: Final = 4
_WIDE: Final = 2**53 - 1
_BRACKETS: Final = (b"{", b"[")
_LONGEST: Final = 309
"""Digits of a whole number at most: a double holds no more, and reading a long one takes time with its square."""
_TOO_LONG: Final = b"0" * (_LONGEST + 1)
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)


class Form(StrEnum):
    """How a file holds its objects."""

    BUNDLE = "bundle"
    ENVELOPE = "envelope"
    LIST = "list"
    OBJECT = "object"
    LINES = "lines"


class Cut(msgspec.Struct, frozen=True):
    """A file cut into its objects: the bytes of each, exactly as they stand, white space inside included."""

    form: Form
    head: dict[str, Any]
    """What a bundle or envelope says beside its objects."""
    objects: tuple[bytes, ...]
    data: bytes

    def lines(self) -> Iterator[int]:
        """Yield the line, counted from 1, on which each object starts; costs one pass over the file."""
        start, line = 0, 1
        for raw in self.objects:
            at = self.data.find(raw, start)
            line += self.data.count(b"\n", start, at)
            yield line
            line += raw.count(b"\n")
            start = at + len(raw)


def objects_in(data: bytes, *, limit: int = LIMIT) -> Cut:
    """Return the objects of a bundle, a TAXII envelope, a list, JSON lines, or the one object that the file is.

    Nothing inside an object is read yet, so its duplicate keys show in `read_object` alone. A byte order mark is
    refused (RFC 8259, section 8.1), as are NaN, text that is not UTF-8, and a field said twice beside the objects.

    Raises:
        Malformed: not JSON, larger than `limit` bytes, nested too deep, or something else than objects.
    """
    if len(data) > limit:
        raise _refusal(f"larger than {limit} bytes")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _refusal("it starts with a byte order mark, which RFC 8259 forbids")
    if data.count(b"{") > len(data) // _LEAST + DEPTH or data.count(b",") > len(data) // _LEAST_VALUE + DEPTH:
        raise _refusal("more braces or commas than STIX objects could have in so few bytes")
    try:
        data.decode()
        return _cut(data)
    except RecursionError:
        raise _refusal(f"nested deeper than {DEPTH} levels") from None
    except (ValueError, msgspec.MsgspecError) as wrong:
        raise _refusal(plain(str(wrong)[:200])) from None


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the object that JSON holds, read strictly.

    A field said twice, NaN, a number no double holds, half a surrogate pair and more than 64 levels are refused:
    two readers could read two things, and one signature would stand for both. Of what msgspec writes again as the very
    text it read, nothing of this can be true: 4.9 µs for an indicator of 700 bytes, where the strict reader took 7.3.

    Raises:
        Malformed: the text says which rule, and quotes nothing that could turn the terminal.
    """
    if (plainly := _plainly(raw)) is not None:
        return plainly
    try:
        said = _strict.decode(raw.decode())
        # Half a pair is legal for this reader; msgspec, which encodes what it reads, refuses it.
        if b"\\ud" in raw or b"\\uD" in raw:
            msgspec.json.decode(raw)
    except RecursionError:
        raise _refusal(f"nested deeper than {DEPTH} levels") from None
    except (ValueError, msgspec.MsgspecError) as wrong:
        raise _refusal(plain(str(wrong)[:200])) from None
    if not isinstance(said, dict):
        raise _refusal("a STIX object is a JSON object")
    if _is_deep(raw, said):
        raise _refusal(f"nested deeper than {DEPTH} levels")
    return said


def wide_numbers(value: object, path: str) -> Iterator[str]:
    """Yield the path of every integer that RFC 7493 (I-JSON), section 2.2, calls beyond what all readers keep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from wide_numbers(inner, f"{path}/{plain(key)}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from wide_numbers(inner, f"{path}/{index}")
    elif isinstance(value, int) and abs(value) > _WIDE:
        yield path


def _cut(data: bytes) -> Cut:
    first = data.lstrip()[:1]
    if first == b"[":
        return Cut(Form.LIST, {}, _raws(msgspec.json.decode(data, type=list[msgspec.Raw])), data)
    try:
        said = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as wrong:
        if "trailing characters" not in str(wrong):
            raise
        return Cut(Form.LINES, {}, _raws(msgspec.json.Decoder(msgspec.Raw).decode_lines(data)), data)
    form = _form(said)
    if form is Form.OBJECT:
        return Cut(form, {}, (data.strip(),), data)
    held = bytes(said.get("objects", b"[]"))
    return Cut(form, _head(data, held), _raws(msgspec.json.decode(held, type=list[msgspec.Raw])), data)


def _form(said: dict[str, msgspec.Raw]) -> Form:
    if "type" not in said:
        return Form.ENVELOPE if "objects" in said or said.keys() <= {"more", "next"} else Form.OBJECT
    return Form.BUNDLE if bytes(said["type"]) == b'"bundle"' else Form.OBJECT


def _head(data: bytes, held: bytes) -> dict[str, Any]:
    # What is left when the objects are taken out is small, and a second "objects" would stand in it.
    before, _, after = data.rpartition(held) if len(held) > _LEAST else (data, b"", b"")
    head = read_object(before + b"[]" + after if after else before)
    return {key: value for key, value in head.items() if key != "objects"}


def _raws(raws: list[msgspec.Raw]) -> tuple[bytes, ...]:
    cut = tuple(map(bytes, raws))
    if not all(raw.startswith(b"{") for raw in cut):
        raise ValueError("not every item is a JSON object")
    return cut


def _plainly(raw: bytes) -> dict[str, Any] | None:
    """Return the object, where its text is but for white space the one that msgspec writes of it; None: look closer.

    A field said twice would be written once, and a number that was rounded otherwise than it stands.
    """
    # What is written with escapes never comes out the same; msgspec reads integers of up to 4,300 digits.
    if b"\\u" in raw or _TOO_LONG in raw.translate(_DIGITS):
        return None
    try:
        said = _any(raw)
        again = _written(said)
        same = again == raw or again == msgspec.json.format(raw, indent=-1)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None
    if not same or not isinstance(said, dict) or _is_deep(raw, said):
        return None
    return said


def _is_deep(raw: bytes, said: object) -> bool:
    return sum(map(raw.count, _BRACKETS)) > DEPTH and _depth(said) > DEPTH


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a field stands twice in one object")
    return said


def _never(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is larger than a double holds")
    return number


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST:
        raise ValueError("a number is larger than a double holds")
    return int(text)


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
    return deepest


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _refusal(why: str) -> Malformed:
    return Malformed(f"STIX: {why}. Nothing was entered.")


_strict: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_never, parse_float=_finite, parse_int=_whole)
_any: Final = msgspec.json.Decoder().decode
_written: Final = msgspec.json.Encoder().encode
