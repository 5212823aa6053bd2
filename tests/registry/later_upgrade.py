"""Upgrades a register as a made-up later version of the software would: a new column, a new table, views of its own."""

from __future__ import annotations

import sys

from sqlalchemy import Connection

from diwan.registry import shape
from diwan.registry.engines import postgres, postgres_wall


def migrate(connection: Connection, *, words: bool) -> None:
    """Add something that the software of today knows nothing of, and let it work on."""
    if not words:
        connection.exec_driver_sql("ALTER TABLE item ADD COLUMN seen bigint NOT NULL DEFAULT 0")
        connection.exec_driver_sql("ALTER TABLE revision ADD COLUMN summary text")
        connection.exec_driver_sql("CREATE TABLE later(number bigint PRIMARY KEY)")
    connection.exec_driver_sql("UPDATE shape SET version_num='0004'")


shape.SHAPE = "0004"  # type: ignore[misc]
postgres_wall.VIEWS = postgres.VIEWS = "wall_0004"  # type: ignore[misc]
postgres.migrate = migrate
postgres.Postgres(sys.argv[1]).upgrade()
print("upgraded")
