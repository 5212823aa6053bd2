"""A connection that breaks is opened anew, whoever held it; what nobody can say is told to be so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import errors

from diwan.house import House
from diwan.registry.engines.postgres_wire import Wire
from diwan.terms.errors import Unsettled
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from tampering import Tamper

Make = Callable[..., Any]
WHOSE = ("diwan_writer", "diwan_house", "diwan_reader")


def broken(tamper: Tamper, *users: str) -> int:
    """End every connection of some roles, as a restart of the server would, and return how many there were."""
    marks = ",".join(f"'{user}'" for user in users)
    with tamper() as bare:
        ended = bare.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE usename IN ({marks}) AND datname = current_database()"
        )
    return len(ended)


@pytest.mark.parametrize("users", [*((one,) for one in WHOSE), WHOSE], ids="+".join)
def test_after_every_connection_broke_all_goes_on(
    house: House, hand: Callable[..., Hand], amber: Make, note: Make, tamper: Tamper, users: tuple[str, ...]
) -> None:
    room = house.room(hand("QAT").reader)
    for round in range(3):
        assert len(room.page().items) == round
        house.book.facts()
        assert broken(tamper, *users) > 0

        house.take(hand("KWT"), note(f"note {round}"), amber("QAT"), originator="KWT")  # the pen
        assert house.book.audit_root()[0] > 0  # the house's own pages
        assert len(room.page().items) == round + 1  # readers
        assert house.book.words.catch_up(everything=True) > 0  # the word index
        assert house.prove().faults == ()


def test_an_index_that_was_refused_its_turn_goes_on_with_the_next(
    house: House, hand: Callable[..., Hand], amber: Make, note: Make, tamper: Tamper
) -> None:
    house.take(hand("KWT"), note("harbour"), amber("QAT"), originator="KWT")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type='Lock' AND datname=current_database()"
    with tamper() as held, tamper() as other, ThreadPoolExecutor() as pool:
        held.execute("BEGIN")
        held.execute("LOCK TABLE words.segment IN EXCLUSIVE MODE")
        indexing = pool.submit(house.book.words.catch_up, everything=True)
        while other.value(waiting) == 0:
            threading.Event().wait(0.01)
        other.rows(waiting.replace("count(*)", "pg_cancel_backend(pid)"))
        with pytest.raises(errors.QueryCanceled):
            indexing.result()
        held.execute("ROLLBACK")

    assert house.book.words.catch_up(everything=True) == 1


def test_a_connection_that_breaks_after_it_was_lent_is_opened_anew_by_the_snapshot(
    house: House, tamper: Tamper
) -> None:
    engine = house.book._engine
    pages = engine.lend(1, World.ACTUAL, frozenset({1}), frozenset())
    assert broken(tamper, "diwan_reader") > 0

    pages.snapshot()

    assert pages.execute("SELECT name FROM fact WHERE name='rules'").fetchall() == [("rules",)]
    pages.commit()
    engine.take_back(pages)


def test_a_snapshot_that_breaks_midway_fails_and_the_next_one_is_whole(
    house: House, hand: Callable[..., Hand], amber: Make, note: Make, tamper: Tamper
) -> None:
    house.take(hand("KWT"), note("one"), amber("QAT"), originator="KWT")
    room = house.room(hand("QAT").reader)
    walk = room.walk(size=1)

    with house.book.shelf(hand("QAT").reader, room.world) as opened:
        assert len(opened.shelf.newest(None, 5, 1.0)) == 1
        broken(tamper, "diwan_reader")
        with pytest.raises(house.book._engine.failures):
            opened.shelf.newest(None, 5, 1.0)

    assert [item.title for item in walk] == ["one"]


def test_a_job_whose_connection_breaks_before_the_commit_is_not_written_and_told_so(
    house: House, tamper: Tamper
) -> None:
    def job(sheet: Any) -> None:
        sheet.execute("INSERT INTO policy VALUES('never', '')")
        broken(tamper, "diwan_writer")
        sheet.execute("INSERT INTO policy VALUES('nor', '')")

    with pytest.raises(house.book._engine.failures):
        house.book._pen.write(job)
    house.book._pen.write(lambda sheet: sheet.execute("INSERT INTO policy VALUES('after', '')"))

    with tamper() as bare:
        assert bare.rows("SELECT id FROM policy WHERE id IN ('never', 'nor', 'after')") == [("after",)]


@pytest.mark.parametrize("written", [True, False], ids=["it was", "it was not"])
def test_a_commit_of_which_nobody_heard_is_told_as_unsettled_whether_it_was_written_or_not(
    house: House, tamper: Tamper, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """The answer is lost on the way: to be told it was done, or that it was not, would be a guess."""
    commit, lost = Wire.commit, threading.Event()

    def unheard(wire: Wire) -> None:
        if lost.is_set():
            commit(wire)
            return
        lost.set()
        if written:
            wire._connection.execute("COMMIT")
        broken(tamper, "diwan_writer")
        commit(wire)

    monkeypatch.setattr(Wire, "commit", unheard)
    with pytest.raises(Unsettled):
        house.book.write(lambda ink: ink.log([b"a line"]))
    monkeypatch.undo()
    before = house.book.audit_root()[0]
    house.book.write(lambda ink: ink.log([b"another"]))

    assert house.book.audit_root()[0] == before + 1
    with tamper() as bare:
        assert bare.value("SELECT count(*) FROM leaf WHERE value=?", [b"a line"]) == int(written)


def test_everyone_of_a_group_whose_commit_is_unsettled_is_told(
    house: House, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go, commits = threading.Event(), threading.Event(), []
    commit = Wire.commit

    def unheard(wire: Wire) -> None:
        commits.append(wire)
        if len(commits) == 2:  # the first is that of the job which holds the pen
            broken(tamper, "diwan_writer")
        commit(wire)

    first = house.book._pen.post(lambda _: (held.set(), go.wait(10)))
    held.wait(10)
    answers = [house.book._pen.post(lambda sheet, n=n: sheet.insert("policy", [(f"p{n}", "")])) for n in range(4)]
    monkeypatch.setattr(Wire, "commit", unheard)
    go.set()
    first.result(10)

    assert [type(answer.exception(20)) for answer in answers] == [Unsettled] * 4


def test_a_draft_is_never_acknowledged_by_a_server_that_went_away(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft], tamper: Tamper
) -> None:
    """Writers go on while connections break again and again: what was acknowledged is there, once."""
    acknowledged: list[str] = []
    stop = threading.Event()

    def breaking() -> None:
        while not stop.wait(0.05):
            broken(tamper, "diwan_writer")

    beside = threading.Thread(target=breaking)
    beside.start()
    failed = 0
    for n in range(60):
        try:
            house.take(hand("KWT"), note(f"note {n}"), amber("QAT"), originator="KWT")
            acknowledged.append(f"note {n}")
        except (Unsettled, *house.book._engine.failures):
            failed += 1
    stop.set()
    beside.join()

    titles = [item.title for item in house.room(hand("QAT").reader).walk()]
    assert set(acknowledged) <= set(titles)
    assert len(titles) == len(set(titles))
    assert len(titles) <= len(acknowledged) + failed
    assert house.prove().faults == ()
    assert acknowledged
