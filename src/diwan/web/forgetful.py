"""What the framework would keep of requests in memory, and this node does not."""

from __future__ import annotations

from inspect import unwrap

from litestar.connection import base


def forget() -> None:
    """Let queries and cookies be taken apart anew for each request.

    The framework remembers the last thousand of each, whoever sent them: what was searched, secrets of sessions, and of
    anyone who means it a megabyte for every head of 60 kB.  It offers no other way to choose.
    """
    base.parse_query_string = unwrap(base.parse_query_string)  # type: ignore[attr-defined]
    base.parse_cookie_string = unwrap(base.parse_cookie_string)  # type: ignore[attr-defined]
