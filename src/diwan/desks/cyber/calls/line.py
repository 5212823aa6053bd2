"""The line to one server: bounded in bytes, time and tries; never redirected to another host."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from diwan.desks.cyber.calls.backoff import CAP, delay, retry_after
from diwan.desks.cyber.calls.body import MOST, pieces
from diwan.desks.cyber.calls.call import LASTING, Call, Fault, Reply, place_of, told_in
from diwan.desks.cyber.calls.dates import SECOND
from diwan.desks.cyber.calls.patience import LONGEST, patient
from diwan.desks.cyber.calls.source import Source, authorization, secured
from diwan.terms.time import Instant

_REDIRECTS: Final = 3
_MOVED: Final = frozenset((301, 302, 303, 307, 308))
_LATER: Final = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))


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
    return httpx.Client(transport=patient(context), timeout=timeout, follow_redirects=False, trust_env=False)


def line_to(
    source: Source,
    client: httpx.Client,
    secret: str,
    *,
    clock: Callable[[], Instant],
    wait: Callable[[float], None],
    chance: Callable[[], float],
) -> Line:
    """Return the line to a source, with the text of its file in `keys/`.

    Raises:
        Malformed: the text is not of the form that the source's `auth` asks for.
    """
    return Line(client, clock, wait, chance, authorization=authorization(source, secret), plain=source.plain)


def fetch(line: Line, call: Call) -> Reply:
    """Return the answer to a call, status 2xx.

    What may pass is asked again, `call.tries` times in all: time-outs, cut lines, 429 and 5xx, after what Retry-After
    says or a back-off with full jitter; but not once it took as long as one answer may.

    Raises:
        Fault: refused for good, or still failing; `after` carries a Retry-After longer than a call should wait.
        Oversized: the answer is longer than `line.most`.
    """
    tries, until = 0, line.clock() + int(LONGEST * SECOND)
    while True:
        try:
            return _followed(line, call)
        except Fault as fault:
            tries += 1
            if not fault.again or tries >= call.tries or fault.after > CAP or line.clock() >= until:
                raise
            line.wait(max(fault.after, delay(tries - 1, line.chance())))


def _followed(line: Line, call: Call) -> Reply:
    url = call.url
    for _ in range(_REDIRECTS + 1):
        reply = _once(line, msgspec.structs.replace(call, url=url))
        if reply.status not in _MOVED:
            return _judged(line, call, reply)
        url = _target(url, reply, call)
    raise Fault(f"{place_of(call)} sends us round and round. Nothing was taken.")


def _target(url: str, reply: Reply, call: Call) -> str:
    try:
        there = urljoin(url, reply.headers.get("location", ""))
        same = _origin(there) == _origin(url)
    except ValueError:
        same = False
    # A redirect may name any host that this node can reach and others cannot, and would be sent our credentials.
    if not same:
        raise Fault(f"{place_of(call)} sends us to another host, which is never followed. Nothing was taken.")
    if call.method != "GET":
        raise Fault(f"{place_of(call)} sends a {call.method} elsewhere, which is never followed. Nothing was sent on.")
    return there.partition("?")[0].partition("#")[0]


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _once(line: Line, call: Call) -> Reply:
    if not secured(call.url, plain=line.plain):
        raise Fault("An address that is neither https nor this machine is not called.")
    try:
        headers = [("Accept-Encoding", "gzip"), *call.headers]
        headers += [("Authorization", line.authorization)] if line.authorization else []
        content = call.body if call.method == "POST" else None
        request = line.client.build_request(
            call.method, call.url, params=call.query or None, headers=headers, content=content
        )
        response = line.client.send(request, stream=True, follow_redirects=False, auth=None)
        try:
            body = b"".join(pieces(call, response, line.most, line.clock))
        finally:
            response.close()
        return Reply(response.status_code, body, {name.lower(): text for name, text in response.headers.items()})
    except httpx.TimeoutException:
        raise Fault(f"{place_of(call)} did not answer in time. Nothing was taken.", again=True) from None
    except httpx.TransportError as cut:
        _cut(call, cut)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
        raise Fault(f"{place_of(call)} cannot be asked or answers what is not HTTP. Nothing was taken.") from None


def _cut(call: Call, cut: httpx.TransportError) -> NoReturn:
    if "CERTIFICATE_VERIFY_FAILED" in str(cut):
        said = f"{place_of(call)} shows a certificate that no authority we trust answers for. Nothing was taken."
        raise Fault(said) from None
    said = f"The line to {place_of(call)} broke ({type(cut).__name__}). Nothing was taken."
    raise Fault(said, again=True) from None


def _judged(line: Line, call: Call, reply: Reply) -> Reply:
    status = reply.status
    if httpx.codes.is_success(status):
        return reply
    said = f"{place_of(call)} answers {status}"
    said += f": {LASTING[status]}" if status in LASTING else ""
    told = told_in(reply.body)
    said += f" (it says: {told})." if told else "."
    after = retry_after(reply.headers.get("retry-after", ""), line.clock())
    raise Fault(said, status=status, again=status in _LATER, after=after if status in _LATER else 0.0)
