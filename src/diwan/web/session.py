"""Who asks: a person by the cookie of their session, a program by its token."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from typing import Final

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from diwan.house import House
from diwan.people.accounts import Account
from diwan.web.visit import Asked

_SECURE: Final = "__Host-diwan"
_PLAIN: Final = "diwan"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_BEARER: Final = "bearer "
_BASIC: Final = "basic "
CERTIFICATE: Final = "diwan.certificate"
"""Where the scope of a request keeps the SHA-256 of the client certificate that the proxy vouched for."""


class Here(msgspec.Struct, frozen=True):
    """Someone who is signed in; `token` is what the forms of their session carry, None for a program."""

    account: Account
    token: str | None


def who(house: House, request: Asked, *, service: bool = False, checking: bool = False) -> Here | None:
    """Return who asks, or None; a request that brings a program's token is that program's, whatever its cookies.

    A desk's `service` is for programs: it takes a token, a name with its password, or the client certificate that the
    proxy vouches for, and no session, so that no page of another site can use a browser to ask.  A password that is not
    known to be right is looked at only with `checking`, which takes a while.
    """
    said = request.headers.get("authorization")
    if service:
        account = _program(house, request, said or "", checking=checking)
        return Here(account, None) if account else None
    if said is not None:
        secret = said[len(_BEARER) :] if said.lower().startswith(_BEARER) else ""
        account = house.doors.who(secret.strip())
        return Here(account, None) if account else None
    secret = session_of(request)
    account = house.doors.who(secret) if secret else None
    return Here(account, _token(secret)) if account else None


def brings_password(request: Asked) -> bool:
    """Return whether a request says who asks by a name and a password (RFC 7617)."""
    return request.headers.get("authorization", "").lower().startswith(_BASIC)


def came_from(request: Asked) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else ""


def _program(house: House, request: Asked, said: str, *, checking: bool) -> Account | None:
    scheme, _, given = said.partition(" ")
    if scheme.lower() == "basic":
        pair = _pair(given.strip())
        if pair is None:
            return None
        return house.doors.by_password(*pair, came_from(request)) if checking else house.doors.known_by(*pair)
    if scheme.lower() == "bearer":
        return house.doors.who(given.strip(), only="token")
    fingerprint = request.scope.get(CERTIFICATE)
    return house.doors.by_certificate(fingerprint) if isinstance(fingerprint, str) and not said else None


def _pair(given: str) -> tuple[str, str] | None:
    try:
        name, colon, password = b64decode(given, validate=True).decode().partition(":")
    except ValueError:  # not base64, or not UTF-8
        return None
    return (name, password) if colon else None


def session_of(request: Asked) -> str:
    """Return the secret of the session that a request's cookie names, or an empty text."""
    return request.cookies.get(_name(request), "")


def begin(answer: Response[None], request: Asked, secret: str) -> None:
    """Give the browser its session; it ends with the browser, or when the node ends it."""
    answer.set_cookie(_cookie(request, secret))


def end(answer: Response[None], request: Asked) -> None:
    """Take the session from the browser."""
    answer.set_cookie(_cookie(request, "", max_age=0))


def _cookie(request: Asked, secret: str, max_age: int | None = None) -> Cookie:
    secure = _name(request) == _SECURE
    return Cookie(_name(request), value=secret, secure=secure, httponly=True, samesite="lax", max_age=max_age)


def _name(request: Asked) -> str:
    # Browsers differ on whether they keep Secure cookies of http://localhost, and most refuse those of
    # http://127.0.0.1. On loopback nothing leaves the machine, so a plain cookie stands in there, and there alone.
    local = request.url.scheme == "http" and request.url.hostname in _LOOPBACK
    return _PLAIN if local else _SECURE


def _token(secret: str) -> str:
    return sha256(f"diwan-form-v1\0{secret}".encode()).hexdigest()[:32]
