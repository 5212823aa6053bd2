from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diwan.registry.engines.sqlite import Sqlite
from diwan.registry.engines.sqlite_file import writing_connection
from diwan.registry.pen import Pen
from diwan.terms.errors import Full, Refused, Unsettled


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pen.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE line(said TEXT UNIQUE)")
    connection.execute("CREATE TABLE state(name TEXT, value INTEGER)")
    connection.close()
    return path


@pytest.fixture
def pen(file: Path) -> Iterator[Pen]:
    opened = Pen(writing_connection(file, synchronous="OFF"), (sqlite3.Error,))
    yield opened
    opened.close()


class _Failing:
    """A connection whose disk is full when it commits something that was written."""

    def __init__(self, line: sqlite3.Connection) -> None:
        self._line, self._before = line, line.total_changes

    def __getattr__(self, name: str) -> object:
        return getattr(self._line, name)

    def commit(self) -> None:
        if self._line.total_changes > self._before:
            raise sqlite3.OperationalError("database or disk is full")
        self._line.commit()


def say(text: str) -> Callable[[sqlite3.Connection], int]:
    return lambda ink: ink.execute("INSERT INTO line VALUES(?)", [text]).rowcount


def said(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    lines = [line for (line,) in connection.execute("SELECT said FROM line ORDER BY rowid")]
    connection.close()
    return lines


class Gathered:
    """Holds the pen at a first job until others wait behind it, so that they are written as one group."""

    def __init__(self, pen: Pen, jobs: list[Callable[[sqlite3.Connection], object]]) -> None:
        held, go = threading.Event(), threading.Event()

        def hold(_: sqlite3.Connection) -> None:
            held.set()
            go.wait(10)

        with ThreadPoolExecutor(len(jobs) + 1) as hands:
            first = hands.submit(pen.write, hold)
            held.wait(10)
            self.answers = []
            for count, job in enumerate(jobs, 1):
                self.answers.append(hands.submit(pen.write, job))
                while pen._jobs.qsize() < count:
                    pass
            go.set()
            first.result()
        self.failures = [answer.exception() for answer in self.answers]


def test_what_was_answered_for_is_there_for_everyone(pen: Pen, file: Path) -> None:
    assert pen.write(say("one")) == 1

    assert said(file) == ["one"]


def test_jobs_that_wait_together_share_one_commit_and_keep_their_order(pen: Pen, file: Path) -> None:
    seen: list[list[str]] = []
    others = [say(f"line {n}") for n in range(5)]

    Gathered(pen, [*others, lambda _: seen.append(said(file))])

    assert seen == [[]]
    assert said(file) == [f"line {n}" for n in range(5)]


def test_a_job_that_fails_undoes_itself_and_nothing_of_its_neighbours(pen: Pen, file: Path) -> None:
    def half(ink: sqlite3.Connection) -> None:
        ink.execute("INSERT INTO line VALUES('half')")
        raise LookupError("the second half is not there")

    group = Gathered(pen, [say("before"), half, say("before"), say("after")])

    assert [type(failure) for failure in group.failures] == [
        type(None),
        LookupError,
        sqlite3.IntegrityError,
        type(None),
    ]
    assert said(file) == ["before", "after"]


def test_after_a_failure_the_pen_writes_on(pen: Pen, file: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        pen.write(lambda _: 1 // 0)

    pen.write(say("still here"))

    assert said(file) == ["still here"]


def test_a_job_that_spoils_the_transaction_is_told_and_its_neighbours_are_written(pen: Pen, file: Path) -> None:
    def lose_the_transaction(ink: sqlite3.Connection) -> None:
        ink.execute("ROLLBACK")

    group = Gathered(pen, [say("one"), lose_the_transaction, say("two")])

    assert [type(failure) for failure in group.failures] == [type(None), sqlite3.OperationalError, type(None)]
    assert said(file) == ["one", "two"]
    assert pen.write(say("three")) == 1


def test_when_the_commit_itself_fails_every_job_of_the_group_is_told_and_nothing_is_written(
    pen: Pen, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = writing_connection(file, synchronous="OFF")
    monkeypatch.setattr(pen, "_ink", _Failing(line))

    def refuse(ink: sqlite3.Connection) -> None:
        raise LookupError(f"{ink.execute('SELECT said FROM line').fetchone()} is there already")

    group = Gathered(pen, [say("one"), refuse, say("two")])

    assert [str(failure) for failure in group.failures] == ["database or disk is full"] * 3
    assert said(file) == []
    monkeypatch.undo()
    assert pen.write(say("three")) == 1
    line.close()


def test_a_full_disk_is_told_as_such_and_the_pen_writes_on_when_there_is_room(file: Path) -> None:
    line = writing_connection(file, synchronous="OFF")
    pen = Pen(line, (sqlite3.Error,), Sqlite(file.parent).is_full)
    try:
        line.execute("PRAGMA max_page_count=1")  # no room for what is long: the engine's own refusal
        with pytest.raises(Full, match="is full"):
            pen.write(say("x" * 100_000))
        line.execute("PRAGMA max_page_count=100000")
        pen.write(say("short"))
    finally:
        pen.close()
    assert said(file) == ["short"]


def test_a_pen_that_breaks_tells_whoever_waits_and_takes_nothing_more(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    line = writing_connection(file, synchronous="OFF")
    broken = Pen(line, (sqlite3.Error,))

    def fail(*_: object) -> None:
        raise KeyError("what was to be written")

    monkeypatch.setattr(broken.told, "note", fail)
    held, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as hands:
        first = hands.submit(broken.write, lambda ink: (say("one")(ink), held.set(), go.wait(10)))
        held.wait(10)
        behind = hands.submit(broken.write, say("two"))
        while broken._jobs.qsize() < 1:
            pass
        go.set()
        assert [type(one.exception(10)) for one in (first, behind)] == [Unsettled, Unsettled]

    with pytest.raises(Refused, match="closed"):
        broken.write(say("three"))
    assert "KeyError" in caplog.text and "what was" not in caplog.text
    assert said(file) == ["one"]
    broken.close()


def test_a_pen_that_breaks_while_it_writes_lets_go_of_the_write_order(file: Path) -> None:
    broken = Pen(writing_connection(file, synchronous="OFF"), (sqlite3.Error,))

    def end(ink: sqlite3.Connection) -> None:
        say("one")(ink)
        raise SystemExit

    with pytest.raises(Unsettled):
        broken.write(end)

    another = sqlite3.connect(file, timeout=0.1, isolation_level=None)
    another.execute("BEGIN IMMEDIATE")
    another.close()
    assert said(file) == []
    broken.close()


def test_jobs_asked_before_closing_are_written_though_the_pen_is_told_to_stop(file: Path) -> None:
    pen = Pen(writing_connection(file, synchronous="OFF"), (sqlite3.Error,))
    held, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(4) as hands:
        first = hands.submit(pen.write, lambda _: (held.set(), go.wait(10)))
        held.wait(10)
        last = hands.submit(pen.write, say("the last line"))
        while pen._jobs.qsize() < 1:
            pass
        closing = hands.submit(pen.close)
        go.set()
        first.result(10)
        assert last.result(10) == 1
        closing.result(10)

    assert said(file) == ["the last line"]


def test_another_writer_of_the_same_file_is_waited_for(pen: Pen, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO line VALUES('other')")
    with ThreadPoolExecutor(1) as hands:
        mine = hands.submit(pen.write, say("mine"))
        assert not mine.done()
        other.execute("COMMIT")
        mine.result(10)
    other.close()

    assert said(file) == ["other", "mine"]
