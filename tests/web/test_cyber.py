"""The cyber desk as pages in a browser: what the demo holds of it, in three languages, by keyboard and ear."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.demo.content import told
from diwan.desks.cyber.acts import open_stix
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE as STIX
from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label

Browser = TestClient[Litestar]
EVENT = Path(__file__).parents[1] / "specimens" / "cyber" / "vnd.misp+json" / "phishing.json"
UNREAD = {
    "en": "No desk at this node can read what it says",
    "fr": "Aucun bureau de ce nœud",
    "ar": "لا يستطيع أي مكتب",
}


@pytest.fixture
def items(
    house: House,
    hand: Callable[..., Hand],
    label: Callable[[str], Label],
    belong: Callable[..., None],
) -> dict[str, Ref]:
    """What the demo holds of the desk without a clearance, by its file."""
    for party in ("KWT", "QAT", "BHR", "ARE"):
        belong("ICI", party)
    return {
        one.file: house.take(
            hand(one.by), house.draft(one.media_type, one.data), label(one.label), originator=one.by
        ).refs[0]
        for one in told()
        if one.by != "NATO"
    }


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_every_item_of_the_desk_has_a_page_that_its_desk_can_read(
    language: str, items: dict[str, Ref], browser: Callable[..., Browser]
) -> None:
    qat = browser("QAT")
    qat.cookies.set("diwan-language", language)

    pages = {file: html.fromstring(qat.get(f"/items/{ref}").text) for file, ref in items.items()}

    assert len(pages) == 14
    for file, page in pages.items():
        ids = page.xpath("//@id")
        assert len(page.xpath("//h1")) == 1, file
        assert len(ids) == len(set(ids)), file
        assert set(page.xpath("//@aria-labelledby | //@aria-describedby")) <= set(ids), file
        assert not page.xpath("//style | //@style | //script[not(@src)] | //@onclick"), file
        assert UNREAD[language] not in page.text_content(), file
        scrolling = page.xpath("//div[@class='scroll'] | //figure[@class='graph'] | //pre")
        assert all(one.get("tabindex") == "0" for one in scrolling), file


def test_an_indicator_tells_its_age_its_sightings_and_what_it_looks_for_and_makes_no_link_of_it(
    items: dict[str, Ref], browser: Callable[..., Browser]
) -> None:
    page = html.fromstring(browser("QAT").get(f"/items/{items['04-indicator-page.json']}").text)

    assert page.xpath("//pre[@class='pattern']/text()") == [
        "[ domain-name:value = 'port-login[.]example' ]\nOR\n[ url:value = 'hxxps://port-login[.]example/berth/plan' ]"
    ]
    assert page.xpath("//span[starts-with(@class, 'age ')]/@class") == ["age age-fresh"]
    assert [one.text_content() for one in page.xpath("//table//td[3]/a")] == ["seen 3 times"]
    assert not [address for address in page.xpath("//@href") if "port-login" in address]


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_an_event_is_a_page_of_tables_that_scroll_and_make_no_link_of_a_value(
    language: str,
    house: House,
    hand: Callable[..., Hand],
    label: Callable[[str], Label],
    browser: Callable[..., Browser],
) -> None:
    draft = house.draft("application/vnd.misp+json", EVENT.read_bytes())
    ref = house.take(hand("KWT"), draft, label("TLP:AMBER // Releasable to QAT"), originator="KWT").refs[0]
    qat = browser("QAT")
    qat.cookies.set("diwan-language", language)

    page = html.fromstring(qat.get(f"/items/{ref}").text)

    ids = page.xpath("//@id")
    assert UNREAD[language] not in page.text_content()
    assert page.xpath("//section[@class='event']//table")[0].xpath(".//tbody//th/bdi/text()") == [
        "pilots[.]example",
        "invoice\\u202efdp.exe",
    ]
    assert len(ids) == len(set(ids))
    assert set(page.xpath("//@aria-labelledby")) <= set(ids)
    assert not [address for address in page.xpath("//@href") if "pilots" in address]


def test_who_is_not_of_the_audience_gets_the_same_pages_as_if_nothing_were_there(
    items: dict[str, Ref], browser: Callable[..., Browser]
) -> None:
    jor = browser("JOR")
    ref = items["04-indicator-page.json"]
    hidden = jor.get(f"/items/{ref}")
    never = jor.get(f"/items/{ref.originator}/{'0' * 32}")

    assert browser("QAT").get(f"/items/{ref}").status_code == 200
    assert (hidden.status_code, hidden.text.count(ref.id)) == (404, never.text.count("0" * 32))
    assert "DhowLoader" not in jor.get("/cyber").text
    assert "Indicators of the Gulf" not in jor.get("/cyber/collections").text


def test_ten_thousand_values_are_looked_up_within_three_seconds(
    house: House,
    hand: Callable[..., Hand],
    label: Callable[[str], Label],
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
) -> None:
    lines = b"\n".join(json.dumps(indicator(number)).encode() for number in range(2_000))
    drafts = [(one, label("TLP:CLEAR")) for one in open_stix(lines, "x", None) if isinstance(one, Draft)]
    house.take_all(hand("KWT"), drafts, originator="KWT")
    qat = browser("QAT")
    values = "\n".join(f"host{number}[.]example" for number in range(10_000))
    form = {"token": token(qat), "values": values}

    began = time.process_time()
    answer = qat.post("/cyber/look-up", data=form)
    took = time.process_time() - began

    page = html.fromstring(answer.text)
    assert [" ".join(one.text_content().split()) for one in page.xpath("//p[@role='status']/*")] == [
        "10,000 values asked",
        "2,000 known here",
        "8,000 not known here",
        "10,000 on a warning list",
    ]
    assert took < 3


@pytest.mark.parametrize(
    ("language", "counts"),
    [
        ("en", ["2 values asked", "1 known here", "1 not known here", "2 on a warning list"]),
        ("fr", ["2 valeurs demandées", "1 connue ici", "1 inconnue ici", "2 sur une liste d’avertissement"]),
        (
            "ar",
            ["قيمتان مسؤول عنهما", "قيمة واحدة معروفة هنا", "قيمة واحدة غير معروفة هنا", "قيمتان في قائمة تحذير"],
        ),
    ],
)
def test_what_a_look_up_counts_is_in_the_form_that_its_number_asks_for(
    house: House,
    hand: Callable[..., Hand],
    label: Callable[[str], Label],
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
    language: str,
    counts: list[str],
) -> None:
    (draft,) = open_stix(json.dumps(indicator(0)).encode(), "x", None)
    house.take(hand("KWT"), draft, label("TLP:CLEAR"), originator="KWT")
    qat = browser("QAT")
    qat.cookies.set("diwan-language", language)

    answer = qat.post("/cyber/look-up", data={"token": token(qat), "values": "host0[.]example host1[.]example"})

    page = html.fromstring(answer.text)
    assert [" ".join(one.text_content().split()) for one in page.xpath("//p[@role='status']/*")] == counts


def test_a_look_up_without_the_token_of_its_form_is_refused(browser: Callable[..., Browser]) -> None:
    assert browser("QAT").post("/cyber/look-up", data={"values": "a.example"}).status_code == 403


def indicator(number: int) -> dict[str, str]:
    at = "2017-01-20T08:00:00.000Z"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "created": at,
        "modified": at,
        "pattern": f"[domain-name:value = 'host{number}.example']",
        "pattern_type": "stix",
        "valid_from": at,
    }


def test_who_wrote_an_item_is_told_by_name_to_whoever_may_know_them(
    house: House, hand: Callable[..., Hand], label: Callable[[str], Label], browser: Callable[..., Browser]
) -> None:
    at = {"spec_version": "2.1", "created": "2017-01-20T08:00:00.000Z", "modified": "2017-01-20T08:00:00.000Z"}
    author = {"type": "identity", "id": "identity--5f0c0061-7a11-4c3e-9b1d-000000000061", "name": "Harbour Watch", **at}
    tool = {"type": "tool", "id": "tool--5f0c0062-7a11-4c3e-9b1d-000000000062", "name": "Winch", **at}
    tool["created_by_ref"] = author["id"]
    refs = [
        house.take(hand("KWT"), house.draft(STIX, msgspec.json.encode(said)), label(marking), originator="KWT").refs[0]
        for said, marking in ((author, "TLP:AMBER // Releasable to BHR"), (tool, "TLP:AMBER // Releasable to BHR, QAT"))
    ]

    def told(party: str) -> tuple[str, list[str]]:
        page = html.fromstring(browser(party).get(f"/items/{refs[1]}").text)
        (said,) = page.xpath("//article/header//span[contains(., 'written by')]")
        return " ".join(said.text_content().split()), said.xpath(".//@href")

    assert told("BHR") == ("written by Harbour Watch", [f"/items/{refs[0]}"])
    assert told("QAT") == (f"written by {author['id']}", [])
