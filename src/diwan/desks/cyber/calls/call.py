"""One call and its answer, and what it is when there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from diwan.desks.cyber.calls.backoff import http_date
from diwan.desks.cyber.calls.source import visible
from diwan.terms.errors import Refused
from diwan.terms.time import Instant

LASTING: Final = {
    401: "the server does not know these credentials",
    403: "the server does not allow this to these credentials",
    404: "there is nothing at this address, or nothing for these credentials",
}


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
        return self.status in LASTING


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


class _Told(msgspec.Struct, frozen=True):
    title: object = ""
    description: object = ""


def told_in(body: bytes) -> str:
    """Return what a TAXII error message says (TAXII 2.1, 3.6.1), or nothing."""
    try:
        told = msgspec.json.decode(body, type=_Told)
    except (ValueError, RecursionError):
        return ""
    texts = [text for text in (told.title, told.description) if isinstance(text, str) and text]
    return visible(": ".join(texts))


def place_of(call: Call) -> str:
    """Return how a call's address is named in a refusal: host and path, and nothing that was asked."""
    parts = urlsplit(call.url)
    return visible(f"{parts.hostname}{parts.path}")
