"""What the framework would keep of requests in memory, and this node does not."""

from __future__ import annotations

from litestar import _parsers
from litestar.connection import base


def forget() -> None:
    """Let queries and cookies be taken apart anew for each request.

    The framework remembers the last thousand of each, whoever sent them: what was searched, secrets of sessions, and of
    anyone who means it a megabyte for every head of 60 kB.  It offers no other way to choose.
    """
    base.parse_query_string = _parsers.parse_query_string.__wrapped__  # type: ignore[attr-defined,assignment]
    base.parse_cookie_string = _parsers.parse_cookie_string.__wrapped__  # type: ignore[attr-defined,assignment]
