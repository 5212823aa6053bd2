"""A TAXII 2.1 client that costs little: raw sockets, bodies read to the end, objects counted off the clock."""

from __future__ import annotations

import socket
import time
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import msgspec

MEDIA = "application/taxii+json;version=2.1"
BATCH = 500


class Server(msgspec.Struct, frozen=True):
    """Where a collection is, and how to come in."""

    name: str
    port: int
    collection: str
    """Path, ending in a slash."""
    basic: str = ""
    bearer: str = ""
    most: int = 10**9
    """Objects that it is given at most."""
    bare: bool = False
    """Answers with a page that is ready, for ever: the limit of what can be served here."""

    @property
    def root(self) -> str:
        return self.collection.rpartition("collections/")[0]

    @property
    def way_in(self) -> str:
        return f"Bearer {self.bearer}" if self.bearer else f"Basic {self.basic}"


class Unanswered(Exception):
    """A server gave no answer that can be measured."""


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    head: bytes
    body: bytes
    seconds: float

    @property
    def status(self) -> int:
        return int(self.head[9:12])


class Envelope(msgspec.Struct, frozen=True):
    more: bool = False
    next: str | None = None
    objects: list[msgspec.Raw] = []


class Status(msgspec.Struct, frozen=True):
    id: str
    status: str
    failure_count: int = 0


class Named(msgspec.Struct, frozen=True):
    id: str


class Walk(msgspec.Struct, frozen=True):
    """What one client got, and when."""

    began: float
    ended: float
    times: list[float]
    objects: int = 0
    octets: int = 0
    newest: str = ""
    ids: list[str] = []
    whole: bool = True
    failed: int = 0


class Caller:
    """One keep-alive connection, opened again when the server closes it (within the time of the next request)."""

    def __init__(self, server: Server, way_in: str = "", patience: float = 120) -> None:
        self.server, self.patience = server, patience
        self.rest = f"Host: 127.0.0.1\r\nAuthorization: {way_in or server.way_in}\r\nAccept: {MEDIA}\r\n"
        self.socket: socket.socket | None = None

    def get(self, path: str) -> Answer:
        return self.ask(f"GET {path} HTTP/1.1\r\n{self.rest}\r\n".encode())

    def post(self, path: str, body: bytes) -> Answer:
        head = f"POST {path} HTTP/1.1\r\n{self.rest}Content-Type: {MEDIA}\r\nContent-Length: {len(body)}\r\n\r\n"
        return self.ask(head.encode() + body)

    def ask(self, request: bytes) -> Answer:
        """Send and read to the end.

        Raises:
            Unanswered: nothing came in time, or what came is no success.
        """
        start = time.perf_counter()
        try:
            head, body = self._ask(request)
        except OSError as wrong:
            self.close()
            waited = time.perf_counter() - start
            raise Unanswered(f"{wrong or type(wrong).__name__} after {waited:.0f} s") from None
        answer = Answer(head, body, time.perf_counter() - start)
        if not 200 <= answer.status < 300:
            line = request[: request.index(b" HTTP/")].decode()
            raise Unanswered(f"{line} answered {answer.status}: {body[:160]!r}")
        return answer

    def _ask(self, request: bytes) -> tuple[bytes, bytes]:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.server.port), self.patience)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request)
        came = b""
        while (end := came.find(b"\r\n\r\n")) < 0:
            came += self._more()
        head, rest = came[:end], came[end + 4 :]
        lower = head.lower() + b"\r\n"
        if (length := said(lower, b"content-length")) is not None:
            body = self._exactly(int(length), rest)
        elif said(lower, b"transfer-encoding") == b"chunked":
            body = self._chunks(rest)
        else:
            raise Unanswered("an answer that does not say how long it is")
        if said(lower, b"connection") == b"close" or head.startswith(b"HTTP/1.0"):
            self.close()
        return head, body

    def _more(self) -> bytes:
        assert self.socket is not None
        came = self.socket.recv(1 << 16)
        if not came:
            raise ConnectionError("the server closed the connection")
        return came

    def _exactly(self, length: int, rest: bytes) -> bytes:
        assert self.socket is not None
        body = bytearray(length)
        view, at = memoryview(body), len(rest)
        view[:at] = rest
        while at < length:
            got = self.socket.recv_into(view[at:])
            if not got:
                raise ConnectionError("the server closed the connection")
            at += got
        return bytes(body)

    def _chunks(self, rest: bytes) -> bytes:
        body: list[bytes] = []
        while True:
            while b"\r\n" not in rest:
                rest += self._more()
            size, _, rest = rest.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            while len(rest) < length + 2:
                rest += self._more()
            if not length:
                return b"".join(body)
            body.append(rest[:length])
            rest = rest[length + 2 :]

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def said(head: bytes, name: bytes) -> bytes | None:
    """Return what a header in a lower-cased head says."""
    at = head.find(b"\r\n" + name + b":")
    return None if at < 0 else head[at + len(name) + 3 : head.index(b"\r\n", at + 2)].strip()


def push(server: Server, file: Path, count: int, patience: float) -> Walk:
    """Post objects in batches and wait until each status is complete; what is not done in time is left."""
    caller = Caller(server, patience=patience)
    with file.open("rb") as lines:
        whole = [line.rstrip(b"\n") for line in islice(lines, count)]
    bodies = [b'{"objects":[' + b",".join(whole[i : i + BATCH]) + b"]}" for i in range(0, len(whole), BATCH)]
    times: list[float] = []
    sent, failed, began = 0, 0, time.perf_counter()
    for number, body in enumerate(bodies):
        start = time.perf_counter()
        status = msgspec.json.decode(caller.post(f"{server.collection}objects/", body).body, type=Status)
        while status.status != "complete":
            time.sleep(0.002)
            status = msgspec.json.decode(caller.get(f"{server.root}status/{status.id}/").body, type=Status)
        times.append(time.perf_counter() - start)
        sent, failed = sent + len(whole[number * BATCH : (number + 1) * BATCH]), failed + status.failure_count
        if time.perf_counter() - began > patience:
            break
    return Walk(began, time.perf_counter(), times, sent, sum(map(len, bodies)), whole=sent == len(whole), failed=failed)


def walk(server: Server, limit: int, pages: int, patience: float, ids: bool = False) -> Walk:
    """Page through the collection by `next`, or by `added_after` where no `next` is offered."""
    caller, way = Caller(server, patience=patience), f"{server.collection}objects/?limit={limit}"
    times, named, objects, octets, newest, path = [], [], 0, 0, "", way
    began, whole = time.perf_counter(), False
    while len(times) < pages and time.perf_counter() - began < patience:
        answer = caller.get(path)
        times.append(answer.seconds)
        page = msgspec.json.decode(answer.body, type=Envelope)
        objects, octets = objects + len(page.objects), octets + len(answer.body)
        if ids:
            named += [msgspec.json.decode(raw, type=Named).id for raw in page.objects[:: max(1, limit // 20)]]
        last = said(b"\r\n" + answer.head.lower() + b"\r\n", b"x-taxii-date-added-last")
        newest = last.decode().upper() if last else newest
        if not page.more:
            whole = True
            break
        path = f"{way}&next={quote(page.next)}" if page.next else f"{way}&added_after={quote(newest)}"
    return Walk(began, time.perf_counter(), times, objects, octets, newest, named, whole)


def repeat(server: Server, paths: list[str], patience: float, way_in: str = "") -> Walk:
    """Ask for each path once, after the first of them has been asked for as a warm-up."""
    caller, times, objects, octets = Caller(server, way_in, patience), [], 0, 0
    caller.get(paths[0])
    began = time.perf_counter()
    for path in paths:
        answer = caller.get(path)
        times.append(answer.seconds)
        objects, octets = objects + answer.body.count(b'"spec_version"'), octets + len(answer.body)
        if time.perf_counter() - began > patience:
            break
    return Walk(began, time.perf_counter(), times, objects, octets)
