"""The engines a register can be kept in: SQLite for one small server, PostgreSQL for several hosts and a standby."""

from __future__ import annotations

from pathlib import Path

from diwan.registry.engines.lines import Engine
from diwan.registry.engines.sqlite import Sqlite
from diwan.terms.errors import Refused


def engine_of(folder: Path, postgres: str, *, synchronous: str = "FULL") -> Engine:
    """Return the engine of the node in `folder`: PostgreSQL where a conninfo is given, otherwise files in the folder.

    `synchronous` is the engine's own word for what a commit waits for; anything but FULL is for tests.

    Raises:
        Refused: PostgreSQL is wanted, and this installation has no driver for it.
    """
    if not postgres:
        return Sqlite(folder, synchronous=synchronous)
    _check_driver()
    from diwan.registry.engines.postgres import Postgres  # noqa: PLC0415 -- an extra: a node on SQLite needs no driver

    return Postgres(postgres, durable=synchronous == "FULL")


def database_of(postgres: str) -> str:
    """Return the name of the database that a conninfo points to, or nothing where it names none.

    Raises:
        Refused: this installation has no driver that could read it.
    """
    _check_driver()
    from psycopg import conninfo  # noqa: PLC0415 -- an extra: a node on SQLite needs no driver

    return str(conninfo.conninfo_to_dict(postgres).get("dbname") or "")


def _check_driver() -> None:
    try:
        import psycopg  # noqa: F401, PLC0415 -- an extra, as above
    except ImportError:  # it is missing, or the library that it rests on
        raise Refused(
            "A register in PostgreSQL needs the driver psycopg, which this installation lacks: its extra `postgres` was"
            " left out. No register was opened, and nothing was changed; add it with"
            " `pip install 'diwan-node[postgres]'`."
        ) from None
