"""What desks bring to the shell: their boards as pages, their protocol routes as they declare them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from litestar import Response, get

from diwan.desk import Board, Request, Route
from diwan.house import House
from diwan.terms.errors import NotFound
from diwan.web.pages import Pages
from diwan.web.visit import Asked, visit_of

_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def routes(house: House, pages: Pages) -> list[Any]:
    """Return a handler for every board, and one for all routes of the same shape."""
    boards = [_board(pages, board) for desk in house.desks.values() for board in desk.boards]
    declared = sorted((route for desk in house.desks.values() for route in desk.routes), key=_shape)
    return [*boards, *(_protocol(shape, tuple(alike)) for shape, alike in groupby(declared, key=_shape))]


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

    # `/a/{id}.xml` and `/a/{id}.json` are one path to the router, so that which of them is asked is found here.
    @get(shape, name=f"desk {shape}", opt={"reads": reads, "declared": alike}, sync_to_thread=True)
    def answer(request: Asked) -> Response[bytes]:
        visit = visit_of(request)
        asked = request.scope["path"].removeprefix(visit.base)
        for pattern, route in patterns:
            if found := pattern.fullmatch(asked):
                said = route.handler(visit.room, _request(request, found.groupdict()))
                return Response(
                    said.body, media_type=said.media_type, status_code=said.status, headers=dict(said.headers)
                )
        raise NotFound

    return answer


def _shape(route: Route) -> str:
    steps = route.path.split("/")
    return "/".join(f"{{step{place}:str}}" if "{" in step else step for place, step in enumerate(steps))


def _pattern(route: Route) -> re.Pattern[str]:
    pieces: Iterable[str] = _PARAMETER.split(route.path)
    return re.compile(
        "".join(f"(?P<{piece}>[^/]+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
    )


def _request(request: Asked, path: dict[str, str]) -> Request:
    return Request(
        path=path,
        query=dict(request.query_params),
        address=str(request.url.with_replacements(query="")),
        accept=request.headers.get("accept", ""),
    )
