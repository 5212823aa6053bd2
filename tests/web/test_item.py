from __future__ import annotations

from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import html

from diwan.house import House
from diwan.sealing.envelope import from_wire
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.reader import Clearance
from diwan.web.labels import ticks_of

Browser = TestClient[Litestar]
LABEL_FORM = "//form[contains(@action, '/relabel')]"


def text_of(page: str, path: str) -> str:
    return " ".join(" ".join(html.fromstring(page).xpath(f"{path}//text()")).split())


def why(page: str) -> str:
    return text_of(page, "//section[@aria-labelledby='why-title']")


def test_an_item_stands_between_two_banners_with_its_marking(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    page = browser("KWT").get(f"/items/{ref}").text

    banners = html.fromstring(page).xpath("//main/p[@class='banner']/bdi")
    assert ["".join(one.itertext()) for one in banners] == ["TLP:AMBER // Releasable to QAT"] * 2
    assert "Sheen 6 km east of the intake" in page


def test_a_page_says_why_its_reader_may_read_it(
    alert: Callable[..., Ref], browser: Callable[..., Browser], belong: Callable[..., None]
) -> None:
    belong("ICI", "QAT")
    up_to = Clearance("NATO-EXAMPLE", "SECRET", (("Additional Sensitivity", "CRYPTO"),))
    named, framework = alert("KW-1", "TLP:AMBER // QAT ONLY"), alert("KW-2", "TLP:AMBER // Releasable to ICI")
    everyone = alert("KW-3", "TLP:CLEAR")
    classified = alert("NA-1", "NATO CONFIDENTIAL // QAT ONLY // CRYPTO", "NATO", cleared=up_to)
    qat, kwt = browser("QAT", up_to), browser("KWT")

    assert "Your clearance under NATO-EXAMPLE reaches SECRET with CRYPTO." in why(qat.get(f"/items/{classified}").text)
    assert "Only names QAT, your party." in why(qat.get(f"/items/{named}").text)
    assert "Releasable To names ICI; QAT is a member, its keeper NATO states." in why(
        qat.get(f"/items/{framework}").text
    )
    assert "TLP:CLEAR with no audience named: TLP releases it to everyone." in why(qat.get(f"/items/{everyone}").text)
    assert "KWT set it: an originator is of the audience" in why(kwt.get(f"/items/{named}").text)
    assert "TLP asks for no clearance at this level." in why(kwt.get(f"/items/{named}").text)


def test_who_else_can_read_is_told_to_the_originator_alone(
    alert: Callable[..., Ref], browser: Callable[..., Browser], belong: Callable[..., None]
) -> None:
    for party in ("QAT", "BHR"):
        belong("ICI", party)
    ref = alert("KW-1", "TLP:AMBER // Releasable to ICI")

    kwt, qat = browser("KWT").get(f"/items/{ref}").text, browser("QAT").get(f"/items/{ref}").text

    assert text_of(kwt, "//p[@class='parties']") == "BHR KWT QAT"
    assert "Who else can" not in qat
    assert "BHR" not in qat


def test_originals_come_byte_for_byte_as_files_to_keep(
    alert: Callable[..., Ref], browser: Callable[..., Browser], oil: bytes
) -> None:
    ref = alert("KW-2017-014", "TLP:CLEAR")
    answer = browser("QAT").get(f"/items/{ref}/parts/alert.xml")

    assert answer.content == oil
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''alert.xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert browser("QAT").get(f"/items/{ref}/parts/other.xml").status_code == 404


def test_the_envelope_is_the_one_its_originator_sealed(
    alert: Callable[..., Ref], browser: Callable[..., Browser], oil: bytes
) -> None:
    ref = alert("KW-2017-014", "TLP:CLEAR")

    envelope = from_wire(browser("QAT").get(f"/items/{ref}/envelope").content)

    assert [part[1] for part in envelope.parts if part] == [oil]


def test_its_originator_sets_another_label_and_readers_lose_it(
    house: House,
    alert: Callable[..., Ref],
    browser: Callable[..., Browser],
    token: Callable[[Browser], str],
    label: Callable[[str], Label],
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to BHR, QAT")
    kwt, qat, bhr = browser("KWT"), browser("QAT"), browser("BHR")
    assert qat.get(f"/items/{ref}").status_code == 200
    form = dict(ticks_of(label("TLP:AMBER // Releasable to BHR")))

    answer = kwt.post(f"/items/{ref}/relabel", data={"token": token(kwt), **form}, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/items/{ref}")
    assert qat.get(f"/items/{ref}").status_code == 404
    assert "Releasable to BHR" in bhr.get(f"/items/{ref}").text
    assert len(html.fromstring(kwt.get(f"/items/{ref}").text).xpath("//ol[contains(@class,'history')]/li")) == 2


def test_before_another_label_is_set_its_originator_sees_who_would_lose_and_gain_the_item(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to BHR, QAT")
    alert("KW-2", "TLP:AMBER // Releasable to QAT, NATO")
    kwt, nato = browser("KWT"), browser("NATO")
    said = {"token": token(kwt), "typed": "TLP:AMBER // Releasable to BHR, NATO"}

    page = kwt.post(f"/items/{ref}/relabel/check", data=said)

    turn = f"{LABEL_FORM}//dl[contains(@class, 'stacked')]"
    assert page.status_code == 200
    assert text_of(page.text, turn) == "Would lose it QAT Would gain it NATO Would keep it BHR"
    assert nato.get(f"/items/{ref}").status_code == 404
    everyone = kwt.post(f"/items/{ref}/relabel/check", data={**said, "typed": "TLP:CLEAR"}).text
    assert "Would lose it nobody Would gain it" in text_of(everyone, turn)
    assert "everyone else Would keep it BHR QAT" in text_of(everyone, turn)


def test_who_would_gain_an_item_is_told_to_its_originators_hands_alone(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    said = {"typed": "TLP:AMBER // Releasable to QAT"}
    duty = browser("KWT")
    assert duty.post(f"/items/{ref}/relabel/check", data={"token": token(duty), **said}).status_code == 200

    for other in (browser("KWT", roles=()), browser("QAT"), browser("BHR")):
        assert other.post(f"/items/{ref}/relabel/check", data={"token": token(other), **said}).status_code == 404


def test_a_label_or_a_text_that_is_refused_is_still_in_the_form_beside_the_reason(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    kwt = browser("KWT")
    said = {"token": token(kwt), "typed": "TLP:AMBR // Releasable to BHR", "document": "<alert>half"}

    relabel, rectify = (kwt.post(f"/items/{ref}/{act}", data=said) for act in ("relabel", "rectify"))

    assert (relabel.status_code, rectify.status_code) == (422, 422)
    assert html.fromstring(relabel.text).xpath(f"{LABEL_FORM}//input[@name='typed']/@value") == [said["typed"]]
    assert "“TLP:AMBR” is not understood" in text_of(relabel.text, LABEL_FORM)
    (form,) = html.fromstring(rectify.text).xpath("//form[contains(@action, '/rectify')]")
    assert form.xpath(".//textarea")[0].text == "<alert>half"
    assert "Not registered." in "".join(form.xpath(".//*[@role='alert']//text()"))


def test_its_originator_takes_it_back_after_saying_so_twice(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    kwt = browser("KWT")

    assert kwt.post(f"/items/{ref}/recall", data={"token": token(kwt)}).status_code == 422
    assert kwt.get(f"/items/{ref}").status_code == 200
    answer = kwt.post(f"/items/{ref}/recall", data={"token": token(kwt), "sure": "yes"}, follow_redirects=False)

    assert answer.status_code == 303
    assert kwt.get(f"/items/{ref}").status_code == 404


def test_the_forms_are_the_originators_hands_alone(
    alert: Callable[..., Ref], browser: Callable[..., Browser], token: Callable[[Browser], str]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT")
    duty, reader, other = browser("KWT"), browser("KWT", roles=()), browser("QAT")

    assert "As its originator" in duty.get(f"/items/{ref}").text
    for browser_ in (reader, other):
        assert "As its originator" not in browser_.get(f"/items/{ref}").text
        said = {"token": token(browser_), "typed": "TLP:CLEAR", "sure": "yes"}
        assert browser_.post(f"/items/{ref}/relabel", data=said).status_code == 403
        assert browser_.post(f"/items/{ref}/recall", data=said).status_code == 403
    assert duty.get(f"/items/{ref}").status_code == 200


@pytest.mark.parametrize("world", ["/exercise", "/test"])
def test_an_item_of_one_world_is_not_found_in_another(
    alert: Callable[..., Ref], browser: Callable[..., Browser], world: str
) -> None:
    ref = alert("KW-1", "TLP:CLEAR")
    kwt = browser("KWT")

    assert kwt.get(f"/items/{ref}").status_code == 200
    assert kwt.get(f"{world}/items/{ref}").status_code == 404


def test_the_serial_of_a_copy_differs_by_reader(alert: Callable[..., Ref], browser: Callable[..., Browser]) -> None:
    ref = alert("KW-1", "TLP:CLEAR")
    one, other = browser("KWT"), browser("QAT")

    serials = [text_of(b.get(f"/items/{ref}").text, "//*[contains(@class,'serial')]/bdi[1]") for b in (one, one, other)]

    assert serials[0] == serials[1] != serials[2]
    assert all(len(serial) == 10 for serial in serials)


def test_programme_and_releasing_officers_get_the_forms_too(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    ref = alert("KW-1", "TLP:CLEAR")

    for role in (Role.RELEASING_OFFICER, Role.PROGRAMME_OFFICER):
        assert "As its originator" in browser("KWT", roles=(role,)).get(f"/items/{ref}").text
    assert "As its originator" not in browser("KWT", roles=(Role.ADMINISTRATOR,)).get(f"/items/{ref}").text


def test_an_item_that_no_desk_can_read_still_has_its_page_and_its_originals(
    house: House,
    hand: Callable[..., Hand],
    note: Callable[..., Draft],
    amber: Callable[..., Label],
    browser: Callable[..., Browser],
) -> None:
    (ref,) = house.take(hand("KWT"), note("Not CAP at all"), amber("QAT"), originator="KWT").refs
    qat = browser("QAT")

    page = qat.get(f"/items/{ref}").text

    assert "No desk at this node can read" in page
    assert "Releasable To names QAT, your party." in why(page)
    assert qat.get(f"/items/{ref}/parts/note.txt").content.startswith(b"Not CAP at all")
