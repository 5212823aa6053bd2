"""The leak matrix: what a reader sees depends on what is released to them and on nothing else, byte for byte."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from leaks.ground import Clock, Ground, lay_ground, open_house
from leaks.pairs import compare, three_of
from leaks.sight import sight_of

from diwan.reading import Query
from diwan.terms.gate import World
from diwan.terms.item import Ref

READERS = {
    "kuwait": (World.ACTUAL,),
    "kuwait.release": (World.ACTUAL, World.TEST),
    "qatar": (World.ACTUAL, World.EXERCISE),
    "emirates": (World.ACTUAL,),
    "jordan": (World.ACTUAL, World.EXERCISE),
    "outside": (World.ACTUAL, World.TEST),
    "admin": (World.ACTUAL,),
}
"""ICI members with different clearances, two of them originators, one that left; one that became an MD member; an
outsider; an administrator: and the worlds in which each looks around."""
AT_THE_CONSOLE = ("kuwait.release", "outside")
"""As whom commands are tried too: each opens the node anew."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return lay_ground(tmp_path_factory.mktemp("door") / "ground", 1)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_sees_the_same_whatever_is_hidden_from_them_be_it_written_or_purged(
    tmp_path: Path, ground: Ground, name: str
) -> None:
    three = three_of(ground, name, 7, tmp_path, steps=20, few=1)
    compared, differing = Counter[str](), []
    for oracle, difference in compare(three, worlds=READERS[name], with_commands=name in AT_THE_CONSOLE):
        compared[oracle] += 1
        differing += [(oracle, difference)] if difference else []

    assert differing == []
    assert min(compared["hidden write"], compared["purge"]) > 1500
    assert three.gone > 1000


def test_what_is_hidden_from_one_reader_is_there_to_be_seen_by_another(tmp_path: Path, ground: Ground) -> None:
    """Without this the matrix could be green because nothing was hidden at all."""
    three = three_of(ground, "bahrain", 7, tmp_path)
    hidden_refs = {one.ref for one in three.known.hidden}
    found: dict[str, set[Ref]] = {}
    with open_house(three.written.folder, Clock(three.now), 1) as house:
        for name, person in ground.people.items():
            found[name] = {
                item.ref
                for hidden in three.known.hidden
                for item in house.room(person.reader, hidden.world).walk(Query(words=three.known.said[hidden.ref].word))
                if item.ref in hidden_refs
            }

    for name, person in ground.people.items():
        sight = sight_of(three.written, person.reader, three.now)
        assert found[name] == {one.ref for one in sight.visible} & hidden_refs
    assert found["bahrain"] == set()
    assert {one.world for one in three.known.hidden if one.ref in set.union(*found.values())} == set(World)


def test_the_same_seed_lays_the_same_ground(tmp_path: Path, ground: Ground) -> None:
    again = lay_ground(tmp_path / "again", 1)

    assert again.said == ground.said
    assert again.cursors == ground.cursors
