"""A register of an earlier shape is brought to the present one: what it holds stays readable and proves sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from diwan.house import House
from diwan.reading import Query
from diwan.registry import schema
from diwan.registry.chance import Chance
from diwan.registry.engines.sqlite_file import REGISTER, WORDS
from diwan.registry.shape import SHAPE
from diwan.settings import Settings
from diwan.terms.errors import Conflict
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link, Ref
from diwan.terms.label import Label
from diwan.terms.party import Standing
from diwan.terms.reader import Reader

PARTIES = ("KWT", "QAT", "BHR")
FIRST_SHAPE = """
ALTER TABLE alias RENAME TO alias_now;
DROP INDEX alias_since;
DROP INDEX alias_version;
CREATE TABLE alias (
    value TEXT NOT NULL, gate INTEGER NOT NULL, originator TEXT NOT NULL, since BIGINT NOT NULL,
    PRIMARY KEY (value, gate, originator, since)
) WITHOUT ROWID;
CREATE INDEX alias_since ON alias (since);
INSERT INTO alias SELECT value, gate, originator, since FROM alias_now;
DROP TABLE alias_now;
CREATE TABLE grant_then (
    class BIGINT NOT NULL, gate INTEGER NOT NULL, opened BIGINT NOT NULL, closed BIGINT,
    PRIMARY KEY (class, gate, opened)
) WITHOUT ROWID;
INSERT INTO grant_then SELECT class, gate, opened, closed FROM gate_grant;
DROP TABLE gate_grant;
ALTER TABLE grant_then RENAME TO gate_grant;
DROP TABLE note;
ALTER TABLE batch DROP COLUMN promise;
DROP TABLE gate_label;
ALTER TABLE head DROP COLUMN ended;
ALTER TABLE gate DROP COLUMN since;
DROP INDEX mention_time;
DELETE FROM state WHERE name = 'compatible';
UPDATE shape SET version_num = '0001';
"""
"""Makes of a register what the first version of the software would have written of the same items."""
Make = Callable[..., Any]


def opened(folder: Path, clock: Callable[[], int]) -> House:
    return House(folder, Settings(keeper="NATO", hosted=PARTIES), clock=clock, chance=Chance(2), synchronous="OFF")


def seen(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that each reader sees: items, parts, history, links, names, hits and changes."""
    return {party: list(_seen(house, party)) for party in (*PARTIES, "NATO", "OUT.EXAMPLE")}


def _seen(house: House, party: str) -> Any:
    room = house.room(Reader(f"reader of {party}", party))
    for item in room.walk():
        bare = (item.ref, item.kind, item.title, item.label, item.entered, item.at, item.revision, item.brief)
        ways = [
            [(relation, other.ref) for relation, other in way] for way in (room.links(item), room.linked_from(item))
        ]
        children = [child.ref for child in room.children(item)]
        yield bare, room.parts(item), len(room.history(item)), ways, children, room.envelope(item)[1]
    yield room.count(), [item.ref for item in room.known_as(Alias("cap", "KW-1"))]
    yield [item.ref for item in room.walk(Query(words="oil"))], [item.ref for item in room.mentioning("incident:1")]


@pytest.fixture
def grown(
    house: House, hand: Make, amber: Make, note: Make, belong: Make, clock: Callable[[], int]
) -> tuple[House, dict[str, Ref]]:
    """A node with what the first version knew: names, links, answers, revisions, recalls and memberships."""
    kwt: Hand = hand("KWT")

    def enter(title: str, label: Label, **more: Any) -> Ref:
        draft: Draft = note(title, **more)
        return house.take(kwt, draft, label, originator="KWT").refs[0]

    refs = {"one": enter("oil at sea", amber("QAT"), aliases=(Alias("cap", "KW-1"),), values=("incident:1",))}
    refs["two"] = enter(
        "oil ashore", amber("ICI"), aliases=(Alias("cap", "KW-2"),), links=(Link("updates", Alias("cap", "KW-1")),)
    )
    refs["answer"] = enter("noted", amber("QAT"), parent=refs["one"])
    refs["gone"] = enter("a slip", amber("QAT"), aliases=(Alias("cap", "KW-3"),))
    house.room(Reader("reader of BHR", "BHR")).changes()
    belong("ICI", "BHR")
    belong("ICI", "QAT", Standing.ASPIRANT)
    house.relabel(kwt, refs["one"], amber("QAT", "BHR"))
    house.rectify(kwt, refs["two"], note("oil ashore, rectified", aliases=(Alias("cap", "KW-2"),)))
    house.recall(kwt, refs["gone"])
    return house, refs


def test_a_register_of_the_first_shape_opens_and_every_reader_sees_what_they_saw(
    grown: tuple[House, dict[str, Ref]], clock: Callable[[], int], hand: Make, amber: Make, note: Make
) -> None:
    house, refs = grown
    before = seen(house)
    feeds = {party: house.room(Reader(f"reader of {party}", party)).changes().cursor for party in PARTIES}
    house.close()
    with closing(sqlite3.connect(house.folder / REGISTER)) as pages:
        pages.executescript(FIRST_SHAPE)
    with closing(sqlite3.connect(house.folder / WORDS)) as pages:
        pages.execute("UPDATE shape SET version_num = '0001'")
        pages.commit()

    again = opened(house.folder, clock)

    assert seen(again) == before
    assert {party: len(each) for party, each in before.items()} == {
        "KWT": 5,
        "QAT": 4,
        "BHR": 4,
        "NATO": 4,
        "OUT.EXAMPLE": 2,
    }
    assert again.prove().faults == ()
    for party, cursor in feeds.items():
        assert again.room(Reader(f"reader of {party}", party)).changes(cursor).changes == ()
    # Life goes on: names are still taken, labels still move what stands under them, and notes are kept.
    with pytest.raises(Conflict, match="KW-2 is already registered"):
        again.take(hand("KWT"), note("another", aliases=(Alias("cap", "KW-2"),)), amber("ICI"), originator="KWT")
    again.relabel(hand("KWT"), refs["one"], amber("BHR"))
    room = again.room(Reader("reader of BHR", "BHR"))
    assert {item.ref for item in room.walk()} >= {refs["one"], refs["two"]}
    assert [item.ref for item in room.known_as(Alias("cap", "KW-1"))] == [refs["one"]]
    assert again.prove().faults == ()
    again.close()
    assert shapes(house.folder) == [SHAPE, SHAPE]
    assert tables(house.folder / REGISTER) == {
        table.name: [column.name for column in table.columns] for table in schema.REGISTER.sorted_tables
    }


def shapes(folder: Path) -> list[str]:
    found = []
    for name in (REGISTER, WORDS):
        with closing(sqlite3.connect(folder / name)) as pages:
            found.append(str(pages.execute("SELECT version_num FROM shape").fetchone()[0]))
    return found


def tables(file: Path) -> dict[str, list[str]]:
    engine = create_engine(f"sqlite:///{file}")
    there = inspect(engine)
    found = {name: [column["name"] for column in there.get_columns(name)] for name in there.get_table_names()}
    indexes = {index["name"] for name in found for index in there.get_indexes(name)}
    engine.dispose()
    planned = {index.name for table in schema.REGISTER.sorted_tables for index in table.indexes}
    assert indexes >= planned - {"revision_batch"}
    found.pop("shape")
    return found
