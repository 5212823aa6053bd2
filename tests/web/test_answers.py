"""Answers from an item's page, and what is said of the signatures inside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.house import House
from diwan.reading import Query
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

Browser = TestClient[Litestar]
FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_reader_of_another_party_acknowledges_and_the_originator_sees_who_did(
    house: House,
    alert: Callable[..., Ref],
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
    belong: Callable[..., None],
) -> None:
    for party in ("QAT", "BHR"):
        belong("ICI", party)
    ref = alert("KW-1", "TLP:AMBER // Releasable to ICI")
    kwt, qat, bhr = browser("KWT"), browser("QAT"), browser("BHR")

    answer = qat.post(f"/items/{ref}/acts/acknowledge", data={"token": token(qat)}, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/items/{ref}")
    assert "acknowledged" in kwt.get(f"/items/{ref}").text
    assert "nothing yet" in kwt.get(f"/items/{ref}").text
    assert "acknowledged" not in bhr.get(f"/items/{ref}").text


def test_rejection_without_a_reason_is_refused_and_nothing_is_entered(
    house: House, alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    qat = browser("QAT")
    before = house.book.facts()["stands"]

    answer = qat.post(f"/items/{ref}/acts/reject", data={"token": token(qat), "note": " "})

    assert answer.status_code == 422
    assert house.book.facts()["stands"] == before


@pytest.mark.parametrize(("party", "act"), [("KWT", "acknowledge"), ("QAT", "burn"), ("OUT.EXAMPLE", "acknowledge")])
def test_answer_that_is_not_offered_is_not_found(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str], party: str, act: str
) -> None:
    ref = alert("KW-1", "TLP:CLEAR")
    asked = browser(party)

    assert asked.post(f"/items/{ref}/acts/{act}", data={"token": token(asked)}).status_code == 404


def test_page_of_a_signed_alert_says_that_its_signature_cannot_be_verified_and_why(
    house: House, browser: Callable[..., Browser], hand: Callable[..., Hand], amber: Callable[..., Label], data: Path
) -> None:
    draft = house.draft("application/cap+xml", (data / "cap/real/canada_signed.cap").read_bytes())
    ref = house.take(hand("KWT"), draft, amber("QAT"), originator="KWT").refs[0]

    page = browser("QAT").get(f"/items/{ref}").text

    assert "cannot be verified" in page
    assert "sha1" in page.lower()


def test_originator_cancels_its_alert_from_the_page_for_all_its_readers(
    house: House, alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    kwt, qat = browser("KWT"), browser("QAT")
    assert "Oil" in qat.get("/crisis").text

    assert kwt.post(f"/items/{ref}/acts/cancel", data={"token": token(kwt), "note": ""}).status_code == 422
    kwt.post(f"/items/{ref}/acts/cancel", data={"token": token(kwt), "note": "contained"})

    assert "Nothing released to you is in force." in qat.get("/crisis").text
    assert "cancelled" in qat.get(f"/items/{ref}").text
    assert qat.post(f"/items/{ref}/acts/cancel", data={"token": token(qat), "note": "x"}).status_code == 404


def test_originator_corrects_its_alert_from_the_page_and_its_history_keeps_what_it_said(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str], oil: bytes
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    kwt, qat = browser("KWT"), browser("QAT")
    corrected = oil.decode().replace("KW-2017-014", "KW-1").replace("<headline>Oil", "<headline>No oil", 1)

    answer = kwt.post(
        f"/items/{ref}/rectify", data={"token": token(kwt), "document": corrected}, follow_redirects=False
    )

    assert answer.status_code == 303
    page = qat.get(f"/items/{ref}").text
    assert "No oil" in page
    assert "History" in page
    assert qat.post(f"/items/{ref}/rectify", data={"token": token(qat), "document": corrected}).status_code == 403


LOADER = b"""{"type": "malware", "spec_version": "2.1", "id": "malware--5f0c0071-7a11-4c3e-9b1d-000000000071",
 "created": "2017-01-20T08:00:00.000Z", "modified": "2017-01-20T08:00:00.000Z", "name": "Loader", "is_family": false}"""


@pytest.fixture
def loader(house: House, hand: Callable[..., Hand], label: Callable[[str], Label]) -> Ref:
    draft = house.draft("application/stix+json", LOADER)
    marking = label("TLP:AMBER // Releasable to BHR, QAT")
    return house.take(hand("KWT"), draft, marking, originator="KWT").refs[0]


def sightings(house: House, party: str) -> list[str]:
    """Return the labels of the sightings that a party may read."""
    room = house.room(Reader("x", party))
    return [item.label.handling.tlp or "" for item in room.walk(Query(kind="cyber.sighting"))]


def fields_of(page: str, act: str) -> list[tuple[str, str]]:
    """Return what a browser sends of an answer's form when nothing is touched."""
    (form,) = html.fromstring(page).xpath(f"//form[contains(@action, '/acts/{act}')]")
    # lxml takes an empty value of a radio button for none, and says "on" as browsers do then.
    return [(name, "" if value == "on" else value) for name, value in form.form_values() if name]


def test_sighting_stands_under_the_label_of_its_object_when_its_form_is_sent_as_it_is(
    house: House, loader: Ref, browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    qat = browser("QAT")

    bare = qat.post(f"/items/{loader}/acts/sighting", data={"token": token(qat)}, follow_redirects=False)
    fields = fields_of(qat.get(f"/items/{loader}").text, "sighting")
    whole = qat.post(f"/items/{loader}/acts/sighting", content=urlencode(fields), headers=FORM, follow_redirects=False)

    assert ("policy", "TLP") in fields
    assert [bare.status_code, whole.status_code] == [303, 303]
    found = [item.label for item in house.room(Reader("x", "BHR")).walk(Query(kind="cyber.sighting"))]
    assert len(found) == 2
    assert found[0] == found[1]


def test_label_of_a_sighting_is_chosen_in_its_form_and_opens_nothing_of_the_object(
    house: House, loader: Ref, browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    qat = browser("QAT")
    for typed in ("TLP:RED // Releasable to KWT", "TLP:GREEN // Releasable to BHR, KWT, JOR"):
        said = {"token": token(qat), "typed": typed, "note": "At the gateway"}
        assert qat.post(f"/items/{loader}/acts/sighting", data=said, follow_redirects=False).status_code == 303

    assert sorted(sightings(house, "KWT")) == ["TLP:GREEN", "TLP:RED"]
    assert sightings(house, "BHR") == ["TLP:GREEN"]
    assert sightings(house, "JOR") == []


def test_label_that_is_not_understood_or_is_not_to_be_chosen_enters_nothing(
    house: House,
    loader: Ref,
    alert: Callable[..., Ref],
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
) -> None:
    qat = browser("QAT")
    said = {"token": token(qat), "typed": "TLP:PURPLE"}
    other = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    before = house.book.facts()["stands"]

    wrong = qat.post(f"/items/{loader}/acts/sighting", data=said)
    fixed = qat.post(f"/items/{other}/acts/acknowledge", data={**said, "typed": "TLP:CLEAR"})

    assert (wrong.status_code, fixed.status_code) == (422, 403)
    assert "takes no other label. Nothing was entered." in fixed.text
    assert house.book.facts()["stands"] == before


def test_whom_the_label_of_a_sighting_reaches_is_shown_before_it_is_entered(
    house: House, loader: Ref, browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    qat = browser("QAT")
    said = {"token": token(qat), "typed": "TLP:RED // Releasable to KWT", "note": "At the <gateway>"}
    before = house.book.facts()["stands"]

    page = qat.post(f"/items/{loader}/acts/sighting/check", data=said)
    wrong = qat.post(f"/items/{loader}/acts/sighting/check", data={**said, "typed": "TLP:PURPLE"})

    assert page.status_code == wrong.status_code == 200
    (told,) = html.fromstring(page.text).xpath("//div[@class='reached']")
    assert told.xpath("./p[@class='parties']/bdi/text()") == ["KWT"]
    sent = dict(fields_of(page.text, "sighting"))
    assert (sent["typed"], sent["note"]) == (said["typed"], said["note"])
    assert "TLP:PURPLE" in "".join(html.fromstring(wrong.text).xpath("//div[@class='reached']//text()"))
    assert house.book.facts()["stands"] == before
    assert qat.post(f"/items/{loader}/acts/sighting/check", data={**said, "token": "x"}).status_code == 403


def test_label_of_an_answer_is_checked_for_none_that_takes_no_label_and_nobody_who_may_not_answer(
    alert: Callable[..., Ref], loader: Ref, browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    other = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    qat, reads, jor = browser("QAT"), browser("QAT", roles=()), browser("JOR")

    asked = [(qat, other, "acknowledge"), (reads, loader, "sighting"), (jor, loader, "sighting"), (qat, loader, "x")]

    for who, ref, act in asked:
        said = {"token": token(who), "typed": "TLP:CLEAR"}
        assert who.post(f"/items/{ref}/acts/{act}/check", data=said).status_code == 404
