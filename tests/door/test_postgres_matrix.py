"""The leak matrix on PostgreSQL, in short; `soak.py --engine postgres` looks as everyone and at every route."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from leaks import asks, rooms
from leaks.ground import Ground, lay_ground
from leaks.pairs import Three, compare, three_of

from diwan.terms.gate import World
from fallen import let_fall
from postgres_server import Server

READERS = {"emirates": World.ACTUAL, "jordan": World.EXERCISE}
"""One that left a framework, and one to whom gates opened behind which things stood already."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("door") / "ground", 1, size=20, server=postgres)


@pytest.mark.parametrize("name", READERS)
def test_on_postgresql_a_reader_sees_the_same_whatever_is_hidden_from_them_be_it_written_or_purged(
    tmp_path: Path, ground: Ground, name: str
) -> None:
    """Every method of the room; of the routes each reader asks a third, not the same one."""
    routes = dict(sorted(asks.GENERATORS.items())[list(READERS).index(name) :: 3])
    three = three_of(ground, name, 7, tmp_path, steps=15, few=1)
    compared, differing = Counter[str](), []
    for oracle, difference in compare(three, worlds=(READERS[name],), with_commands=False, routes=routes):
        compared[oracle] += 1
        differing += [(oracle, difference)] if difference else []

    assert differing == []
    assert min(compared["hidden write"], compared["purge"]) > 500
    assert three.gone > 500


def _with_walls(three: Three, *, views: bool = False, policies: bool = False, **how: Any) -> tuple[int, set[str]]:
    """Return how many answers were compared with those walls down, and which oracles failed."""
    for ground in (three.before, three.written, three.purged):
        with ground.bare() as bare:
            let_fall(bare, views=views, policies=policies)
    how = {"worlds": (World.ACTUAL,), "with_commands": False, "routes": _BOARD, **how}
    found = [(oracle, difference is not None) for oracle, difference in compare(three, **how)]
    return len(found), {oracle for oracle, differs in found if differs}


_BOARD = {"GET /crisis": asks.GENERATORS["GET /crisis"]}


def test_a_room_shows_the_same_with_one_wall_down_and_leaks_with_both(tmp_path: Path, ground: Ground) -> None:
    three = three_of(ground, "emirates", 7, tmp_path, steps=15, few=1)
    without_filters, filters_missed = _with_walls(three, views=True)
    without_policies, policies_missed = _with_walls(three, policies=True)
    few = {name: rooms.GENERATORS[name] for name in ("count", "kinds", "get")}
    _, both_missed = _with_walls(three, views=True, policies=True, methods=few)

    assert (filters_missed, policies_missed) == (set(), set())
    assert min(without_filters, without_policies) > 300
    assert both_missed == {"hidden write", "purge"}
