"""Metrics: numbers of the whole node for Prometheus, on a listener of their own that only this machine reaches.

What they count is not released to anybody: they tell of everyone's entries and questions.  So they are at no address
of the shell, where readers come, and no role opens them, since a role never lets anyone read.  Off by default.
"""

from __future__ import annotations

import logging
import platform
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from typing import Any, Final

from diwan.house import House
from diwan.terms.errors import Refused
from diwan.web.health import Readiness
from diwan.web.process import process
from diwan.web.tally import BOUNDS, Tally

LOOPBACK: Final = "127.0.0.1"
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Source: Prometheus, exposition formats, text-based format."""
_PATIENCE: Final = 5
_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_NOTHING: Final = b"Nothing is told here but /metrics, to this machine.\n"
_log: Final = logging.getLogger(__name__)

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
"""What comes after the family's name, the labels, and the number."""


class Metrics:
    """Puts a node's numbers together when they are asked for."""

    def __init__(self, house: House, tally: Tally, readiness: Readiness) -> None:
        """Tell of `house`, and of the requests in `tally`."""
        self._house = house
        self._tally = tally
        self._readiness = readiness

    def text(self) -> bytes:
        """Return the numbers in the text format; what the register cannot answer is left out."""
        return "".join(line for family in self._families() for line in _lines(*family)).encode()

    def _families(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        built = (("version", version("diwan-node")), ("python", platform.python_version()))
        yield "diwan_build_info", "gauge", "This software.", [("", built, 1)]
        ready = self._readiness.wants() is None
        yield "diwan_ready", "gauge", "Whether the node can read and write.", [("", (), ready)]
        yield (
            "diwan_write_wait_seconds",
            "gauge",
            "How long the last empty write waited for its turn under the write order.",
            [("", (), self._readiness.waited)],
        )
        answered = [
            ("_total", (("method", method), ("route", route), ("status", str(status))), count)
            for (method, route, status), count in self._tally.answered().items()
        ]
        yield "diwan_http_requests", "counter", "Requests by route and status.", answered
        yield "diwan_http_request_duration_seconds", "histogram", "How long requests took.", self._durations()
        refused = self._house.doors.refused
        yield "diwan_sign_ins_refused", "counter", "Names and passwords that did not fit.", [("_total", (), refused)]
        free = shutil.disk_usage(self._house.folder).free
        yield "diwan_disk_free_bytes", "gauge", "Bytes free where the node's folder lies.", [("", (), free)]
        if ready:
            yield from self._register()
        yield from (process() or ())

    def _durations(self) -> Iterator[Sample]:
        for route, took in self._tally.durations().items():
            of, reached = (("route", route),), 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), took.counts, strict=True):
                reached += count
                yield "_bucket", (*of, ("le", bound)), reached
            yield "_sum", of, took.total
            yield "_count", of, reached

    def _register(self) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
        facts, told = self._house.facts(), self._house.told()
        yield "diwan_entries_standing", "gauge", "Entries that stand.", [("", (), facts["standing"])]
        yield "diwan_commits", "counter", "Commits of this process.", [("_total", (), told.groups)]
        yield "diwan_commit_jobs", "counter", "What those commits carried.", [("_total", (), told.jobs)]
        yield (
            "diwan_commit_seconds",
            "counter",
            "Time from taking the write order until what was written was durable.",
            [("_total", (), told.seconds)],
        )
        yield "diwan_words_waiting", "gauge", "Entries that wait for the word index.", [("", (), facts["waiting"])]
        yield (
            "diwan_last_position_timestamp_seconds",
            "gauge",
            "The last position in the register; after the present, the clock was set back.",
            [("", (), facts["last_position"] / 1_000_000)],
        )


def _lines(name: str, sort: str, told: str, samples: Iterable[Sample]) -> Iterator[str]:
    family = f"{name}_total" if sort == "counter" else name
    yield f"# HELP {family} {told}\n# TYPE {family} {sort}\n"
    for tail, labels, number in samples:
        said = ",".join(f'{key}="{value.translate(_ESCAPED)}"' for key, value in labels)
        yield f"{name}{tail}{f'{{{said}}}' if said else ''} {number:.17g}\n"


@contextmanager
def listening(port: int, text: Callable[[], bytes]) -> Iterator[int]:
    """Answer `/metrics` on this machine's loopback address at `port` with what `text` returns, as long as this lasts.

    Yields the port.  One request at a time, in a thread of its own: numbers are told though the shell stands still.

    Raises:
        Refused: the port is taken.
    """
    try:
        server = _Server((LOOPBACK, port), _Asked)
    except OSError as taken:
        raise Refused(
            f"{LOOPBACK}:{port} cannot be listened on: {taken.strerror}. Choose another metrics_port in settings.toml."
        ) from None
    server.text = text
    thread = threading.Thread(target=server.serve_forever, name="diwan-metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(HTTPServer):
    text: Callable[[], bytes]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # The library would print the error with its message.
        _log.exception("The numbers could not be told.")


class _Asked(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server: _Server

    def do_GET(self) -> None:
        # A page that a browser on this machine shows could ask under a name of its own that leads here.
        named = self.headers.get("host", "").rpartition(":")[0] in (LOOPBACK, "localhost")
        if self.path != "/metrics" or not named:
            self.send_error(404)
            return
        self._say(200, self.server.text(), MEDIA_TYPE)

    def _say(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response_only(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request for /metrics; the library's own page quotes what was asked."""
        self.close_connection = True
        self._say(code, _NOTHING, "text/plain; charset=utf-8")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a path belongs in no log."""
