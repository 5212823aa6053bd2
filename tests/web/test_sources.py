from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from diwan.desks.cyber.calls.call import Fault
from diwan.desks.cyber.calls.ledger import Ledger, write_ledger
from diwan.desks.cyber.calls.source import Source, read_sources
from diwan.desks.cyber.calls.state import State, failed
from diwan.house import House
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role

Browser = TestClient[Litestar]
ADMINISTRATOR = (Role.ADMINISTRATOR,)
TEXT = """
[[sources]]
name = "gulf-cert"
root = "https://taxii.example.org/api1/"
collection = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
label = "TLP:AMBER // Releasable to QAT"
"""


@pytest.fixture
def source(house: House) -> Iterator[Source]:
    house.local["cyber"].sources = TEXT  # type: ignore[attr-defined]
    yield read_sources(TEXT)[0]


def test_an_administrator_sees_how_each_source_is_and_no_title_of_what_was_refused(
    house: House, source: Source, browser: Callable[..., Browser], hand: Callable[..., Hand]
) -> None:
    state = State(tried=house.clock(), failures=2, last_error="taxii.example.org did not answer in time.")
    held = Ledger(
        root=source.root, collection=source.collection, state=state, entered=5, rejected=1, refusals=("Secret title",)
    )
    write_ledger(house.clerk("cyber", hand("KWT"), World.ACTUAL), source, held, house.clock())

    page = browser("KWT", roles=ADMINISTRATOR).get("/cyber/sources")

    assert page.status_code == 200
    assert "gulf-cert" in page.text
    assert "taxii.example.org did not answer in time." in page.text
    assert "Secret title" not in page.text


def test_a_push_that_was_refused_is_told_as_stopped(
    house: House, browser: Callable[..., Browser], hand: Callable[..., Hand]
) -> None:
    text = TEXT.replace("label", "direction = 'push'\naccount = 'outgoing'\nlabel")
    house.local["cyber"].sources = text  # type: ignore[attr-defined]
    (source,) = read_sources(text)
    fault = Fault("taxii.example.org answers 403.", status=403)
    state = failed(State(), fault, house.clock(), 0.5, source)
    held = Ledger(root=source.root, collection=source.collection, state=state)
    write_ledger(house.clerk("cyber", hand("KWT"), World.ACTUAL), source, held, house.clock())

    page = browser("KWT", roles=ADMINISTRATOR).get("/cyber/sources")

    assert "stopped: somebody has to mend it" in page.text
    assert "taxii.example.org answers 403." in page.text


def test_for_everybody_else_there_is_nothing_at_its_address_and_no_way_to_it(
    source: Source, browser: Callable[..., Browser]
) -> None:
    officer, administrator = browser("QAT"), browser("KWT", roles=ADMINISTRATOR)

    assert officer.get("/cyber/sources").status_code == 404
    assert "/cyber/sources" not in officer.get("/cyber").text
    assert 'href="/cyber/sources"' in administrator.get("/cyber").text


def test_a_file_that_is_not_sound_is_told_by_its_key(house: House, browser: Callable[..., Browser]) -> None:
    house.local["cyber"].sources = TEXT + "pages = 7\n"  # type: ignore[attr-defined]

    page = browser("KWT", roles=ADMINISTRATOR).get("/cyber/sources")

    assert page.status_code == 200
    assert "pages" in page.text
    assert "No source was read." in page.text
    assert browser("KWT", roles=ADMINISTRATOR).get("/exercise/cyber/sources").status_code == 200
