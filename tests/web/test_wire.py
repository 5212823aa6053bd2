"""The head of an answer and what follows at once are one write; a head that does not come is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from diwan.web.wire import Gathered, Wire

Send = Callable[[dict[str, object]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, object]]]
App = Callable[[object, Receive, Send], Awaitable[None]]


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


async def answered_by(app: App, *, within: float, dripping: bytes = b"") -> Recorded:
    """Ask an app over the wire, and return what was written after so many seconds, in which the rest drips in."""
    config = Config(app=app, lifespan="off")
    config.load()
    there = Recorded()
    protocol = Wire(config, ServerState(), {})
    protocol.connection_made(there)
    length = f"content-length: {len(dripping)}\r\n" if dripping else ""
    protocol.data_received(f"POST / HTTP/1.1\r\nhost: here\r\n{length}\r\n".encode())
    for drop in dripping:
        await asyncio.sleep(within / len(dripping))
        if not there.closed:
            protocol.data_received(bytes([drop]))
    await asyncio.sleep(0 if dripping else within)
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


async def early(_: object, __: object, send: Send) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("patience", [0.05, 5.0])
def test_what_comes_of_a_request_that_was_answered_is_waited_for_no_longer_than_a_head(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(Wire, "patience", patience)

    there = asyncio.run(answered_by(early, within=0.4, dripping=b"a body that nobody reads"))

    assert b"".join(there.writes).startswith(b"HTTP/1.1 401")
    assert there.closed == (patience < 0.4)


def test_a_body_that_is_read_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wire, "patience", 0.05)

    async def app(_: object, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await early(_, receive, send)

    there = asyncio.run(answered_by(app, within=0.3, dripping=b"a body"))

    assert b"".join(there.writes).startswith(b"HTTP/1.1 401")
    assert not there.closed
