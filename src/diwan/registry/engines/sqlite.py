"""SQLite: one connection that writes, and reading connections that are lent from one reader class to the next."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from diwan.registry.engines.lines import Line, Merging
from diwan.registry.engines.sqlite_file import REGISTER, WORDS, whole_connection, writing_connection
from diwan.registry.engines.sqlite_wall import Pages, own_connection, reading_connection
from diwan.registry.shape import SHAPE, is_current, migrate
from diwan.terms.check import Check
from diwan.terms.errors import Refused
from diwan.terms.gate import World

_KEPT: Final = 32
"""Reading connections kept ready; beyond them, one is lent with its wall moved, which is quicker than building one."""


class _Ears:
    """Looks ten times a second whether another connection changed the file; see `lines.Ears`."""

    def __init__(self, folder: Path) -> None:
        self._line = whole_connection(folder)
        self._known = self._version()

    def heard(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._known == self._version():
            if time.monotonic() >= until:
                return False
            time.sleep(0.1)
        self._known = self._version()
        return True

    def close(self) -> None:
        self._line.close()

    def _version(self) -> int:
        return int(self._line.execute("PRAGMA data_version").fetchone()[0])


class Sqlite:
    """The register in two files of a folder; see `lines.Engine`."""

    failures: Final = (sqlite3.Error,)
    merging: Final = Merging(gate=8, entry=16)
    owns: Final = 1
    readers: Final = 2

    def __init__(self, folder: Path, *, synchronous: str = "FULL") -> None:
        """Keep the register in `folder`."""
        self._folder = folder
        self._synchronous = synchronous
        self._idle: list[Pages] = []
        """Those used last stand last."""
        self._lent = 0
        self._closed = False
        self._lock = threading.Lock()

    def is_full(self, failure: BaseException) -> bool:
        """Return whether a failure says that there is no room on the disk."""
        return getattr(failure, "sqlite_errorname", "") == "SQLITE_FULL"

    def name_of(self, failure: BaseException) -> str:
        """Return the engine's own short name of a failure."""
        return str(getattr(failure, "sqlite_errorname", type(failure).__name__))

    def there(self) -> bool:
        """Return whether the folder holds a register."""
        return (self._folder / REGISTER).exists()

    def ready(self) -> None:
        """Bring the files to the present shape, creating them where there are none."""
        _, works = _shape_of(self._folder / REGISTER)
        for name in (REGISTER, WORDS):
            file = self._folder / name
            if not is_current(str(file), _shape_of(file)[0], works):
                _migrate(file, words=name == WORDS)

    def shapes(self) -> tuple[str | None, str | None]:
        """Return the shapes of both files."""
        return _shape_of(self._folder / REGISTER)[0], _shape_of(self._folder / WORDS)[0]

    def upgrade(self) -> None:
        """Bring the files to the present shape: the same as opening them."""
        self.ready()

    def survey(self) -> None:
        """Do nothing: plans here follow from the questions alone."""

    def check(self) -> Iterator[Check]:
        """Look at both files, page by page."""
        for title, name in (("register", REGISTER), ("word index", WORDS)):
            yield _sound(title, self._folder / name)

    def writing(self) -> Line:
        """Open a connection that writes the register."""
        return writing_connection(self._folder / REGISTER, synchronous=self._synchronous)

    def writing_words(self) -> Line:
        """Open a connection that writes the word index.

        As durable as the register: what is cleared from its tail must never be lost here.
        """
        return writing_connection(self._folder / WORDS, cache=8)

    def own(self) -> Line:
        """Open the house's own reading connection."""
        return own_connection(self._folder)

    def whole(self) -> Line:
        """Open a connection that reads everything."""
        return whole_connection(self._folder)

    def ears(self) -> _Ears:
        """Listen for what any process commits to the register."""
        return _Ears(self._folder)

    def lend(self, number: int, world: World, allowed: frozenset[int], once: frozenset[int]) -> Pages:
        """Lend a connection that is walled for this reader class already, or another whose wall is moved there."""
        pages = self._idle_one((number, world))
        try:
            if pages is None:
                pages = reading_connection(self._folder, allowed, once)
            elif (pages.allowed, pages.once) != (allowed, once):
                pages.admit(allowed, once)
        except BaseException:
            self._drop(pages)
            raise
        pages.place = number, world
        return pages

    def take_back(self, pages: Pages) -> None:
        """Keep a connection for the next that asks, if no more than some are kept and nothing is under way on it."""
        with self._lock:
            keep = len(self._idle) < _KEPT and not pages.in_transaction and not self._closed
            if keep:
                self._idle.append(pages)
                self._lent -= 1
        if not keep:
            self._drop(pages)

    def close(self) -> None:
        """Close every connection that is not lent."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for pages in idle:
            pages.close()

    def _idle_one(self, place: tuple[int, World]) -> Pages | None:
        """Return an idle connection of a class, or, once as many are kept as may be, that not used for longest."""
        with self._lock:
            self._lent += 1
            for number in range(len(self._idle) - 1, -1, -1):
                if self._idle[number].place == place:
                    return self._idle.pop(number)
            return self._idle.pop(0) if self._idle and len(self._idle) + self._lent > _KEPT else None

    def _drop(self, pages: Pages | None) -> None:
        with self._lock:
            self._lent -= 1
        if pages is not None:
            pages.close()


def _sound(title: str, file: Path) -> Check:
    shape, works = _shape_of(file)
    if shape is None:
        return Check(title, title != "register", "not there: made anew when the node is opened")
    what = f"shape {shape}" + (f", which software of shape {works:04} and later works with" if works else "")
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    finally:
        connection.close()
    if shape != SHAPE:
        what += f"; this version of Diwan works with {SHAPE}"
    well = is_current(str(file), shape, works) and mode == "wal" and verdict == "ok"
    return Check(title, well, what if mode == "wal" and verdict == "ok" else f"{what}; journal {mode}; {verdict}")


def _shape_of(file: Path) -> tuple[str | None, int | None]:
    """Return the shape of a file and the lowest shape of software that may work with it, as far as it says."""
    if not file.exists():
        return None, None
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM shape").fetchone()
        works = connection.execute("SELECT value FROM state WHERE name='compatible'").fetchone() if row else None
    except sqlite3.OperationalError as wrong:
        if "no such table: state" in str(wrong):
            return str(row[0]), None
        return None, None
    except sqlite3.DatabaseError as wrong:
        raise Refused(f"{file} is not a database of Diwan: {wrong}. Nothing was changed.") from None
    finally:
        connection.close()
    return (str(row[0]) if row else None), (int(works[0]) if works else None)


def _migrate(file: Path, *, words: bool) -> None:
    from sqlalchemy import create_engine, event  # noqa: PLC0415 -- slow import, and only when the shape changes

    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(file, isolation_level=None, timeout=60))
    # One transaction, begun before looking: the driver's own would leave tables outside it, so that a crash could leave
    # half a shape, and two processes that begin one register would trip over each other.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        migrate(connection, words=words)
    engine.dispose()
