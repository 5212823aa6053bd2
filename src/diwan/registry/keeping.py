"""Keeping: a copy of the register taken while it is written to, and a register brought back from one."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from diwan.registry import chain
from diwan.registry.engines.sqlite import REGISTER, WORDS, Sqlite
from diwan.registry.shape import keep_private
from diwan.registry.sheet import Sheet
from diwan.terms.errors import Refused
from diwan.terms.time import Instant

CHECKPOINT: Final = "audit.checkpoint"
"""The audit log's size and root when it was last proved, signed."""

_BESIDE: Final = ("keys/*.key", "pins/**/*.pem", "settings.toml", "demo-clock", "demo-begun")


def write_backup(folder: Path, file: Path) -> str:
    """Write all that the node in `folder` cannot make anew into one archive, mode 0600; return its digest.

    The archive holds the parties' private keys: who has it can sign for them.

    Raises:
        Refused: `file` exists, or the copy of the register is not sound.
    """
    if file.exists():
        raise Refused(f"{file} exists already. No backup was written.")
    with TemporaryDirectory(dir=file.parent) as scratch:
        copy, packed = Path(scratch) / REGISTER, Path(scratch) / "backup.tar"
        packed.touch(mode=0o600)
        with tarfile.open(packed, "w") as archive:
            # First of all: a checkpoint newer than the register would say that lines were removed.
            if (folder / CHECKPOINT).exists():
                archive.add(folder / CHECKPOINT, CHECKPOINT)
            copy_register(folder, copy)
            archive.add(copy, REGISTER)
            for beside in _beside(folder):
                archive.add(beside, str(beside.relative_to(folder)))
        named = _digest(packed)
        packed.rename(file)
    return named


def restore(file: Path, folder: Path, at: Instant) -> None:
    """Make a node in the empty `folder` from a backup, whole or not at all.

    The restore generation rises, so that revisions made from now on outrank those that were lost since the backup.

    Raises:
        Refused: the folder is not empty, or the file is not a backup of a node.
    """
    _check_empty(folder)
    place = folder.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place and not in it, on the same disk: what is unpacked gets its name when it is whole.
    with TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as scratch:
        whole = Path(scratch) / "node"
        keep_private(whole)
        try:
            _unpack(file, whole)
            _begin_again(whole, chain.line_of("restore", at, by="console", of=[_digest(file)]))
        except (tarfile.TarError, sqlite3.DatabaseError) as wrong:
            raise Refused(f"{file} is not a backup of a node: {wrong}. Nothing was restored.") from None
        if place.exists():
            place.rmdir()
        whole.rename(place)


def _check_empty(folder: Path) -> None:
    if (folder / REGISTER).exists():
        raise Refused(f"{folder} already holds a register. Nothing was changed; restore into an empty folder.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not an empty folder. Nothing was restored.")
    if folder.resolve() == Path.cwd():
        raise Refused("The folder that one works in cannot be put in place. Nothing was restored; go elsewhere first.")


def _unpack(file: Path, folder: Path) -> None:
    with tarfile.open(file, "r:") as archive:
        archive.extractall(folder, filter="data")
    if not (folder / REGISTER).is_file():
        raise Refused(f"{file} holds no register. Nothing was restored.")


def _beside(folder: Path) -> Iterator[Path]:
    for pattern in _BESIDE:
        yield from sorted(folder.glob(pattern))


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


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


def _begin_again(folder: Path, line: bytes) -> None:
    # The word index is derived and not in the backup; whoever opens the node finds it missing and makes it anew.
    (folder / WORDS).unlink(missing_ok=True)
    engine = Sqlite(folder)
    engine.ready()
    ink = engine.writing()
    try:
        ink.begin()
        sheet = Sheet(ink)
        sheet.set_fact("generation", sheet.fact("generation") + 1)
        chain.append(sheet, [line])
        sheet.keep()
        sheet.settle()
        ink.commit()
    finally:
        ink.close()
