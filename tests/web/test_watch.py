from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.desks.cyber.kinds.stix import MEDIA_TYPE as STIX
from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Ref
from diwan.terms.label import Label

Browser = TestClient[Litestar]
OBJECTS = (
    ("identity", {"name": "Harbour office", "identity_class": "organization"}),
    ("location", {"name": "Sea of salt", "region": "western-asia"}),
    ("malware", {"name": "Gull", "is_family": True}),
    (
        "relationship",
        {
            "relationship_type": "located-at",
            "source_ref": "identity--00000000-0000-4000-8000-000000000000",
            "target_ref": "location--00000000-0000-4000-8000-000000000001",
        },
    ),
)


def titles(page: str) -> list[str]:
    return [
        text.strip()
        for text in html.fromstring(page).xpath("//li[contains(@class,'row')]//p[@class='head']//bdi/text()")
    ]


def shown(page: str) -> list[str]:
    heads = html.fromstring(page).xpath("//li[contains(@class,'row')]//p[@class='head']/a")
    return [" ".join(head.text_content().split()) for head in heads]


def link_of(page: str, text: str) -> str:
    return str(html.fromstring(page).xpath(f"//a[normalize-space()='{text}']/@href")[0])


@pytest.fixture
def objects(house: House, hand: Callable[..., Hand], label: Callable[[str], Label], alert: Callable[..., Ref]) -> None:
    """An alert, and after it objects that say something and objects that stand beside them."""
    alert("KW-1", "TLP:AMBER // Releasable to QAT, BHR")
    for place, (kind, said) in enumerate(OBJECTS):
        head = {"type": kind, "spec_version": "2.1", "id": f"{kind}--00000000-0000-4000-8000-{place:012}"}
        times = dict.fromkeys(("created", "modified"), "2017-01-24T08:00:00.000Z")
        draft = house.draft(STIX, json.dumps({**head, **times, **said}).encode())
        house.take(hand("KWT"), draft, label("TLP:AMBER // Releasable to QAT"), originator="KWT")


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
    link = html.fromstring(first).xpath("//li[@class='older']/a")[0]
    assert (link.get("hx-status:4xx"), link.get("hx-status:5xx")) == ("swap:none", "swap:none"), "it stays"
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


@pytest.mark.usefixtures("objects")
def test_background_is_left_out_says_so_and_is_shown_when_it_is_asked_for(browser: Callable[..., Browser]) -> None:
    qat = browser("QAT")
    first = qat.get("/").text

    everything = qat.get(link_of(first, "Background left out; show all")).text
    again = qat.get(link_of(everything, "Background shown; leave it out")).text

    assert shown(first) == shown(again) == ["Gull", "Oil sheen off Kuwait"]
    assert "2 items" in first
    assert shown(everything) == [
        "Harbour office located-at Sea of salt",
        "Gull",
        "Sea of salt",
        "Harbour office",
        "Oil sheen off Kuwait",
    ]
    assert "5 items" in everything


@pytest.mark.usefixtures("objects")
def test_every_kind_that_a_reader_has_anything_of_is_offered_and_leads_to_it(browser: Callable[..., Browser]) -> None:
    qat = browser("QAT")
    offered = {"Crisis alert", "Cyber malware", "Cyber identity", "Cyber location", "Cyber relationship"}

    for address in ("/", "/?background=shown", "/?kind=cyber.identity"):
        assert counts(qat.get(address).text, "Kind") == dict.fromkeys(offered, "1")
    assert shown(qat.get("/?kind=cyber.identity").text) == ["Harbour office"]
    # Of what is narrowed by more, only what was looked at is counted.
    assert counts(qat.get("/?q=oil").text, "Kind") == {
        "Crisis alert": "1",
        "Cyber identity": "",
        "Cyber location": "",
        "Cyber relationship": "",
    }
    assert counts(qat.get("/?q=oil&kind=cyber.identity").text, "Kind") == dict.fromkeys(offered, "")


@pytest.mark.usefixtures("objects")
def test_who_has_no_background_is_told_of_none(browser: Callable[..., Browser]) -> None:
    bhr = browser("BHR").get("/").text

    assert shown(bhr) == ["Oil sheen off Kuwait"]
    assert counts(bhr, "Kind") == {"Crisis alert": "1"}
    assert "ackground" not in bhr.split("<main")[1]


@pytest.mark.usefixtures("objects")
def test_a_search_that_finds_background_alone_says_what_it_left_out(browser: Callable[..., Browser]) -> None:
    qat = browser("QAT")
    page = qat.get("/?q=harbour").text

    assert shown(page) == []
    assert "Nothing that is released to you matches, background left out." in page
    assert shown(qat.get(link_of(page, "Background left out; show all")).text) == ["Harbour office"]


@pytest.mark.usefixtures("objects")
def test_news_of_background_are_offered_where_background_is_shown(browser: Callable[..., Browser]) -> None:
    qat = browser("QAT")

    assert "2 new — show" in qat.get("/news?since=0").text
    assert "5 new — show" in qat.get("/news?since=0&background=shown").text


def test_a_desk_leaves_out_kinds_of_its_own_alone(house: House) -> None:
    assert {name for name, desk in house.desks.items() if desk.background} == {"cyber"}
    assert all(desk.background < desk.kinds for desk in house.desks.values())


@pytest.mark.usefixtures("objects")
def test_a_relation_names_the_ends_that_are_released_and_no_other(
    house: House, hand: Callable[..., Hand], label: Callable[[str], Label], browser: Callable[..., Browser]
) -> None:
    (there,) = house.room(hand("KWT").reader).known_as(Alias("stix", "location--00000000-0000-4000-8000-000000000001"))

    house.relabel(hand("KWT"), there.ref, label("TLP:RED // KWT ONLY"))

    kwt, qat = (browser(party).get("/?kind=cyber.relationship").text for party in ("KWT", "QAT"))
    assert shown(kwt) == ["Harbour office located-at Sea of salt"]
    assert shown(qat) == ["Harbour office located-at …"]
