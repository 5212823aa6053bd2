"""A server that takes over without what was committed last gives the same numbers again, to other things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import conninfo, sql

from diwan.house import House
from diwan.registry import stacks
from diwan.settings import Settings
from diwan.terms.errors import Unreachable
from diwan.terms.hand import Hand
from diwan.terms.reader import Reader
from postgres_server import Server

Make = Callable[..., Any]


class Servers:
    """A database, and one that stands by with what was there when it was last copied."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.database = server.database()
        self.standby = ""

    def end_all(self) -> None:
        with psycopg.connect(self.server.superuser_of(self.database), autocommit=True) as here:
            here.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def copy(self) -> None:
        self.end_all()
        self.standby = self.server.database(like=self.database)

    def take_over(self) -> None:
        """Let the copy answer under the name of the one it was made of."""
        self.end_all()
        leads, follows = (str(conninfo.conninfo_to_dict(one)["dbname"]) for one in (self.database, self.standby))
        with psycopg.connect(self.server.superuser, autocommit=True) as here:
            here.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(leads)))
            here.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (follows, leads))))


@pytest.fixture
def servers(postgres: Server) -> Any:
    made = Servers(postgres)
    yield made
    postgres.drop(made.database)


def seen(house: House, party: str) -> list[str]:
    return [item.title for item in house.room(Reader(party, party)).page().items]


def test_what_was_remembered_of_gates_and_labels_that_were_lost_is_not_taken_for_those_that_came_after(
    tmp_path: Path, servers: Servers, hand: Callable[..., Hand], amber: Make, note: Make
) -> None:
    settings = Settings(keeper="NATO", hosted=("KWT", "QAT", "BHR"), postgres=servers.database)
    kwt, one = hand("KWT"), House(tmp_path / "node", settings, synchronous="OFF")
    one.take(kwt, note("first"), amber("KWT"), originator="KWT")
    servers.copy()
    one.take(kwt, note("lost"), amber("QAT"), originator="KWT")
    assert (seen(one, "QAT"), seen(one, "BHR")) == (["lost"], [])
    servers.take_over()
    other = House(tmp_path / "node", settings, synchronous="OFF")
    other.take(kwt, note("for Bahrain"), amber("BHR"), originator="KWT")

    assert (seen(one, "QAT"), seen(one, "BHR")) == ([], ["for Bahrain"])
    one.take(kwt, note("for Qatar"), amber("QAT"), originator="KWT")

    for house in (one, other):
        assert (seen(house, "QAT"), seen(house, "BHR")) == (["for Qatar"], ["for Bahrain"])
        assert house.prove().faults == ()
        house.close()


def test_nobody_is_shown_the_past_by_a_server_that_no_longer_leads_unless_it_stays_so(
    tmp_path: Path, servers: Servers, hand: Callable[..., Hand], amber: Make, note: Make, monkeypatch: Any
) -> None:
    settings = Settings(keeper="NATO", hosted=("KWT", "QAT", "BHR"), postgres=servers.database)
    house = House(tmp_path / "node", settings, synchronous="OFF")
    house.take(hand("KWT"), note("first"), amber("QAT"), originator="KWT")
    servers.copy()
    house.take(hand("KWT"), note("second"), amber("QAT"), originator="KWT")
    assert seen(house, "QAT") == ["second", "first"]
    servers.take_over()

    for _ in range(3):
        with pytest.raises(Unreachable):
            seen(house, "QAT")
    monkeypatch.setattr(stacks, "_PATIENCE", 0.0)
    assert seen(house, "QAT") == ["first"]
    house.close()


def test_rules_that_were_lost_release_nothing_under_those_that_came_after(
    tmp_path: Path, servers: Servers, hand: Callable[..., Hand], amber: Make, note: Make
) -> None:
    def belongs(house: House, party: str) -> None:
        said = {"kind": "membership", "framework": "ICI", "party": party, "standing": "member"}
        draft = house.draft("application/vnd.diwan.network+json", msgspec.json.encode(said))
        house.take(hand("NATO"), draft, amber("NATO"), originator="NATO")

    settings = Settings(keeper="NATO", hosted=("KWT", "QAT", "BHR"), postgres=servers.database)
    one = House(tmp_path / "node", settings, synchronous="OFF")
    one.take(hand("KWT"), note("for the framework"), amber("ICI"), originator="KWT")
    servers.copy()
    belongs(one, "QAT")
    assert (seen(one, "QAT"), seen(one, "BHR")) == (["for the framework"], [])
    servers.take_over()
    other = House(tmp_path / "node", settings, synchronous="OFF")
    belongs(other, "BHR")

    assert (seen(one, "QAT"), seen(one, "BHR")) == ([], ["for the framework"])
    for house in (one, other):
        assert house.prove().faults == ()
        house.close()
