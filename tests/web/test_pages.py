from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.house import House
from diwan.terms.item import Ref
from diwan.terms.reader import Clearance
from diwan.web.files import Files

Browser = TestClient[Litestar]
WEB = Path(__file__).parents[2] / "src" / "diwan" / "web"


@pytest.fixture
def pages(
    alert: Callable[..., Ref], browser: Callable[..., Browser], belong: Callable[..., None]
) -> Callable[..., dict[str, html.HtmlElement]]:
    """Every kind of page, as an officer of the originator sees it, in a language."""
    belong("ICI", "QAT")
    ref = alert("KW-1", "TLP:AMBER // Releasable to ICI")
    kwt = browser("KWT")

    def read(language: str = "en") -> dict[str, html.HtmlElement]:
        kwt.cookies.set("diwan-language", language)
        addresses = (
            "/",
            "/test",
            "/changes",
            "/compose",
            "/crisis",
            "/network",
            "/cyber",
            "/cyber/look-up",
            "/cyber/matrix",
            "/cyber/collections",
            f"/items/{ref}",
            "/nowhere",
            "/sign-in",
        )
        return {address: html.fromstring(kwt.get(address).text) for address in addresses}

    return read


def test_every_page_has_one_heading_landmarks_and_a_way_past_the_menu(
    pages: Callable[..., dict[str, html.HtmlElement]],
) -> None:
    for address, page in pages().items():
        assert len(page.xpath("//h1")) == 1, address
        assert len(page.xpath("//main[@id='main']")) == 1, address
        assert page.xpath("//body/a[1]/@href") == ["#main"], address
        assert page.xpath("//body/header"), address
        assert all(nav.get("aria-label") for nav in page.xpath("//nav")), address
        assert page.xpath("//*[@aria-live='polite']"), address
        assert page.xpath("string(//title)").strip(), address


def test_every_field_has_a_label_and_every_id_is_one_things(pages: Callable[..., dict[str, html.HtmlElement]]) -> None:
    for address, page in pages().items():
        ids = page.xpath("//@id")
        assert len(ids) == len(set(ids)), address
        for field in page.xpath("//input[not(@type='hidden')] | //select | //textarea"):
            labelled = field.xpath("ancestor::label") or page.xpath(f"//label[@for='{field.get('id')}']")
            assert labelled or field.get("aria-label"), (address, field.get("name"))
        for reference in page.xpath("//@aria-labelledby"):
            assert reference in ids, (address, reference)
        for button in page.xpath("//button | //a"):
            assert "".join(button.itertext()).strip() or button.get("aria-label"), address


def test_no_page_carries_script_or_style_of_its_own(pages: Callable[..., dict[str, html.HtmlElement]]) -> None:
    for address, page in pages().items():
        assert not page.xpath("//style | //@style"), address
        assert not [name for name in page.xpath("//@*/parent::*/@*") if str(name).startswith("javascript:")], address
        assert not [a for element in page.iter() for a in element.attrib if a.startswith(("on", "hx-on"))], address
        scripts = page.xpath("//script[not(@src)]/@type")
        assert set(scripts) <= {"application/json"}, address
        for source in page.xpath("//script/@src | //link/@href | //use/@href"):
            assert source.startswith("/static/"), address


def test_in_arabic_pages_run_from_right_to_left_and_tlp_tokens_stay(
    pages: Callable[..., dict[str, html.HtmlElement]],
) -> None:
    for address, page in pages("ar").items():
        html_element = page.xpath("/html")[0]
        assert (html_element.get("lang"), html_element.get("dir")) == ("ar", "rtl"), address
    item = next(page for address, page in pages("ar").items() if address.startswith("/items/"))
    banner = item.xpath("//p[@class='banner']/bdi")[0]
    assert (banner.get("lang"), banner.get("dir")) == ("ar", "rtl")
    assert banner.xpath("bdi[@dir='ltr'][@translate='no']/text()") == ["TLP:AMBER"]
    assert "متاح إلى ICI" in "".join(banner.itertext())
    assert "بقعة نفط" in item.xpath("string(//h1)")


def test_a_policy_without_arabic_keeps_its_marking_from_left_to_right(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    cleared = Clearance("NATO-EXAMPLE", "RESTRICTED")
    ref = alert("NA-1", "NATO RESTRICTED // Releasable to KWT", "NATO", cleared=cleared)
    kwt = browser("KWT", cleared)
    kwt.cookies.set("diwan-language", "ar")

    marking = html.fromstring(kwt.get(f"/items/{ref}").text).xpath("//p[@class='banner']/bdi")[0]

    assert (marking.get("lang"), marking.get("dir")) == ("en", "ltr")
    assert "".join(marking.itertext()) == "NATO RESTRICTED // Releasable to KWT"


def test_styles_name_no_side_that_a_direction_would_turn() -> None:
    css = (WEB / "static" / "diwan.css").read_text()

    sided = (
        "margin-left",
        "margin-right",
        "padding-left",
        "padding-right",
        "border-left",
        "border-right",
        " left:",
        " right:",
        "text-align: left",
        "text-align: right",
        "float: left",
        "float: right",
    )
    assert [word for word in sided if word in css] == []


def test_static_files_are_kept_for_ever_under_the_digest_of_all(anyone: Browser) -> None:
    page = anyone.get("/sign-in").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = anyone.get(address)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert ".tlp-amber-strict{color:#FFC000}" in answer.text
    digest = address.split("/")[2]
    for wrong in (address.replace(digest, "0" * 16), f"/static/{digest}/../app.py", f"/static/{digest}/nothing.css"):
        assert anyone.get(wrong).status_code == 404


def test_every_file_that_a_style_or_module_names_is_there() -> None:
    static = Files()
    for name in ("diwan.css", "diwan.js", "map.js", "topology.js", "diwan.svg", "htmx/htmx.min.js"):
        assert static.get(static.digest, name) is not None, name
    for font in (
        "noto-sans-latin-400",
        "noto-sans-latin-700",
        "noto-sans-arabic-arabic-400",
        "noto-sans-arabic-arabic-700",
    ):
        assert static.get(static.digest, f"fonts/{font}-normal.woff2") is not None, font


def test_the_node_is_called_what_its_settings_say(house: House, anyone: Browser) -> None:
    assert f"<bdi>{house.settings.title}</bdi>" in anyone.get("/sign-in").text
