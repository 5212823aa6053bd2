"""Nothing is read at this node that the matrix does not ask: routes, methods of the room, commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from leaks import asks, commands, rooms
from leaks.ground import Clock, Ground, lay_ground, open_house
from leaks.known import Known, known_of
from leaks.view import Answer, view
from litestar import Litestar

from diwan.reading import ReadingRoom
from diwan.terms.gate import World
from diwan.web.app import create_app
from diwan.web.guard import NOTHING


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("inventory") / "ground", 2, size=10)


@pytest.fixture(scope="module")
def answers(ground: Ground) -> dict[str, list[object]]:
    """Everything the matrix asks for one reader, by what it was asked of."""
    known: Known = known_of(ground, "kuwait", 1)
    found: dict[str, list[object]] = {}
    for name, answer in view(ground, known, ground.now):
        found.setdefault(name.split(" <- ")[0], []).append(answer)
    return found


def routes_of(app: Litestar) -> Iterator[tuple[str, str, str]]:
    """Yield (world's base, method and path as declared, what it reads) of every route that someone wrote."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            base = asks.BASES[handler.opt["world"]] if "world" in handler.opt else ""
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                for declared in handler.opt.get("declared", ()):
                    yield base, f"{declared.method} {declared.path}", declared.reads
                if "declared" not in handler.opt:
                    yield base, f"{method} {route.path.removeprefix(base) or '/'}", handler.opt["reads"]


def test_every_route_in_every_world_has_a_generator_and_every_generator_a_route(tmp_path: Path) -> None:
    with open_house(tmp_path, Clock(), 1) as house:
        routes = list(routes_of(create_app(house)))

    inside = {(base, name) for base, name, _ in routes if name not in asks.WORLDLESS}
    assert {name for _, name, _ in routes} == asks.GENERATORS.keys()
    assert inside == {(base, name) for base in asks.BASES.values() for name in asks.GENERATORS.keys() - asks.WORLDLESS}


def test_only_what_is_the_same_for_everyone_and_the_way_in_read_nothing(tmp_path: Path) -> None:
    with open_house(tmp_path, Clock(), 1) as house:
        routes = list(routes_of(create_app(house)))

    assert {name for _, name, reads in routes if reads == NOTHING} == asks.WORLDLESS


def test_every_route_that_takes_a_reference_is_asked_for_what_must_not_be_found(tmp_path: Path) -> None:
    taking = {name for name in asks.GENERATORS if "{originator" in name}

    assert taking == asks.BY_REFERENCE.keys()


def test_every_route_is_asked_something_that_it_answers(answers: dict[str, list[object]]) -> None:
    answered = {
        name
        for name, given in answers.items()
        if any(isinstance(answer, Answer) and answer.status < 400 for answer in given)
    }

    unasked = {"GET /static/{digest:str}/{name:path}"} | asks.OF_ROLE
    assert answered & asks.GENERATORS.keys() == asks.GENERATORS.keys() - unasked


def test_no_question_of_the_matrix_makes_the_node_fail(answers: dict[str, list[object]]) -> None:
    assert [name for name, given in answers.items() for a in given if isinstance(a, Answer) and a.status >= 500] == []


def test_every_public_method_of_the_room_has_a_generator_and_answers_in_every_world(
    answers: dict[str, list[object]],
) -> None:
    public = {name for name in vars(ReadingRoom) if not name.startswith("_")}

    assert rooms.GENERATORS.keys() == public
    assert {f"{world} room.{name}" for world in World for name in public} <= answers.keys()


def test_every_command_reads_in_the_matrix_or_belongs_to_the_console(answers: dict[str, list[object]]) -> None:
    assert set(commands.command_names()) == commands.GENERATORS.keys() | commands.CONSOLE.keys()
    for name in commands.GENERATORS:
        given = answers[f"diwan {name}"]
        assert any(code == 0 and (printed or files) for _, code, printed, _, files in given)  # type: ignore[misc]
