"""Names and values longer than an index takes are filed and found again like any other, on both engines."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest

from diwan.house import House, restore_node
from diwan.terms.errors import Conflict, Duplicate
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from postgres_server import Server

Hands = Callable[..., Hand]
Notes = Callable[..., Draft]
Labels = Callable[..., Label]
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=6000))
"""What no engine could make shorter."""


@pytest.mark.parametrize("long", [LONG, LONG[:-1] + "é" * 500, "ب" * 3000], ids=["ascii", "mixed", "arabic"])
def test_what_has_a_long_name_or_value_is_taken_and_found(
    house: House, hand: Hands, note: Notes, amber: Labels, long: str
) -> None:
    name = Alias("cap", long)
    drafts = [
        note("named", name=long, values=(f"url:{long}",)),
        note("pointing", links=(Link("references", name),), values=(f"url:{long}",)),
        note("other", name=long + "x", values=(f"url:{long}x",)),
    ]
    taken = house.take_all(hand("KWT"), [(one, amber("QAT")) for one in drafts], originator="KWT")

    room = house.room(Reader("q", "QAT"))
    (named,) = room.known_as(name)
    assert named.title == "named"
    assert [item.title for item in room.mentioning(f"url:{long}")] == ["pointing", "named"]
    assert {key: len(found) for key, found in room.seen([f"url:{long}", f"url:{long}y"]).items()} == {f"url:{long}": 2}
    ((_, others),) = room.related(named)
    assert [item.title for item in others] == ["pointing"]
    with pytest.raises(Duplicate):
        house.take(hand("KWT"), drafts[0], amber("QAT"), originator="KWT")
    with pytest.raises(Conflict):
        house.take(hand("KWT"), note("another", name=long), amber("QAT"), originator="KWT")
    house.recall(hand("KWT"), taken[0].refs[0])  # type: ignore[union-attr]
    assert (room.known_as(name), len(room.mentioning(f"url:{long}"))) == ((), 1)


def test_a_node_with_long_values_can_be_moved_to_a_server(
    house: House, hand: Hands, note: Notes, amber: Labels, tmp_path: Path, postgres: Server
) -> None:
    house.take(hand("KWT"), note("long", values=(f"url:{LONG}",)), amber("QAT"), originator="KWT")
    house.backup(tmp_path / "kept.tar")
    database = postgres.bare()

    restore_node(tmp_path / "kept.tar", tmp_path / "moved", postgres=database)

    moved = House(tmp_path / "moved", synchronous="OFF")
    moved.reopen_without_journal("moved")
    assert len(moved.room(Reader("q", "QAT")).mentioning(f"url:{LONG}")) == 1
    moved.close()
    postgres.drop(database)
