from __future__ import annotations

import asyncio
import gc  # noqa: TID251 -- asks the collector what is held
from collections.abc import Callable
from typing import Any

import pytest
from litestar import Litestar, Response, _parsers, get
from litestar._asgi.routing_trie import traversal
from litestar.datastructures import URL
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import Account, close_account
from diwan.people.doors import MINUTE
from diwan.terms.gate import World
from diwan.terms.hand import Role
from diwan.terms.item import Ref
from diwan.web.visit import ANSWERS, Asked, Visit, answered

Browser = TestClient[Litestar]


def routes(app: Litestar) -> list[tuple[str, str, HTTPRouteHandler]]:
    """Every method and path that the app answers, with its handler."""
    return [
        (method, route.path, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods)
        if method != "OPTIONS"
    ]


async def _send_slowly(app: Litestar, path: str, kind: str, body: bytes, token: str, lose: Callable[[], object]) -> Any:
    """Return how a request is answered whose sender loses something while they send it."""
    parts = [body[:9], body[9:]]
    answers = []

    async def receive() -> Any:
        if len(parts) == 1:
            lose()
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        answers.append(message)

    headers = {"host": "node.example", "authorization": f"Bearer {token}", "content-type": kind}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.7", 4711),
        "server": ("node.example", 443),
    }
    await app(scope, receive, send)  # type: ignore[arg-type]
    return answers[0]["status"], b"".join(answer.get("body", b"") for answer in answers[1:])


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/cyber/look-up", "application/x-www-form-urlencoded", b"values=harbour.example"),
        ("/api/items", "application/json", b'{"media_type": "application/cap+xml", "text": ""}'),
        (
            "/items/KWT/0123456789abcdef0123456789abcdef/recall",
            "application/x-www-form-urlencoded",
            b"sure=yes&more=no",
        ),
    ],
)
def test_who_loses_their_account_while_they_send_something_is_shown_and_does_nothing(
    app: Litestar, house: House, person: Callable[..., Account], path: str, kind: str, body: bytes
) -> None:
    account = person("salem", "KWT", roles=(Role.RELEASING_OFFICER,))
    token = house.doors.make_token(account, "feed", house.clock() + 60 * MINUTE, by="")

    kept, _ = asyncio.run(_send_slowly(app, path, kind, body, token, lambda: None))
    lost, said = asyncio.run(
        _send_slowly(app, path, kind, body, token, lambda: close_account(house.book, account, by=""))
    )

    assert kept != 401
    assert lost == 401, said


def filled(path: str) -> str:
    return "/".join("x" if step.startswith("{") else step for step in path.split("/")) or "/"


def test_every_route_has_a_name_and_declares_what_it_reads(app: Litestar) -> None:
    undeclared = [path for _, path, handler in routes(app) if not handler.name or not handler.opt.get("reads")]

    assert len(routes(app)) > 60
    assert undeclared == []


def test_every_route_of_a_world_is_mounted_in_each_world(app: Litestar) -> None:
    actual = {(m, p) for m, p, handler in routes(app) if handler.opt.get("world") == "Actual"}
    for world, base in (("Exercise", "/exercise"), ("Test", "/test")):
        there = {(m, p.removeprefix(base) or "/") for m, p, handler in routes(app) if handler.opt.get("world") == world}
        assert there == actual


def test_a_route_that_declares_nothing_is_refused_to_everyone(app: Litestar, browser: Callable[..., Browser]) -> None:
    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return "everything"

    app.register(forgotten)
    answer = browser("KWT").get("/forgotten")

    assert answer.status_code == 403
    assert "everything" not in answer.text


def test_what_a_route_answers_is_read_for_whoever_is_known_alone(
    app: Litestar, anyone: Browser, browser: Callable[..., Browser]
) -> None:
    read: list[str] = []

    def reading(visit: Visit, _: Asked) -> Response[bytes]:
        read.append(visit.hand.reader.party)
        return Response(b"what is read")

    opt = {"reads": "list", "world": World.ACTUAL, ANSWERS: reading}
    app.register(get("/api/beside", opt=opt)(answered))
    refused, told = anyone.get("/api/beside"), browser("KWT").get("/api/beside")
    asked = browser("KWT").options("/api/beside")

    assert (refused.status_code, told.content, asked.status_code) == (401, b"what is read", 204)
    assert read == ["KWT"]


def test_nobody_who_is_not_signed_in_gets_past_the_guard(app: Litestar, anyone: Browser) -> None:
    for method, path, handler in routes(app):
        answer = anyone.request(method, filled(path), follow_redirects=False)
        if handler.opt["reads"] == "nothing":
            assert answer.status_code in (200, 303, 403, 404), path
        elif "service" in handler.opt:
            assert (answer.status_code, bool(answer.headers["www-authenticate"])) == (401, True), path
        elif method == "GET" and "/api/" not in path:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in"), path
        else:
            assert answer.status_code == 401, path


def test_no_query_and_no_cookie_is_remembered(anyone: Browser, browser: Callable[..., Browser]) -> None:
    kwt = browser("KWT")
    remembered = (_parsers.parse_query_string, _parsers.parse_cookie_string)
    before = [one.cache_info().currsize for one in remembered]

    assert "what was searched" in kwt.get("/?q=what+was+searched").text
    assert anyone.get("/sign-in?next=/changes").status_code == 200
    assert anyone.get("/nowhere?a=b", headers={"cookie": "a=b"}).status_code == 404

    assert [one.cache_info().currsize for one in remembered] == before


def test_no_address_is_remembered(app: Litestar, anyone: Browser, browser: Callable[..., Browser]) -> None:
    kwt, marked = browser("KWT"), "5ea5c4ed" * 4

    for asking in (kwt, anyone):
        for path in (f"/items/KWT/{marked}", f"/?q={marked}"):
            assert asking.get(path, follow_redirects=False).status_code in (200, 303, 404)
    gc.collect()

    assert [one for one in gc.get_objects() if isinstance(one, URL) and marked in f"{one}"] == []
    routed = [app.asgi_router.handle_routing, traversal.parse_path_params]
    assert [one for one in routed if hasattr(one, "cache_info")] == []


def test_no_form_is_taken_without_the_token_of_its_session(app: Litestar, browser: Callable[..., Browser]) -> None:
    kwt = browser("KWT")
    posts = [(path, handler) for method, path, handler in routes(app) if method == "POST"]
    read = [path for path, handler in posts if handler.opt["reads"] != "nothing" and "service" not in handler.opt]

    assert len(read) >= 3 * 5
    for path in read:
        address = path.replace("{originator:str}", "KWT").replace("{ident:str}", "0" * 32)
        for fields in ({}, {"token": "0" * 32}, {"token": "ق"}):
            answer = kwt.post(address, data=fields, headers={"x-diwan-token": fields.get("token", "").encode().hex()})
            assert answer.status_code == 403, path
            assert "present session" in answer.text, path


def test_what_another_site_sends_is_refused_even_with_the_token(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    kwt = browser("KWT")
    fields = {"token": token(kwt), "sure": "yes"}

    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
    ):
        answer = kwt.post(f"/items/{ref}/recall", data=fields, headers=headers)
        assert answer.status_code == 403
    assert kwt.get(f"/items/{ref}").status_code == 200


def test_what_is_served_at_an_address_is_told_by_its_shape_whatever_is_there(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    hidden, shown = alert("KW-1", "TLP:RED // KWT ONLY"), alert("KW-2", "TLP:AMBER // Releasable to QAT")
    qat = browser("QAT")
    assert [qat.get(f"/items/{ref}").status_code for ref in (hidden, shown)] == [404, 200]

    for method, status in (("OPTIONS", 204), ("PUT", 405), ("FOO", 405)):
        asked = [qat.request(method, f"/items/{ref}") for ref in (hidden, shown, f"KWT/{'0' * 32}", "KWT/x")]

        assert {answer.status_code for answer in asked} == {status}
        assert {answer.headers["allow"] for answer in asked} == {"GET, OPTIONS"}
        assert len({(answer.content, tuple(sorted(answer.headers.items()))) for answer in asked}) == 1
    assert qat.options("/nowhere/at/all").status_code == 404
    assert qat.options("/nowhere/at/all").content == qat.get("/nowhere/at/all").content


def test_every_address_tells_the_methods_that_it_serves_to_whoever_may_ask_there(
    app: Litestar, anyone: Browser, browser: Callable[..., Browser]
) -> None:
    kwt = browser("KWT")
    served: dict[str, set[str]] = {}
    for method, path, _ in routes(app):
        served.setdefault(path, {"OPTIONS"}).add(method)

    for path, handler in {path: handler for _, path, handler in routes(app)}.items():
        address, allow = filled(path), ", ".join(sorted(served[path]))
        known, unknown, wrong = kwt.options(address), anyone.options(address), anyone.request("PATCH", address)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, allow), path
        if handler.opt["reads"] == "nothing":
            assert (unknown.status_code, unknown.headers["allow"]) == (204, allow), path
            continue
        assert (unknown.status_code, "allow" in unknown.headers) == (401, False), path
        assert ("www-authenticate" in unknown.headers) == ("service" in handler.opt), path
        # A desk's services know no sessions.
        assert known.status_code == (401 if "service" in handler.opt else 204), path
        assert known.headers.get("allow") == (None if "service" in handler.opt else allow), path


def test_a_program_with_a_token_needs_no_cookie_and_no_form_token(
    house: House, person: Callable[..., Account], anyone: Browser
) -> None:
    account = person("feeder", "KWT")
    secret = house.doors.make_token(account, "feed", house.clock() + 60_000_000, by="")

    answer = anyone.get("/api/me", headers={"authorization": f"Bearer {secret}"})

    assert answer.status_code == 200
    assert answer.json()["reader"]["party"] == "KWT"
    assert anyone.get("/api/me", headers={"authorization": "Bearer dwn_x"}).status_code == 401
    assert anyone.get("/api/me", headers={"authorization": secret}).status_code == 401


def test_a_wrong_token_is_not_made_good_by_a_session(browser: Callable[..., Browser]) -> None:
    answer = browser("KWT").get("/api/me", headers={"authorization": "Bearer dwn_x"})

    assert answer.status_code == 401
