"""What `lines.py` promises of a connection, on every engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from filled import HARD

from diwan.registry import schema
from diwan.registry.engines.lines import Engine, Line
from diwan.terms.gate import World

TEXTS = ["", " ", *HARD, "é" * 100_000]
BYTES = [b"", b"\x00", b"\x00\xff\\x00'\"", bytes(range(256)) * 400]


@pytest.fixture
def ink(engine: Engine) -> Iterator[Line]:
    with closing(engine.writing()) as line:
        yield line


def policies(engine: Engine) -> list[tuple[str, str]]:
    with closing(engine.whole()) as line:
        return line.execute("SELECT id, text FROM policy ORDER BY id").fetchall()  # type: ignore[return-value]


def test_what_was_committed_is_there_for_everyone_and_what_was_rolled_back_for_nobody(
    engine: Engine, ink: Line
) -> None:
    for name, end in (("kept", ink.commit), ("undone", ink.rollback)):
        ink.begin()
        assert ink.in_transaction
        ink.execute("INSERT INTO policy VALUES(?,?)", [name, "text"])
        assert ("kept", "text") in policies(engine) or name == "kept"
        end()
        assert not ink.in_transaction

    assert policies(engine) == [("kept", "text")]


def test_a_savepoint_undoes_what_came_after_it_and_nothing_before(engine: Engine, ink: Line) -> None:
    ink.begin()
    ink.execute("INSERT INTO policy VALUES('before', '')")
    ink.execute("SAVEPOINT job")
    ink.execute("INSERT INTO policy VALUES('after', '')")
    with pytest.raises(engine.failures):
        ink.execute("INSERT INTO policy VALUES('before', 'again')")
    ink.execute("ROLLBACK TO job")
    ink.execute("RELEASE job")
    ink.execute("INSERT INTO policy VALUES('last', '')")
    ink.commit()

    assert policies(engine) == [("before", ""), ("last", "")]


def test_outside_a_transaction_every_statement_stands_by_itself(engine: Engine, ink: Line) -> None:
    assert ink.execute("INSERT INTO policy VALUES('one', '')").rowcount == 1
    with pytest.raises(engine.failures):
        ink.execute("INSERT INTO policy VALUES('one', 'again')")

    assert policies(engine) == [("one", "")]
    assert ink.execute("DELETE FROM policy WHERE id='none'").rowcount == 0
    assert ink.execute("SELECT id FROM policy WHERE id='none'").fetchone() is None


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_come_back_as_they_went_in(ink: Line, text: str) -> None:
    ink.begin()
    ink.insert("policy", [("bound", text)])
    ink.execute("INSERT INTO policy VALUES(?,?)", ["executed", text])
    ink.executemany("INSERT INTO policy VALUES(?,?)", [("many", text)])
    ink.commit()

    assert ink.execute("SELECT text FROM policy ORDER BY id").fetchall() == [(text,)] * 3
    if len(text) < 2000:  # what is asked by is never longer
        assert ink.execute("SELECT count(*) FROM policy WHERE text=?", [text]).fetchone() == (3,)


@pytest.mark.parametrize("value", BYTES, ids=range(len(BYTES)))
def test_bytes_come_back_as_they_went_in_and_none_as_none(ink: Line, value: bytes) -> None:
    rows = [(1, 7, b"d", "n", "t", b"", value, None), (2, 1 << 62, b"", "", "", value, None, 1)]
    ink.begin()
    ink.insert("part", rows)
    ink.commit()

    assert ink.execute("SELECT * FROM part ORDER BY number").fetchall() == rows


def test_whole_rows_of_every_table_go_in_many_at_once_and_none_is_nothing(ink: Line) -> None:
    made: dict[str, list[tuple[object, ...]]] = {}
    ink.begin()
    for table in schema.REGISTER.sorted_tables:
        if table.name != "state":
            made[table.name] = [tuple(_value(column, n) for column in table.columns) for n in range(1, 1201)]
            ink.insert(table.name, made[table.name])
            ink.insert(table.name, [])
    ink.commit()

    for table, rows in made.items():
        assert sorted(ink.execute(f"SELECT * FROM {table}").fetchall(), key=repr) == sorted(rows, key=repr), table


def _value(column: object, number: int) -> object:
    kind = column.type.python_type  # type: ignore[attr-defined]
    if column.nullable and number % 2:  # type: ignore[attr-defined]
        return None
    return {int: number, str: f"text {number}", bytes: b"%016d" % number}[kind]


def test_a_stream_yields_every_row_in_order_and_holds_when_others_write(engine: Engine, ink: Line) -> None:
    ink.begin()
    ink.insert("leaf", [(n, b"line %d" % n) for n in range(3000)])
    ink.commit()

    with closing(engine.whole()) as pages:
        pages.snapshot()
        streamed = pages.stream("SELECT number FROM leaf WHERE number>=? ORDER BY number", [10])
        first = next(streamed)
        ink.execute("DELETE FROM leaf WHERE number > 20")
        rest = list(streamed)
        pages.commit()
        after = list(pages.stream("SELECT number FROM leaf ORDER BY number"))

    assert [first, *rest] == [(n,) for n in range(10, 3000)]
    assert after == [(n,) for n in range(21)]


def test_a_snapshot_stays_one_state_while_others_write(engine: Engine, ink: Line) -> None:
    lent = engine.lend(1, World.ACTUAL, frozenset({1}), frozenset())
    with closing(engine.whole()) as whole, closing(engine.own()) as own:
        lines = {"whole": (whole, "state"), "own": (own, "state"), "lent": (lent, "fact")}
        before = {}
        for name, (line, table) in lines.items():
            line.snapshot()
            before[name] = dict(line.execute(f"SELECT name, value FROM {table}").fetchall())
        ink.begin()
        ink.execute("UPDATE state SET value=value+1 WHERE name='rules'")
        ink.commit()

        during = {n: dict(line.execute(f"SELECT name, value FROM {t}").fetchall()) for n, (line, t) in lines.items()}
        for line, _ in lines.values():
            line.commit()
        after = {n: dict(line.execute(f"SELECT name, value FROM {t}").fetchall()) for n, (line, t) in lines.items()}
    engine.take_back(lent)

    assert during == before
    assert {said["rules"] for said in after.values()} == {before["own"]["rules"] + 1}


def test_whoever_begins_to_write_waits_until_every_other_writer_has_finished(engine: Engine, ink: Line) -> None:
    with closing(engine.writing()) as other, ThreadPoolExecutor(1) as hands:
        ink.begin()
        waiting = hands.submit(other.begin)
        time.sleep(0.2)
        assert not waiting.done()
        ink.execute("UPDATE state SET value=41 WHERE name='last_position'")
        ink.commit()
        waiting.result(10)
        seen = other.execute("SELECT value FROM state WHERE name='last_position'").fetchone()
        other.rollback()

    assert seen == (41,)


def test_many_writers_each_go_on_from_what_the_one_before_them_wrote(engine: Engine) -> None:
    def write(name: int) -> None:
        with closing(engine.writing()) as line:
            for _ in range(20):
                line.begin()
                (last,) = line.execute("SELECT value FROM state WHERE name='last_position'").fetchone()
                line.execute("INSERT INTO leaf VALUES(?,?)", [last, b"%d" % name])
                line.execute("UPDATE state SET value=? WHERE name='last_position'", [last + 1])
                line.commit()

    with ThreadPoolExecutor(5) as hands:
        list(hands.map(write, range(5)))

    with closing(engine.whole()) as line:
        numbers = [number for (number,) in line.execute("SELECT number FROM leaf ORDER BY number")]
    assert numbers == list(range(numbers[0], numbers[0] + 100))


def test_the_word_index_has_a_write_order_of_its_own(engine: Engine, ink: Line) -> None:
    with (
        closing(engine.writing_words()) as words,
        closing(engine.writing_words()) as second,
        ThreadPoolExecutor(1) as hands,
    ):
        ink.begin()
        words.begin()  # does not wait for the pen
        waiting = hands.submit(second.begin)
        time.sleep(0.2)
        assert not waiting.done()
        words.insert("segment", [(1, 0, 5, 9)])
        words.commit()
        waiting.result(10)
        seen = second.execute("SELECT number, low, high FROM segment").fetchall()
        second.rollback()
        ink.rollback()

    assert seen == [(1, 5, 9)]


def test_reading_connections_refuse_to_write(engine: Engine) -> None:
    lent = engine.lend(1, World.ACTUAL, frozenset({1}), frozenset())
    lent.snapshot()
    try:
        with pytest.raises(engine.failures):
            lent.execute("UPDATE stand SET gate=1")
    finally:
        lent.rollback()
        engine.take_back(lent)
    with closing(engine.own()) as own, pytest.raises(engine.failures):
        own.execute("UPDATE account SET name='x'")


def test_more_readers_than_are_kept_at_hand_are_served_all_the_same(engine: Engine) -> None:
    begun = threading.Barrier(12)

    def read(number: int) -> int:
        for turn in range(24):  # more reader classes than are kept at hand as well, each of them coming back
            pages = engine.lend(number + 12 * (turn % 6), World.ACTUAL, frozenset({number}), frozenset())
            pages.snapshot()
            if turn == 0:
                begun.wait(20)
            pages.execute("SELECT gate, newest FROM open_head").fetchall()
            pages.commit()
            engine.take_back(pages)
        return number

    with ThreadPoolExecutor(12) as hands:
        assert sorted(hands.map(read, range(12))) == list(range(12))


def test_a_failure_is_named_without_quoting_what_is_kept(engine: Engine, ink: Line) -> None:
    ink.execute("INSERT INTO policy VALUES('secret name', '')")
    with pytest.raises(engine.failures) as failed:
        ink.execute("INSERT INTO policy VALUES('secret name', '')")

    assert engine.name_of(failed.value)
    assert "secret" not in engine.name_of(failed.value)


def test_several_open_a_register_for_writing_that_nobody_has_opened_yet(engine: Engine) -> None:
    begun = threading.Barrier(8)

    def write(_: int) -> bool:
        begun.wait(20)
        with closing(engine.writing()) as line:
            return line.alive

    with ThreadPoolExecutor(8) as hands:
        assert all(hands.map(write, range(8)))
