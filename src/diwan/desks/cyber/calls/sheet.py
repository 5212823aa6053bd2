"""A page of objects, byte for byte, and where it ends: an envelope of TAXII 2.1, or a numbered bundle of 2.0."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin

import msgspec

from diwan.desks.cyber.calls.call import Oversized, Reply
from diwan.desks.cyber.calls.dates import instant_of
from diwan.desks.cyber.calls.resources import is_crowded, read
from diwan.terms.time import Instant

OBJECTS: Final = 100_000
"""Objects taken from one answer."""
_CURSOR: Final = 8_192
_CONTENT_RANGE: Final = re.compile(r"items[ =]([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")
_EMPTY: Final = 204
_PARTIAL: Final = 206


class Sheet(msgspec.Struct, frozen=True):
    """One page of objects, exactly as they came, and where it ends."""

    objects: tuple[bytes, ...]
    more: bool = False
    next: str = ""
    first: Instant | None = None
    last: Instant | None = None
    last_text: str = ""
    odd: int = 0
    clock: Instant | None = None


class _Envelope(msgspec.Struct, frozen=True):
    objects: list[msgspec.Raw] | None = None
    more: object = None
    next: object = None


def sheet(reply: Reply, address: str) -> Sheet:
    """Return the objects of an envelope (3.7) or a bundle, byte for byte, and what tells where the page ends.

    Headers that are missing or no dates, an empty or null `next`, and `more` as text are met and stood. A page that
    says nothing of `more` has more where it has a `next`.

    Raises:
        Fault: no envelope.
        Oversized: more than `OBJECTS` objects.
    """
    if reply.status == _EMPTY:
        return Sheet((), clock=reply.clock)
    if is_crowded(reply.body):
        raise Oversized(f"{urljoin(address, '/')} answers more objects than bytes allow. Nothing was taken.")
    told = read(reply.body, _Envelope, address)
    raws = [bytes(raw) for raw in told.objects or ()]
    if len(raws) > OBJECTS:
        raise Oversized(f"{urljoin(address, '/')} answers more than {OBJECTS} objects at once. Nothing was taken.")
    objects = tuple(raw for raw in raws if raw[:1] == b"{")
    first, last = (reply.headers.get(f"x-taxii-date-added-{which}", "") for which in ("first", "last"))
    cursor = _cursor(told.next)
    more = told.more in (True, "true", "True") or (told.more is None and bool(cursor) and bool(raws))
    begins, ends = instant_of(first), instant_of(last)
    # Some swap the two.
    if begins is not None and ends is not None and begins > ends:
        begins, ends, last = ends, begins, first
    text, odd = last if ends is not None else "", len(raws) - len(objects)
    return Sheet(objects, more, cursor, begins, ends, text, odd, reply.clock)


def numbered(page: Sheet, reply: Reply, start: int, limit: int) -> Sheet:
    """Return a page of TAXII 2.0 with the number of the next object, as its Content-Range tells it (2.0, 3.4)."""
    found = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", "").strip())
    after = int(found[2]) + 1 if found else start + len(page.objects) + page.odd
    if found and found[3] != "*":
        more = after < int(found[3])
    else:
        more = reply.status == _PARTIAL and len(page.objects) + page.odd >= max(limit, 1)
    more = more and after > start
    return msgspec.structs.replace(page, more=more, next=str(after) if more else "")


def _cursor(told: object) -> str:
    text = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
    return text if len(text) <= _CURSOR and text.isprintable() else ""
