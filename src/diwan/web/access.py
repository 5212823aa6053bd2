"""The doorkeeper: notes of each request by which route it was answered, how, and how long that took.

Never by which address: a path names items and a query holds what was searched.
"""

from __future__ import annotations

import logging
from secrets import token_hex
from time import perf_counter
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from diwan.web.events import REQUEST, note
from diwan.web.tally import Tally
from diwan.web.visit import Visit

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_PROBES: Final = frozenset({"/health", "/ready"})


def with_notes(app: ASGIApp, tally: Tally) -> ASGIApp:
    """Return `app`, each of whose requests is counted, and told as an event `request` but for probes that are well."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        REQUEST.set(token_hex(8))
        begun, status = perf_counter(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, sent)
        finally:
            _note(tally, scope, status, perf_counter() - begun)

    return noted


def _note(tally: Tally, scope: Any, status: int, seconds: float) -> None:
    route = scope.get("path_template") or "none"
    method = scope["method"] if scope["method"] in _METHODS else "other"
    tally.add(method, route, status, seconds)
    if route in _PROBES and status == 200:
        return
    visit = scope.get("state", {}).get("visit")
    account = visit.hand.reader.id if isinstance(visit, Visit) else None
    note(
        logging.INFO,
        "request",
        method=method,
        route=route,
        status=status,
        seconds=round(seconds, 6),
        account=account,
    )
