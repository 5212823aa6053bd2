"""What is served at an address, whatever the method; it follows from the shape of the address alone."""

from __future__ import annotations

from typing import Final

from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import HTTPRoute

from diwan.web.visit import Asked

OPTIONS: Final = "OPTIONS"


def served(request: Asked) -> tuple[BaseRouteHandler, ...]:
    """Return what answers a request; of one that asks for the methods of an address, all that answers there.

    Empty where the address or the method is unknown.
    """
    handler = request.scope.get("route_handler")
    if request.method != OPTIONS:
        return () if handler is None else (handler,)
    # The framework answers OPTIONS beside what someone wrote for the same address.
    alike = (route.route_handlers for route in request.app.routes if isinstance(route, HTTPRoute))
    return tuple(one for handlers in alike if handler in handlers for one in handlers if one is not handler)


def allowed(request: Asked) -> str:
    """Return the methods of an address for `Allow` (RFC 9110, section 10.2.1)."""
    methods = {
        str(method) for one in served(request) if isinstance(one, HTTPRouteHandler) for method in one.http_methods
    }
    return ", ".join(sorted(methods | {OPTIONS}))
