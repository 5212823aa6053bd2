"""Serving the shell over HTTP until asked to stop; requests under way are finished first."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from diwan.house import House
from diwan.house.steady import keep_what_stands
from diwan.web.access import with_notes
from diwan.web.app import create_app
from diwan.web.certificate import with_certificates
from diwan.web.health import Readiness
from diwan.web.metrics import Metrics, listening
from diwan.web.pace import with_pace
from diwan.web.tally import Tally
from diwan.web.threads import share_readers
from diwan.web.wire import Wire

_GRACE: Final = 10
"""Seconds that requests under way are given."""
_LONGEST: Final = 45.0
"""Seconds from being asked to stop until the process ends in any case: requests, a call of a source, closing."""

_log: Final = logging.getLogger(__name__)


def serve(house: House, host: str, port: int, *, grace: int = _GRACE, longest: float = _LONGEST) -> None:
    """Serve a node's pages and API at `host`:`port` until SIGINT or SIGTERM; the house is still open then.

    The listening socket closes first; requests under way have `grace` seconds to end.  What cannot end, such as a write
    that waits for another program's lock, ends with the process after `longest` seconds, exit code 1: nobody was told
    that it was done, and what was acknowledged is on disk.
    """
    share_readers(house.readers)
    tally, readiness = Tally(), Readiness(house)
    app: Any = with_notes(with_pace(create_app(house, readiness)), tally)
    if house.settings.proxy:
        # What a client says of its own address counts only when the named proxy passes it on.
        app = ProxyHeadersMiddleware(app, trusted_hosts=house.settings.proxy)
    config = uvicorn.Config(
        with_certificates(app, house.settings.proxy),
        host=host,
        port=port,
        http=Wire,
        log_config=None,  # what it says goes where the node's own words go, and as little of it
        log_level="warning",
        access_log=False,  # an address with a search in it belongs in no log of the machine
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=grace,
    )
    with ExitStack() as beside:
        if house.settings.metrics_port:
            beside.enter_context(listening(house.settings.metrics_port, Metrics(house, tally, readiness).text))
        keep_what_stands()
        _Server(config, longest).run()


class _Server(uvicorn.Server):
    """The HTTP server, whose end is bounded."""

    def __init__(self, config: uvicorn.Config, longest: float) -> None:
        super().__init__(config)
        self._longest = longest

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            bound = threading.Timer(self._longest, _leave)
            bound.daemon = True
            bound.start()
        super().handle_exit(sig, frame)


def _leave() -> None:
    _log.error("The node could not close in time and ends now. What was acknowledged is on disk.")
    os._exit(1)
