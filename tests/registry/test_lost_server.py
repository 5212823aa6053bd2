"""A PostgreSQL that drops its connections, or says nothing any more, is given up and asked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from diwan.house import House
from diwan.registry.engines import postgres as engine
from diwan.registry.engines.postgres_wire import Connected
from diwan.settings import Settings
from diwan.terms.errors import Unreachable
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from postgres_server import Server


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    made = postgres.database()
    yield made
    postgres.drop(made)


@pytest.fixture
def node(tmp_path: Path, database: str) -> Iterator[House]:
    opened = House(tmp_path / "node", Settings(keeper="NATO", hosted=("KWT",), postgres=database), synchronous="OFF")
    yield opened
    opened.close()


def drop_all(postgres: Server, database: str) -> int:
    with psycopg.connect(postgres.superuser_of(database), autocommit=True) as there:
        asked = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'diwan%'"
        return int(there.execute(f"{asked} AND datname = current_database()").fetchone()[0])  # type: ignore[index]


def test_when_the_server_dropped_every_connection_the_next_question_and_the_next_entry_are_answered(
    node: House,
    postgres: Server,
    database: str,
    hand: Callable[..., Hand],
    note: Callable[..., Draft],
    amber: Callable[..., Label],
) -> None:
    rooms = [node.room(Reader(f"reader {n}", "QAT")) for n in range(3)]
    node.take(hand("KWT"), note("before"), amber("KWT", "QAT"), originator="KWT")
    with rooms[0]._opened(), rooms[1]._opened():
        assert rooms[2].count() == 1
    assert drop_all(postgres, database) >= 5

    assert [room.count() for room in rooms] == [1, 1, 1]
    node.take(hand("KWT"), note("after"), amber("KWT", "QAT"), originator="KWT")
    assert [item.title for item in rooms[0].page().items] == ["after", "before"]


def test_a_reader_whose_connection_breaks_in_the_middle_is_told_and_takes_no_place_with_it(
    node: House, postgres: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = node.room(Reader("reader", "QAT"))
    for _ in range(engine._READERS + 2):
        with pytest.raises(psycopg.OperationalError), room._opened() as opened:
            drop_all(postgres, database)
            opened.shelf.count(None)

    assert room.count() == 0


def test_a_server_that_says_nothing_is_given_up_and_asked_again_later(
    node: House,
    postgres: Server,
    database: str,
    hand: Callable[..., Hand],
    note: Callable[..., Draft],
    amber: Callable[..., Label],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Connected, "silence", 0.5)
    with psycopg.connect(postgres.superuser_of(database)) as other:
        other.execute("SELECT value FROM register.state WHERE name = 'last_position' FOR UPDATE")
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            node.take(hand("KWT"), note("while nothing is said"), amber("KWT"), originator="KWT")
        assert time.monotonic() - begun < 10

    node.take(hand("KWT"), note("afterwards"), amber("KWT"), originator="KWT")


def test_while_no_server_leads_whoever_asks_is_told_so_and_then_is_answered_again(
    node: House, hand: Callable[..., Hand], note: Callable[..., Draft], amber: Callable[..., Label]
) -> None:
    postgres = node.book._engine
    assert isinstance(postgres, engine.Postgres)
    room, where = node.room(Reader("reader", "KWT")), postgres._conninfo
    postgres._conninfo = "host=127.0.0.1 port=1"
    with node.book.own_pages() as own:
        own.close()
    node.book._pen._ink.close()

    for ask in (
        room.count,
        node.rules,
        lambda: node.take(hand("KWT"), note("meanwhile"), amber("KWT"), originator="KWT"),
    ):
        with pytest.raises(Unreachable):
            ask()

    postgres._conninfo = where
    node.take(hand("KWT"), note("afterwards"), amber("KWT"), originator="KWT")
    assert [item.title for item in room.page().items] == ["afterwards"]
