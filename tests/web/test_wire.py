"""The head of an answer and what follows at once are one write; a head that does not come is not waited for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
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
        self.closed = self.aborted = False
        self.left = 0
        """Bytes that nobody took yet."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = self.aborted = True

    def get_write_buffer_size(self) -> int:
        return self.left

    def pause_reading(self) -> None:
        """Whoever sends here does not look."""

    def resume_reading(self) -> None:
        """Whoever sends here does not look."""

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


async def answering(_: object, __: object, send: Send) -> None:
    """Answer at once, whatever is asked."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"salam"})


async def told(*pieces: bytes, app: App = answering, then: float = 0.05) -> Recorded:
    """Send pieces one after another, and return what was written some seconds after the last."""
    config = Config(app=app, lifespan="off")
    config.load()
    there = Recorded()
    protocol = Wire(config, ServerState(), {})
    protocol.connection_made(there)
    for piece in pieces:
        if not there.closed:
            protocol.data_received(piece)
            await asyncio.sleep(0.01)
    await asyncio.sleep(then)
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


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /" + b"a" * 9000, *[b"a" * 9000] * 9],
        [b"GET / HTTP/1.1\r\nhost: " + b"a" * 9000, *[b"a" * 9000] * 9],
        [b"GET / HTTP/1.1\r\nhost: here\r\n" + b"a:\r\n" * 1000],
        [b"\r\n" * 5000] * 9,
    ],
    ids=["address", "field", "fields", "nothing"],
)
def test_a_head_without_end_is_refused_and_ends_its_connection(pieces: list[bytes]) -> None:
    there = asyncio.run(told(*pieces))

    assert b"".join(there.writes).startswith(b"HTTP/1.1 400 ")
    assert there.closed


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: here\r\nHost: there\r\n",
        "GET / HTTP/1.0\r\nhost: a\r\nhost: a\r\n",
    ],
)
def test_a_request_that_names_no_host_or_two_or_what_is_none_is_refused(head: str) -> None:
    there = asyncio.run(told(f"{head}\r\n".encode()))

    assert b"".join(there.writes).startswith(b"HTTP/1.1 400 ")
    assert there.closed


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.0\r\n",
        "GET / HTTP/1.1\r\nhost:\r\n",
        "GET / HTTP/1.1\r\nhost: diwan.example:8443\r\n",
        "GET / HTTP/1.1\r\nhost: 192.0.2.7:80\r\n",
        "GET / HTTP/1.1\r\nhost: [2001:db8::7]:443\r\n",
        "GET / HTTP/1.1\r\nhost: xn--mgbcd4a2b0d2b.example\r\n",
    ],
)
def test_a_request_may_name_any_host_and_an_old_one_none(head: str) -> None:
    assert b"".join(asyncio.run(told(f"{head}\r\n".encode())).writes).startswith(b"HTTP/1.1 200 ")


def test_a_long_head_and_a_longer_body_are_taken() -> None:
    async def app(
        scope: dict[str, list[object]], receive: Callable[[], Awaitable[dict[str, object]]], send: Send
    ) -> None:
        got = 0
        while True:
            message = await receive()
            got += len(message["body"])  # type: ignore[arg-type] # bytes
            if not message["more_body"]:
                break
        said = f"{len(scope['headers'])} {got}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
        await send({"type": "http.response.body", "body": said})

    fields = b"host: here\r\ncontent-length: 900000\r\n" + b"a: b\r\n" * 99
    head = b"POST /?" + b"a" * 48_000 + b" HTTP/1.1\r\n" + fields + b"\r\n"
    there = asyncio.run(told(head, *[b"x" * 9000] * 100, app=app))  # type: ignore[arg-type] # as the server calls it

    assert b"".join(there.writes).endswith(b"\r\n\r\n101 900000")
    assert not there.closed


def test_what_trails_a_body_is_dropped_and_has_an_end() -> None:
    seen: list[dict[str, list[tuple[bytes, bytes]]]] = []

    async def app(scope: dict[str, list[tuple[bytes, bytes]]], _: object, send: Send) -> None:
        seen.append(scope)
        await answering(scope, _, send)

    head = b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
    short = asyncio.run(told(head, b"0\r\na: b\r\n\r\n", app=app))  # type: ignore[arg-type] # as the server calls it
    long = asyncio.run(told(head, b"0\r\n", *[b"a: b\r\n" * 1500] * 9))

    assert not short.closed
    assert [name for name, _ in seen[0]["headers"]] == [b"host", b"transfer-encoding"]
    assert long.closed


def test_only_so_many_requests_wait_behind_one_that_is_being_answered() -> None:
    one = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"

    few, many = asyncio.run(told(one * 17)), asyncio.run(told(one * 18))

    assert b"".join(few.writes).count(b"salam") == 17
    assert not few.closed
    assert many.closed


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nhost: here\r\n\r\n", b"\r\n"],
        [b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n", b"x"],
        [b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 99\r\n\r\n", *[b"x"] * 20],
    ],
    ids=["end of a line", "part of a body", "dripping body"],
)
def test_what_begins_no_request_keeps_no_connection(monkeypatch: pytest.MonkeyPatch, pieces: list[bytes]) -> None:
    monkeypatch.setattr(Wire, "patience", 0.1)

    there = asyncio.run(told(*pieces, then=0.2))

    assert b"".join(there.writes).endswith(b"salam")
    assert there.closed


def test_what_nobody_takes_is_not_waited_for_and_what_is_taken_slowly_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gathered, "still", 0.05)

    async def sending(*left: int) -> tuple[bool, bool]:
        there = Recorded()
        config = Config(app=answering, lifespan="off")
        config.load()
        protocol = Wire(config, ServerState(), {})
        protocol.connection_made(there)
        there.left = left[0]
        protocol.pause_writing()
        for there.left in left[1:]:
            await asyncio.sleep(0.03)
        await asyncio.sleep(0.1)
        paused = there.aborted
        there.aborted = there.closed = False
        there.left = 9
        protocol.transport.close()
        await asyncio.sleep(0.1)
        return paused, there.aborted

    assert asyncio.run(sending(99, 99, 99)) == (True, True)
    assert asyncio.run(sending(99, 98, 97, 96, 95, 94, 0)) == (False, True)


def test_what_is_taken_and_added_to_again_and_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gathered, "still", 0.05)

    async def sending(*, taken: bool) -> bool:
        there = Recorded()
        gathered = Gathered(there)
        there.left = 99_000
        for _ in range(6):
            if taken:  # as much waits whenever it is looked at
                gathered.write(b"x" * 20_000)
            gathered.watch()
            await asyncio.sleep(0.03)
        return there.aborted

    assert asyncio.run(sending(taken=False))
    assert not asyncio.run(sending(taken=True))


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    begun = datetime(2020, 1, 1, tzinfo=UTC)
    made = (x509.CertificateBuilder(name, name, key.public_key(), 1, begun, begun + timedelta(days=36_500))).sign(
        key, hashes.SHA256()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "here.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return folder / "here.pem"


def test_a_connection_over_tls_that_is_closed_once_it_was_answered_leaves_no_error(tmp_path: Path) -> None:
    failures: list[dict[str, object]] = []
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(_certificate(tmp_path))
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    async def asking() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, failure: failures.append(failure))
        config = Config(app=answering, lifespan="off")
        config.load()
        serving = await loop.create_server(lambda: Wire(config, ServerState(), {}), "127.0.0.1", 0, ssl=server)
        port = serving.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        told = await reader.read()
        writer.close()
        await asyncio.sleep(0.1)
        serving.close()
        return told

    assert asyncio.run(asking()).endswith(b"salam")
    assert failures == []
