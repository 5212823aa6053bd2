"""Keeping: a copy of the register taken while it is written to, and a register brought back from one."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from diwan.registry.engines.sqlite import REGISTER, WORDS, writing_connection
from diwan.registry.shape import keep_private, ready
from diwan.terms.errors import Refused


def write_backup(folder: Path, file: Path) -> None:
    """Write register, settings, keys and checkpoint of the node in `folder` into one archive, mode 0600.

    The archive holds the parties' private keys: who has it can sign for them.

    Raises:
        Refused: `file` exists, or the copy of the register is not sound.
    """
    if file.exists():
        raise Refused(f"{file} exists already. No backup was written.")
    with TemporaryDirectory(dir=file.parent) as scratch:
        copy = Path(scratch) / REGISTER
        copy_register(folder, copy)
        packed = Path(scratch) / "backup.tar"
        packed.touch(mode=0o600)
        with tarfile.open(packed, "w") as archive:
            archive.add(copy, REGISTER)
            for beside in _beside(folder):
                archive.add(beside, str(beside.relative_to(folder)))
        packed.rename(file)


def restore(file: Path, folder: Path) -> None:
    """Make a node in the empty `folder` from a backup.

    The restore generation rises, so that revisions made from now on outrank those that were lost since the backup.

    Raises:
        Refused: there is a register already, or the file is not a backup of a node.
    """
    if (folder / REGISTER).exists():
        raise Refused(f"{folder} already holds a register. Nothing was changed; restore into an empty folder.")
    keep_private(folder)
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as wrong:
        raise Refused(f"{file} is not a backup of a node: {wrong}. Nothing was restored.") from None
    if not (folder / REGISTER).exists():
        raise Refused(f"{file} holds no register. Nothing was restored.")
    _begin_again(folder)


def _beside(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / "keys").glob("*.key"))
    for name in ("settings.toml", "audit.checkpoint"):
        if (folder / name).exists():
            yield folder / name


def copy_register(folder: Path, into: Path) -> None:
    """Write a whole and consistent copy of the register in `folder` to the file `into`.

    Taken in one step: a copy page by page is restarted by every write elsewhere and may never end.
    """
    source = sqlite3.connect(f"file:{folder / REGISTER}?mode=ro", uri=True)
    target = sqlite3.connect(into)
    try:
        source.backup(target)
        (verdict,) = target.execute("PRAGMA integrity_check").fetchone()
    finally:
        target.close()
        source.close()
    if verdict != "ok":
        into.unlink()
        raise Refused(f"The copy of {folder / REGISTER} is not sound: {verdict}. It was removed.")


def _begin_again(folder: Path) -> None:
    # The word index is derived and not in the backup: everything waits to be indexed anew.
    (folder / WORDS).unlink(missing_ok=True)
    ready(folder)
    ink = writing_connection(folder / REGISTER)
    ink.execute("BEGIN IMMEDIATE")
    ink.execute("UPDATE state SET value=value+1 WHERE name='generation'")
    ink.execute("DELETE FROM tail")
    ink.execute(
        "INSERT INTO tail(since, gate, terms) SELECT s.since, s.gate, r.terms FROM stand s"
        " JOIN revision r ON r.position=s.revision WHERE s.until IS NULL"
    )
    ink.execute("COMMIT")
    ink.close()
