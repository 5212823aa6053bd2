from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.house import House
from diwan.terms.item import Ref

Browser = TestClient[Litestar]
CAP = "application/cap+xml"


def checked(browser: Browser, token: str, document: bytes | str, **fields: object) -> str:
    text = document.decode() if isinstance(document, bytes) else document
    said = {"token": token, "media_type": CAP, "text": text, "beyond": "warn", **fields}
    return browser.post("/compose/check", data=said).text


def release_form(page: str) -> dict[str, str]:
    fields = html.fromstring(page).xpath("//form[contains(@action,'/compose/release')]//input")
    return {field.get("name"): field.get("value") for field in fields}


def partners(page: str) -> dict[str, str]:
    rows = html.fromstring(page).xpath("//table[@class='partners']/tbody/tr")
    return {row.xpath("string(th)"): row.xpath("string(td[1])") for row in rows}


def test_who_enters_nothing_is_told_so_and_shown_no_form(browser: Callable[..., Browser]) -> None:
    without_role, without_key = browser("KWT", roles=()), browser("OMN")

    for reader in (without_role, without_key):
        page = reader.get("/compose")
        assert page.status_code == 200
        assert "You read here, and enter nothing" in page.text
        assert html.fromstring(page.text).xpath("//main//form") == []
    assert html.fromstring(browser("KWT").get("/compose").text).xpath("//main//form[@id='compose']")


def test_checking_enters_nothing_and_releasing_enters_what_was_checked(
    house: House, browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt, qat = browser("KWT"), browser("QAT")

    page = checked(kwt, token(kwt), oil, typed="TLP:AMBER // Releasable to QAT")
    assert kwt.get("/api/count").json()["found"] == 0
    answer = kwt.post("/compose/release", data=release_form(page))

    assert answer.status_code == 201
    (item,) = qat.get("/api/items").json()["items"]
    assert (item["originator"], item["title"]) == ("KWT", "Oil sheen off Kuwait")
    # What a browser sends of a text has its own line ends: those are the bytes that its originator released.
    assert qat.get(f"/items/KWT/{item['id']}/parts/alert.xml").content.replace(b"\r\n", b"\n") == oil


def test_what_may_take_long_to_check_is_checked_apart_from_pages(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few that check megabytes would otherwise keep everybody's pages waiting."""
    kwt, apart = browser("KWT"), []

    async def noted(job: Callable[[], object]) -> object:
        apart.append(job)
        return job()

    monkeypatch.setattr("diwan.web.compose.exporting", noted)

    assert "Oil sheen off Kuwait" in checked(kwt, token(kwt), oil, typed="TLP:AMBER // Releasable to QAT")
    assert len(apart) == 1


def test_a_file_is_entered_byte_for_byte(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    document = oil.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    said = {"token": token(kwt), "media_type": CAP, "text": "", "typed": "TLP:CLEAR"}

    page = kwt.post("/compose/check", data=said, files={"file": ("a.xml", document)}).text
    kwt.post("/compose/release", data=release_form(page))

    (item,) = kwt.get("/api/items").json()["items"]
    assert kwt.get(f"/items/KWT/{item['id']}/parts/alert.xml").content == document


def test_the_preview_says_of_each_partner_whether_it_would_get_it(
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
    belong: Callable[..., None],
    oil: bytes,
    alert: Callable[..., Ref],
) -> None:
    belong("ICI", "QAT")
    alert("QA-1", "TLP:CLEAR", "QAT")
    alert("JO-1", "TLP:CLEAR", "JOR")
    alert("BH-1", "TLP:RED // BHR ONLY", "BHR")
    kwt = browser("KWT")

    page = checked(kwt, token(kwt), oil, typed="TLP:AMBER // Releasable to ICI")
    world = checked(kwt, token(kwt), oil, typed="TLP:CLEAR")

    # BHR is named by nothing that KWT may read, so that the list does not name it either.
    assert partners(page) == {"JOR": "no", "NATO": "no", "QAT": "yes"}
    assert partners(world) == {"JOR": "yes", "NATO": "yes", "QAT": "yes"}


def test_a_text_that_names_a_party_outside_its_audience_says_so_on_release(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes, belong: Callable[..., None]
) -> None:
    belong("ICI", "QAT")
    kwt = browser("KWT")
    statement = {"kind": "party", "id": "QAT", "type": "nation", "names": {"en": "Qatar", "ar": "قطر"}}
    said = {
        "media_type": "application/vnd.diwan.network+json",
        "text": json.dumps(statement),
        "typed": "TLP:CLEAR",
        "token": token(kwt),
    }
    kwt.post("/compose/release", data=release_form(kwt.post("/compose/check", data=said).text))

    released = kwt.post(
        "/compose/release", data=release_form(checked(kwt, token(kwt), oil, typed="TLP:AMBER // KWT ONLY"))
    )

    assert released.status_code == 201
    assert "The text names QAT, outside its audience." in released.text


def test_findings_are_listed_with_rule_and_line_and_errors_keep_it_from_release(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    broken = oil.replace(b"29.0,48.5</polygon>", b"29.0,49.9</polygon>").replace(
        b"2017-01-24T20:00", b"2017-01-23T20:00"
    )

    page = checked(kwt, token(kwt), broken, typed="TLP:CLEAR")

    rows = html.fromstring(page).xpath("//table[@class='findings']/tbody/tr")
    found = [(row.get("class"), row.xpath("string(td[2])"), row.xpath("string(td[3])")) for row in rows]
    assert ("error", "43", "polygon.closed") in found
    assert any(weight == "warning" for weight, _, _ in found)
    assert [weight for weight, _, _ in found] == sorted(weight for weight, _, _ in found)
    assert release_form(page) == {}


def test_a_label_above_the_nodes_ceiling_or_at_fault_is_said_before_release(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")

    for marking, said in (
        ("COSMIC TOP SECRET // KWT ONLY", "is above SECRET, the ceiling of this node"),
        ("TLP:MAUVE", "is not understood"),
        ("", "No label is chosen"),
        ("TLP:AMBER", "No audience is named"),
    ):
        page = checked(kwt, token(kwt), oil, typed=marking)
        assert said in page, marking
        assert release_form(page) == {}


def test_a_structured_label_says_what_a_typed_one_would(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    fields = {
        "policy": "NATO-EXAMPLE",
        "NATO-EXAMPLE:level": "UNCLASSIFIED",
        "NATO-EXAMPLE:tlp": "TLP:GREEN",
        "NATO-EXAMPLE:tag:Releasable To": ["ICI", "NATO"],
        "NATO-EXAMPLE:more:Releasable To": "jor",
        "NATO-EXAMPLE:kept": "yes",
    }

    structured = checked(kwt, token(kwt), oil, **fields)
    typed = "NATO UNCLASSIFIED // TLP:GREEN // Releasable to ICI, JOR, NATO // Not to be passed on"

    banner = html.fromstring(structured).xpath("//section[@id='result']/p[@class='banner']")[0]
    assert "".join(banner.itertext()) == typed
    again = html.fromstring(structured).xpath("//input[@name='NATO-EXAMPLE:more:Releasable To']/@value")
    assert again == ["JOR"]


def test_a_document_of_another_world_is_not_entered_here(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    drill = oil.replace(b"<status>Actual", b"<status>Exercise")

    page = checked(kwt, token(kwt), drill, typed="TLP:CLEAR")
    assert "worlds never mix" in page
    assert release_form(page) == {}

    there = kwt.post(
        "/exercise/compose/check",
        data={"token": token(kwt), "media_type": CAP, "text": drill.decode(), "typed": "TLP:CLEAR"},
    ).text
    form = release_form(there)
    assert kwt.post("/compose/release", data=form).status_code == 422
    assert kwt.post("/exercise/compose/release", data=form).status_code == 201
    assert kwt.get("/api/count").json()["found"] == 0
    assert kwt.get("/exercise/api/count").json()["found"] == 1


def test_who_only_reads_is_neither_offered_composing_nor_allowed_to(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    officer, reader = browser("KWT"), browser("KWT", roles=())
    form = release_form(checked(officer, token(officer), oil, typed="TLP:CLEAR"))

    assert "/compose" not in reader.get("/").text
    answer = reader.post("/compose/release", data={**form, "token": token(reader)})
    assert answer.status_code == 403
    assert officer.get("/api/count").json()["found"] == 0


def test_the_same_released_twice_is_a_duplicate(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    form = release_form(checked(kwt, token(kwt), oil, typed="TLP:CLEAR"))

    assert kwt.post("/compose/release", data=form).status_code == 201
    assert kwt.post("/compose/release", data=form).status_code == 409


def test_a_release_that_no_check_gave_is_refused(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    form = release_form(checked(kwt, token(kwt), oil, typed="TLP:CLEAR"))

    for changed in ({"document": "§"}, {"label": "{}"}, {"label": "["}, {"beyond": "loudly"}, {"media_type": "text/x"}):
        assert kwt.post("/compose/release", data={**form, **changed}).status_code == 422


def test_markup_in_a_document_is_shown_and_not_obeyed(
    browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    kwt = browser("KWT")
    payload = b"<headline>&lt;img src=x onerror=alert(1)&gt;</headline>"
    hostile = oil.replace(b"<headline>Oil sheen off Kuwait</headline>", payload)

    page = checked(kwt, token(kwt), hostile, typed="TLP:CLEAR")
    released = kwt.post("/compose/release", data=release_form(page)).text
    (item,) = kwt.get("/api/items").json()["items"]

    for text in (page, released, kwt.get("/").text, kwt.get("/crisis").text, kwt.get(f"/items/KWT/{item['id']}").text):
        assert "onerror=alert(1)" in text or "Crisis" in text
        assert not html.fromstring(text).xpath("//img")
