"""A node that was restored answers nobody until it was opened again, but says that it lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace

from diwan.house import House
from diwan.registry.journal import Journal
from diwan.terms.item import Ref
from diwan.web.app import create_app
from diwan.web.health import Readiness

ASKED = ("/", "/sign-in", "/api/openapi.json", "/static/0/page.css", "/taxii2/", "/nowhere", "/exercise/", "/api/items")


def test_while_it_is_shut_everything_is_answered_alike_and_the_probes_say_so(
    house: House, alert: Callable[..., Ref]
) -> None:
    alert("KW-1", "TLP:CLEAR", headline="Sandstorm")
    with TestClient(create_app(house)) as client:
        open_before = [client.get(path, follow_redirects=False).status_code for path in ASKED]
        house.shut_down("set back")
        shut = [client.get(path, follow_redirects=False) for path in ASKED]
        posted = client.post("/sign-in", data={"name": "x", "password": "y"})
        probes = [client.get(path) for path in ("/health", "/ready")]

    assert 503 not in open_before
    assert 200 in open_before
    assert [answer.status_code for answer in (*shut, posted)] == [503] * (len(ASKED) + 1)
    assert all("is shut since" in answer.text and "Sandstorm" not in answer.text for answer in shut)
    assert (probes[0].status_code, probes[0].text) == (200, "alive\n")
    assert Readiness(house).wants() == "shut"


def test_once_it_is_opened_again_everyone_is_answered(house: House, app: Litestar) -> None:
    house.shut_down("set back")
    with TestClient(app) as client:
        assert client.get("/sign-in").status_code == 503
        house.reopen_without_journal("nothing was recalled")

        assert client.get("/sign-in").status_code == 200
        assert client.get("/ready").text == "ready\n"


def test_a_node_that_another_process_shut_is_found_shut_within_a_second_and_shows_nothing_before(
    house: House, app: Litestar, alert: Callable[..., Ref]
) -> None:
    alert("KW-1", "TLP:CLEAR", headline="Sandstorm")
    with TestClient(app) as client:
        assert client.get("/api/items").status_code == 401
        house.book.write(lambda ink: ink.shut(ink.now()))
        house._open_until = 0.0

        assert client.get("/api/items").status_code == 503


def test_a_journal_that_cannot_be_written_makes_a_node_not_ready(house: House, tmp_path: Path) -> None:
    signer = house._office.signers["NATO"]
    house.journal = Journal(tmp_path / "unmounted", "host", "NATO", signer, house.book.apart, ())
    house._office = replace(house._office, journal=house.journal)
    assert Readiness(house).wants() is None
    house.journal.fault = "not written"

    assert Readiness(house).wants() == "journal"

    (tmp_path / "unmounted").mkdir()
    assert Readiness(house).wants() is None
