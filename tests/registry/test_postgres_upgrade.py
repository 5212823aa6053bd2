"""A later version of the software upgrades the register while this one goes on working."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from diwan.house import House, check_register
from diwan.reading import Query
from diwan.registry.engines import postgres as engine_module
from diwan.registry.engines.postgres import Postgres
from diwan.terms.errors import Refused
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from tampering import Tamper

SRC = Path(__file__).parents[2] / "src"
LATER = Path(__file__).parent / "later_upgrade.py"


def later_upgrade(register: str) -> str:
    done = subprocess.run(
        [sys.executable, LATER, register],
        env={**os.environ, "PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return done.stdout + done.stderr


@contextmanager
def going_on(*jobs: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Do things again and again in threads of their own, and keep what they raise."""
    stop, raised = threading.Event(), list[BaseException]()

    def go_on(job: Callable[[], None]) -> None:
        while not stop.is_set():
            try:
                job()
            except BaseException as failure:  # noqa: BLE001 -- the test tells
                raised.append(failure)
                return

    threads = [threading.Thread(target=go_on, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield raised
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_under_a_later_upgrade_nothing_fails_and_both_versions_of_the_views_stand(
    house: House,
    register: str,
    tmp_path: Path,
    tamper: Tamper,
    hand: Callable[..., Hand],
    amber: Callable[..., Label],
    note: Callable[..., Draft],
    reader: Callable[..., Reader],
) -> None:
    entered: list[str] = []
    officer = hand("KWT")

    def write() -> None:
        taken = house.take(officer, note(f"number {len(entered)}"), amber("QAT"), originator="KWT")
        entered.append(taken.refs[0].id)

    def read(who: Reader) -> Callable[[], None]:
        def look() -> None:
            room = house.room(who)
            page = room.page(limit=20)
            for item in page.items[:3]:
                room.parts(item)
            room.changes()
            room.page(Query(words="number"), limit=5)

        return look

    def whole() -> None:
        assert house.prove().faults == ()
        house.book.words.catch_up(everything=True)

    write()
    with going_on(write, read(reader("QAT")), read(reader("KWT")), whole) as raised:
        threading.Event().wait(1)
        before = len(entered)
        said = later_upgrade(register)
        after = len(entered)
        threading.Event().wait(2)

    assert (said, raised) == ("upgraded\n", [])
    assert before <= after < len(entered)
    with tamper() as pages:
        walls = pages.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'wall_%' ORDER BY 1")
        assert walls == [("wall_0003",), ("wall_0004",)]
        assert pages.value("SELECT count(*) FROM register.item") == len(entered)
    assert house.prove().faults == ()
    again = House(house.folder, house.settings, synchronous="OFF")
    seen = {item.ref.id for item in again.room(reader("QAT")).page(limit=50).items}
    again.close()
    assert seen == set(entered[-len(seen) :])


def test_an_upgrade_waits_for_who_reads_and_gives_up_changing_nothing(
    register: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_TURN", 1)
    monkeypatch.setattr(engine_module, "_TURNS", 2)
    engine = Postgres(register)
    with closing(engine.whole()) as line:
        line.snapshot()
        line.execute("SELECT count(*) FROM state").fetchone()

        with pytest.raises(Refused, match=r"longer than 2 seconds.*Nothing was changed"):
            engine.upgrade()

        line.rollback()
    engine.upgrade()
    assert engine.shapes() == ("0003", "0003")
    engine.close()


def test_a_register_as_it_was_laid_is_found_well(house: House) -> None:
    (house.folder / "settings.toml").write_text(f'postgres = "{house.settings.postgres}"\n')

    found = {one.what: one for one in check_register(house.folder)}

    wrong = [one for one in found.values() if not one.well]
    # The server of the tests need not outlive the machine it runs on.
    assert {one.what for one in wrong} <= {"fsync", "full_page_writes"}
    assert {"logins", "register", "word index", "encoding", "roles", "row security", "policies", "views", "rights"} <= (
        found.keys() - {one.what for one in wrong}
    )


LOOSENED = {
    "row security": "ALTER TABLE register.part NO FORCE ROW LEVEL SECURITY",
    "policies": "ALTER POLICY reader ON register.stand USING (true)",
    "views": "ALTER VIEW wall_0003.text SET (security_invoker = false)",
    "rights": "GRANT UPDATE ON register.head TO diwan_reader",
}


@pytest.mark.parametrize("what", LOOSENED)
def test_what_was_loosened_is_found_and_an_upgrade_raises_it_anew(register: str, tamper: Tamper, what: str) -> None:
    engine = Postgres(register)
    with tamper() as pages:
        pages.connection.execute(LOOSENED[what])

    wrong = {one.what for one in engine.check() if not one.well}
    assert what in wrong
    engine.upgrade()
    assert what not in {one.what for one in engine.check() if not one.well}
    engine.close()


def test_who_cannot_log_in_is_named(register: str) -> None:
    found = list(Postgres(psycopg.conninfo.make_conninfo(register, dbname="nowhere")).check())

    assert [(one.what, one.well) for one in found] == [("logins", False)]
    assert "diwan_writer" in found[0].said
