from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest
from httpx import Response as Answer
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import Account
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label, pack

Browser = TestClient[Litestar]


def handed(document: bytes, label: Label, **more: object) -> dict[str, object]:
    said = {"media_type": "application/cap+xml", "label": json.loads(pack(label)), "text": document.decode()}
    return {**said, **more}


def test_the_api_gives_what_the_pages_give(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> None:
    shown, hidden = alert("KW-1", "TLP:AMBER // Releasable to QAT"), alert("KW-2", "TLP:RED // KWT ONLY")
    qat = browser("QAT")

    listed = qat.get("/api/items").json()
    assert [(item["originator"], item["id"]) for item in listed["items"]] == [("KWT", shown.id)]
    assert listed["cursor"] is None
    assert qat.get(f"/api/items/{shown}").json() == listed["items"][0]
    assert listed["items"][0]["brief"]["identifier"] == "KW-1"
    assert qat.get("/api/count").json() == {"found": 1, "more": False}
    assert qat.get("/api/facets?of=severity").json() == {"severity": {"moderate": 1, "severe": 1}}
    assert hidden.id not in qat.get("/api/changes").text
    assert qat.get("/api/me").json()["world"] == "Actual"


def test_lists_go_on_from_a_cursor_and_narrow_by_facet(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    refs = [alert(f"KW-{number}", "TLP:CLEAR") for number in range(3)]
    kwt = browser("KWT")

    first = kwt.get("/api/items?limit=2&order=oldest").json()
    second = kwt.get("/api/items", params={"limit": 2, "order": "oldest", "cursor": first["cursor"]}).json()

    assert [item["id"] for item in first["items"] + second["items"]] == [ref.id for ref in refs]
    assert kwt.get("/api/count?facet=severity:Severe&facet=status:Actual").json()["found"] == 3
    assert kwt.get("/api/count?facet=severity:Minor").json()["found"] == 0
    assert kwt.get("/api/items", params={"cursor": first["cursor"]}).status_code == 400


@pytest.fixture
def waiting(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> Callable[[object], tuple[Answer, float]]:
    """Wait as Qatar, who was told of everything so far, and return the answer and after how many seconds it came."""
    qat = browser("QAT")
    alert("KW-0", "TLP:CLEAR")
    cursor = qat.get("/api/changes").json()["cursor"]

    def wait(seconds: object) -> tuple[Answer, float]:
        begun = monotonic()
        answer = qat.get("/api/changes", params={"cursor": cursor, "wait": str(seconds)})
        return answer, monotonic() - begun

    return wait


def test_more_than_sixteen_of_one_account_do_not_wait_and_keep_nobody_else_from_it(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    alert("KW-0", "TLP:CLEAR")
    qat, omn = browser("QAT"), browser("OMN")
    wait = {"cursor": qat.get("/api/changes").json()["cursor"], "wait": "2"}
    his = {**wait, "cursor": omn.get("/api/changes").json()["cursor"]}

    with ThreadPoolExecutor(18) as many:
        held = [many.submit(qat.get, "/api/changes", params=wait) for _ in range(17)]
        other = many.submit(omn.get, "/api/changes", params=his)
        answers = sorted(one.result().status_code for one in held)

    assert (answers, other.result().status_code) == ([200] * 16 + [503], 200)
    assert qat.get("/api/changes", params={**wait, "wait": "1"}).status_code == 200


def test_who_waits_for_changes_is_answered_when_something_is_theirs_and_not_before(
    alert: Callable[..., Ref], waiting: Callable[[object], tuple[Answer, float]]
) -> None:
    def later() -> Ref:
        sleep(0.5)
        alert("KW-1", "TLP:RED // KWT ONLY")  # wakes, and shows them nothing
        sleep(1.2)
        return alert("KW-2", "TLP:AMBER // Releasable to QAT")

    with ThreadPoolExecutor(1) as others:
        entered = others.submit(later)
        told, took = waiting(8)

    assert [change["id"] for change in told.json()["changes"]] == [entered.result().id]
    assert 1.6 < took < 6


def test_who_waits_in_vain_gets_the_same_cursor_back_after_the_time_they_said(
    waiting: Callable[[object], tuple[Answer, float]],
) -> None:
    told, took = waiting(1)

    assert told.json() == waiting(0)[0].json()
    assert (told.json()["changes"], told.json()["more"]) == ([], False)
    assert 1 <= took < 4
    for wrong in ("9", "-1", "1.5", "soon", "1e9"):
        assert waiting(wrong)[0].status_code == 422


def test_changes_go_on_from_a_cursor(
    house: House, hand: Callable[..., Hand], alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    qat = browser("QAT")
    first = qat.get("/api/changes").json()
    assert [change["what"] for change in first["changes"]] == ["released"]

    house.recall(hand("KWT"), ref)
    then = qat.get("/api/changes", params={"cursor": first["cursor"]}).json()

    assert [(change["what"], change["item"]) for change in then["changes"]] == [("retracted", None)]


def test_a_program_enters_a_document(
    house: House, person: Callable[..., Account], anyone: Browser, label: Callable[[str], Label], oil: bytes
) -> None:
    secret = house.doors.make_token(person("feeder", "KWT"), "feed", house.clock() + 10**9, by="")
    anyone.headers["authorization"] = f"Bearer {secret}"

    answer = anyone.post("/api/items", json=handed(oil, label("TLP:CLEAR")))

    assert answer.status_code == 201
    (ref,) = answer.json()["items"]
    assert anyone.get(f"/api/items/{ref['originator']}/{ref['id']}").json()["title"] == "Oil sheen off Kuwait"
    assert anyone.post("/api/items", json=handed(oil, label("TLP:CLEAR"))).status_code == 409


def test_what_cannot_be_entered_is_refused_with_the_reason(
    browser: Callable[..., Browser], token: Callable[[Browser], str], label: Callable[[str], Label], oil: bytes
) -> None:
    kwt = browser("KWT")
    kwt.headers["x-diwan-token"] = token(kwt)
    good = handed(oil, label("TLP:CLEAR"))
    at_fault = {"policy": "TLP", "classification": "UNCLASSIFIED"}

    for said, status in (
        ({**good, "label": at_fault}, 422),
        ({**good, "text": "<alert/>"}, 422),
        ({**good, "media_type": "text/plain"}, 422),
        ({**good, "tenant": "x"}, 422),
        ({**good, "beyond": "loudly"}, 422),
        ({}, 422),
    ):
        answer = kwt.post("/api/items", json=said)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert any(said in answer.json()["detail"] for said in ("othing was entered", "Not registered"))
    deep = b"[" * 100_000
    assert kwt.post("/api/items", content=deep).status_code == 422
    assert kwt.get("/api/count").json()["found"] == 0


def test_limits_and_instants_that_are_none_are_refused(browser: Callable[..., Browser]) -> None:
    kwt = browser("KWT")

    for query in ("limit=0", "limit=501", "limit=-1", "limit=٣", "since=soon", "until=99999999999999999"):
        assert kwt.get(f"/api/items?{query}").status_code == 422, query
    assert kwt.get("/api/items?limit=500&since=0&until=9999999999999999").status_code == 200


def test_the_description_describes_every_address_of_the_api(app: Litestar, anyone: Browser) -> None:
    described = anyone.get("/api/openapi.json").json()

    answered = {
        (method.lower(), re.sub(r":str", "", route.path))
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/")
        for handler in route.route_handlers
        if handler.opt.get("reads", "nothing") != "nothing"
        for method in handler.http_methods
        if method != "OPTIONS"
    }
    assert {(method, path) for path, methods in described["paths"].items() for method in methods} == answered
    assert described["components"]["schemas"]["Handed"]["additionalProperties"] is False
    assert set(described["components"]["schemas"]["Beyond"]["enum"]) == {"warn", "refuse", "narrow", "edition"}
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described)))
    assert names == described["components"]["schemas"].keys()


def test_a_label_that_says_a_field_twice_is_refused_and_nothing_is_entered(
    house: House,
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
    label: Callable[[str], Label],
    oil: bytes,
) -> None:
    kwt = browser("KWT")
    body = json.dumps(handed(oil, label("TLP:AMBER // Releasable to QAT")))
    assert '"tlp": "TLP:AMBER"' in body
    twice = body.replace('"tlp": "TLP:AMBER"', '"tlp": "TLP:RED", "tlp": "TLP:CLEAR"')
    headers = {"x-diwan-token": token(kwt), "content-type": "application/json"}
    before = house.book.facts()["stands"]

    answer = kwt.post("/api/items", content=twice, headers=headers)

    assert (answer.status_code, house.book.facts()["stands"]) == (422, before)
    assert "a field stands twice" in answer.text
    assert kwt.post("/api/items", content=body, headers=headers).status_code == 201
