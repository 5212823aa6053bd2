"""A reader's whole view of a node: every route, every method of the room, every reading command, as bytes.

Two views are compared answer by answer; the clock stands at the same instant for the same question, chance is drawn
from the same stream, and nothing but a `Date` header is left out of the comparison.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from leaks import asks, commands, rooms
from leaks.asks import Ask
from leaks.ground import MINUTE, PASSWORD, Clock, Ground, open_house
from leaks.haste import Hasty, Meanwhile
from leaks.known import Known
from litestar import Litestar

from diwan.house import House
from diwan.terms.gate import World
from diwan.web.app import create_app

_PAGES: Final = 3
"""Further pages followed of each list."""
_TICK: Final = 1_000_000


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        head = "".join(f"{name}: {value}\n" for name, value in self.headers)
        return head + self.body.decode("utf-8", "replace")


class Browser:
    """Asks a node's app directly, without a server between that would add anything."""

    def __init__(self, app: Litestar, clock: Clock, known: Known) -> None:
        self._app = app
        self._clock = clock
        self._known = known
        self._loop = Hasty()

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def ask(self, ask: Ask) -> Answer:
        """Return the answer to one request, asked a second after the one before."""
        self._clock.now += _TICK
        return self._loop.run_until_complete(self._ask(ask))

    def ask_meanwhile(self, ask: Ask, acts: Meanwhile) -> tuple[Answer, float]:
        """Return the answer to a request and the seconds it was held back for; `acts` happen meanwhile."""
        self._loop.meanwhile(acts)
        begun = self._loop.time()
        answer = self.ask(ask)
        return answer, self._loop.time() - begun

    async def _ask(self, ask: Ask) -> Answer:
        body, headers = _body(ask)
        path, query = asks.raw(ask)
        if ask.by == "token":
            headers.append(("authorization", f"Bearer {self._known.person.token}"))
        elif ask.by in ("password", "wrong"):
            password = PASSWORD if ask.by == "password" else "wrong wrong wrong"
            pair = b64encode(f"{self._known.name}:{password}".encode()).decode()
            headers.append(("authorization", f"Basic {pair}"))
        elif ask.by == "session":
            headers.append(("cookie", f"__Host-diwan={self._known.person.session}"))
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": ask.method,
            "scheme": "https",
            "path": ask.path,
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [
                (name.encode(), value.encode()) for name, value in (("host", "node.example"), *headers, *ask.headers)
            ],
            "client": ("192.0.2.7", 4711),
            "server": ("node.example", 443),
        }
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        headers_sent = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
        return Answer(
            sent[0]["status"],
            tuple(sorted(one for one in headers_sent if one[0] != "date")),
            b"".join(message.get("body", b"") for message in sent[1:]),
        )


@contextmanager
def browsing(known: Known, house: House, clock: Clock) -> Iterator[Browser]:
    """Give a browser of a node that is open."""
    browser = Browser(create_app(house), clock, known)
    try:
        yield browser
    finally:
        browser.close()


def view(
    ground: Ground,
    known: Known,
    now: int,
    *,
    worlds: tuple[World, ...] = tuple(World),
    routes: dict[str, asks.Generator] | None = None,
    methods: dict[str, rooms.Generator] | None = None,
    with_commands: bool = True,
) -> Iterator[tuple[str, object]]:
    """Yield (what was asked, what was answered) of a node in a folder that nobody else uses; it is written to.

    `now` lies within a quarter of an hour after the last session began, and the same in every view compared.
    """
    clock = Clock(now)
    if with_commands:
        yield from commands.command_view(ground, known, clock)
    clock.now = now + MINUTE
    with ExitStack() as stack:
        house = stack.enter_context(open_house(ground.folder, clock, 5))
        for world in worlds:
            clock.now += _TICK
            yield from (
                (f"{world} {name}", said)
                for name, said in rooms.room_view(house.room(known.person.reader, world), known, methods)
            )
        browser = stack.enter_context(browsing(known, house, clock))
        known = msgspec.structs.replace(known, form=token_in(browser.ask(Ask("GET", "/")).body))
        for name, ask in asks.asks_for(known, worlds, routes):
            yield from _followed(browser, name, ask)


def _followed(browser: Browser, name: str, ask: Ask) -> Iterator[tuple[str, object]]:
    before = ""
    for _ in range(1 + (_PAGES if ask.follow else 0)):
        answer = browser.ask(ask)
        yield f"{name} <- {ask.method} {ask.target}", answer
        found = re.findall(ask.follow, answer.text) if ask.follow else []
        if not found or found[-1] == before:
            return
        before = found[-1]
        if ask.follow_to:
            ask = Ask("GET", ask.follow_to.format(before), by=ask.by, follow=ask.follow)
            continue
        query = (*((key, value) for key, value in ask.query if key != ask.follow_as), (ask.follow_as, before))
        ask = msgspec.structs.replace(ask, query=query)


def difference(one: tuple[str, object], other: tuple[str, object]) -> str | None:
    """Return None for two answers that are alike, else what was asked and where they part."""
    return None if one == other else f"{one[0]}\n  {_where(one, other)}"


def _where(left: tuple[str, object], right: tuple[str, object]) -> str:
    a, b = repr(left), repr(right)
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"…{a[max(0, at - 60) : at + 120]}…\n  …{b[max(0, at - 60) : at + 120]}…"


def token_in(page: bytes) -> str:
    """Return what the forms of a page carry."""
    found = re.search(rb'name="token" value="(\w+)"', page)
    assert found, page[:400]
    return found[1].decode()


def _body(ask: Ask) -> tuple[bytes, list[tuple[str, str]]]:
    if ask.form is not None:
        return urlencode(ask.form).encode(), [("content-type", "application/x-www-form-urlencoded")]
    if ask.body:
        return ask.body, [("content-type", ask.media_type)]
    return b"", []
