"""The headers that every answer carries, errors and static files too."""

from __future__ import annotations

from typing import Final

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import Message, Scope

from diwan.web.methods import OPTIONS, allowed
from diwan.web.visit import Asked

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # the map's own controls are drawn from data: images
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self' blob:",  # the map decodes its shapes in a worker
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

EVERYWHERE: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
}
"""Source: OWASP ASVS 5.0, 3.4 and 14.3.2. What a handler sets itself stands."""

_RAW: Final = tuple((name.encode(), value.encode()) for name, value in EVERYWHERE.items())


async def send_headers(message: Message, scope: Scope) -> None:
    """Put the headers on an answer that is about to be sent."""
    if message["type"] != "http.response.start":
        return
    headers = list(message["headers"])
    said = {name.lower() for name, _ in headers}
    message["headers"] = [*headers, *(pair for pair in _RAW if pair[0] not in said)]
    if scope["type"] == ScopeType.HTTP and scope["method"] == OPTIONS and message["status"] == 204:
        # The framework names only the first of several handlers at one address.
        MutableScopeHeaders.from_message(message)["allow"] = allowed(Asked(scope))
