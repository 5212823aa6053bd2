"""A desk's services at the shell: who is let in and how, and refusals in the protocol's own words."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import Account, close_account
from diwan.terms.errors import NotFound
from diwan.terms.hand import Role
from diwan.web.certificate import with_certificates

HTTPS, PASSWORD = "https://node.example", "correct horse battery staple"
PROXY, ELSEWHERE = "192.0.2.1", "192.0.2.2"
DER = b"a certificate, as its bytes"
SAID = f":{b64encode(DER).decode()}:"
JSON = "application/taxii+json;version=2.1"
ROOT = "/taxii2/root/"
DAY = 86_400_000_000
Person = Callable[..., Account]
From = Callable[..., TestClient[Any]]


@pytest.fixture
def officer(person: Person) -> Account:
    return person("mariam", "KWT")


@pytest.fixture
def token(house: House, officer: Account) -> str:
    return house.doors.make_token(officer, "taxii", house.clock() + DAY, by="")


@pytest.fixture
def noted(house: House, officer: Account) -> str:
    house.doors.note_certificate(officer, "client", sha256(DER).hexdigest(), house.clock() + DAY, by="")
    return SAID


@pytest.fixture
def coming(app: Litestar) -> Iterator[From]:
    """A client that is connected from an address, to the shell as it is served."""
    with ExitStack() as opened:

        def make(address: str, proxy: str = PROXY) -> TestClient[Any]:
            served = with_certificates(app, proxy)

            async def connected(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "http":
                    scope["client"] = (address, 5000)
                await served(scope, receive, send)

            return opened.enter_context(TestClient(connected, base_url=HTTPS))

        yield make


def basic(name: str, password: str = PASSWORD, scheme: str = "Basic") -> dict[str, str]:
    return {"authorization": f"{scheme} {b64encode(f'{name}:{password}'.encode()).decode()}"}


def told(answer: Any, status: int) -> str:
    """Return what a refusal says, which must be an error message of TAXII."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == JSON
    said = answer.json()
    assert set(said) == {"title", "description", "http_status"}
    assert said["http_status"] == str(status)
    return str(said["description"])


def test_service_takes_no_session_and_no_cookie(browser: Callable[..., TestClient[Litestar]]) -> None:
    client = browser("KWT")
    assert client.get("/api/me").status_code == 200

    answers = [client.get("/taxii2/"), client.get(ROOT), client.post(f"{ROOT}collections/x/objects/", content=b"{}")]

    assert [told(answer, 401) for answer in answers] == [
        "You are not signed in, or your session has ended. Nothing was shown or done."
    ] * 3
    assert {answer.headers["www-authenticate"] for answer in answers} == {
        'Basic realm="Diwan", charset="UTF-8", Bearer realm="Diwan"'
    }


def test_secret_of_a_session_is_no_token_of_a_service(
    house: House, officer: Account, anyone: TestClient[Litestar]
) -> None:
    _, secret = house.doors.sign_in("mariam", PASSWORD, "")

    told(anyone.get("/taxii2/", headers={"authorization": f"Bearer {secret}"}), 401)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_password_lets_in_whatever_the_case_of_its_scheme(
    officer: Account, anyone: TestClient[Litestar], scheme: str
) -> None:
    assert anyone.get("/taxii2/", headers=basic("mariam", scheme=scheme)).status_code == 200


def test_password_is_for_services_alone(officer: Account, anyone: TestClient[Litestar]) -> None:
    assert anyone.get("/api/me", headers=basic("mariam")).status_code == 401
    assert anyone.get("/cyber/export/bundle.json", headers=basic("mariam")).status_code == 401


def test_token_of_a_closed_account_is_worthless_at_once(
    house: House, officer: Account, token: str, anyone: TestClient[Litestar]
) -> None:
    ways = [{"authorization": f"bearer {token}"}, basic("mariam")]
    before = [anyone.get("/taxii2/", headers=way).status_code for way in ways]

    close_account(house.book, officer, by="")

    assert before == [200, 200]
    for way in ways:
        told(anyone.get("/taxii2/", headers=way), 401)


def test_certificate_is_believed_from_the_proxy_alone(noted: str, coming: From) -> None:
    said = {"client-cert": noted}

    assert coming(PROXY).get("/taxii2/", headers=said).status_code == 200
    for client in (coming(ELSEWHERE), coming(PROXY, proxy=ELSEWHERE), coming("", proxy=""), coming(PROXY, proxy="")):
        told(client.get("/taxii2/", headers=said), 401)


def test_address_that_a_client_claims_for_itself_makes_it_no_proxy(noted: str, coming: From) -> None:
    claims = {"client-cert": noted, "x-forwarded-for": PROXY, "forwarded": f"for={PROXY}"}

    told(coming(ELSEWHERE).get("/taxii2/", headers=claims), 401)


@pytest.mark.parametrize(
    "said",
    ["", ":", "::", ":=:", f"{SAID}, {SAID}", SAID[1:], SAID[:-1], f":{'A' * 9}:",
     f":{b64encode(b'another').decode()}:", sha256(DER).hexdigest(), f"certificate sha256 {sha256(DER).hexdigest()}"],
)  # fmt: skip
def test_what_is_no_certificate_that_was_noted_lets_nobody_in(noted: str, coming: From, said: str) -> None:
    told(coming(PROXY).get("/taxii2/", headers={"client-cert": said}), 401)


def test_certificate_said_twice_or_beside_another_way_counts_for_nothing(
    noted: str, officer: Account, token: str, coming: From
) -> None:
    client = coming(PROXY)

    twice = client.get("/taxii2/", headers=[("client-cert", noted), ("client-cert", noted)])
    wrong = client.get("/taxii2/", headers={"client-cert": noted, **basic("mariam", "wrong horse")})
    other = client.get("/taxii2/", headers={"client-cert": noted, "authorization": "Negotiate abc"})
    right = client.get("/taxii2/", headers={"client-cert": SAID[:-2], "authorization": f"Bearer {token}"})

    for answer in (twice, wrong, other):
        told(answer, 401)
    assert right.status_code == 200


def test_certificate_opens_services_and_no_page_and_no_other_route(noted: str, coming: From) -> None:
    client = coming(PROXY)

    said = {"client-cert": noted}
    assert client.get("/api/me", headers=said).status_code == 401
    assert client.get("/cyber/export/bundle.json", headers=said, follow_redirects=False).status_code == 303


def test_page_of_another_site_posts_nothing_with_the_certificate_or_password_of_a_browser(
    noted: str, officer: Account, coming: From
) -> None:
    client, path = coming(PROXY), f"{ROOT}collections/x/objects/"
    foreign = {"origin": "https://other.example", "content-type": JSON}

    for way in ({"client-cert": noted}, basic("mariam")):
        assert client.post(path, headers={**foreign, **way}, content=b"{}").status_code == 403
        assert client.post(path, headers={**way, "content-type": JSON}, content=b"{}").status_code == 404


@pytest.mark.parametrize("base", ["", "/exercise", "/test"])
def test_refusals_under_the_prefix_are_in_the_words_of_the_protocol(
    house: House, token: str, anyone: TestClient[Litestar], base: str
) -> None:
    way = {"authorization": f"Bearer {token}", "content-type": JSON}
    large = b"x" * (house.settings.largest + 100_000)

    nowhere = anyone.get(f"{base}/taxii2/nowhere/at/all/", headers=way)
    put = anyone.put(f"{base}{ROOT}", headers=way)
    shut = anyone.post(f"{base}{ROOT}", headers=way)
    much = anyone.post(f"{base}{ROOT}collections/x/objects/", headers=way, content=large)
    wrong = anyone.get(f"{base}{ROOT}collections/x/", headers={**way, "accept": "text/html"})

    assert told(nowhere, 404) == str(NotFound())
    assert told(put, 405) == told(shut, 405) == "This cannot be done at this address. Nothing was done."
    assert put.headers["allow"] == shut.headers["allow"] == "GET, HEAD, OPTIONS"
    assert told(much, 413) == "This is more than this node takes at once. Nothing was entered."
    assert told(wrong, 406).startswith("This server speaks")


def test_refusals_elsewhere_are_in_no_protocols_words(token: str, anyone: TestClient[Litestar]) -> None:
    way = {"authorization": f"Bearer {token}"}

    for path in ("/taxii", "/taxii2x/", "/nowhere"):
        assert anyone.get(path, headers=way).headers["content-type"] == "application/problem+json"


def test_account_without_a_role_reads_and_is_told_that_it_may_not_write(
    house: House, person: Person, anyone: TestClient[Litestar]
) -> None:
    person("reads", "KWT", roles=())
    person("enters", "KWT", roles=(Role.DUTY_OFFICER,))

    found = [anyone.get(f"{ROOT}collections/", headers=basic(name)).json() for name in ("reads", "enters")]

    assert [[one["can_write"] for one in each["collections"]] for each in found] == [[False], [True]]
