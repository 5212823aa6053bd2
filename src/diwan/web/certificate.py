"""Client certificates: the proxy that ends TLS vouches for them, and nobody else can."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from diwan.web.session import CERTIFICATE

_HEADER = b"client-cert"
"""Source: RFC 9440, section 2.2."""


def with_certificates(app: ASGIApp, proxy: str) -> ASGIApp:
    """Return `app` behind a door that believes `Client-Cert` from the address `proxy` alone and drops it from others.

    Stands outside whatever rewrites the client's address, so that what is looked at is who is really connected.
    """

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            said = [value for name, value in scope["headers"] if name == _HEADER]
            if said:
                scope["headers"] = [pair for pair in scope["headers"] if pair[0] != _HEADER]
                client = scope["client"]
                if proxy and client is not None and client[0] == proxy and len(said) == 1:
                    scope[CERTIFICATE] = _fingerprint(said[0])  # type: ignore[typeddict-unknown-key] # our own name
        await app(scope, receive, send)

    return door


def _fingerprint(value: bytes) -> str | None:
    """Return the SHA-256 of the DER that a byte sequence of structured fields (RFC 8941, 3.3.5) holds, or None."""
    if len(value) < 3 or value[:1] != b":" or value[-1:] != b":":
        return None
    try:
        return sha256(b64decode(value[1:-1], validate=True)).hexdigest()
    except ValueError:
        return None
