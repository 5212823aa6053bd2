"""What desks bring to the shell: their boards as pages, their routes and services as they declare them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from typing import Any, Final
from urllib.parse import parse_qsl

from anyio.to_thread import run_sync
from litestar import Response, delete, get, post

from diwan.desk import Board, Desk, Request, Route, Service
from diwan.desk import Response as Said
from diwan.house import House
from diwan.terms.errors import NotFound
from diwan.web.pages import Pages
from diwan.web.visit import BASES, Asked, visit_of

_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def routes(house: House, pages: Pages) -> list[Any]:
    """Return a handler for every board, and one for all routes of the same shape."""
    boards = [_board(pages, board) for desk in house.desks.values() for board in desk.boards]
    declared = sorted((route for desk in house.desks.values() for route in desk.routes), key=_shape)
    services = [_service(desk, service) for desk in house.desks.values() for service in desk.services]
    return [*boards, *(_protocol(shape, tuple(alike)) for shape, alike in groupby(declared, key=_shape)), *services]


def _board(pages: Pages, board: Board) -> Any:
    @get(board.path, name=f"board {board.path}", opt={"reads": board.reads}, sync_to_thread=True)
    def show(request: Asked) -> Response[str]:
        visit = visit_of(request)
        view = board.view(visit.room, _request(request, {}))
        return pages.page(visit, board.template, view, here=board.path)

    return show


def _protocol(shape: str, alike: tuple[Route, ...]) -> Any:
    patterns = [(_pattern(route), route) for route in alike]
    reads = ", ".join(sorted({route.reads for route in alike}))

    @get(shape, name=f"desk {shape}", opt={"reads": reads, "declared": alike}, sync_to_thread=True)
    def answer(request: Asked) -> Response[bytes]:
        visit = visit_of(request)
        asked = request.scope["path"].removeprefix(visit.base)
        for pattern, route in patterns:
            if found := pattern.fullmatch(asked):
                return answer_of(route.handler(visit.room, _request(request, found.groupdict())))
        raise NotFound

    return answer


Answer = Callable[[Asked], Awaitable[Response[bytes]]]


def _service(desk: Desk, service: Service) -> Any:
    path = _PARAMETER.sub(r"{\1:str}", service.path)
    opt = {"reads": service.reads, "service": service, "says": desk.wording.says if desk.wording else None}

    made_by: Callable[..., Callable[[Answer], Any]] = {"GET": get, "POST": post, "DELETE": delete}[service.method]

    @made_by(path, name=f"{service.method} {service.path}", opt=opt, status_code=200)
    async def answer(request: Asked) -> Response[bytes]:
        visit = visit_of(request)
        body = await request.body() if service.method == "POST" else b""
        asked = _request(request, dict(request.path_params), body)
        return answer_of(await run_sync(service.handler, visit.clerk(desk.name), asked))

    return answer


def answer_of(said: Said) -> Response[bytes]:
    """Return what a desk said as the shell sends it."""
    return Response(said.body, media_type=said.media_type, status_code=said.status, headers=dict(said.headers))


def _shape(route: Route) -> str:
    # `/a/{id}.xml` and `/a/{id}.json` are one path to the router, so that which of them is asked is found there.
    steps = route.path.split("/")
    return "/".join(f"{{step{place}:str}}" if "{" in step else step for place, step in enumerate(steps))


def _pattern(route: Route) -> re.Pattern[str]:
    pieces: Iterable[str] = _PARAMETER.split(route.path)
    return re.compile(
        "".join(f"(?P<{piece}>[^/]+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
    )


def _request(request: Asked, path: dict[str, str], body: bytes = b"") -> Request:
    query = request.scope["query_string"].decode("latin-1")
    pairs = tuple(parse_qsl(query, keep_blank_values=True)) if query else ()
    url = request.url
    return Request(
        path=path,
        query=dict(pairs),
        pairs=pairs,
        address=f"{url.scheme}://{url.netloc}{url.path}",
        base=f"{url.scheme}://{url.netloc}{BASES[visit_of(request).world]}",
        accept=request.headers.get("accept", ""),
        media_type=request.headers.get("content-type", ""),
        body=body,
    )
