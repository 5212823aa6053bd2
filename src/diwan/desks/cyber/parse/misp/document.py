"""Files of MISP events: one event, a search's answer, or a list; each event is cut out byte for byte, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from diwan.desks.cyber.parse.json_bytes import LIMIT, read_object
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Reject, Weight

EVENTS: Final = 5_000
"""Events taken from one file."""
REJECTS: Final = 200
"""Rejects told of one file; after that the rest is not looked at."""
# No event can be said in so few bytes, nor any attribute or tag of one; ten megabytes of `{},` would be millions to be
# found wanting one by one.
_LEAST: Final = 16
_FEW: Final = 64
_DIGITS: Final = 11
"""Of a time, as MISP's tables hold it."""
_MARKS: Final = frozenset(("info", "uuid", "Attribute"))


class Found(msgspec.Struct, frozen=True):
    """One event in a file: where, its own bytes, and what they hold."""

    file: str
    where: str
    data: bytes
    event: dict[str, Any]
    """The event itself, without the `Event` that may stand around it."""
    bare: bool
    """Whether no `Event` stands around it."""


class _Outer(msgspec.Struct):
    response: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def found_in(data: bytes, file: str, *, limit: int = LIMIT) -> Iterator[Found | Reject]:
    """Yield every event in a file, unchecked, or a reject for what is none; a file with one comes back as it is.

    Read are `{"Event": …}`, an event without that, `{"response": …}` as MISP's searches answer, and a list of these.
    """
    try:
        entries, where = _entries(data, limit)
    except RecursionError:
        yield _reject(file, "/", "misp.depth", "nested deeper than any event is")
        return
    except (ValueError, msgspec.MsgspecError):
        yield _reject(file, "/", "misp.json", f"not JSON in UTF-8 of at most {limit} bytes that could hold events")
        return
    rejected = 0
    for number, raw in enumerate(entries):
        if number == EVENTS or rejected == REJECTS:
            text = f"after {number} entries, of which {rejected} were rejected, the rest was not read"
            yield _reject(file, f"{where}/{number}", "misp.many", text)
            return
        found = _found(raw, file, "/" if where is None else f"{where}/{number}")
        rejected += isinstance(found, Reject)
        yield found


def times_in(node: Any) -> Iterator[int]:
    """Yield the time of every edit that an event, or a part of one, tells of: seconds since 1970."""
    if isinstance(node, list):
        for one in node:
            yield from times_in(one)
    elif isinstance(node, dict):
        at = str(node.get("timestamp", ""))
        if at.isascii() and at.isdigit():
            yield int(at[:_DIGITS])
        for one in node.values():
            yield from times_in(one)


def _entries(data: bytes, limit: int) -> tuple[list[bytes], str | None]:
    if len(data) > limit:
        raise ValueError
    _check_crowd(data)
    first = data.lstrip()[:1]
    if first == b"[":
        return _listed(data), ""
    response = msgspec.json.decode(data, type=_Outer).response
    if isinstance(response, msgspec.UnsetType):
        return [data], None
    inner = bytes(response)
    return (_listed(inner) if inner.startswith(b"[") else [inner]), "/response"


def _listed(data: bytes) -> list[bytes]:
    return [bytes(raw) for raw in msgspec.json.decode(data, type=list[msgspec.Raw])]


def _check_crowd(data: bytes) -> None:
    """Refuse what holds more objects than events, and all that is in them, could be in so few bytes."""
    if data.count(b"{") > len(data) // _LEAST + _FEW or data.count(b",") > len(data) // 4 + _FEW:
        raise ValueError


def _found(data: bytes, file: str, where: str) -> Found | Reject:
    try:
        tree = read_object(data)
    except Malformed as wrong:
        text = str(wrong).removeprefix("STIX: ").removesuffix(". Nothing was entered.")
        return _reject(file, where, "misp.json", text)
    event = tree.get("Event", tree)
    if not isinstance(event, dict) or not event.keys() & _MARKS:
        return _reject(file, where, "misp.structure", "no MISP event: neither Event, nor info, uuid or Attribute")
    if event is not tree and len(tree) > 1:
        # The bytes go out whole, and nothing here says who the rest would be for.
        return _reject(file, where, "misp.structure", "something stands beside the Event")
    return Found(file, where, data, event, event is tree)


def _reject(file: str, where: str, rule: str, text: str) -> Reject:
    return Reject(file, where, (Finding(rule, Weight.ERROR, where, f"MISP event: {text}. Not registered."),))
