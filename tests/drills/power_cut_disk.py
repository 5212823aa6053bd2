"""A disk that loses power: what it holds for certain, what it may hold, and a folder made of either.

What a file held when it was last synced is there.  Of what came after, any part may be: in any order, torn between
sectors.  A name (made, moved, removed) is there once its folder was synced; until then it may be or not.  Below
`kindly`, a sync of a file takes the names on the way to it along, as the journals of ext4 and XFS do; POSIX does not
ask for that.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

STYLES: Final = ("nothing", "everything", "some", "torn", "each its own")
"""What is left of what was not synced: of every file alike, or of each file as chance has it."""
_SECTORS: Final = (512, 4096)
_HEAD: Final = struct.Struct("=IIIIQQ")


class Record(NamedTuple):
    """One line of what `power_cut.c` wrote down."""

    what: str
    inode: int
    name: str
    other: str
    offset: int
    data: bytes


def read_log(file: Path) -> Iterator[Record]:
    """Yield what was written down, in order."""
    with file.open("rb") as stream:
        while head := stream.read(_HEAD.size):
            what, name, other, data, inode, offset = _HEAD.unpack(head)
            texts = [os.path.normpath(stream.read(length).decode()) if length else "" for length in (name, other)]
            yield Record(chr(what), inode, *texts, offset, stream.read(data))


@dataclass
class File:
    """The bytes of a file: those that are on the disk, and what was done since."""

    held: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Where something was written and what; None where the file was cut, or grown, to that size."""

    def sync(self) -> None:
        for offset, data in self.since:
            _do(self.held, offset, data)
        self.since.clear()

    def left(self, style: str, chance: Random) -> bytes:
        """Return what there may be after the power went."""
        if style == "each its own":
            style = chance.choice(STYLES[:-1])
        left = bytearray(self.held)
        sector = chance.choice(_SECTORS)
        for offset, data in self.since if style != "nothing" else ():
            if style == "torn" and data is not None:
                for start, end in _sectors(offset, offset + len(data), sector):
                    if chance.random() < 0.5:
                        _do(left, start, data[start - offset : end - offset])
            elif style == "everything" or chance.random() < 0.5:
                _do(left, offset, data)
        return bytes(left)


Names = dict[str, "File | None"]
"""What is in one folder; None for a folder."""
Change = dict[str, tuple["File | None", bool]]
"""What happens to names of one folder at once: to what each is set, and whether it is there at all."""


class Disk:
    """Files below one folder, as a log of what was done to them makes them."""

    def __init__(self, top: Path, *, kindly: Path | None = None) -> None:
        """Begin with what is below `top`, all of it safe."""
        self._top = str(top)
        self._kindly = str(kindly or "")
        self.lying = False
        """Whether it says that it synced, and did nothing."""
        self._files: dict[int, File] = {}
        self._safe: dict[str, Names] = {self._top: {}}
        self._now: dict[str, Names] = {self._top: {}}
        self._since: dict[str, list[Change]] = {}
        """By folder: what happened to its names since it was synced."""
        for folder, folders, names in os.walk(top):
            there: Names = dict.fromkeys(folders)
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    there[name] = self._files[path.stat().st_ino] = File(bytearray(path.read_bytes()))
            self._safe[folder], self._now[folder] = dict(there), dict(there)

    def follow(self, record: Record) -> None:
        """Do what was done."""
        match record.what:
            case "c":
                self._files[record.inode] = File()
                self._name(record.name, self._files[record.inode])
            case "d":
                self._now[record.name] = {}
                self._safe[record.name] = {}
                self._since.pop(record.name, None)
                self._name(record.name, None)
            case "w" if record.inode in self._files:
                self._files[record.inode].since.append((record.offset, record.data))
            case "t" if record.inode in self._files:
                self._files[record.inode].since.append((record.offset, None))
            case "s" if not self.lying:
                self._sync(record)
            case "l" if record.inode in self._files:
                self._name(record.other, self._files[record.inode])
            case "r" if record.inode in self._files:
                self._name(record.other, self._files[record.inode], instead_of=record.name)
            case "u" | "r":
                self._note(*os.path.split(record.name), (None, False))

    def left(self, into: Path, style: str, chance: Random) -> None:
        """Make the folder `into` as it may be found after the power went now."""
        folders = {folder: self._names_left(folder, style, chance) for folder in self._safe}
        _lay(folders, self._top, into, lambda file: file.left(style, chance))

    def now(self) -> dict[str, bytes]:
        """Return what is seen in the folder while there is power, by path."""
        found: dict[str, bytes] = {}
        for folder, names in self._now.items():
            for name, file in names.items():
                if file is not None:
                    found[os.path.relpath(f"{folder}/{name}", self._top)] = file.left("everything", Random(0))
        return found

    def _sync(self, record: Record) -> None:
        if record.name in self._now:
            self._settle(record.name)
        elif record.inode in self._files:
            self._files[record.inode].sync()
        folder = record.name
        while self._kindly and folder.startswith(f"{self._kindly}/"):
            folder = os.path.dirname(folder)
            self._settle(folder)

    def _settle(self, folder: str) -> None:
        for change in self._since.pop(folder, ()):
            _change(self._safe[folder], change)

    def _names_left(self, folder: str, style: str, chance: Random) -> Names:
        if style == "each its own":
            style = chance.choice(STYLES[:-1])
        left = dict(self._safe[folder])
        for change in self._since.get(folder, ()) if style != "nothing" else ():
            if style == "everything" or chance.random() < 0.5:
                _change(left, change)
        return left

    def _name(self, path: str, file: File | None, instead_of: str = "") -> None:
        folder, name = os.path.split(path)
        before, old = os.path.split(instead_of)
        if before == folder:  # a file that is moved is never nowhere
            self._note(folder, name, (file, True), {old: (None, False)})
            return
        self._note(folder, name, (file, True))
        if old:
            self._note(before, old, (None, False))

    def _note(self, folder: str, name: str, becomes: tuple[File | None, bool], also: Change | None = None) -> None:
        if folder in self._now:
            change = {**(also or {}), name: becomes}
            _change(self._now[folder], change)
            self._since.setdefault(folder, []).append(change)


def _change(names: Names, change: Change) -> None:
    for name, (file, there) in change.items():
        if there:
            names[name] = file
        else:
            names.pop(name, None)


def _do(held: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del held[offset:]
    if len(held) < offset:
        held.extend(bytes(offset - len(held)))
    if data is not None:
        held[offset : offset + len(data)] = data


def _sectors(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    while start < end:
        reached = min(end, (start // size + 1) * size)
        yield start, reached
        start = reached


def _lay(folders: dict[str, Names], folder: str, into: Path, bytes_of: Callable[[File], bytes]) -> None:
    into.mkdir(mode=0o700, exist_ok=True)
    for name, file in folders[folder].items():
        if file is None:
            _lay(folders, f"{folder}/{name}", into / name, bytes_of)
        else:
            (into / name).write_bytes(bytes_of(file))
            (into / name).chmod(0o600)
