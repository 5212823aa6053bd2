"""Serving the shell over HTTP until asked to stop; requests under way are finished first."""

from __future__ import annotations

from typing import Final

import uvicorn

from diwan.house import House
from diwan.web.app import create_app

_GRACE: Final = 10
"""Seconds that requests under way are given."""


def serve(house: House, host: str, port: int) -> None:
    """Serve a node's pages and API at `host`:`port`; returns after SIGINT or SIGTERM, with the house still open."""
    config = uvicorn.Config(
        create_app(house),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,  # an address with a search in it belongs in no log of the machine
        server_header=False,
        # What a client says of its own address counts only when the named proxy passes it on.
        proxy_headers=bool(house.settings.proxy),
        forwarded_allow_ips=house.settings.proxy or None,
        timeout_graceful_shutdown=_GRACE,
    )
    uvicorn.Server(config).run()
