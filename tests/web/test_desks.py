from __future__ import annotations

from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from lxml import etree

from diwan.house import House
from diwan.terms.item import Ref

Browser = TestClient[Litestar]


def test_every_board_opens_and_is_in_the_menu_itself_or_under_the_one_that_leads_to_it(
    house: House, browser: Callable[..., Browser]
) -> None:
    kwt = browser("KWT")
    boards = [board for desk in house.desks.values() for board in desk.boards if board.only is None]

    assert {board.path for board in boards} >= {"/crisis", "/network"}
    for board in boards:
        for base in ("", "/exercise", "/test"):
            page = kwt.get(f"{base}{board.path}")
            assert page.status_code == 200
            above = next(one.path for one in boards if one.title and f"{board.path}/".startswith(f"{one.path}/"))
            current = "page" if board.title else "true"
            assert f'href="{base}{above}" aria-current="{current}"' in page.text


def test_routes_that_differ_only_in_their_ending_are_told_apart(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    ref = alert("KW-1", "TLP:CLEAR")
    qat = browser("QAT")

    types = {end: qat.get(f"/crisis/{ref}.{end}").headers["content-type"] for end in ("cap", "json", "geojson")}

    assert types == {"cap": "application/cap+xml", "json": "application/json", "geojson": "application/geo+json"}
    assert qat.get(f"/crisis/{ref}.pdf").status_code == 404
    assert qat.get(f"/crisis/{ref}").status_code == 404


def test_a_feed_lists_what_is_released_with_addresses_that_lead_there(
    alert: Callable[..., Ref], browser: Callable[..., Browser]
) -> None:
    ref = alert("KW-1", "TLP:AMBER // Releasable to QAT", status="Exercise")
    alert("KW-2", "TLP:RED // KWT ONLY", status="Exercise")
    qat = browser("QAT")

    feed = etree.fromstring(qat.get("/exercise/crisis/feed.atom").content)
    links = feed.xpath("//a:entry/a:link/@href", namespaces={"a": "http://www.w3.org/2005/Atom"})

    assert links == [f"https://node.example/exercise/crisis/{ref}.cap"]
    assert qat.get(links[0]).status_code == 200
    assert qat.get(links[0].replace("/exercise", "")).status_code == 404


def test_what_may_be_all_that_one_may_see_is_read_apart_from_pages(
    alert: Callable[..., Ref], browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers that take everything away would otherwise keep all others waiting."""
    ref, kwt, apart = alert("KW-1", "TLP:CLEAR"), browser("KWT"), []

    async def noted(job: Callable[..., object], *given: object) -> object:
        apart.append(given[3].scope["path"])  # type: ignore[attr-defined]
        return job(*given)

    monkeypatch.setattr("diwan.web.desks.exporting", noted)

    for path in (f"/crisis/{ref}.cap", "/cyber/export/bundle.json", "/cyber/misp/hashes.csv"):
        assert kwt.get(path).status_code == 200
    assert apart == ["/cyber/export/bundle.json", "/cyber/misp/hashes.csv"]
