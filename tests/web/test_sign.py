from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from diwan.house import House
from diwan.people.accounts import Account, close_account
from diwan.web.sign import inside

Browser = TestClient[Litestar]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def loopback(app: Litestar) -> Iterator[Browser]:
    with TestClient(app, base_url="http://127.0.0.1:8017") as client:
        yield client


def sign_in(browser: Browser, **more: str) -> Response:
    return browser.post("/sign-in", data={"name": "kwt.duty", "password": PASSWORD, **more}, follow_redirects=False)


def test_who_signs_in_comes_to_the_page_they_asked_for(anyone: Browser, person: Callable[..., Account]) -> None:
    person("kwt.duty", "KWT")
    asked = anyone.get("/crisis?x=1", follow_redirects=False).headers["location"]
    page = anyone.get(asked)
    then = page.text.split('name="next" value="')[1].split('"')[0]

    answer = sign_in(anyone, next=then)

    assert (answer.status_code, answer.headers["location"]) == (303, "/crisis?x=1")
    assert "Officer of KWT" in anyone.get("/").text


def test_a_session_cookie_over_https_is_for_this_host_alone_and_no_script(
    anyone: Browser, person: Callable[..., Account]
) -> None:
    person("kwt.duty", "KWT")
    cookie = sign_in(anyone).headers["set-cookie"]

    assert cookie.startswith("__Host-diwan=")
    flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
    assert flags == {"secure", "httponly", "samesite=lax", "path=/"}


def test_on_loopback_a_plain_cookie_stands_in(loopback: Browser, person: Callable[..., Account]) -> None:
    person("kwt.duty", "KWT")
    cookie = sign_in(loopback).headers["set-cookie"]

    assert cookie.startswith("diwan=")
    assert "secure" not in cookie.lower()
    assert "httponly" in cookie.lower()
    assert loopback.get("/").status_code == 200


def test_a_wrong_password_and_an_unknown_name_get_the_same_page(
    anyone: Browser, person: Callable[..., Account]
) -> None:
    person("kwt.duty", "KWT")

    wrong = sign_in(anyone, password="something else entirely")
    unknown = sign_in(anyone, name="nobody", password="something else entirely")

    as_typed = wrong.text.replace('value="kwt.duty"', 'value="nobody"')
    assert (wrong.status_code, as_typed) == (403, unknown.text)
    assert 'value="nobody"' in unknown.text  # who mistyped the password need not type the name again
    assert "something else" not in unknown.text
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "The name and the password do not fit together."),
        ("fr", "Le nom et le mot de passe ne vont pas ensemble."),
        ("ar", "الاسم وكلمة المرور لا يتوافقان."),
    ],
)
def test_who_is_not_let_in_is_told_so_in_their_language(anyone: Browser, language: str, said: str) -> None:
    anyone.cookies.set("diwan-language", language)

    assert said in sign_in(anyone, name="nobody").text


def test_signing_out_ends_the_session_at_the_node(
    anyone: Browser, person: Callable[..., Account], token: Callable[[Browser], str]
) -> None:
    person("kwt.duty", "KWT")
    sign_in(anyone)
    kept = anyone.cookies["__Host-diwan"]
    assert anyone.post("/sign-out", follow_redirects=False).status_code == 403

    answer = anyone.post("/sign-out", data={"token": token(anyone)}, follow_redirects=False)

    assert answer.headers["location"] == "/sign-in"
    assert "__Host-diwan" not in anyone.cookies
    anyone.cookies.set("__Host-diwan", kept)
    assert anyone.get("/api/me").status_code == 401


def test_signing_in_again_ends_the_session_before(anyone: Browser, person: Callable[..., Account]) -> None:
    person("kwt.duty", "KWT")
    sign_in(anyone)
    before = anyone.cookies["__Host-diwan"]

    sign_in(anyone)

    assert anyone.get("/api/me").status_code == 200
    anyone.cookies.set("__Host-diwan", before, domain="node.example")
    anyone.cookies.clear()
    anyone.cookies.set("__Host-diwan", before)
    assert anyone.get("/api/me").status_code == 401


def test_a_closed_account_is_out_with_its_next_request(
    house: House, anyone: Browser, person: Callable[..., Account]
) -> None:
    account = person("kwt.duty", "KWT")
    sign_in(anyone)
    assert anyone.get("/api/me").status_code == 200

    close_account(house.book, account, by="")

    assert anyone.get("/api/me").status_code == 401


def test_a_page_of_another_site_cannot_sign_someone_in(anyone: Browser, person: Callable[..., Account]) -> None:
    person("kwt.duty", "KWT")
    said = {"name": "kwt.duty", "password": PASSWORD}

    answer = anyone.post("/sign-in", data=said, headers={"origin": "https://elsewhere.example"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "address", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "/\t/x", "x", ""]
)
def test_nobody_is_sent_elsewhere_after_signing_in(address: str) -> None:
    assert inside(address) == "/"


def test_a_language_is_kept_and_leads_back_to_where_it_was_chosen(anyone: Browser) -> None:
    answer = anyone.post("/language", data={"language": "ar", "next": "/crisis"}, follow_redirects=False)

    assert answer.headers["location"] == "/crisis"
    assert '<html lang="ar" dir="rtl">' in anyone.get("/sign-in").text


def test_without_a_choice_the_browser_says_which_language(anyone: Browser) -> None:
    def lang(accepted: str) -> str:
        return anyone.get("/sign-in", headers={"accept-language": accepted}).text.split('lang="')[1][:2]

    assert lang("fr-BE, en;q=0.5") == "fr"
    assert lang("en;q=0.2, ar-KW;q=0.9") == "ar"
    assert lang("de, *;q=0.1") == "en"
    assert lang("fr;q=x") == "en"
