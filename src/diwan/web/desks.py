"""What desks bring to the shell: their boards as pages, their routes and services as they declare them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import HttpMethod, Response, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec.structs import replace

from diwan.desk import Board, Desk, Request, Route, Service
from diwan.desk import Response as Said
from diwan.house import House
from diwan.terms.errors import NotFound
from diwan.web.form import read_own_form
from diwan.web.pages import Pages
from diwan.web.threads import exporting, reading, writing
from diwan.web.visit import ANSWERS, BASES, Asked, Visit, answered, visit_of

_EXPORT: Final = "export"
"""What a route says that it reads where that may be all that a reader may see."""
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def routes(house: House, pages: Pages) -> list[Any]:
    """Return a handler for every board, and one for all routes of the same shape."""
    boards = [
        made for desk in house.desks.values() for board in desk.boards for made in _board(house, pages, desk, board)
    ]
    declared = sorted(
        ((name, route) for name, desk in house.desks.items() for route in desk.routes), key=lambda one: _shape(one[1])
    )
    services = [_service(house, desk, service) for desk in house.desks.values() for service in desk.services]
    protocols = [
        _protocol(house, shape, tuple(alike)) for shape, alike in groupby(declared, key=lambda one: _shape(one[1]))
    ]
    return [*boards, *protocols, *services]


def _board(house: House, pages: Pages, desk: Desk, board: Board) -> list[Any]:
    def show_of(visit: Visit, asked: Request) -> Response[str]:
        return pages.page(visit, board.template, board.view(visit.room, asked), here=board.path)

    @get(board.path, name=f"board {board.path}", opt={"reads": board.reads}, sync_to_thread=True)
    def show(request: Asked) -> Response[str]:
        visit = visit_of(request)
        return show_of(visit, _for_board(request, visit, board, house, desk.name))

    @post(board.path, name=f"ask {board.path}", opt={"reads": board.reads}, status_code=200)
    async def ask(request: Asked) -> Response[str]:
        visit = visit_of(request)
        asked = _for_board(request, visit, board, house, desk.name)
        form = await read_own_form(request, visit)
        files = tuple((name, data.decode("utf-8", "replace")) for name, data in form.files.items())
        asked = replace(asked, pairs=(*form.fields, *files))
        asked = replace(asked, query=dict(asked.pairs))
        # What is asked may be ten thousand values, and the page of the answer long.
        return await exporting(show_of, visit, asked)

    return [show, ask] if board.asks else [show]


def _for_board(request: Asked, visit: Visit, board: Board, house: House, desk: str) -> Request:
    asked = _request(request, visit, {}, house, desk)
    if board.only is None:
        return asked
    if board.only not in visit.hand.roles:
        raise NotFound
    return replace(asked, clerk=visit.clerk(desk))


def _protocol(house: House, shape: str, alike: tuple[tuple[str, Route], ...]) -> Any:
    patterns = [(_pattern(route), route, desk) for desk, route in alike]
    declared = tuple(route for _, route in alike)
    reads = ", ".join(sorted({route.reads for route in declared}))

    @get(shape, name=f"desk {shape}", opt={"reads": reads, "declared": declared})
    async def answer(request: Asked) -> Response[bytes]:
        asked = request.scope["path"].removeprefix(visit_of(request).base)
        for pattern, route, desk in patterns:
            if found := pattern.fullmatch(asked):
                run = exporting if route.reads == _EXPORT else reading
                return await run(_said, house, desk, route, request, found.groupdict())
        raise NotFound

    return answer


def _said(house: House, desk: str, route: Route, request: Asked, path: dict[str, str]) -> Response[bytes]:
    visit = visit_of(request)
    return answer_of(route.handler(visit.room, _request(request, visit, path, house, desk)))


def _service(house: House, desk: Desk, service: Service) -> Any:
    path = _PARAMETER.sub(r"{\1:str}", service.path)
    opt = {"reads": service.reads, "service": service, "says": desk.wording.says if desk.wording else None}
    name = f"{service.method} {service.path}"

    def answer(visit: Visit, request: Asked, body: bytes = b"") -> Response[bytes]:
        asked = _request(request, visit, dict(request.path_params), house, desk.name, body)
        return answer_of(service.handler(visit.clerk(desk.name), asked))

    if service.method == "GET":
        # Whoever only wants to know whether something is there asks with HEAD (RFC 9110, 9.1).
        methods = [HttpMethod.GET, HttpMethod.HEAD]
        return HTTPRouteHandler(path, http_method=methods, name=name, opt={**opt, ANSWERS: answer}, status_code=200)(
            answered
        )

    @HTTPRouteHandler(path, http_method=HttpMethod(service.method), name=name, opt=opt, status_code=200)
    async def write(request: Asked) -> Response[bytes]:
        body = await request.body() if service.method == "POST" else b""
        return await writing(answer, visit_of(request), request, body)

    return write


def _origin_of(request: Asked) -> str:
    """Return scheme and host as the request says them; the framework's whole address takes several times as long."""
    scope = request.scope
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return f"{scope['scheme']}://{host or ':'.join(map(str, scope['server'] or ()))}"


def answer_of(said: Said) -> Response[bytes]:
    """Return what a desk said as the shell sends it."""
    # For text the framework itself says that it is UTF-8.
    kind = said.media_type.removesuffix("; charset=utf-8") if said.media_type.startswith("text/") else said.media_type
    return Response(said.body, media_type=kind, status_code=said.status, headers=dict(said.headers))


def _shape(route: Route) -> str:
    # `/a/{id}.xml` and `/a/{id}.json` are one path to the router, so that which of them is asked is found there.
    steps = route.path.split("/")
    return "/".join(f"{{step{place}:str}}" if "{" in step else step for place, step in enumerate(steps))


def _pattern(route: Route) -> re.Pattern[str]:
    pieces: Iterable[str] = _PARAMETER.split(route.path)
    return re.compile(
        "".join(f"(?P<{piece}>[^/]+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
    )


def _request(request: Asked, visit: Visit, path: dict[str, str], house: House, desk: str, body: bytes = b"") -> Request:
    query = request.scope["query_string"].decode("latin-1")
    pairs = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
    origin = _origin_of(request)
    return Request(
        path=path,
        query=dict(pairs),
        pairs=pairs,
        address=f"{origin}{request.scope['path']}",
        base=f"{origin}{BASES[visit.world]}",
        accept=request.headers.get("accept", ""),
        media_type=request.headers.get("content-type", ""),
        body=body,
        local=house.local.get(desk),
        keeper=house.settings.keeper,
    )
