"""The app: every route of the shell and of the desks, behind one guard."""

from __future__ import annotations

from typing import Any, Final

from litestar import Litestar, Response, Router, get

from diwan.house import House
from diwan.terms.errors import NotFound
from diwan.terms.gate import World
from diwan.web import api, compose, desks, health, item, sign, watch
from diwan.web.files import Files
from diwan.web.forgetful import forget
from diwan.web.guard import NOTHING, guard
from diwan.web.headers import send_headers
from diwan.web.openapi import document
from diwan.web.pages import Pages
from diwan.web.problems import handlers
from diwan.web.visit import BASES, Asked

_AROUND: Final = 64 * 1024
"""Bytes that a form may have around the document it brings."""


def create_app(house: House, readiness: health.Readiness | None = None) -> Litestar:
    """Return the shell of a node; every route declares what it reads in `opt["reads"]`, or the guard refuses it."""
    static = Files()
    pages = Pages(house, static)
    app = Litestar(
        route_handlers=[
            _static(static),
            _description(house),
            *health.routes(readiness or health.Readiness(house)),
            *sign.routes(house, pages),
            *(_world(house, pages, world) for world in World),
        ],
        guards=[guard(house)],
        exception_handlers=handlers(house, pages),
        before_send=[send_headers],
        request_max_body_size=house.settings.largest + _AROUND,
        openapi_config=None,
        logging_config=None,
    )
    forget(app)
    return app


def _world(house: House, pages: Pages, world: World) -> Router:
    handlers = [
        *watch.routes(house, pages),
        *item.routes(house, pages),
        *compose.routes(house, pages),
        *desks.routes(house, pages),
        *api.routes(house),
    ]
    return Router(BASES[world] or "/", route_handlers=handlers, opt={"world": world})


def _static(static: Files) -> Any:
    @get("/static/{digest:str}/{name:path}", name="static", opt={"reads": NOTHING}, sync_to_thread=False)
    def file(request: Asked) -> Response[bytes]:
        asked = request.path_params
        found = static.get(asked["digest"], str(asked["name"]).lstrip("/"))
        if found is None:
            raise NotFound
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(found.data, media_type=found.media_type, headers=headers)

    return file


def _description(house: House) -> Any:
    described = document(house.settings.title)

    @get("/api/openapi.json", name="api description", opt={"reads": NOTHING}, sync_to_thread=False)
    def description() -> Response[bytes]:
        return Response(described, media_type="application/json")

    return description
