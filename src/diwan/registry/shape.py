"""Brings a register to the shape this software expects, and says whether the two can work together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from diwan.terms.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy import Connection

SHAPE: Final = "0003"
"""The migration that this version of the software was written against."""


def is_current(what: str, shape: str | None, compatible: int | None) -> bool:
    """Return whether `what`, of that shape, needs no upgrade.

    A register of a later shape says which software may go on working with it, so that two versions of the software can
    run side by side while a cluster is upgraded host by host.

    Raises:
        Refused: it was written by later software that this one cannot work beside.
    """
    if shape is None or shape < SHAPE:
        return False
    if shape > SHAPE and (compatible is None or compatible > int(SHAPE)):
        raise Refused(
            f"{what} has shape {shape}; this version of Diwan knows shapes up to {SHAPE}."
            " Nothing was changed; run the version that wrote it, or a later one."
        )
    return True


def migrate(connection: Connection, *, words: bool) -> None:
    """Bring what `connection` is open to, the register or the word index, to `SHAPE`, within its transaction."""
    from alembic import command  # noqa: PLC0415 -- slow import, and only needed when the shape changes
    from alembic.config import Config  # noqa: PLC0415 -- slow import

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes.update(connection=connection, words=words)
    command.upgrade(config, "head")
