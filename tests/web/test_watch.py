from __future__ import annotations

from collections.abc import Callable

from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.item import Ref

Browser = TestClient[Litestar]


def titles(page: str) -> list[str]:
    return [
        text.strip()
        for text in html.fromstring(page).xpath("//li[contains(@class,'row')]//p[@class='head']//bdi/text()")
    ]


def counts(page: str, facet: str) -> dict[str, str]:
    links = html.fromstring(page).xpath(f"//aside//section[h2='{facet}']//a")
    return {link.xpath("string(span[1])"): link.xpath("string(span[2])") for link in links}


def test_the_watch_shows_and_counts_what_is_released_and_nothing_else(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    alert("KW-1", "TLP:AMBER // Releasable to QAT", headline="One")
    alert("KW-2", "TLP:RED // KWT ONLY", headline="Two")

    kwt, qat = browser("KWT").get("/").text, browser("QAT").get("/").text

    assert titles(kwt) == ["Two sheen off Kuwait", "One sheen off Kuwait"]
    assert titles(qat) == ["One sheen off Kuwait"]
    assert counts(kwt, "Severity") == {"Severe": "2", "Moderate": "2"}
    assert counts(qat, "Originator") == {"KWT": "1"}
    assert "2 items" in kwt
    assert "1 item<" in qat


def test_filters_narrow_the_list_and_can_be_taken_off(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    alert("KW-1", "TLP:CLEAR", headline="One")
    alert("QA-1", "TLP:CLEAR", "QAT", headline="Two")
    kwt = browser("KWT")
    link = html.fromstring(kwt.get("/").text).xpath("//aside//a[contains(@href,'originator=qat')]/@href")[0]

    page = kwt.get(link)

    assert titles(page.text) == ["Two sheen off Kuwait"]
    chosen = html.fromstring(page.text).xpath("//ul[@class='chosen']//a/@href")
    assert chosen == ["/", "/"]
    assert titles(kwt.get("/?originator=qat&severity=minor").text) == []


def test_search_finds_words_in_any_language_of_an_item(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    alert("KW-1", "TLP:CLEAR", headline="Drone")
    alert("KW-2", "TLP:CLEAR")
    kwt = browser("KWT")

    assert titles(kwt.get("/?q=drone").text) == ["Drone sheen off Kuwait"]
    assert len(titles(kwt.get("/?q=بقعة").text)) == 2
    assert "Nothing that is released to you matches" in kwt.get("/?q=<script>").text
    assert "<script>" not in kwt.get("/?q=<script>").text.split("<body")[1]


def test_older_leads_through_the_whole_list_once(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> None:
    for number in range(45):
        alert(f"KW-{number}", "TLP:CLEAR", headline=f"N{number:02}")
    kwt = browser("KWT")

    first = kwt.get("/").text
    older = html.fromstring(first).xpath("//li[@class='older']/a/@href")[0]
    second = kwt.get(older).text

    seen = [title[:3] for title in titles(first) + titles(second)]
    assert seen == [f"N{number:02}" for number in reversed(range(45))]
    assert 'class="older"' not in second
    assert browser("QAT").get(older).status_code == 400


def test_worlds_have_pages_of_their_own_that_say_so(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> None:
    alert("KW-1", "TLP:CLEAR", headline="Real")
    alert("KW-2", "TLP:CLEAR", headline="Drill", status="Exercise")
    kwt = browser("KWT")

    assert titles(kwt.get("/").text) == ["Real sheen off Kuwait"]
    assert titles(kwt.get("/exercise").text) == ["Drill sheen off Kuwait"]
    assert 'class="world-exercise"' in kwt.get("/exercise").text
    assert kwt.get("/exercise").text.count("Exercise · Exercise") == 2
    assert 'class="world-test"' in kwt.get("/test").text
    assert "world-banner" not in kwt.get("/").text


def test_news_are_offered_only_when_there_are_some(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> None:
    alert("KW-1", "TLP:CLEAR")
    qat = browser("QAT")
    poll = html.fromstring(qat.get("/").text).xpath("//div[@id='news']/@hx-get")[0]
    assert qat.get(poll).text.strip() == ""

    alert("KW-2", "TLP:RED // KWT ONLY")
    assert qat.get(poll).text.strip() == ""

    alert("KW-3", "TLP:AMBER // Releasable to QAT")
    assert "1 new — show" in qat.get(poll).text


def test_what_changed_tells_of_a_recall(
    house: House, hand: Callable[..., Hand], alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    qat = browser("QAT")
    first = qat.get("/changes").text
    assert "Released" in first
    on = html.fromstring(first).xpath("//main//a[contains(@href,'after=')]/@href")[0]

    house.recall(hand("KWT"), ref)

    assert "Retracted" in qat.get(on).text
    assert str(ref) in qat.get(on).text
    assert qat.get("/changes?after=nonsense").status_code == 400


def test_dates_narrow_the_list_and_nonsense_is_left_out(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    alert("KW-1", "TLP:CLEAR")
    kwt = browser("KWT")

    assert len(titles(kwt.get("/?from=2017-01-24&to=2017-01-24").text)) == 1
    assert len(titles(kwt.get("/?from=2017-01-25").text)) == 0
    assert len(titles(kwt.get("/?to=2017-01-23").text)) == 0
    assert len(titles(kwt.get("/?from=soon&to=9999-12-31").text)) == 1
