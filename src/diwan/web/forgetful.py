"""What the framework would keep of requests in memory, and this node does not."""

from __future__ import annotations

from inspect import unwrap

from litestar import Litestar
from litestar._asgi.routing_trie import traversal
from litestar.connection import base
from litestar.datastructures import URL


def forget(app: Litestar) -> None:
    """Let queries, cookies, paths and addresses be taken apart anew for each request.

    The framework remembers the last thousand of each, whoever sent them: what was searched, which items were read,
    secrets of sessions, and of anyone who means it up to a megabyte for every head of 60 kB.  It offers no other way to
    choose.
    """
    base.parse_query_string = unwrap(base.parse_query_string)  # type: ignore[attr-defined]
    base.parse_cookie_string = unwrap(base.parse_cookie_string)  # type: ignore[attr-defined]
    traversal.parse_path_params = unwrap(traversal.parse_path_params)
    app.asgi_router.handle_routing = unwrap(app.asgi_router.handle_routing)
    for name in ("from_components", "_new"):
        setattr(URL, name, classmethod(unwrap(getattr(URL, name).__func__)))
