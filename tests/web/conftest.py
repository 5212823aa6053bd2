"""A node with people at its doors, and browsers that are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import Account, open_account
from diwan.people.doors import MINUTE, Doors
from diwan.people.passwords import Passwords
from diwan.release.marking import parse_marking
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Clearance
from diwan.web.app import create_app

Browser = TestClient[Litestar]
PASSWORD = "correct horse battery staple"
HTTPS = "https://node.example"
SPECIMENS = Path(__file__).parents[1] / "specimens" / "cap"


@pytest.fixture
def app(house: House) -> Litestar:
    return create_app(house)


@pytest.fixture
def cheap() -> Passwords:
    """Passwords that are checked with as little work as there is."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def person(house: House, cheap: Passwords) -> Callable[..., Account]:
    def make(name: str, party: str, *clearances: Clearance, roles: tuple[Role, ...] = (Role.DUTY_OFFICER,)) -> Account:
        return open_account(
            house.book,
            cheap,
            name=name,
            shown=f"Officer of {party}",
            party=party,
            password=PASSWORD,
            by="",
            clearances=clearances,
            roles=frozenset(roles),
        )

    return make


@pytest.fixture
def anyone(app: Litestar) -> Iterator[Browser]:
    """A browser that is not signed in."""
    with TestClient(app, base_url=HTTPS) as client:
        yield client


@pytest.fixture
def browser(
    app: Litestar, house: House, cheap: Passwords, person: Callable[..., Account]
) -> Iterator[Callable[..., Browser]]:
    """A browser of someone who is signed in and reads for a party."""
    doors = Doors(house.book, cheap, idle=30 * MINUTE, longest=60 * MINUTE)
    with ExitStack() as opened:
        known: dict[str, Account] = {}

        def make(party: str, *clearances: Clearance, roles: tuple[Role, ...] = (Role.DUTY_OFFICER,)) -> Browser:
            name = f"{party.lower()}.{len(known)}"
            known[name] = person(name, party, *clearances, roles=roles)
            _, secret = doors.sign_in(name, PASSWORD, "")
            client = opened.enter_context(TestClient(app, base_url=HTTPS))
            client.cookies.set("__Host-diwan", secret)
            return client

        yield make


@pytest.fixture
def token() -> Callable[[Browser], str]:
    """The token that a browser's pages carry in their forms."""

    def read(browser: Browser) -> str:
        return str(browser.get("/").text.split('name="token" value="')[1].split('"')[0])

    return read


@pytest.fixture
def label(house: House) -> Callable[[str], Label]:
    return lambda marking: parse_marking(marking, house.rules().policies)


@pytest.fixture
def oil() -> bytes:
    return (SPECIMENS / "oil.xml").read_bytes()


@pytest.fixture
def alert(house: House, hand: Callable[..., Hand], label: Callable[[str], Label], oil: bytes) -> Callable[..., Ref]:
    """Enter the specimen alert under an identifier and a marking, and return its reference."""

    def enter(
        identifier: str,
        marking: str,
        originator: str = "KWT",
        *,
        headline: str = "Oil",
        status: str = "Actual",
        cleared: Clearance | None = None,
    ) -> Ref:
        text = oil.decode().replace("KW-2017-014", identifier).replace("<headline>Oil", f"<headline>{headline}", 1)
        text = text.replace("<status>Actual<", f"<status>{status}<")
        draft = house.draft("application/cap+xml", text.encode())
        taken = house.take(
            hand(originator, *([cleared] if cleared else [])), draft, label(marking), originator=originator
        )
        return taken.refs[0]

    return enter
