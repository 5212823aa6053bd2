"""The wire: how the server's connections are written to and waited for.

The head of an answer leaves together with the body that follows at once.  The server writes one after the other, and
each write of its event loop is one to the socket: whoever asked was woken twice, the first time with nothing to go on.
"""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle, get_running_loop
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport

_HEAD: Final = 16 * 1024
"""Bytes up to which something waits for what follows at once."""


class Gathered:
    """A transport that holds back what is short until something follows it, or the loop's next turn comes."""

    def __init__(self, transport: Transport) -> None:
        """Send through `transport`; all but writing and closing is its own."""
        self._transport = transport
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        """Return what the transport itself has under a name."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` after whatever was held back."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        elif len(data) <= _HEAD:
            self._held = data
            get_running_loop().call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was held back, if anything is."""
        if self._held and not self._transport.is_closing():
            self._transport.write(self._held)
        self._held = b""

    def close(self) -> None:
        """Close the transport once everything is sent."""
        self.flush()
        self._transport.close()


class Wire(HttpToolsProtocol):
    """HTTP/1.1 of the server, over a transport that gathers; a head that does not come in time ends its connection.

    So does the rest of a request that was answered before all of it had come: nobody reads it.
    """

    patience: float = 20.0
    """Seconds that a connection has for the head of its first request, every later one from its first byte, and a
    request that was answered for the rest of it."""
    _hurry: TimerHandle | None = None
    _comes = False
    """Whether part of a request is still to come."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin a connection."""
        super().connection_made(Gathered(transport))  # type: ignore[arg-type]
        self._wait()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._comes = True
        self._wait()

    def on_headers_complete(self) -> None:
        """Go on with a request whose head is whole."""
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Go on with a request that is whole."""
        self._comes = False
        self._wait_no_more()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with what follows an answer."""
        super().on_response_complete()
        if self._comes and self.cycle.response_complete:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._wait_no_more()
        self._hurry = self.loop.call_later(self.patience, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
