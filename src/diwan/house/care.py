"""The care of a node's register where no house is open: whether there is one, its shape, what a backup gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from diwan.registry.chance import wall_clock
from diwan.registry.engines import database_of, engine_of
from diwan.registry.engines.postgres_wall import script
from diwan.registry.engines.sqlite_file import REGISTER
from diwan.registry.keeping import Restored, restore
from diwan.registry.proof import Progress
from diwan.settings import read_settings, settings_in, with_postgres
from diwan.terms.check import Check
from diwan.terms.errors import Malformed, Refused


def is_node(folder: Path) -> bool:
    """Return whether there is a node in `folder`: a register in its files, or where its settings point.

    Raises:
        Refused: its settings cannot be read, or the server that they name cannot be reached.
    """
    if (folder / REGISTER).exists():
        return True
    postgres = read_settings(folder).postgres
    return bool(postgres) and engine_of(folder, postgres).there()


def restore_node(
    file: Path, folder: Path, *, postgres: str = "", progress: Progress = lambda _, __, ___: None
) -> Restored:
    """Make a node in the empty `folder` from a backup, whole or not at all.

    Its register is kept in files there, or in the empty database where the conninfo `postgres` points.

    Raises:
        Refused: folder or database is not empty, or the file is not a sound backup.
    """

    def settle_in(settings: bytes, party: str) -> bytes:
        try:
            keeper = settings_in(settings).keeper
        except ValueError as wrong:
            raise Malformed(f"The settings in {file} are none: {wrong}. Nothing was restored.") from None
        if keeper != party:
            raise Refused(
                f"{file} was signed for {party}, and its settings say that {keeper} keeps the node. Nothing was"
                " restored."
            )
        return with_postgres(settings, postgres)

    return restore(file, folder, wall_clock(), postgres=postgres, settle_in=settle_in, progress=progress)


def check_unused(folder: Path, postgres: str) -> None:
    """Refuse to begin a node where a register is kept already.

    Raises:
        Refused: a register is there, or the server cannot be reached.
    """
    engine = engine_of(folder, postgres)
    try:
        if engine.there():
            raise Refused(
                "A register is kept in that database already. Nothing was changed. To serve it from another host, copy"
                " the folder of its node there."
            )
    finally:
        engine.close()


def upgrade_register(folder: Path) -> tuple[str, str]:
    """Bring the register of the node in `folder` to the present shape; return its shape before and after.

    Raises:
        Refused: later software wrote it, or someone reads in it for too long; nothing was changed.
    """
    engine = engine_of(folder, read_settings(folder).postgres)
    try:
        before, _ = engine.shapes()
        engine.upgrade()
        after, _ = engine.shapes()
    finally:
        engine.close()
    return before or "none", after or "none"


def check_register(folder: Path) -> Iterator[Check]:
    """Look at where the register of the node in `folder` is kept, without opening the node."""
    engine = engine_of(folder, read_settings(folder).postgres)
    try:
        yield from engine.check()
    finally:
        engine.close()


def postgres_script(folder: Path, database: str = "") -> str:
    """Return what a superuser of PostgreSQL runs once for a node: for `database`, or for the one its settings name."""
    postgres = read_settings(folder).postgres
    return script(database or (database_of(postgres) if postgres else "") or "diwan")
