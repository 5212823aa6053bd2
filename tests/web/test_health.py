"""The probes: fixed words, whatever the register holds, and a reason by its name alone when the node cannot work."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from litestar.testing import TestClient

from diwan.house import House
from diwan.terms.item import Ref
from diwan.web.app import create_app
from diwan.web.health import ROOM, Readiness


def test_anyone_learns_that_the_process_lives_and_that_the_node_is_ready_and_nothing_else(
    house: House, alert: Callable[..., Ref]
) -> None:
    alert("KW-1", "TLP:RED // KWT ONLY", headline="Sandstorm")

    with TestClient(create_app(house)) as client:
        answers = [client.get(path, params={"q": "Sandstorm"}) for path in ("/health", "/ready")]
        answers += [client.get(path, headers={"authorization": "Bearer dwn_x"}) for path in ("/health", "/ready")]

    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "alive\n"), (200, "ready\n")] * 2
    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-store"}


def test_a_node_whose_pen_was_put_down_lives_and_is_not_ready(house: House) -> None:
    with TestClient(create_app(house)) as client:
        house.book._pen.close()
        alive, ready = client.get("/health"), client.get("/ready")

    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert (ready.status_code, ready.text) == (503, "not ready: pen\n")


def test_a_register_that_cannot_be_read_and_a_full_disk_are_told_by_name(house: House) -> None:
    full = Readiness(house, free=lambda: ROOM - 1)
    fits = Readiness(house, free=lambda: ROOM)
    assert (fits.wants(), full.wants()) == (None, "disk")

    gone = Readiness(house, free=lambda: shutil.disk_usage(house.folder / "nowhere").free)
    house.close()

    assert (gone.wants(), Readiness(house).wants()) == ("register", "register")


def test_a_write_that_does_not_end_is_waited_for_once_and_by_one_thread(house: House) -> None:
    readiness = Readiness(house, kept=0.0, patience=0.05)
    assert readiness.wants() is None
    with closing(sqlite3.connect(house.folder / "register.db", isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        stuck = [readiness.wants() for _ in range(5)]
        waiting = [one for one in threading.enumerate() if one.name == "diwan-ready"]
        another.execute("ROLLBACK")

    again = [readiness.wants() for _ in range(100) if time.sleep(0.02) is None]

    assert stuck == ["pen"] * 5
    assert len(waiting) == 1
    assert again[-1] is None


def test_many_who_ask_at_once_cost_one_look(house: House) -> None:
    looked = []

    def free() -> int:
        looked.append(time.sleep(0.05))
        return ROOM

    readiness = Readiness(house, free=free)

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: readiness.wants(), range(200)))

    assert len(looked) == 1
    assert set(told) <= {None, "starting"}
    assert readiness.wants() is None
