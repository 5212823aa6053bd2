"""Files that are there whole or not at all, whatever crashes and however many write them at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp


def write_whole(file: Path, data: bytes) -> None:
    """Put `data` in the place of whatever `file` held, mode 0600; durable when this returns."""
    with _ready(file, data) as fresh:
        fresh.rename(file)
    settle(file.parent)


def write_once(file: Path, data: bytes) -> None:
    """Make `file` hold `data`, mode 0600, unless it is there already: then it stays as it is, and it was first."""
    with _ready(file, data) as fresh:
        try:
            os.link(fresh, file)
        except FileExistsError:
            return
    settle(file.parent)


@contextmanager
def _ready(file: Path, data: bytes) -> Iterator[Path]:
    handle, name = mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".new")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make `folder`, mode 0700, and what it lies in, where they are missing; durable when this returns."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in missing:
        settle(one.parent)


def settle(folder: Path) -> None:
    """Make the names in a folder durable: they are so with the folder, not with the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
