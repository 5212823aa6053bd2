"""The line to one server: bounded in bytes, time and tries; never redirected to another host."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from diwan.desks.cyber.calls.backoff import CAP, delay, http_date, retry_after
from diwan.desks.cyber.calls.source import Source, secured, visible
from diwan.terms.errors import Refused
from diwan.terms.time import Instant

MOST: Final = 32 * 1024 * 1024
"""Bytes of one answer at most, unpacked."""
_LONGEST: Final = 300 * 1_000_000
_REDIRECTS: Final = 3
_MOVED: Final = frozenset((301, 302, 303, 307, 308))
_LATER: Final = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))
_LASTING: Final = {
    401: "the server does not know these credentials",
    403: "the server does not allow this to these credentials",
    404: "there is nothing at this address, or nothing for these credentials",
}
_ERROR_BODY: Final = 64 * 1024


class Fault(Refused):
    """A call that did not succeed, and whether asking again can help."""

    def __init__(self, said: str, *, status: int = 0, again: bool = False, after: float = 0.0) -> None:
        """Say what happened; `again` when the same call may succeed, in `after` seconds at the earliest."""
        super().__init__(said)
        self.status = status
        self.again = again
        self.after = after

    @property
    def lasting(self) -> bool:
        """Return whether only a person can mend it: 401, 403 and 404 (TAXII 2.1, 5.1-5.8)."""
        return self.status in _LASTING


class Oversized(Fault):
    """An answer longer than we take; asking for fewer objects may help."""


class Reply(msgspec.Struct, frozen=True):
    """What a server answered, whole."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def clock(self) -> Instant | None:
        """Return the server's own clock, whole seconds, where it tells it."""
        return http_date(self.headers.get("date", ""))


class Call(msgspec.Struct, frozen=True):
    """One thing asked."""

    url: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes = b""
    tries: int = 4
    """How often it is asked at most; a wait lies between two tries."""


class Line(msgspec.Struct):
    """What a call needs: the client, our credentials, a clock, a way to wait, and chance in [0, 1)."""

    client: httpx.Client
    clock: Callable[[], Instant]
    wait: Callable[[float], None]
    chance: Callable[[], float]
    authorization: str = ""
    most: int = MOST
    plain: bool = False
    habits: dict[str, int] = {}
    """Which of several spellings the server takes, as learnt."""


def connect(source: Source, keys: Path) -> httpx.Client:
    """Return a client for a source: TLS 1.2 or later, verified, with our certificate where the source names one.

    Proxies and passwords of the environment are not used.
    """
    context = ssl.create_default_context(cafile=str(keys / source.authority) if source.authority else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if source.certificate:
        context.load_cert_chain(str(keys / source.certificate))
    timeout = httpx.Timeout(30.0, connect=10.0)
    return httpx.Client(verify=context, timeout=timeout, follow_redirects=False, trust_env=False)


def fetch(line: Line, call: Call) -> Reply:
    """Return the answer to a call, status 2xx.

    What may pass is asked again, `call.tries` times in all: time-outs, cut lines, 429 and 5xx, after what Retry-After
    says or a back-off with full jitter.

    Raises:
        Fault: refused for good, or still failing; `after` carries a Retry-After longer than a call should wait.
        Oversized: the answer is longer than `line.most`.
    """
    tries = 0
    while True:
        try:
            return _followed(line, call)
        except Fault as fault:
            tries += 1
            if not fault.again or tries >= call.tries or fault.after > CAP:
                raise
            line.wait(max(fault.after, delay(tries - 1, line.chance())))


def _followed(line: Line, call: Call) -> Reply:
    url = call.url
    for _ in range(_REDIRECTS + 1):
        reply = _once(line, msgspec.structs.replace(call, url=url))
        if reply.status not in _MOVED:
            return _judged(line, call, reply)
        url = _target(url, reply, call)
    raise Fault(f"{_place(call)} sends us round and round. Nothing was taken.")


def _target(url: str, reply: Reply, call: Call) -> str:
    try:
        there = urljoin(url, reply.headers.get("location", ""))
        same = _origin(there) == _origin(url)
    except ValueError:
        same = False
    # A redirect may name any host that this node can reach and others cannot, and would be sent our credentials.
    if not same:
        raise Fault(f"{_place(call)} sends us to another host, which is never followed. Nothing was taken.")
    if call.method != "GET":
        raise Fault(f"{_place(call)} sends a {call.method} elsewhere, which is never followed. Nothing was sent on.")
    return there.partition("?")[0].partition("#")[0]


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _once(line: Line, call: Call) -> Reply:
    if not secured(call.url, plain=line.plain):
        raise Fault("An address that is neither https nor this machine is not called.")
    began = line.clock()
    try:
        headers = [("Accept-Encoding", "gzip"), *call.headers]
        headers += [("Authorization", line.authorization)] if line.authorization else []
        content = call.body if call.method == "POST" else None
        request = line.client.build_request(
            call.method, call.url, params=call.query or None, headers=headers, content=content
        )
        response = line.client.send(request, stream=True, follow_redirects=False, auth=None)
        try:
            body = b"".join(_bounded(line, call, response, began))
        finally:
            response.close()
        return Reply(response.status_code, body, {name.lower(): text for name, text in response.headers.items()})
    except httpx.TimeoutException:
        raise Fault(f"{_place(call)} did not answer in time. Nothing was taken.", again=True) from None
    except httpx.TransportError as cut:
        _cut(call, cut)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
        raise Fault(f"{_place(call)} cannot be asked or answers what is not HTTP. Nothing was taken.") from None


def _cut(call: Call, cut: httpx.TransportError) -> NoReturn:
    if "CERTIFICATE_VERIFY_FAILED" in str(cut):
        said = f"{_place(call)} shows a certificate that no authority we trust answers for. Nothing was taken."
        raise Fault(said) from None
    said = f"The line to {_place(call)} broke ({type(cut).__name__}). Nothing was taken."
    raise Fault(said, again=True) from None


def _bounded(line: Line, call: Call, response: httpx.Response, began: Instant) -> Iterator[bytes]:
    packed = response.headers.get("content-encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise Fault(f"{_place(call)} packs its answer as nobody asked. Nothing was taken.")
    most = line.most if response.is_success else _ERROR_BODY
    left = most
    for piece in _unpacked(call, response, packed, most):
        left -= len(piece)
        if left < 0 and not response.is_success:
            return
        if left < 0:
            said = f"{_place(call)} answers more than {most} bytes. Nothing was taken."
            raise Oversized(said, status=response.status_code)
        if line.clock() - began > _LONGEST:
            raise Fault(f"{_place(call)} takes longer than {_LONGEST // 1_000_000} s to answer.", again=True)
        yield piece


def _unpacked(call: Call, response: httpx.Response, packed: str, most: int) -> Iterator[bytes]:
    if packed in ("", "identity"):
        yield from response.iter_raw()
        return
    opener = zlib.decompressobj(31)
    try:
        for raw in response.iter_raw():
            while raw:
                # One step never unpacks more than a piece: a bomb is met a piece at a time.
                yield opener.decompress(raw, min(most + 1, 1024 * 1024))
                raw = opener.unconsumed_tail or opener.unused_data
                opener = zlib.decompressobj(31) if opener.eof else opener
    except zlib.error:
        raise Fault(f"{_place(call)} says gzip and sends something else. Nothing was taken.") from None


class _Told(msgspec.Struct, frozen=True):
    title: object = ""
    description: object = ""


def _judged(line: Line, call: Call, reply: Reply) -> Reply:
    status = reply.status
    if httpx.codes.is_success(status):
        return reply
    said = f"{_place(call)} answers {status}"
    said += f": {_LASTING[status]}" if status in _LASTING else ""
    told = _told(reply.body)
    said += f" (it says: {told})." if told else "."
    after = retry_after(reply.headers.get("retry-after", ""), line.clock())
    raise Fault(said, status=status, again=status in _LATER, after=after if status in _LATER else 0.0)


def _told(body: bytes) -> str:
    """Return what a TAXII error message says (TAXII 2.1, 3.6.1), or nothing."""
    try:
        told = msgspec.json.decode(body, type=_Told)
    except (ValueError, RecursionError):
        return ""
    texts = [text for text in (told.title, told.description) if isinstance(text, str) and text]
    return visible(": ".join(texts))


def _place(call: Call) -> str:
    parts = urlsplit(call.url)
    return visible(f"{parts.hostname}{parts.path}")
