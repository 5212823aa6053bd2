"""What is logged: named fields alone, whatever a message, an address, a header, a form or an error holds."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

import diwan
from diwan.house import House
from diwan.terms.errors import Malformed
from diwan.terms.item import Ref
from diwan.web.access import with_notes
from diwan.web.events import FIELDS, REQUEST, note, telling
from diwan.web.tally import Tally

SECRET = "sandstorm"
LOGS = ("_log", "logging", "log", "logger")

Browser = TestClient[Litestar]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """What was told since this was last asked, line by line."""

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    with telling("json"):
        yield


def test_an_event_holds_the_fields_that_are_named_and_nothing_else(
    told: None, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    note(logging.INFO, "request", route="/items", status=200, title=SECRET, account=None)
    note(logging.WARNING, "odd", route="a\nb")

    first, second = lines()
    assert first == {"time": first["time"], "level": "info", "event": "request", "route": "/items", "status": 200}
    assert second == {"time": second["time"], "level": "warning", "event": "odd", "route": "a\nb"}
    assert len(first["time"]) == len("2017-01-24T08:00:00.000Z")
    assert "title" not in FIELDS


def test_of_what_is_logged_only_the_words_in_our_own_code_and_the_place_are_kept(
    told: None, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    logging.getLogger("diwan.registry.index").error("It failed: %s. It goes on.", SECRET)
    logging.getLogger("diwan.registry.index").error(LookupError(SECRET))
    logging.getLogger("another.software").warning(f"{SECRET} cannot be read")
    logging.getLogger("another.software").info("not told at all")
    logging.getLogger("diwanlike").info("of another software, not told either")
    warnings.warn(SECRET, stacklevel=1)

    own, odd, foreign, warned = lines()

    assert (own["event"], own["said"]) == ("message", "It failed: …. It goes on.")
    assert (foreign["event"], foreign["logger"], "said" in foreign) == ("message", "another.software", False)
    assert foreign["place"][0].startswith("test_events:")
    assert warned["logger"] == "py.warnings"
    assert odd["said"] == ""
    assert SECRET not in json.dumps([own, odd, foreign, warned])


def raise_one() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError:
        raise PermissionError(13, SECRET, f"/{SECRET}") from None


def test_an_error_is_told_by_type_code_and_place_wherever_it_comes_up(
    told: None, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async def forgotten() -> None:
        async def fail() -> None:
            raise_one()

        task = asyncio.create_task(fail(), name=SECRET)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    thread = threading.Thread(target=raise_one, name=SECRET)
    thread.start()
    thread.join()
    asyncio.run(forgotten())
    try:
        raise_one()
    except OSError:
        logging.getLogger("diwan.web").exception("%s failed", SECRET)
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]

    found = lines()

    assert [one["event"] for one in found] == ["uncaught", "message", "message", "uncaught"]
    for one in found:
        assert (one["error"], one["code"], one["behind"]) == ("PermissionError", "EACCES", "KeyError")
        assert one["place"][-1].endswith(" raise_one")
    assert SECRET not in json.dumps(found)


def test_an_error_nobody_caught_ends_the_node_without_its_message_and_a_refusal_goes_on(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    with pytest.raises(SystemExit) as ended, telling("json"):
        raise ZeroDivisionError(SECRET)
    (one,) = lines()
    with pytest.raises(Malformed), telling("json"):
        raise Malformed(SECRET)

    assert ended.value.code == 1
    assert (one["event"], one["error"]) == ("uncaught", "ZeroDivisionError")
    assert SECRET not in json.dumps(one)
    assert lines() == []


def test_as_text_warnings_alone_are_told_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    with telling("text"):
        note(logging.INFO, "request", route="/")
        note(logging.ERROR, "source failed", source="peer", error="Timeout")
        try:
            raise_one()
        except OSError as error:
            logging.getLogger("diwan.web").error("%s %s failed", SECRET, SECRET, exc_info=error)

    first, second = capsys.readouterr().err.splitlines()

    assert first.endswith("Z ERROR source failed source=peer error=Timeout")
    assert "ERROR message logger=diwan.web said=… … failed error=PermissionError code=EACCES behind=KeyError" in second
    assert SECRET not in second


def test_every_request_is_one_event_that_names_its_route_and_nothing_that_came_with_it(
    app: Litestar,
    house: House,
    browser: Callable[..., Browser],
    alert: Callable[..., Ref],
    told: None,
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    def fail() -> None:
        raise LookupError(SECRET)

    app.register(get("/fails/{word:str}", opt={"reads": "nothing"}, sync_to_thread=False)(fail))
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT", headline=SECRET)
    kwt = browser("KWT")
    cookie = {"cookie": f"__Host-diwan={kwt.cookies['__Host-diwan']}"}
    said = {"authorization": f"Bearer {SECRET}", "x-request-id": SECRET, "user-agent": SECRET, "referer": f"/{SECRET}"}
    lines()

    with TestClient(with_notes(app, Tally()), base_url="https://node.example") as client:  # type: ignore[arg-type]
        asked = [
            client.get("/", params={"q": SECRET}, headers=cookie),
            client.get(f"/items/{ref}", headers=cookie),
            client.get(f"/items/KWT/{SECRET}", headers=cookie),
            client.get(f"/{SECRET}"),
            client.get("/api/items", params={"q": SECRET}, headers=said),
            client.post("/sign-in", data={"name": SECRET, "password": SECRET, "next": f"/{SECRET}"}),
            client.get(f"/fails/{SECRET}"),
            client.request(SECRET.upper(), "/"),
            client.get("/health", params={"q": SECRET}),
            client.get("/ready"),
        ]
    found = lines()

    assert SECRET in asked[0].text
    requests = [one for one in found if one["event"] == "request"]
    assert [(one["method"], one["route"], one["status"]) for one in requests] == [
        ("GET", "/", 200),
        ("GET", "/items/{originator}/{ident}", 200),
        ("GET", "/items/{originator}/{ident}", 404),
        ("GET", "none", 404),
        ("GET", "/api/items", 401),
        ("POST", "/sign-in", 403),
        ("GET", "/fails/{word}", 500),
        ("other", "none", 405),
    ]
    (failure,) = [one for one in found if one["event"] != "request"]
    assert (failure["error"], failure["request"]) == ("LookupError", requests[6]["request"])
    assert len({one["request"] for one in requests}) == len(requests)
    assert [bool(one.get("account")) for one in requests] == [True] * 3 + [False] * 5
    assert {tuple(sorted(one)) for one in requests} == {
        tuple(sorted(("time", "level", "event", "request", "method", "route", "status", "seconds", *more)))
        for more in ((), ("account",))
    }
    assert SECRET not in json.dumps(found).lower()
    assert REQUEST.get() is None


def test_what_we_log_ourselves_is_written_in_the_code_and_never_put_together_there() -> None:
    made, seen = [], 0
    for file in sorted(Path(diwan.__file__).parent.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            named = call.func.value
            if isinstance(named, ast.Name) and named.id in LOGS and call.func.attr in (
                "debug", "info", "warning", "error", "exception", "critical",
            ):  # fmt: skip
                seen += 1
                made += [] if isinstance(call.args[0], ast.Constant) else [f"{file.name}:{call.lineno}"]

    assert seen >= 4
    assert made == []
