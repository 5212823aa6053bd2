"""Answers from an item's page, and what is said of the signatures inside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.house import House
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label

Browser = TestClient[Litestar]


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
