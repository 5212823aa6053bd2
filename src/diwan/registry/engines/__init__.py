"""The engines a register can be kept in: SQLite for one small server, PostgreSQL for several hosts and a standby."""

from __future__ import annotations

from pathlib import Path

from diwan.registry.engines.lines import Engine
from diwan.registry.engines.sqlite import Sqlite


def engine_of(folder: Path, postgres: str, *, synchronous: str = "FULL") -> Engine:
    """Return the engine of the node in `folder`: PostgreSQL where a conninfo is given, otherwise files in the folder.

    `synchronous` is the engine's own word for what a commit waits for; anything but FULL is for tests.
    """
    if not postgres:
        return Sqlite(folder, synchronous=synchronous)
    from diwan.registry.engines.postgres import Postgres  # noqa: PLC0415 -- an extra: a node on SQLite needs no driver

    return Postgres(postgres, durable=synchronous == "FULL")


def database_of(postgres: str) -> str:
    """Return the name of the database that a conninfo points to, or nothing where it names none."""
    from psycopg import conninfo  # noqa: PLC0415 -- an extra: a node on SQLite needs no driver

    return str(conninfo.conninfo_to_dict(postgres).get("dbname") or "")
