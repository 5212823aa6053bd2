from __future__ import annotations

from collections.abc import Callable

import pytest
from babel.support import NullTranslations
from jinja2 import Environment
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.terms.item import Ref
from diwan.web.language import LANGUAGES, direction
from diwan.web.wording import install

Browser = TestClient[Litestar]


@pytest.fixture
def page(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> Callable[[str], html.HtmlElement]:
    """The page of an alert in three languages, as a reader of one of them sees it."""
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    kwt = browser("KWT")

    def read(language: str) -> html.HtmlElement:
        kwt.cookies.set("diwan-language", language)
        return html.fromstring(kwt.get(f"/items/{ref}").text)

    return read


def test_a_refusal_is_said_in_the_readers_language_with_what_it_names(
    browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    kwt = browser("KWT")
    kwt.cookies.set("diwan-language", "fr")

    page = html.fromstring(kwt.get(f"/items/KWT/{'0' * 32}").text)
    typed = kwt.post("/compose/check", data={"token": token(kwt), "text": " ", "typed": "TLP:AMBR"})

    assert page.xpath("//main//p/text()")[-1] == "Il n’y a rien ici qui vous soit communiqué sous cette référence."
    refusals = html.fromstring(typed.text).xpath("//div[@class='refusal']/p")
    assert refusals[0].text_content() == "Aucun document n’a été fourni."
    assert refusals[1].text_content() == (
        "Marquage «\u00a0TLP:AMBR\u00a0»\u00a0: «\u00a0TLP:AMBR\u00a0» n’est pas compris. Rien n’a été étiqueté."
    )
    assert [one.xpath("count(.//*[@lang])") for one in refusals] == [0, 0]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", [("Moderate", None), ("Expected", None), ("Likely", None)]),
        (
            "fr",
            [("Sévère", "severity: Severe"), ("Attendue", "urgency: Expected"), ("Probable", "certainty: Likely")],
        ),
        ("ar", [("شديدة", "severity: Severe"), ("متوقعة", "urgency: Expected"), ("مرجحة", "certainty: Likely")]),
    ],
)
def test_a_code_is_said_in_the_readers_language_with_the_original_beside_it(
    page: Callable[[str], html.HtmlElement], language: str, said: list[tuple[str, str | None]]
) -> None:
    shown = page(language).xpath("(//article[contains(@class, 'info')])[1]/p[contains(@class, 'facts')]/span")[:3]

    assert [(one.text_content(), next(iter(one.xpath("span/@title")), None)) for one in shown] == said
    assert {one.getparent().get("lang") for one in shown} == {language}


def test_each_block_of_an_alert_runs_as_its_own_language_does_and_the_readers_own_comes_first(
    page: Callable[[str], html.HtmlElement],
) -> None:
    blocks = page("ar").xpath("//article[contains(@class, 'info')]")

    assert [(block.get("lang"), block.get("dir")) for block in blocks] == [("ar", "rtl"), ("en", "ltr"), ("fr", "ltr")]


def test_a_headline_runs_as_its_language_does_and_names_the_window(page: Callable[[str], html.HtmlElement]) -> None:
    arabic = page("ar")

    headline = arabic.xpath("//h1/bdi")[0]
    assert (headline.get("lang"), headline.get("dir")) == ("ar", "rtl")
    assert arabic.xpath("string(//title)").startswith(headline.text)


@pytest.mark.parametrize(("language", "size"), [("en", "kB"), ("fr", "ko"), ("ar", "كيلوبايت")])
def test_sizes_and_instants_are_written_as_the_language_writes_them(
    page: Callable[[str], html.HtmlElement], language: str, size: str
) -> None:
    read = page(language)

    assert size in read.xpath("string(//section[@aria-labelledby='originals-title']//li[1])")
    assert not read.xpath("//time//time")
    assert ("،" in read.xpath("string((//time)[1])")) == (language == "ar")


@pytest.mark.parametrize(
    ("tag", "runs"),
    [("ar", "rtl"), ("fa-IR", "rtl"), ("ur-PK", "rtl"), ("he", "rtl"), ("en-US", "ltr"), ("fr", "ltr")],
)
def test_direction_is_that_of_the_script_a_language_is_written_in(tag: str, runs: str) -> None:
    assert direction(tag) == runs


@pytest.mark.parametrize("tag", ["", "x-klingon", "i-default", "../../etc", "ar_KW", "ar-" * 50, "\0"])
def test_a_tag_that_names_no_known_language_runs_from_the_left(tag: str) -> None:
    assert direction(tag) == "ltr"


@pytest.mark.parametrize(
    ("language", "count", "size"),
    [("en", "12,754", "728 bytes"), ("fr", "12\u202f754", "728\u202fo"), ("ar", "12,754", "728 بايت")],
)
def test_numbers_read_as_they_are_written_in_the_readers_language(language: str, count: str, size: str) -> None:
    environment = Environment()
    install(environment, LANGUAGES[language], NullTranslations())

    assert (environment.filters["number"](12_754), environment.filters["size"](728)) == (count, size)
