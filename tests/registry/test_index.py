"""The word index can be lost, and several may build it: search finds all the same."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from math import inf
from subprocess import Popen
from time import monotonic, sleep

import pytest

from diwan.house import House
from diwan.reading import Query
from diwan.registry import index, schema, segments
from diwan.registry.engines.sqlite_file import WORDS
from diwan.registry.index import WordIndex
from diwan.registry.indexing import Where, indexing
from diwan.terms.errors import Unreachable
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from tampering import Tamper

FIRST, LATER = 150, 90


@pytest.fixture
def filled(
    house: House,
    hand: Callable[..., Hand],
    note: Callable[..., Draft],
    amber: Callable[..., Label],
    monkeypatch: object,
) -> Callable[[int, int], None]:
    """Enter notes by number, each with the word `harbour` and one of its own."""
    monkeypatch.setattr(segments, "_BATCH", 16)  # type: ignore[attr-defined]
    label = amber("QAT")

    def enter(start: int, count: int) -> None:
        drafts = [(note(f"harbour w{n}"), label) for n in range(start, start + count)]
        house.take_all(hand("KWT"), drafts, originator="KWT")

    return enter


def _lose(house: House, tamper: Tamper) -> None:
    """Lose the whole word index of a node that is closed."""
    with tamper() as bare:
        for table in schema.WORDS.sorted_tables if bare.postgres else ():
            bare.execute(f"DELETE FROM {table.name}")
    for left in house.folder.glob(f"{WORDS}*"):
        left.unlink()


def _another(house: House) -> WordIndex:
    """Return a second that indexes the register of a house, as another process would."""
    return WordIndex(house.book._engine, house.book._pen, house.book.words._where)


def _found(house: House, hand: Callable[..., Hand], words: str) -> int:
    return sum(1 for _ in house.room(hand("QAT").reader).walk(Query(words=words)))


def test_lost_index_is_made_anew_from_the_register_when_the_node_opens(
    house: House,
    hand: Callable[..., Hand],
    filled: Callable[[int, int], None],
    clock: Callable[[], int],
    tamper: Tamper,
) -> None:
    filled(0, FIRST)
    house.book.words.catch_up(everything=True)
    waiting = house.book.facts()["waiting"]
    house.close()
    _lose(house, tamper)

    again = House(house.folder, house.settings, clock=clock, synchronous="OFF")
    try:
        before = _found(again, hand, "harbour")
        again.book.words.catch_up(everything=True)
        assert (waiting, before, _found(again, hand, "harbour"), _found(again, hand, "w7")) == (0, FIRST, FIRST, 1)
    finally:
        again.close()


def test_two_that_index_one_register_in_turn_leave_no_overlap_and_lose_nothing(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None]
) -> None:
    second = _another(house)
    try:
        filled(0, FIRST)
        rows = second._segments._waiting(everything=False)
        house.book.words.catch_up()
        filled(FIRST, LATER)
        assert second.catch_up(everything=True) > 0
        house.book.words.catch_up(everything=True)

        spans = second._segments._ink.execute("SELECT low, high FROM segment ORDER BY low").fetchall()
    finally:
        second.close()
    assert rows
    assert all(high < low for (_, high), (low, _) in pairwise(spans))
    assert _found(house, hand, "harbour") == FIRST + LATER


def test_two_that_index_one_register_at_once_leave_no_overlap_and_lose_nothing(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None]
) -> None:
    both = [house.book.words, _another(house)]
    with ThreadPoolExecutor(3) as at_once:
        entering = at_once.submit(lambda: [filled(start, 50) for start in range(0, 2500, 50)])
        while not entering.done():
            for done in [at_once.submit(index.catch_up) for index in both]:
                done.result()
        for done in [at_once.submit(index.catch_up, everything=True) for index in both]:
            done.result()

    spans = both[1]._segments._ink.execute("SELECT low, high FROM segment ORDER BY low").fetchall()
    both[1].close()

    assert all(high < low for (_, high), (low, _) in pairwise(spans))
    assert (house.book.facts()["waiting"], _found(house, hand, "harbour")) == (0, 2500)


def test_segment_that_cannot_be_written_leaves_everything_waiting(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(0, FIRST)

    def broken(_: str) -> int:
        raise OverflowError

    with monkeypatch.context() as patch, pytest.raises(OverflowError):
        patch.setattr(segments, "number", broken)
        house.book.words.catch_up()

    assert (house.book.facts()["waiting"], _found(house, hand, "harbour")) == (FIRST, FIRST)
    assert house.book.words.catch_up(everything=True) == FIRST


def test_older_index_put_back_in_place_is_made_anew(
    house: House,
    hand: Callable[..., Hand],
    filled: Callable[[int, int], None],
    clock: Callable[[], int],
    tamper: Tamper,
) -> None:
    tables = [table.name for table in schema.WORDS.sorted_tables]
    filled(0, FIRST)
    house.book.words.catch_up(everything=True)
    with tamper() as bare:
        older = {table: bare.rows(f"SELECT * FROM {table}") for table in tables}
    filled(FIRST, LATER)
    house.book.words.catch_up(everything=True)
    house.close()
    with tamper() as bare:
        for table in tables:
            bare.execute(f"DELETE FROM {table}")
            bare.insert(table, older[table])

    again = House(house.folder, house.settings, clock=clock, synchronous="OFF")
    try:
        before = _found(again, hand, "harbour")
        again.book.words.catch_up(everything=True)
        assert (before, _found(again, hand, "harbour")) == (FIRST + LATER, FIRST + LATER)
        assert again.book.facts()["waiting"] == 0
    finally:
        again.close()


def test_indexing_in_the_background_outlives_an_error_and_tells_nothing_of_any_item(
    house: House,
    filled: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(house.book.words, "_elsewhere", inf)  # what is broken is broken here alone
    filled(0, FIRST)

    def broken(term: str) -> int:
        raise LookupError(term)

    with monkeypatch.context() as patch:
        patch.setattr(segments, "number", broken)
        house.book.words.keep_up(every=0.01)
        _wait_until(lambda: len(caplog.records) >= 2)
    _wait_until(lambda: house.book.facts()["waiting"] < 16)

    assert {record.getMessage().count("\n") for record in caplog.records} == {0}
    assert "LookupError" in caplog.text
    assert "harbour" not in caplog.text
    assert "Traceback" not in caplog.text


# A constraint that is looked at only at the commit, as a full disk is met.
BROKEN = {
    "sqlite": """
        CREATE TABLE words.before(n INTEGER PRIMARY KEY);
        CREATE TABLE words.late(n INTEGER REFERENCES before(n) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER words.broken AFTER INSERT ON segment BEGIN INSERT INTO late VALUES(1); END""",
    "postgres": """
        CREATE FUNCTION words.full() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END';
        CREATE CONSTRAINT TRIGGER broken AFTER INSERT ON words.segment DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION words.full()""",
}
MENDED = {"sqlite": "DROP TRIGGER words.broken", "postgres": "DROP TRIGGER broken ON words.segment"}


def test_segment_whose_commit_fails_is_undone_and_written_by_the_next_round(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None], tamper: Tamper
) -> None:
    filled(0, FIRST)
    with tamper() as bare:
        engine = "postgres" if bare.postgres else "sqlite"
        for statement in BROKEN[engine].split(";\n"):
            bare.execute(statement)
    if engine == "sqlite":
        house.book.words._segments._ink.execute("PRAGMA foreign_keys=ON")

    with pytest.raises(house.book._engine.failures):
        house.book.words.catch_up()
    assert (house.book.facts()["waiting"], _found(house, hand, "harbour")) == (FIRST, FIRST)

    with tamper() as bare:
        bare.execute(MENDED[engine])
    assert house.book.words.catch_up(everything=True) == FIRST
    assert _found(house, hand, "harbour") == FIRST


def _wait_until(reached: Callable[[], bool], seconds: float = 10) -> None:
    end = monotonic() + seconds
    while not reached():
        assert monotonic() < end
        sleep(0.01)


def test_an_engine_is_asked_how_much_there_is_whenever_that_has_doubled(
    house: House, filled: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planner that knows a register as it was when it was small goes through the whole of it when it is large."""
    monkeypatch.setattr(index, "_GROWN", 8)
    engine, asked = house.book._engine, []
    survey = engine.survey
    monkeypatch.setattr(engine, "survey", lambda: asked.append(survey()))

    told = []
    for start, count in ((0, 20), (20, 4), (24, 40), (64, 4)):
        filled(start, count)
        house.book.words.catch_up(everything=True)
        told.append(len(asked))

    assert told == [1, 1, 2, 2]


def test_an_index_is_built_also_where_the_engine_cannot_look_how_much_there_is(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Unreachable

    monkeypatch.setattr(index, "_GROWN", 8)
    monkeypatch.setattr(house.book._engine, "survey", fail)
    filled(0, 40)

    assert house.book.words.catch_up(everything=True) == 40
    assert _found(house, hand, "harbour") == 40


def test_what_another_process_indexed_before_it_ended_waits_no_more(
    house: House, filled: Callable[[int, int], None]
) -> None:
    filled(0, FIRST)
    another = segments.Segments(house.book._engine)
    while another.add(everything=True):
        pass
    another.close()
    assert house.book.facts()["waiting"] == FIRST

    assert house.book.words.catch_up() == 0
    assert house.book.facts()["waiting"] == 0


def test_where_much_waits_a_process_of_its_own_indexes_and_ends(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    helpers = []

    @contextmanager
    def noted(where: Where) -> Iterator[Popen[bytes]]:
        with indexing(where) as helper:
            helpers.append(helper)
            yield helper

    monkeypatch.setattr(index, "indexing", noted)
    monkeypatch.setattr(house.book.words, "_elsewhere", 0.0)
    # The process fills segments of its own size.
    filled(0, 2048)
    house.book.words.keep_up(every=0.01)
    _wait_until(lambda: house.book.facts()["waiting"] < 16, seconds=60)
    helpers[0].send_signal(signal.SIGTERM)  # as a supervisor sends it to all processes of a service
    house.book.words.close()

    assert [helper.returncode for helper in helpers] == [0]
    assert (house.book.facts()["waiting"], _found(house, hand, "harbour"), _found(house, hand, "w2047")) == (0, 2048, 1)


def test_the_process_that_indexes_ends_well_by_itself_once_little_waits(
    house: House, hand: Callable[..., Hand], filled: Callable[[int, int], None]
) -> None:
    filled(0, 2048)

    with indexing(house.book.words._where) as helper:
        assert helper.wait(60) == 0

    house.book.words.catch_up(everything=True)
    assert (house.book.facts()["waiting"], _found(house, hand, "harbour")) == (0, 2048)


@pytest.mark.parametrize("program", [sys.executable, "/nowhere/python", "/bin/true"])
def test_where_no_other_process_can_index_it_is_done_here(
    house: House,
    hand: Callable[..., Hand],
    filled: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    program: str,
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(house.book.words, "_elsewhere", 0.0)
    # Larger than a pipe holds: one that reads nothing of it ends while it is still told.
    monkeypatch.setattr(house.book.words, "_where", Where("/nowhere" * 10_000))
    filled(0, FIRST)
    house.book.words.keep_up(every=0.01)
    _wait_until(lambda: house.book.facts()["waiting"] < 16, seconds=60)

    assert "done here" in caplog.text
    assert _found(house, hand, "harbour") == FIRST
