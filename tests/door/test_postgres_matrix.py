"""The leak matrix on PostgreSQL: fewer readers; `soak.py --engine postgres` looks as all of them, at length."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from leaks.ground import Ground, lay_ground
from leaks.pairs import compare, three_of

from diwan.terms.gate import World
from postgres_server import Server

READERS = {"emirates": World.ACTUAL, "jordan": World.EXERCISE}
"""One that left a framework, and one to whom gates opened behind which things stood already."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("door") / "ground", 1, server=postgres)


@pytest.mark.parametrize("name", READERS)
def test_on_postgresql_a_reader_sees_the_same_whatever_is_hidden_from_them_be_it_written_or_purged(
    tmp_path: Path, ground: Ground, name: str
) -> None:
    three = three_of(ground, name, 7, tmp_path, steps=20, few=1)
    compared, differing = Counter[str](), []
    for oracle, difference in compare(three, worlds=(READERS[name],), with_commands=False):
        compared[oracle] += 1
        differing += [(oracle, difference)] if difference else []

    assert differing == []
    assert min(compared["hidden write"], compared["purge"]) > 1000
    assert three.gone > 1000
