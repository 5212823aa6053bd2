"""One node for the whole suite, with someone signed in and a program with a token; hostile input must not harm it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import open_account
from diwan.people.passwords import Passwords
from diwan.registry.chance import Chance
from diwan.settings import Settings
from diwan.terms.hand import Role
from diwan.web.app import create_app

Browser = TestClient[Litestar]
PASSWORD = "correct horse battery staple"
HTTPS = "https://node.example"
HOSTED = ("KWT", "QAT", "BHR")

CPU = 2.0
"""Seconds of processor time that one hostile input may cost, on any machine; a tenth of it is usual."""
MEMORY = 150 * 1024 * 1024
"""Bytes by which the process may grow at its highest; a tree of four megabytes of empty elements takes 120."""
SENDING = 50 * 1024 * 1024
"""Bytes more where the browser that sends the input is in the same process, with copies of its own."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("conformance") / "node"
    opened = House(folder, Settings(keeper="NATO", hosted=HOSTED), chance=Chance(1), synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def app(node: House) -> Litestar:
    return create_app(node)


@pytest.fixture(scope="module")
def browser(node: House, app: Litestar) -> Iterator[Callable[[str], Browser]]:
    """Return the browser of a duty officer of a party; the same one each time."""
    cheap = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    known: dict[str, Browser] = {}

    def signed_in(party: str) -> Browser:
        if party not in known:
            name = party.lower()
            roles = frozenset({Role.DUTY_OFFICER})
            person = {"name": name, "shown": name, "party": party, "password": PASSWORD, "by": ""}
            open_account(node.book, cheap, **person, clearances=(), roles=roles)
            _, secret = node.doors.sign_in(name, PASSWORD, "")
            known[party] = opened.enter_context(TestClient(app, base_url=HTTPS))
            known[party].cookies.set("__Host-diwan", secret)
        return known[party]

    with ExitStack() as opened:
        yield signed_in


@pytest.fixture(scope="module")
def form_token(browser: Callable[[str], Browser]) -> Callable[[str], str]:
    """Return the token that the forms of a party's officer carry."""
    return lambda party: str(browser(party).get("/").text.split('name="token" value="')[1].split('"')[0])


@pytest.fixture
def bounded() -> Callable[..., AbstractContextManager[None]]:
    """Fail when what runs inside takes more than its share of processor time or memory."""

    @contextmanager
    def watch(*, sending: bool = False) -> Iterator[None]:
        before, began = _lowered_peak(), time.process_time()
        yield
        spent, grown = time.process_time() - began, _peak() - before
        assert spent < CPU, f"{spent:.1f} s of processor time"
        assert grown < MEMORY + SENDING * sending, f"{grown / 1e6:.0f} MB more than before"

    return watch


def _lowered_peak() -> int:
    """Bring the process's highest use of memory down to its present one and return it; 0 where no system tells."""
    if not Path("/proc/self/clear_refs").exists():
        return 0
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
