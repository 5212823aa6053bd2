"""Hidden, recalled, unknown and impossible are one answer, byte for byte, at every route that takes a reference."""

from __future__ import annotations

import msgspec
import pytest
from leaks import asks, taxii
from leaks.ground import MINUTE, Clock, Ground, lay_ground, open_house
from leaks.known import MALFORMED, known_of
from leaks.sight import sight_of
from leaks.view import browsing, token_in

from diwan.terms.gate import World
from diwan.terms.item import Ref


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("notfound") / "ground", 3, size=30)


@pytest.mark.parametrize("name", ["kuwait.release", "outside"])
def test_what_is_not_released_is_answered_like_what_never_was(ground: Ground, name: str) -> None:
    known, clock = known_of(ground, name, 1), Clock(ground.now + MINUTE)
    everything = sight_of(ground, known.person.reader, ground.now)
    with open_house(ground.folder, clock, 1) as house, browsing(known, house, clock) as browser:
        known = msgspec.structs.replace(known, form=token_in(browser.ask(asks.Ask("GET", "/")).body))
        for route in asks.BY_REFERENCE:
            for world in World:
                kind = asks.OF_KIND.get(route, "crisis.alert")
                seen = next(one.ref for one in everything.visible if (one.world, one.kind) == (world, kind))
                refs: list[Ref | str] = [
                    *known.unseen(world),
                    *(one.ref for one in known.visible if one.world != world),
                ]
                refs += [f"KWT/{ident}" for ident in MALFORMED] + [f"%00/{asks.UNKNOWN}", f"كويت/{asks.UNKNOWN}"]

                answers = {browser.ask(asks.by_reference(known, route, world, ref)) for ref in refs}

                assert len(refs) > 10
                assert [answer.status for answer in answers] == [404], (route, world)
                if route.startswith("GET"):
                    assert browser.ask(asks.by_reference(known, route, world, seen)).status == 200


@pytest.mark.parametrize("name", ["kuwait", "outside"])
def test_a_service_answers_of_what_is_not_released_as_of_what_never_was(ground: Ground, name: str) -> None:
    known, clock = known_of(ground, name, 1), Clock(ground.now + MINUTE)
    with open_house(ground.folder, clock, 1) as house, browsing(known, house, clock) as browser:
        for world in World:
            for path, methods in taxii.unseen_paths(ground, known, house, world):
                for method in methods:
                    asked = [asks.Ask(method, one, by="token", body=taxii.ONE, media_type=taxii.TAXII) for one in path]

                    answers = {browser.ask(ask) for ask in asked}

                    assert [answer.status for answer in answers] == [404], (method, path)


@pytest.mark.parametrize("name", ["kuwait", "outside"])
def test_what_is_served_at_an_address_does_not_tell_whether_anything_is_there(ground: Ground, name: str) -> None:
    known, clock = known_of(ground, name, 1), Clock(ground.now + MINUTE)
    with open_house(ground.folder, clock, 1) as house, browsing(known, house, clock) as browser:
        for world in World:
            seen = taxii.collections(known, world)[0]
            assert browser.ask(asks.Ask("GET", taxii.address(world, seen), by="token")).status == 200
            for path, methods in taxii.unseen_paths(ground, known, house, world):
                for method, status in (("OPTIONS", 204), ("PUT", 405)):
                    there = [
                        one.replace(taxii.address(world, taxii.NOWHERE), taxii.address(world, seen)) for one in path
                    ]
                    answers = {browser.ask(asks.Ask(method, one, by="token")) for one in (*path, *there)}

                    assert [answer.status for answer in answers] == [status], (method, path)
                    allow = dict(next(iter(answers)).headers)["allow"].split(", ")
                    assert {*methods, "OPTIONS"} <= set(allow), (method, path)
