"""A body that drips is not waited for; one that comes slowly but steadily is, and so is whoever only listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from litestar import Litestar

from diwan.house import House
from diwan.people.accounts import Account
from diwan.people.doors import MINUTE
from diwan.web.pace import TooSlow, with_pace

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def _take(pieces: Iterator[tuple[float, bytes]], *, grace: float, rate: float) -> bytes:
    """Return a body whose pieces come after so many seconds each, read by an app behind the pace."""
    taken = b""

    async def app(_: Any, receive: Callable[[], Awaitable[Any]], __: Any) -> None:
        nonlocal taken
        more = True
        while more:
            message = await receive()
            taken += message["body"]
            more = message["more_body"]

    async def receive() -> Any:
        after, piece = next(pieces, (0.0, b""))
        await asyncio.sleep(after)
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    await with_pace(app, grace=grace, rate=rate)({"type": "http"}, receive, None)  # type: ignore[arg-type]
    return taken


def test_a_body_that_drips_is_not_waited_for() -> None:
    with pytest.raises(TooSlow):
        asyncio.run(_take(iter([(0.01, b"x")] * 1000), grace=0.1, rate=10_000))


def test_a_body_that_comes_steadily_is_taken_however_long_it_is() -> None:
    body = asyncio.run(_take(iter([(0.01, b"x" * 1000)] * 50), grace=0.1, rate=10_000))

    assert body == b"x" * 50_000


def test_whoever_listens_after_the_body_is_not_hurried() -> None:
    async def app(_: Any, receive: Callable[[], Awaitable[Any]], __: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"

    async def listening() -> None:
        whole = {"type": "http.request", "body": b"", "more_body": False}
        told = iter([(0.0, whole), (0.2, {"type": "http.disconnect"})])

        async def receive() -> Any:
            after, message = next(told)
            await asyncio.sleep(after)
            return message

        await with_pace(app, grace=0.05)({"type": "http"}, receive, None)  # type: ignore[arg-type]

    asyncio.run(listening())


def test_who_sends_too_slowly_is_told_so_and_the_connection_ends(
    app: Litestar, house: House, person: Callable[..., Account]
) -> None:
    token = house.doors.make_token(person("salem", "KWT"), "slow", house.clock() + 60 * MINUTE, by="")
    answers: list[dict[str, Any]] = []

    async def receive() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/items", "raw_path": b"/api/items", "query_string": b"",
        "headers": [(b"host", b"here"), (b"authorization", f"Bearer {token}".encode())], "http_version": "1.1",
        "scheme": "http", "server": ("here", 80), "client": ("127.0.0.1", 1), "root_path": "", "app": app,
        "state": {}, "extensions": {},
    }  # fmt: skip
    asyncio.run(with_pace(app, grace=0.1, rate=1e9)(scope, receive, send))  # type: ignore[arg-type]

    assert answers[0]["status"] == 408
    assert (b"connection", b"close") in answers[0]["headers"]
    assert b"came too slowly. Nothing was entered" in answers[1]["body"]
