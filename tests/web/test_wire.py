"""The head of an answer and what follows at once are one write; a head that does not come is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from diwan.web.wire import Gathered, Wire

Send = Callable[[dict[str, object]], Awaitable[None]]
App = Callable[[object, object, Send], Awaitable[None]]


class Recorded(asyncio.Transport):
    """A transport that notes what each write holds."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def answered_by(app: App, *, within: float) -> Recorded:
    """Ask an app over the wire, and return what was written after so many seconds."""
    config = Config(app=app, lifespan="off")
    config.load()
    there = Recorded()
    protocol = Wire(config, ServerState(), {})
    protocol.connection_made(there)
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
    await asyncio.sleep(within)
    return there


def test_what_follows_at_once_leaves_with_what_was_held_back() -> None:
    async def sending() -> list[bytes]:
        there = Recorded()
        gathered = Gathered(there)
        gathered.write(b"head")
        gathered.write(b"body" * 100_000)
        await asyncio.sleep(0)
        return there.writes

    assert asyncio.run(sending()) == [b"head" + b"body" * 100_000]


def test_what_nothing_follows_leaves_with_the_next_turn_and_in_order() -> None:
    async def sending() -> list[bytes]:
        there = Recorded()
        gathered = Gathered(there)
        for piece in (b"head", b"first", b"second"):
            gathered.write(piece)
        await asyncio.sleep(0)
        gathered.write(b"third")
        await asyncio.sleep(0)
        return there.writes

    assert asyncio.run(sending()) == [b"headfirst", b"second", b"third"]


def test_what_was_held_back_leaves_before_the_end_and_not_after_it() -> None:
    async def sending() -> list[bytes]:
        there = Recorded()
        gathered = Gathered(there)
        gathered.write(b"the last")
        gathered.close()
        gathered.write(b"too late")
        await asyncio.sleep(0)
        return there.writes

    assert asyncio.run(sending()) == [b"the last"]


def test_a_whole_answer_of_the_server_is_one_write() -> None:
    async def app(_: object, __: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"salam"})

    (whole,) = asyncio.run(answered_by(app, within=0.05)).writes
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")
    assert whole.endswith(b"\r\n\r\nsalam")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: he"])
def test_a_head_that_does_not_come_ends_its_connection(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(Wire, "patience", 0.05)

    async def waiting() -> bool:
        config = Config(app=None, lifespan="off")  # type: ignore[arg-type]
        config.loaded_app = None
        there = Recorded()
        protocol = Wire(config, ServerState(), {})
        protocol.connection_made(there)
        if sent:
            protocol.data_received(sent)
        assert not there.closed
        await asyncio.sleep(0.2)
        return there.closed

    assert asyncio.run(waiting())


def test_a_request_whose_head_came_is_answered_however_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wire, "patience", 0.05)

    async def app(_: object, __: object, send: Send) -> None:
        await asyncio.sleep(0.2)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    there = asyncio.run(answered_by(app, within=0.4))

    assert b"".join(there.writes).startswith(b"HTTP/1.1 200 OK")
    assert not there.closed
