"""While no server leads, browsers and programs are told to come back, and nothing of where the register is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import open_account
from diwan.people.doors import MINUTE, Doors
from diwan.people.passwords import Passwords
from diwan.registry.engines.postgres import Postgres
from diwan.settings import Settings
from diwan.terms.hand import Role
from diwan.web.app import create_app
from postgres_server import Server

HTTPS, PASSWORD = "https://node.example", "correct horse battery staple"


@pytest.fixture
def node(tmp_path: Path, postgres: Server) -> Iterator[House]:
    with postgres.lend() as database:
        settings = Settings(keeper="NATO", hosted=("KWT",), postgres=database)
        opened = House(tmp_path / "node", settings, synchronous="OFF")
        yield opened
        opened.close()


@pytest.fixture
def lose(node: House) -> Callable[[], None]:
    """Let the node find no server any more."""

    def do() -> None:
        engine = node.book._engine
        assert isinstance(engine, Postgres)
        engine._conninfo = "host=127.0.0.1 port=1"
        engine._trust.lose()

    return do


def test_while_no_server_leads_pages_and_programs_are_told_to_come_back(
    node: House, lose: Callable[[], None], cheap: Passwords
) -> None:
    open_account(
        node.book,
        cheap,
        name="watch",
        shown="Watch",
        party="KWT",
        password=PASSWORD,
        by="",
        roles=frozenset({Role.DUTY_OFFICER}),
    )
    _, secret = Doors(node.book, cheap, idle=30 * MINUTE, longest=60 * MINUTE).sign_in("watch", PASSWORD, "")
    with TestClient(create_app(node), base_url=HTTPS) as client:
        client.cookies.set("__Host-diwan", secret)
        assert [client.get(path).status_code for path in ("/", "/api/items")] == [200, 200]
        lose()

        answers = [client.get(path) for path in ("/", "/api/items")]

    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "5"), (503, "5")]
    assert all("127.0.0.1" not in answer.text for answer in answers)
