"""The list of what was not taken: a file that is made with its first line, and never in place of another."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO


class Rejects:
    """A file under the wanted name, or, where something has that name, under the next number: `rejects-2.jsonl`."""

    def __init__(self, wanted: Path) -> None:
        """See that a file can be made there, and make none.

        Raises:
            OSError: there is no such folder, or nothing can be written in it.
        """
        with suppress(FileNotFoundError):
            wanted.stat()
        folder = wanted.parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(wanted))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(wanted))
        self._wanted = wanted
        self._out: TextIO | None = None
        self.file: Path | None = None
        """Where it came to be; None as long as nothing was written."""

    def write(self, lines: str) -> None:
        """Write whole lines."""
        if not lines:
            return
        if self._out is None:
            self.file, self._out = _made(self._wanted)
        self._out.write(lines)

    def __enter__(self) -> Self:
        """Close the file at the end of a block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, wrong: BaseException | None, at: TracebackType | None) -> None:
        """Close the file, if it came to be."""
        if self._out is not None:
            self._out.close()


def _made(wanted: Path) -> tuple[Path, TextIO]:
    for number in count(1):
        file = wanted if number == 1 else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        with suppress(FileExistsError):
            return file, file.open("x", encoding="utf-8")
    raise AssertionError("numbers do not end")
