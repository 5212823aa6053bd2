"""What is answered when something cannot be: a page for people, problem details (RFC 9457) for programs.

The answer depends on the kind of refusal and its words alone, never on the address that was asked: what does not exist
and what is not released are the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from diwan.house import House
from diwan.people.throttle import TooSoon
from diwan.terms.errors import (
    BadCursor,
    Conflict,
    Crowded,
    Full,
    Malformed,
    NotAllowed,
    NotFound,
    Refused,
    Shut,
    Unjournalled,
    Unlabelled,
    Unreachable,
    Unsettled,
)
from diwan.terms.time import iso
from diwan.web.desks import answer_of
from diwan.web.methods import served
from diwan.web.pace import TooSlow
from diwan.web.pages import Pages
from diwan.web.visit import BASES, Asked, language_of

_STATUS: Final[dict[type[Refused], int]] = {
    NotFound: 404,
    BadCursor: 400,
    Unlabelled: 422,
    Malformed: 422,
    NotAllowed: 403,
    Conflict: 409,
    Unreachable: 503,
    Crowded: 503,
    Full: 507,
    Shut: 503,
    Unjournalled: 500,
    Unsettled: 500,
}
_CHALLENGE: Final = 'Basic realm="Diwan", charset="UTF-8", Bearer realm="Diwan"'
"""Source: RFC 7235, section 4.1; RFC 7617; RFC 6750."""
_SECONDS: Final = "5"
_FAILED: Final = "Something failed at this node, and was written to its log. Nothing was entered."
_WORDS: Final = {
    400: "This request cannot be understood. Nothing was done.",
    404: str(NotFound()),
    405: "This cannot be done at this address. Nothing was done.",
    408: "What was sent came too slowly. Nothing was entered.",
    413: "This is more than this node takes at once. Nothing was entered.",
}

_log: Final = logging.getLogger("diwan.web")

Handler = Callable[[Asked, Any], Response[Any]]


class SignedOut(Refused):
    """Nobody is signed in, or no longer."""

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("You are not signed in, or your session has ended. Nothing was shown or done.")


class Problem(msgspec.Struct, frozen=True):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


def handlers(house: House, pages: Pages) -> dict[int | type[Exception], Handler]:
    """Return what answers each exception; no stack trace leaves the node."""

    wordings = [(f"{base}{desk.wording.prefix}", desk.wording) for desk in house.desks.values() if desk.wording
                for base in BASES.values()]  # fmt: skip

    def answer(request: Asked, status: int, name: str, detail: str) -> Response[Any]:
        path = request.scope["path"]
        for prefix, wording in wordings:
            if path == prefix or path.startswith(f"{prefix}/"):
                return answer_of(wording.says(status, detail))
        if for_programs(request):
            body = msgspec.json.encode(Problem(f"urn:diwan:problem:{name}", name, status, detail))
            return Response(body, status_code=status, media_type="application/problem+json")
        text = pages.fill(language_of(house, request), "problem.html", status=status, detail=detail)
        return Response(text, status_code=status, media_type=MediaType.HTML)

    def refused(request: Asked, refusal: Refused) -> Response[Any]:
        if isinstance(refusal, TooSoon) and is_service(request):
            # A program that reads 403 stops for good (RFC 6585, section 4).
            said = answer(request, 429, "TooSoon", str(refusal))
            said.headers["retry-after"] = str(refusal.seconds)
            return said
        said = answer(request, status_of(refusal), type(refusal).__name__, str(refusal))
        if isinstance(refusal, Unreachable):
            _log.error("The register cannot be reached: %s", refusal.__cause__)
        if isinstance(refusal, (Unreachable, Crowded)):
            said.headers["retry-after"] = _SECONDS
        return said

    def signed_out(request: Asked, refusal: SignedOut) -> Response[Any]:
        if for_programs(request) or request.method != "GET" or is_service(request):
            said = answer(request, 401, "SignedOut", str(refusal))
            if is_service(request):
                said.headers["www-authenticate"] = _CHALLENGE
            return said
        if "hx-request" in request.headers:
            # A part of a page was asked for: the sign-in page must not stand in its place. The page is loaded anew.
            said = answer(request, 401, "SignedOut", str(refusal))
            said.headers["hx-refresh"] = "true"
            return said
        return Redirect(f"/sign-in?next={quote(address_of(request), safe='/')}", status_code=303)

    def http(request: Asked, refusal: HTTPException) -> Response[Any]:
        if house.shut:
            return refused(request, Shut(iso(house.shut)))
        if refusal.status_code == 404:
            return refused(request, NotFound())
        if refusal.status_code >= 500:
            return failed(request, refusal)
        said = answer(request, refusal.status_code, "Refused", _WORDS.get(refusal.status_code, _WORDS[400]))
        if refusal.status_code == 405:
            # RFC 9110, section 15.5.6. The router knows them by the address's shape, before anything is looked up.
            said.headers["allow"] = ", ".join(sorted((refusal.headers or {}).get("allow", "").split(", ")))
        if isinstance(refusal, TooSlow):
            said.headers["connection"] = "close"  # the rest of it is not waited for either
        return said

    def failed(request: Asked, error: Exception) -> Response[Any]:
        _log.error("%s %s failed", request.method, request.scope.get("path_template"), exc_info=error)
        return answer(request, 500, "Failed", _FAILED)

    return {Refused: refused, SignedOut: signed_out, HTTPException: http, Exception: failed}


def status_of(refusal: Refused) -> int:
    """Return the status that says a refusal."""
    return next((code for kind, code in _STATUS.items() if isinstance(refusal, kind)), 400)


def is_service(request: Asked) -> bool:
    """Return whether a desk's protocol was asked, which knows no sessions."""
    return any("service" in one.opt for one in served(request))


def for_programs(request: Asked) -> bool:
    """Return whether a request came to the API, or with a program's token."""
    asked = request.scope["path"]
    return "authorization" in request.headers or any(asked.startswith(f"{base}/api/") for base in BASES.values())


def address_of(request: Asked) -> str:
    """Return the address of a page that was asked for, to come back to; after a form, that of the watch."""
    if request.method != "GET":
        return "/"
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
