"""A register kept in files and brought back into PostgreSQL shows every reader what it showed, byte for byte."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from leaks.ground import Clock, Ground, lay_ground, open_house
from leaks.known import known_of
from leaks.pairs import LATER
from leaks.rooms import GENERATORS, room_view

from diwan.house import restore_node
from diwan.terms.errors import Shut
from diwan.terms.gate import World
from postgres_server import Server

READERS = ("kuwait", "qatar", "emirates", "jordan", "outside")


def seen(ground: Ground, told: Ground) -> list[tuple[str, str, object]]:
    """Return what every method of the room answers several readers, asked of one register as it is known of another."""
    answers = []
    with open_house(ground.folder, Clock(told.now + LATER), 1) as house:
        for name in READERS:
            known = known_of(told, name, 7, few=2)
            for world in World:
                room = house.room(told.people[name].reader, world)
                answers += [(name, method, answer) for method, answer in room_view(room, known)]
    return answers


def test_a_register_moved_to_postgres_answers_every_reader_as_the_one_it_was_made_of(
    tmp_path: Path, postgres: Server
) -> None:
    ground = lay_ground(tmp_path / "ground", 1)
    with open_house(ground.folder, Clock(ground.now + LATER), 1) as house:
        house.book.words.catch_up(everything=True)
        house.backup(tmp_path / "kept.tar")
    database = postgres.bare()
    restore_node(tmp_path / "kept.tar", tmp_path / "moved", postgres=database)
    moved = msgspec.structs.replace(ground, folder=tmp_path / "moved", server=postgres, database=database)

    with open_house(moved.folder, Clock(ground.now + LATER), 1) as house:
        for name, world in itertools.product(READERS, World):
            with pytest.raises(Shut):
                house.room(ground.people[name].reader, world).page()
        house.reopen_without_journal("moved, and nothing was recalled since")
        house.book.words.catch_up(everything=True)
        assert house.prove().faults == ()
    before, after = seen(ground, ground), seen(moved, ground)

    differ = [(one[:2], other[:2]) for one, other in zip(before, after, strict=True) if one != other]
    assert differ == []
    told = Counter(method for _, method, _ in before)
    assert told.keys() == {f"room.{name}" for name in GENERATORS}
    assert len(before) > 3000
    postgres.drop(database)
