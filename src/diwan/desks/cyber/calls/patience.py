"""Patience: an answer is waited for so long in all, and not for so long after each byte that comes."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final

import httpcore
import httpx

LONGEST: Final = 300.0
"""Seconds that one answer may take, its head and what stands between the pieces of its body included."""


def patient(context: ssl.SSLContext, longest: float = LONGEST) -> httpx.BaseTransport:
    """Return a transport over HTTP/1.1 whose answers are whole `longest` seconds after they were asked for.

    Its calls raise `httpx.ReadTimeout` then. A server that drips a head, or says `100 Continue` without end, gives the
    client nothing between two bytes at which it could look at a clock.
    """
    return _Patient(context, longest)


class _Patient(httpx.HTTPTransport):
    def __init__(self, context: ssl.SSLContext, longest: float) -> None:
        super().__init__(verify=context, trust_env=False)
        # The library lets its network be chosen by this name alone.
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_Network(longest))


class _Network(httpcore.NetworkBackend):
    def __init__(self, longest: float) -> None:
        self._plain = httpcore.SyncBackend()
        self._longest = longest

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._longest)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, longest: float) -> None:
        self._stream = stream
        self._longest = longest
        self._until = monotonic() + longest

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._until - monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, left if timeout is None else min(timeout, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)
        self._until = monotonic() + self._longest

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._longest)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
