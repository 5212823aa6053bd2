"""The API beside the pages: the same room and the same refusals, as JSON."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Response, get, post

from diwan.house import House
from diwan.intake.beyond import Beyond, Notice
from diwan.reading import Change, Changes, Query, Released
from diwan.terms.errors import Crowded, Malformed
from diwan.terms.gate import World
from diwan.terms.hand import Role
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from diwan.terms.time import Instant
from diwan.web.compose import enter
from diwan.web.form import check_token
from diwan.web.item import ref_of
from diwan.web.problems import SignedOut
from diwan.web.session import who
from diwan.web.threads import reading, writing
from diwan.web.visit import ANSWERS, Asked, Visit, answered, read_by_guard, visit_of

_MOST: Final = 500
_LONGEST: Final = 8
"""Seconds that an answer is held back for at most: less than requests under way are given when the node stops."""
_PAUSE: Final = 0.25
"""Seconds between two looks of one who waits: who waits is not woken with every commit of a busy node."""
_WAITS: Final = 16
"""So many may wait in the name of one account: each of them looks again after whatever is written."""
_TOKEN: Final = "x-diwan-token"  # noqa: S105 -- the name of a header


class Shown(msgspec.Struct, frozen=True):
    """An item as programs get it."""

    originator: str
    id: str
    kind: str
    world: World
    title: str
    label: Label
    author: str | None
    entered: Instant
    at: Instant
    revision: int
    brief: msgspec.Raw


class Listed(msgspec.Struct, frozen=True):
    """A page of items; without a cursor it is the last."""

    items: list[Shown]
    cursor: str | None


class Told(msgspec.Struct, frozen=True):
    """One change; a retraction has no item."""

    what: str
    originator: str
    id: str
    kind: str
    at: Instant
    item: Shown | None


class Feed(msgspec.Struct, frozen=True):
    """What changed, oldest first, and where to go on."""

    changes: list[Told]
    cursor: str
    more: bool


class Count(msgspec.Struct, frozen=True):
    """How many were found; `more` says that counting stopped there."""

    found: int
    more: bool


class Me(msgspec.Struct, frozen=True):
    """As whom a program reads."""

    reader: Reader
    roles: list[Role]
    world: World


class Handed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document to enter: its text, or its bytes in base64."""

    media_type: str
    label: Label
    text: str | None = None
    data: bytes | None = None
    beyond: Beyond = Beyond.WARN


class Entered(msgspec.Struct, frozen=True):
    """What was entered."""

    items: list[Ref]
    notices: tuple[Notice, ...]


def routes(house: House) -> list[Any]:
    """Return the handlers of the API."""

    waiting: Counter[Reader] = Counter()

    @get("/api/changes", name="api changes", opt={"reads": "feed", ANSWERS: _changes})
    async def changes(request: Asked) -> Response[bytes]:
        visit, found = visit_of(request), read_by_guard(request, Changes)
        cursor, limit, wait = _where(request)

        def ask_again() -> Changes:
            # Whoever waits may meanwhile have been signed out, or cleared for less.
            here = who(house, request)
            if here is None:
                raise SignedOut
            return house.room(here.account.reader, visit.world).changes(cursor, limit)

        if wait and cursor and not found.changes:
            with _one_of(waiting, visit.hand.reader):
                found = await _new(house, visit.hand.reader, ask_again, found, wait)
        return _json(Feed([_told(change) for change in found.changes], found.cursor, found.more))

    @post("/api/items", name="api enter", opt={"reads": "point read"}, status_code=201)
    async def enter_item(request: Asked) -> Response[bytes]:
        visit = visit_of(request)
        check_token(visit.token, request.headers.get(_TOKEN, ""))
        handed = _handed(await request.body())
        data = handed.data if handed.data is not None else (handed.text or "").encode()
        taken = await writing(enter, house, visit, handed.media_type, data, handed.label, handed.beyond)
        return _json(Entered(list(taken.refs), taken.notices), 201)

    asked = [
        get(path, name=name, opt={"reads": reads, ANSWERS: answer})(answered)
        for path, name, reads, answer in (
            ("/api/items", "api items", "list", _items),
            ("/api/items/{originator:str}/{ident:str}", "api item", "point read", _item),
            ("/api/count", "api count", "count", _count),
            ("/api/facets", "api facets", "facets", _facets),
            ("/api/me", "api me", "own account", _me),
        )
    ]
    return [*asked, changes, enter_item]


def _items(visit: Visit, request: Asked) -> Response[bytes]:
    said = request.query_params
    page = visit.room.page(_query(request), said.get("cursor") or None, _limit(said.get("limit")))
    return _json(Listed([shown(item) for item in page.items], page.cursor))


def _item(visit: Visit, request: Asked) -> Response[bytes]:
    return _json(shown(visit.room.get(ref_of(request))))


def _changes(visit: Visit, request: Asked) -> Changes:
    cursor, limit, _ = _where(request)
    return visit.room.changes(cursor, limit)


def _where(request: Asked) -> tuple[str | None, int, int]:
    """Return from where on changes are asked for, how many, and how long one would wait for the first."""
    said = request.query_params
    return said.get("cursor") or None, _limit(said.get("limit")), _wait(said.get("wait"))


def _count(visit: Visit, request: Asked) -> Response[bytes]:
    tally = visit.room.tally(_query(request))
    return _json(Count(tally.found, tally.more))


def _facets(visit: Visit, request: Asked) -> Response[bytes]:
    names = [name for name in request.query_params.get("of", "kind,originator").split(",")[:20] if name]
    counted = visit.room.facets(_query(request), names)
    return _json({name: dict(sorted(counts.items())) for name, counts in counted.items()})


def _me(visit: Visit, _: Asked) -> Response[bytes]:
    return _json(Me(visit.hand.reader, sorted(visit.hand.roles), visit.world))


def shown(item: Released) -> Shown:
    """Return an item as programs get it."""
    return Shown(
        item.ref.originator,
        item.ref.id,
        item.kind,
        item.world,
        item.title,
        item.label,
        item.author,
        item.entered,
        item.at,
        item.revision,
        msgspec.Raw(item.brief),
    )


def _told(change: Change) -> Told:
    item = shown(change.item) if change.item else None
    return Told(change.what, change.ref.originator, change.ref.id, change.kind, change.at, item)


@contextmanager
def _one_of(waiting: Counter[Reader], reader: Reader) -> Iterator[None]:
    if waiting[reader] >= _WAITS:
        raise Crowded(f"{_WAITS} requests of this account wait for changes already. Nothing was read.")
    waiting[reader] += 1
    try:
        yield
    finally:
        waiting[reader] -= 1
        if not waiting[reader]:
            del waiting[reader]


async def _new(house: House, reader: Reader, ask: Callable[[], Changes], found: Changes, wait: int) -> Changes:
    """Ask again when something was written or a date passed, until there is something for `reader` or the time is over.

    What opens by a date takes its place at the first look, which must not hang on what others write.
    """
    loop, written = asyncio.get_running_loop(), asyncio.Event()
    written.set()  # something may have been written since the first look
    begun, looks = loop.time(), int(wait / _PAUSE)

    def wake() -> None:
        loop.call_soon_threadsafe(written.set)

    with house.heard(wake):
        for look in range(1, looks + 1):
            # At instants that were settled when the wait began, the last of them in any case: by what is written behind
            # other gates an answer comes neither sooner nor later.
            await asyncio.sleep(begun + look * _PAUSE - loop.time())
            if written.is_set() or house.turned(reader) or look == looks:
                written.clear()
                found = await reading(ask)
            if found.changes:
                break
    return found


_ASKED: Final = frozenset(("kind", "originator", "q", "since", "until", "order", "facet", "cursor", "limit", "of"))


def _query(request: Asked) -> Query:
    """Read `kind`, `originator`, `q`, `since`, `until`, `order`, and `facet=name:value` any number of times."""
    said = request.query_params
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"))
    strange = sorted({name for name, _ in pairs} - _ASKED)
    if strange or said.get("order", "newest") not in ("newest", "oldest"):
        wrong = ", ".join(strange) or "order"
        raise Malformed(f"This address knows no such question: {wrong[:200]}. Nothing was read.")
    split = [value.partition(":") for name, value in pairs if name == "facet"]
    return Query(
        kind=said.get("kind") or None,
        originator=said.get("originator") or None,
        facets=tuple((name, value) for name, _, value in split),
        words=said.get("q", ""),
        since=_instant(said.get("since")),
        until=_instant(said.get("until")),
        order="oldest" if said.get("order") == "oldest" else "newest",
    )


def _instant(text: str | None) -> Instant | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise Malformed("An instant is whole microseconds since 1970-01-01T00:00:00Z. Nothing was read.")
    return int(text)


def _wait(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdecimal() and int(text) <= _LONGEST):
        raise Malformed(f"A wait is a whole number of seconds up to {_LONGEST}. Nothing was read.")
    return int(text)


def _limit(text: str | None) -> int:
    if not text:
        return 50
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= _MOST:
        raise Malformed(f"A limit is a whole number from 1 to {_MOST}. Nothing was read.")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a field stands twice")
    return said


def _handed(body: bytes) -> Handed:
    try:
        handed = msgspec.json.decode(body, type=Handed)
        # Two readers of a field said twice could read two labels.
        json.loads(body, object_pairs_hook=_once)
        return handed
    except (ValueError, RecursionError) as wrong:
        said = "nested too deep" if isinstance(wrong, RecursionError) else str(wrong)
        raise Malformed(f"The body is not what this address takes: {said}. Nothing was entered.") from None


def _json(value: object, status: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(value), media_type="application/json", status_code=status)
