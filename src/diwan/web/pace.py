"""Pace: a body that is waited for comes at so many bytes a second, or is waited for no more."""

from __future__ import annotations

from asyncio import get_running_loop, timeout_at
from typing import Final

from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send

GRACE: Final = 20.0
"""Seconds that a body may take, whatever its size."""
RATE: Final = 4096
"""Bytes a second: each that came makes the time longer by its part."""


class TooSlow(HTTPException):
    """A body came too slowly (RFC 9110, section 15.5.9); nothing of it was looked at."""

    status_code = 408


def with_pace(app: ASGIApp, *, grace: float = GRACE, rate: float = RATE) -> ASGIApp:
    """Return `app`, whose bodies take `grace` seconds at most and one more for every `rate` bytes that came.

    Counted from when the body is first asked for: who was kept waiting by this node is not slow.
    """

    async def paced(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        loop = get_running_loop()
        begun, got, whole = 0.0, 0, False

        async def hurried() -> ReceiveMessage:
            nonlocal begun, got, whole
            if whole:
                return await receive()  # that the client went away
            begun = begun or loop.time()
            try:
                async with timeout_at(begun + grace + got / rate):
                    message = await receive()
            except TimeoutError:
                whole = True
                raise TooSlow from None
            whole = True
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
                whole = not message.get("more_body", False)
            return message

        await app(scope, hurried, send)

    return paced
