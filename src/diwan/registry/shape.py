"""Brings a register to the shape this software expects, and refuses one that is ahead of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from diwan.registry.engines.sqlite import REGISTER, WORDS
from diwan.terms.errors import Refused

SHAPE: Final = "0002"
"""The migration that this version of the software was written against."""


def keep_private(folder: Path) -> None:
    """Make `folder` where there is none, closed to other accounts of the machine: every label's items lie in it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def ready(folder: Path) -> None:
    """Bring the register and word index in `folder` to `SHAPE`, creating them where there are none.

    Raises:
        Refused: the register was written by a later version of the software.
    """
    for name in (REGISTER, WORDS):
        known = _shape_of(folder / name)
        if known is not None and known > SHAPE:
            raise Refused(
                f"{folder / name} has shape {known}; this version of Diwan knows shapes up to {SHAPE}."
                " Nothing was changed; run the version that wrote it, or a later one."
            )
        if known != SHAPE:
            _migrate(folder / name, words=name == WORDS)


def _shape_of(file: Path) -> str | None:
    if not file.exists():
        return None
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM shape").fetchone()
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as wrong:
        raise Refused(f"{file} is not a database of Diwan: {wrong}. Nothing was changed.") from None
    finally:
        connection.close()
    return str(row[0]) if row else None


def _migrate(file: Path, *, words: bool) -> None:
    from alembic import command  # noqa: PLC0415 -- slow import, and only needed when the shape changes
    from alembic.config import Config  # noqa: PLC0415 -- slow import
    from sqlalchemy import create_engine, event  # noqa: PLC0415 -- slow import

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(file, isolation_level=None, timeout=60))
    # One transaction, begun before looking: the driver's own would leave tables outside it, so that a crash could leave
    # half a shape, and two processes that begin one register would trip over each other.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        config.attributes.update(connection=connection, words=words)
        command.upgrade(config, "head")
    engine.dispose()
