"""TAXII servers on the loopback, each with one habit or fault of a real one; what they hold is fictitious."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from diwan.desks.cyber.calls.dates import instant_of, written
from diwan.terms.time import Instant, moment

START: Instant = 1_700_000_000_000_000
SECOND = 1_000_000
MEDIA = "application/taxii+json;version=2.1"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"

Headers = dict[str, str]


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    query: Headers
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: Headers = field(default_factory=dict)
    cut: bool = False
    """Whether the line breaks before anything is said."""
    asleep: float = 0.0
    """Seconds before it is."""


@dataclass
class Clock:
    """One clock for both sides; waiting moves it."""

    at: Instant = START
    waited: list[float] = field(default_factory=list)

    def now(self) -> Instant:
        return self.at

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += int(seconds * SECOND)


def indicator(number: int, *, version: int = 0, note: str = "") -> bytes:
    """Return a fictitious object in a spelling that no encoder of ours writes, so that exactness shows."""
    ident = f"indicator--00000000-0000-4000-8000-{number:012d}"
    at = written(START + version * SECOND)[:23] + "Z"
    return (
        f'{{ "type":"indicator", "spec_version": "2.1","id":"{ident}",  "created":"{written(START)[:23]}Z",'
        f'"modified":"{at}", "pattern": "[domain-name:value = \'host{number}.example.org\']",'
        f'"pattern_type":"stix", "valid_from":"{at}", "x_note":"\\u00e9{note}", "x_float": 1.50 }}'
    ).encode()


class Peer:
    """A server that does what the standard says."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.held: list[tuple[Instant, bytes]] = []
        self.asks: list[Ask] = []
        self.faults: list[Answer] = []
        """Given first, one to a call."""
        self.losing = 0
        """How many answers are made and lost on the way."""
        self.arriving: list[tuple[Instant, bytes]] = []
        """Added while pages are asked for, one to a call, dated so many microseconds ago."""

    def hold(self, at: Instant, *objects: bytes) -> None:
        self.held += [(at, raw) for raw in objects]
        self.held.sort(key=lambda pair: pair[0])

    def answer(self, ask: Ask) -> Answer:
        self.asks.append(ask)
        if self.arriving:
            late, raw = self.arriving.pop()
            self.clock.at += 50_000
            self.hold(self.clock.at - late, raw)
        if self.faults:
            return self.faults.pop(0)
        answer = self.answered(ask)
        if self.losing:
            self.losing -= 1
            return Answer(cut=True)
        return answer

    def answered(self, ask: Ask) -> Answer:
        parts = ask.path.strip("/").split("/")
        if parts[-1] == "objects" and ask.method == "GET":
            return self.objects(ask)
        if parts[-1] == "manifest":
            return self.manifest(ask)
        return self.other(ask)

    def other(self, ask: Ask) -> Answer:
        return Answer(b'{"title":"not here"}', 404, {"Content-Type": MEDIA})

    def objects(self, ask: Ask) -> Answer:
        page, more = self.cut(ask)
        body = b'{"more":%s' % (b"true" if more else b"false")
        if more and (token := self.token(page)):
            body += b',"next":' + json.dumps(token).encode()
        if page:
            body += b', "objects": [' + b" , ".join(raw for _, raw in page) + b"]"
        return Answer(body + b"}", 200, {"Content-Type": MEDIA, **self.dates(page)})

    def manifest(self, ask: Ask) -> Answer:
        page, more = self.cut(ask)
        lines = [
            {"id": json.loads(raw)["id"], "date_added": written(at), "version": json.loads(raw)["modified"]}
            for at, raw in page
        ]
        return Answer(json.dumps({"more": more, "objects": lines}).encode(), 200, {"Content-Type": MEDIA})

    def cut(self, ask: Ask) -> tuple[list[tuple[Instant, bytes]], bool]:
        after = instant_of(ask.query.get("added_after", "1970-01-01T00:00:00Z"))
        assert after is not None
        found = [(at, raw) for at, raw in self.held if self.later(at, after)]
        if token := ask.query.get("next"):
            last = found.index(next(pair for pair in found if f"{pair[0]}.{len(pair[1])}.{pair[1][60:100]!r}" == token))
            found = found[last + 1 :]
        limit = self.limit(int(ask.query.get("limit", "10000")))
        return found[:limit], len(found) > limit

    def limit(self, asked: int) -> int:
        return asked

    def later(self, at: Instant, after: Instant) -> bool:
        return at > after

    def token(self, page: list[tuple[Instant, bytes]]) -> str:
        at, raw = page[-1]
        return f"{at}.{len(raw)}.{raw[60:100]!r}"

    def dates(self, page: list[tuple[Instant, bytes]]) -> Headers:
        if not page:
            return {}
        return {
            "X-TAXII-Date-Added-First": self.date(page[0][0]),
            "X-TAXII-Date-Added-Last": self.date(page[-1][0]),
        }

    def date(self, at: Instant) -> str:
        return written(at)


class Medallion(Peer):
    """Keeps pages in memory under one cursor that stays the same, and forgets them after a while."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.sessions: dict[str, list[tuple[Instant, bytes]]] = {}

    def objects(self, ask: Ask) -> Answer:
        limit = int(ask.query.get("limit", "10000"))
        token = ask.query.get("next", "")
        if token and token not in self.sessions:
            return Answer(b'{"title":"ProcessingError"}', 400, {"Content-Type": MEDIA})
        left = (
            self.sessions.pop(token) if token else self.cut(Ask("GET", "", {**ask.query, "limit": "10000"}, {}, b""))[0]
        )
        page, left = left[:limit], left[limit:]
        if left:
            self.sessions[token or "one-token"] = left
        told: dict[str, Any] = {"more": bool(left), **({"next": token or "one-token"} if left else {})}
        body = json.dumps(told).encode()[:-1]
        body += (b',"objects":[' + b",".join(raw for _, raw in page) + b"]}") if page else b"}"
        return Answer(body, 200, {"Content-Type": MEDIA, **self.dates(page)})

    def forget(self) -> None:
        self.sessions.clear()


class Undated(Peer):
    """Says `undefined` for dates of an empty page, and gives a cursor although there is no more."""

    def objects(self, ask: Ask) -> Answer:
        page, more = self.cut(ask)
        told = {"more": more, "next": self.token(page) if page else "undefined", "objects": []}
        body = json.dumps(told).encode()[:-2] + b",".join(raw for _, raw in page) + b"]}"
        dates = self.dates(page) or {f"X-TAXII-Date-Added-{which}": "undefined" for which in ("First", "Last")}
        return Answer(body, 200, {"Content-Type": "application/taxii+json; charset=utf-8; version=2.1", **dates})


class Cursorless(Peer):
    """Has no `next`, cuts the dates it tells and those it is asked to a grain, and gives `most` objects at once."""

    def __init__(self, clock: Clock, told: int = 1, asked: int = 1, most: int = 10_000) -> None:
        super().__init__(clock)
        self.told, self.heard, self.most = told, asked, most

    def token(self, page: list[tuple[Instant, bytes]]) -> str:
        return ""

    def later(self, at: Instant, after: Instant) -> bool:
        return at // self.heard > after // self.heard

    def limit(self, asked: int) -> int:
        return min(asked, self.most)

    def date(self, at: Instant) -> str:
        text = written(at)
        return text[: {1: 26, 1_000: 23, SECOND: 19}[self.told]] + "Z"


class Dateless(Cursorless):
    """Has neither `next` nor dates on its pages; only the manifest tells dates."""

    def dates(self, page: list[tuple[Instant, bytes]]) -> Headers:
        return {}


class Silent(Dateless):
    """Has no dates anywhere and no manifest; its cursor works."""

    def token(self, page: list[tuple[Instant, bytes]]) -> str:
        return Peer.token(self, page)

    def manifest(self, ask: Ask) -> Answer:
        return self.other(ask)


class Sieve(Peer):
    """Filters after paging: empty pages with `more: true` before the few that are left."""

    def objects(self, ask: Ask) -> Answer:
        token = ask.query.get("next", "sieve0")
        if not token.startswith("sieve"):
            return super().objects(ask)
        if (number := int(token.removeprefix("sieve"))) < 5:
            return Answer(b'{"more":true,"next":"sieve%d","objects":[]}' % (number + 1), 200, {"Content-Type": MEDIA})
        return super().objects(Ask(ask.method, ask.path, {k: v for k, v in ask.query.items() if k != "next"}, {}, b""))


class Circle(Peer):
    """A pager that never ends: after the last page the first comes again, under cursors that are always new."""

    def objects(self, ask: Ask) -> Answer:
        limit, number = int(ask.query["limit"]), int(ask.query.get("next", "0"))
        pages = [self.held[start : start + limit] for start in range(0, len(self.held), limit)]
        page = pages[number % len(pages)]
        body = b'{"more":true,"next":"%d","objects":[' % (number + 1) + b",".join(raw for _, raw in page) + b"]}"
        return Answer(body, 200, {"Content-Type": MEDIA, **self.dates(page)})


class Capped(Peer):
    """Refuses a limit of more than a hundred."""

    def objects(self, ask: Ask) -> Answer:
        if int(ask.query.get("limit", "0")) > 100:
            return Answer(b'{"title":"limit"}', 400, {"Content-Type": MEDIA})
        return super().objects(ask)


class Picky(Peer):
    """Knows its media type in one spelling alone."""

    def __init__(self, clock: Clock, spelling: str) -> None:
        super().__init__(clock)
        self.spelling = spelling

    def answer(self, ask: Ask) -> Answer:
        if ask.headers.get("accept") != self.spelling:
            self.asks.append(ask)
            return Answer(b"", 406)
        return super().answer(ask)


class Old(Peer):
    """TAXII 2.0: bundles, and ranges of numbered items in the spelling it was built for."""

    spelling = "items "

    def objects(self, ask: Ask) -> Answer:
        assert ask.headers["accept"].startswith("application/vnd.oasis.stix+json")
        wanted = ask.headers.get("range", "")
        if not wanted.startswith(self.spelling):
            return Answer(b"", 400)
        start, end = (int(number) for number in wanted.removeprefix(self.spelling).split("-"))
        found, _ = self.cut(Ask("GET", "", {k: v for k, v in ask.query.items() if k == "added_after"}, {}, b""))
        page = found[start : end + 1]
        if not page and start:
            return Answer(b"", 416)
        body = (
            b'{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":['
            + b",".join(r for _, r in page)
            + b"]}"
        )
        headers = {"Content-Type": "application/vnd.oasis.stix+json; version=2.0", **self.dates(page)}
        if page:
            headers["Content-Range"] = f"items {start}-{start + len(page) - 1}/{len(found)}"
        return Answer(body, 206, headers)


class OldEquals(Old):
    """The same, with RFC 7233's spelling of a range."""

    spelling = "items="


class Taker(Peer):
    """Takes objects: 413 beyond `longest` bytes, one status after `slow` asks, and refuses what `bad` names."""

    def __init__(
        self, clock: Clock, *, longest: int = 10**9, slow: int = 0, bad: str = "", told: str = "details"
    ) -> None:
        super().__init__(clock)
        self.longest, self.slow, self.bad, self.told = longest, slow, bad, told
        self.status: dict[str, Any] = {}
        self.left = 0
        self.gone: list[str] = []
        self.content_length: int | None = None

    def other(self, ask: Ask) -> Answer:
        if ask.method == "DELETE":
            self.gone.append(ask.path)
            return Answer(b"", 200)
        if ask.method == "POST":
            return self.take(ask)
        if "/status/" in ask.path:
            self.left -= 1
            done = (
                self.status if self.left <= 0 else {**self.status, "status": "pending", "successes": [], "failures": []}
            )
            return Answer(json.dumps(done).encode(), 200, {"Content-Type": MEDIA})
        if ask.path == "/api/" and self.content_length:
            told = {"title": "r", "versions": [MEDIA], "max_content_length": self.content_length}
            return Answer(json.dumps(told).encode(), 200, {"Content-Type": MEDIA})
        return super().other(ask)

    def take(self, ask: Ask) -> Answer:
        if len(ask.body) > self.longest:
            return Answer(b'{"title":"too large"}', 413, {"Content-Type": MEDIA})
        start = ask.body.index(b"[") + 1
        raws = [b"{ " + part for part in ask.body[start:-2].split(b"{ ")[1:]]
        raws = [raw.removesuffix(b",") for raw in raws]
        bad = [raw for raw in raws if self.bad and self.bad.encode() in raw]
        if bad and self.told == "500":
            return Answer(b"", 500)
        if bad and self.told == "422":
            return Answer(b'{"title":"a bad object"}', 422, {"Content-Type": MEDIA})
        held = {raw for _, raw in self.held}
        self.hold(self.clock.at, *(raw for raw in raws if raw not in bad and raw not in held))
        self.status = self.verdict(raws, bad)
        self.left = self.slow
        told = {**self.status, "status": "pending"} if self.slow else self.status
        return Answer(json.dumps(told).encode(), 202, {"Content-Type": MEDIA})

    def verdict(self, raws: list[bytes], bad: list[bytes]) -> dict[str, Any]:
        lines = {raw: {"id": json.loads(raw)["id"], "version": json.loads(raw)["modified"]} for raw in raws}
        status: dict[str, Any] = {
            "id": "2d086da7-4bdc-4f91-900e-d77486753710",
            "status": "complete",
            "total_count": len(raws),
            "success_count": len(raws) - len(bad),
            "failure_count": len(bad),
            "pending_count": 0,
        }
        if self.told == "details":
            status["successes"] = [lines[raw] for raw in raws if raw not in bad]
            status["failures"] = [{**lines[raw], "message": "bad pattern"} for raw in bad]
        return status


class Bench:
    """One loopback server whose peer can be changed between tests."""

    def __init__(self) -> None:
        self.peer: Peer | None = None
        self.port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode()))
        assert self.peer is not None
        answer = self.peer.answer(Ask(scope["method"], scope["path"], query, headers, body))
        await asyncio.sleep(answer.asleep)
        if answer.cut:
            raise asyncio.CancelledError
        told = {"Date": format_datetime(moment(self.peer.clock.at), usegmt=True), **answer.headers}
        raw = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})


@contextmanager
def served() -> Iterator[Bench]:
    """Serve a bench on a free port of the loopback while the block lasts."""
    bench = Bench()
    config = uvicorn.Config(bench, port=0, log_level="critical", lifespan="off", date_header=False, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(1_000):
        if server.started:
            break
        time.sleep(0.01)
    bench.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield bench
    finally:
        server.should_exit = True
        thread.join(10)


def bomb(size: int) -> bytes:
    """Return gzip that unpacks to `size` zeros."""
    return gzip.compress(b"0" * size, 9)
