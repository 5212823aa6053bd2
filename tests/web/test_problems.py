from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

from diwan.house import House
from diwan.terms.errors import (
    BadCursor,
    Conflict,
    Duplicate,
    Full,
    Malformed,
    NotAllowed,
    NotFound,
    Refused,
    Unlabelled,
    Unreachable,
    Unsettled,
)
from diwan.terms.item import Ref

Browser = TestClient[Litestar]

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
}


def test_what_is_hidden_and_what_does_not_exist_are_the_same_bytes(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    hidden, shown = alert("KW-1", "TLP:RED // KWT ONLY"), alert("KW-2", "TLP:AMBER // Releasable to QAT")
    qat = browser("QAT")
    unknown = Ref("KWT", "0" * 32)
    assert qat.get(f"/items/{shown}").status_code == 200

    for shape in (
        "/items/{}",
        "/items/{}/envelope",
        "/items/{}/parts/alert.xml",
        "/api/items/{}",
        "/crisis/{}.cap",
        "/crisis/{}.json",
        "/crisis/{}.geojson",
    ):
        asked = [qat.get(shape.format(ref)) for ref in (hidden, unknown, "KWT/nonsense", "نون/x")]
        assert {answer.status_code for answer in asked} == {404}, shape
        assert len({answer.content for answer in asked}) == 1, shape
        assert len({tuple(sorted(answer.headers.items())) for answer in asked}) == 1, shape


def test_changing_what_is_hidden_is_answered_like_changing_what_does_not_exist(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    hidden = alert("KW-1", "TLP:RED // KWT ONLY")
    qat = browser("QAT")
    said = {"token": token(qat), "typed": "TLP:CLEAR", "sure": "yes"}

    for act in ("relabel", "recall"):
        one = qat.post(f"/items/{hidden}/{act}", data=said)
        other = qat.post(f"/items/KWT/{'0' * 32}/{act}", data=said)
        assert (one.status_code, one.content) == (404, other.content)


def test_every_refusal_has_its_status_and_its_own_words(app: Litestar, browser: Callable[..., Browser]) -> None:
    kwt = browser("KWT")
    for number, (refusal, status) in enumerate(
        (
            (NotFound(), 404),
            (BadCursor(), 400),
            (Malformed("It is broken."), 422),
            (Unlabelled("It has no label."), 422),
            (Unreachable(), 503),
            (Unsettled(), 500),
            (NotAllowed("You may not."), 403),
            (Conflict("It is there."), 409),
            (Duplicate("It is there, byte for byte."), 409),
            (Refused("It was not done."), 400),
        )
    ):
        paths = [f"/raises{number}", f"/api/raises{number}"]
        app.register(get(paths, opt={"reads": "nothing"}, sync_to_thread=False)(raising(refusal)))

        page, problem = (kwt.get(path) for path in paths)

        assert (page.status_code, problem.status_code) == (status, status)
        assert str(refusal) in page.text
        assert problem.headers["content-type"].startswith("application/problem+json")
        assert problem.json() == {
            "type": f"urn:diwan:problem:{type(refusal).__name__}",
            "title": type(refusal).__name__,
            "status": status,
            "detail": str(refusal),
        }


def test_a_page_is_headed_in_its_own_language_by_what_was_refused(
    app: Litestar, browser: Callable[..., Browser]
) -> None:
    app.register(get("/full", opt={"reads": "nothing"}, sync_to_thread=False)(raising(Full())))
    kwt = browser("KWT")

    for language, heading in (("en", "Disk full"), ("fr", "Disque plein"), ("ar", "القرص ممتلئ")):
        kwt.cookies.set("diwan-language", language)
        page = kwt.get("/full")

        assert page.status_code == 507
        assert re.findall(r"<title>(.*?) ·|<h1>(.*?)</h1>", page.text) == [(heading, ""), ("", heading)]


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_a_failure_tells_nothing_of_itself(app: Litestar, browser: Callable[..., Browser]) -> None:
    def fail() -> None:
        raise ZeroDivisionError("the secret of the house")

    app.register(get("/fails", opt={"reads": "nothing"}, sync_to_thread=False)(fail))
    kwt = browser("KWT")
    kwt.app.debug = False
    answer = kwt.get("/fails")

    assert answer.status_code == 500
    assert "written to its log" in answer.text
    assert not any(word in answer.text for word in ("secret", "Traceback", "ZeroDivision", ".py"))


def test_every_answer_carries_the_headers(anyone: Browser, browser: Callable[..., Browser]) -> None:
    kwt = browser("KWT")
    answers = [
        kwt.get("/"),
        kwt.get("/api/items"),
        kwt.get("/nowhere"),
        kwt.put("/"),
        kwt.get("/api/items?limit=no"),
        anyone.get("/", follow_redirects=False),
        anyone.get("/sign-in"),
        anyone.get("/static/x/y"),
    ]

    for answer in answers:
        assert {name: answer.headers[name] for name in EVERYWHERE} == EVERYWHERE
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    assert [answer.status_code for answer in answers] == [200, 200, 404, 405, 422, 303, 200, 404]


def test_a_part_of_a_page_is_never_answered_with_a_page_to_sign_in(anyone: Browser) -> None:
    part = {"hx-request": "true"}

    whole = anyone.get("/news", follow_redirects=False)
    assert (whole.status_code, whole.headers["location"]) == (303, "/sign-in?next=/news")
    for path in ("/news?since=1", "/?after=x"):
        asked = anyone.get(path, headers=part, follow_redirects=False)
        assert (asked.status_code, asked.headers["hx-refresh"]) == (401, "true")
        assert 'name="password"' not in asked.text


def test_a_refusal_stands_where_the_answer_to_a_form_was_to_stand(
    anyone: Browser, browser: Callable[..., Browser]
) -> None:
    into = 'hx-select="#result" hx-target="#result"'
    assert into in browser("KWT").get("/compose").text

    refused = anyone.post("/compose/check", headers={"hx-request": "true"})

    assert refused.status_code == 401
    assert "hx-refresh" not in refused.headers  # what was typed is in that page alone
    assert 'id="result"' in refused.text


def test_more_than_the_node_takes_at_once_is_refused(
    house: House, browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    kwt = browser("KWT")
    kwt.headers["x-diwan-token"] = token(kwt)
    much = b"x" * (house.settings.largest + 100_000)

    assert kwt.post("/api/items", content=much).status_code == 413
    assert kwt.post("/compose/check", files={"file": ("a.xml", much)}).status_code == 413
    assert kwt.post("/compose/check", files={"file": ("a.xml", much[: house.settings.largest + 1])}).status_code == 413


def test_markup_in_a_refusal_is_shown_and_not_obeyed(app: Litestar, browser: Callable[..., Browser]) -> None:
    def refuse() -> None:
        raise Malformed("<script>alert(1)</script>")

    app.register(get("/raises", opt={"reads": "nothing"}, sync_to_thread=False)(refuse))

    assert "&lt;script&gt;alert(1)" in browser("KWT").get("/raises").text


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=x"])
def test_a_form_of_very_many_fields_is_refused_before_it_is_taken_apart(anyone: Browser, kind: str) -> None:
    answer = anyone.post("/sign-in", content=b"name=x" + b"&" * 2000, headers={"content-type": kind})

    assert answer.status_code == 422
    assert "more than 2000 fields" in answer.text
