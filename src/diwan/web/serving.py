"""Serving the shell over HTTP until asked to stop; requests under way are finished first."""

from __future__ import annotations

from typing import Any, Final

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from diwan.house import House
from diwan.web.app import create_app
from diwan.web.certificate import with_certificates

_GRACE: Final = 10
"""Seconds that requests under way are given."""


def serve(house: House, host: str, port: int) -> None:
    """Serve a node's pages and API at `host`:`port`; returns after SIGINT or SIGTERM, with the house still open."""
    app: Any = create_app(house)
    if house.settings.proxy:
        # What a client says of its own address counts only when the named proxy passes it on.
        app = ProxyHeadersMiddleware(app, trusted_hosts=house.settings.proxy)
    config = uvicorn.Config(
        with_certificates(app, house.settings.proxy),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,  # an address with a search in it belongs in no log of the machine
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )
    uvicorn.Server(config).run()
