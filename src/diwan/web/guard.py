"""The guard before every route: denied, unless the route declares what it reads and someone may ask.

What a route that only reads `answers` is made here, in the thread in which who asks was just looked up: to go back to
the event loop in between and out again costs as much as a short answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from diwan.house import House
from diwan.terms.errors import NotAllowed, Shut
from diwan.terms.time import iso
from diwan.web.form import check_origin
from diwan.web.methods import OPTIONS, served
from diwan.web.problems import SignedOut, address_of, is_service
from diwan.web.session import Here, brings_password, came_from, who
from diwan.web.threads import at_the_door, reading
from diwan.web.visit import ANSWERS, Asked, Visit, language_of

NOTHING: Final = "nothing"
"""What a route declares that reads nothing of the register: static files, signing in."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def guard(house: House) -> Guard:
    """Return the guard of a node's shell."""

    async def known(request: Asked, admitted: Callable[[Here], None] = lambda _: None) -> None:
        service = is_service(request)

        def look() -> Here | None:
            here = who(house, request, service=service)
            if here is not None:
                admitted(here)
            return here

        here = await reading(look)
        if here is None and service and brings_password(request):
            here = await at_the_door(came_from(request), who, house, request, service=True, checking=True)
            if here is not None:
                await reading(admitted, here)
        if here is None:
            raise SignedOut

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        assert isinstance(connection, Request)  # noqa: S101 -- there is no other sort of route here
        request: Asked = connection
        answering = served(request)
        if not answering or any("reads" not in one.opt for one in answering):
            raise NotAllowed("This address does not declare what it reads, so nobody may use it. Nothing was done.")
        reads = any(one.opt["reads"] != NOTHING for one in answering)
        if reads and not house.known_open:
            await reading(house.check_open)
        elif house.shut and not handler.opt.get("though_shut"):
            raise Shut(iso(house.shut))
        if request.method not in _SAFE:
            check_origin(request)
        if not reads:
            return

        def admitted(here: Here) -> None:
            request.scope["state"]["visit"] = visit = Visit(
                house=house,
                hand=here.account.hand,
                name=here.account.shown,
                token=here.token,
                world=handler.opt["world"],
                language=language_of(house, request),
                address="" if is_service(request) else address_of(request),
            )
            if ANSWERS in handler.opt:
                request.scope["state"][ANSWERS] = handler.opt[ANSWERS](visit, request)

        if request.method == OPTIONS:
            # The methods of an address follow from its shape: nothing of the register, so no visit is made.
            await known(request)
        elif request.method in _SAFE:
            await known(request, admitted)
        else:
            await known(request)
            # Whoever sends a body slowly may have lost an account or a clearance by its end.
            await request.body()
            await known(request, admitted)

    return admit
