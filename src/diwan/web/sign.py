"""Signing in and out, and choosing a language: what anyone may ask, for it reads nothing of the register."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from litestar.response import Redirect

from diwan.house import House
from diwan.terms.errors import NotAllowed
from diwan.web.form import check_token, read_form
from diwan.web.guard import NOTHING
from diwan.web.language import COOKIE, LANGUAGES
from diwan.web.pages import Pages
from diwan.web.session import begin, came_from, end, session_of, who
from diwan.web.threads import at_the_door, reading, writing
from diwan.web.visit import Asked, language_of

_YEAR: Final = 365 * 24 * 3600

_SMALL: Final = 64 * 1024
"""Bytes of a form that anyone may send: the work of reading it is asked before they are known."""


def routes(house: House, pages: Pages) -> list[Any]:
    """Return the handlers of the way in and out."""

    def ask_again(request: Asked, then: str, refused: str, status: int, name: str = "") -> Response[str]:
        text = pages.fill(language_of(house, request), "sign_in.html", next=then, refused=refused, name=name)
        return Response(text, status_code=status, media_type=MediaType.HTML)

    @get("/sign-in", name="sign in page", opt={"reads": NOTHING}, sync_to_thread=False)
    def ask(request: Asked) -> Response[str]:
        return ask_again(request, inside(request.query_params.get("next", "")), "", 200)

    @post("/sign-in", request_max_body_size=_SMALL, name="sign in", opt={"reads": NOTHING}, status_code=303)
    async def sign_in(request: Asked) -> Response[Any]:
        form = await read_form(request, house.settings.largest)
        then = inside(form.one("next"))
        address = came_from(request)
        name, password = form.one("name"), form.one("password")
        try:
            _, secret = await at_the_door(address, house.doors.sign_in, name, password, address)
        except NotAllowed as refusal:
            return ask_again(request, then, str(refusal), 403, name)
        if before := session_of(request):
            await writing(house.doors.sign_out, before)
        answer = Redirect(then, status_code=303)
        begin(answer, request, secret)
        return answer

    @post("/sign-out", request_max_body_size=_SMALL, name="sign out", opt={"reads": NOTHING}, status_code=303)
    async def sign_out(request: Asked) -> Redirect:
        form = await read_form(request, house.settings.largest)
        here = await reading(who, house, request)
        if here is not None:
            check_token(here.token, form.one("token"))
            await writing(house.doors.sign_out, session_of(request))
        answer = Redirect("/sign-in", status_code=303)
        end(answer, request)
        return answer

    @post("/language", request_max_body_size=_SMALL, name="language", opt={"reads": NOTHING}, status_code=303)
    async def choose_language(request: Asked) -> Redirect:
        form = await read_form(request, house.settings.largest)
        answer = Redirect(inside(form.one("next")), status_code=303)
        chosen = form.one("language")
        if chosen in LANGUAGES:
            secure = request.url.scheme == "https"
            answer.set_cookie(Cookie(COOKIE, value=chosen, max_age=_YEAR, secure=secure, httponly=True, samesite="lax"))
        return answer

    return [ask, sign_in, sign_out, choose_language]


def inside(address: str) -> str:
    """Return an address of this node to go on to; anything that would lead elsewhere becomes the watch."""
    # Browsers read a backslash as a slash and drop control characters, so that `/\\host` would leave the node.
    plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"
