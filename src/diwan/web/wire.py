"""The wire: how the server's connections are written to and waited for.

The head of an answer leaves together with the body that follows at once.  The server writes one after the other, and
each write of its event loop is one to the socket: whoever asked was woken twice, the first time with nothing to go on.
"""

from __future__ import annotations

import re
from asyncio import BaseTransport, TimerHandle, get_running_loop
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport

_HEAD: Final = 16 * 1024
"""Bytes up to which something waits for what follows at once."""
_LONGEST: Final = 64 * 1024
"""Bytes of a head that are taken, and of anything else that is no body: ends of lines, trailers, what frames chunks."""
_FIELDS: Final = 200
"""Fields of a head."""
_AHEAD: Final = 16
"""Requests that one connection may ask while another of its own is being answered."""
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?")
"""A host as a request may name it, and its port.  Source: RFC 3986, section 3.2.2."""
_PORTS: Final = 65_535


class Gathered:
    """A transport that holds back what is short until something follows it, or the loop's next turn comes."""

    still: float = 60.0
    """Seconds after which whoever took nothing of what waits for them is not waited for."""

    def __init__(self, transport: Transport) -> None:
        """Send through `transport`; all but writing and closing is its own."""
        self._transport = transport
        self._held = b""
        self._given = 0
        """Bytes handed to the transport."""
        self._taken = 0
        """Of these, how many the other end had taken when that was last looked at."""
        self._look: TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what the transport itself has under a name."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` after whatever was held back; once it is closing, nothing."""
        if self._transport.is_closing():
            return
        if self._held:
            held, self._held = self._held, b""
            self._given += len(held) + len(data)
            self._transport.writelines((held, data))
        elif len(data) <= _HEAD:
            self._held = data
            get_running_loop().call_soon(self.flush)
        else:
            self._given += len(data)
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was held back, if anything is."""
        if self._held and not self._transport.is_closing():
            self._given += len(self._held)
            self._transport.write(self._held)
        self._held = b""

    def close(self) -> None:
        """Close the transport once everything is sent; what nobody takes is not waited for."""
        self.flush()
        if self._transport.is_closing():
            return  # over TLS, one that is closed twice has nothing left that could be asked what waits
        self._transport.close()
        self.watch()

    def watch(self) -> None:
        """Look from now on whether the other end takes anything of what waits to be sent, and leave it if not."""
        left = self._transport.get_write_buffer_size()
        if self._look is None and left:
            self._taken = self._given - left
            self._look = get_running_loop().call_later(self.still, self._look_again)

    def forget(self) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_again(self) -> None:
        self._look = None
        left = self._transport.get_write_buffer_size()
        # What waits may be as much as before, or more, because as much was added as was taken.
        if left and self._given - left == self._taken:
            self._transport.abort()
        else:
            self.watch()


class Unfit(Exception):
    """A request that no reader of this node would send; the server answers 400 and ends the connection."""


class Wire(HttpToolsProtocol):
    """HTTP/1.1 of the server, over a transport that gathers.

    A head that does not come in time ends its connection, and so does one without end: the parser keeps all of it.
    """

    patience: float = 20.0
    """Seconds that a connection has for the head of its first request, and every later one from its first byte."""
    _hurry: TimerHandle | None = None
    _beside = 0
    """Bytes that came since a head began or the last of a body came."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin a connection."""
        self._sending = Gathered(transport)  # type: ignore[arg-type]
        super().connection_made(self._sending)  # type: ignore[arg-type]
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._beside += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._beside > _LONGEST:
            self.send_400_response("Invalid HTTP request received.")
        elif self._hurry is None and (self.cycle is None or self.cycle.response_complete):
            # Whatever came, the server no longer counts the seconds for which an idle connection is kept; and it may
            # have been the end of a line, or one byte of a body that was answered before it came.
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._beside = 0
        self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of a head, and drop what trails a body: nobody here asks for it."""
        if self.scope.get("method"):
            return
        if len(self.headers) == _FIELDS:
            raise Unfit
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on with a request whose head is whole."""
        self._wait_no_more()
        hosts = [value for name, value in self.headers if name == b"host"]
        # One that names two hosts is read as one by some and as the other by others.  Source: RFC 9112, section 3.2.
        named = len(hosts) == 1 or (not hosts and self.parser.get_http_version() != "1.1")
        if len(self.pipeline) == _AHEAD or not named or not all(map(_may_be_host, hosts)):
            raise Unfit
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._beside = 0
        super().on_body(body)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._wait_no_more()
        self._sending.forget()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait with what is to be sent until some of it was taken."""
        super().pause_writing()
        self._sending.watch()

    def _wait_for_head(self) -> None:
        self._wait_no_more()
        self._hurry = self.loop.call_later(self.patience, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None


def _may_be_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    return found is not None and int(found[1] or 0) <= _PORTS
