"""The journal: recalls and relabels since a backup, kept off the node, so that a restored one can make up for them.

It is derived from the audit log, after the commit and before anyone is told that the change was made.  A file belongs
to one host and one restore generation; each line is signed, and says which line came before it.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from diwan.registry.engines.lines import Asked, Line
from diwan.registry.whole import settle
from diwan.sealing.keys import Signer, verify
from diwan.sealing.tree import leaf_hash
from diwan.terms.errors import Malformed, Refused, Unjournalled, Unreachable
from diwan.terms.time import Instant

ACTS: Final = ("recall", "relabel")
_MARKS: Final = tuple(f'"act":"{act}"'.encode() for act in ACTS)
_PURPOSE: Final = b"diwan journal\n"
_NAME: Final = re.compile(r"(?P<party>.+)\.g(?P<generation>\d+)\.(?P<host>[^.]+)\.journal")

_ENDS: Final = 3
"""Of lines, behind which two whole ones stand whether or not something unfinished follows them."""
_LONGEST: Final = 32 * 1024 * 1024
"""Bytes of two lines at most: a recall names each item that ends with it."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recall or relabel, as the audit log of a generation has it."""

    generation: int
    number: int
    """Of its line in the audit log; `before` is that of the line before it in this file, -1 for the first."""
    before: int
    leaf: str
    """The hash of that line, as the audit log's tree has it."""
    act: str
    at: Instant
    by: str
    of: tuple[str, ...]
    label: str = ""
    """Of a relabel: what it stands under since, packed."""


class _Line(msgspec.Struct):
    act: str = ""
    at: Instant = 0
    by: str = ""
    of: tuple[str, ...] = ()
    label: str = ""


class Journal:
    """This host's file of the present generation."""

    def __init__(
        self,
        folder: Path,
        host: str,
        party: str,
        signer: Signer,
        pages: Callable[[], AbstractContextManager[Line]],
        failures: tuple[type[Exception], ...],
    ) -> None:
        """Write into `folder`, signing for `party`, what the register that `pages` lends says was changed.

        `failures` are what those raise.  Nobody else may need the pages that are lent: a folder on another host can
        keep them waiting.
        """
        self._failures: tuple[type[Exception], ...] = (OSError, Malformed, Unreachable, *failures)
        self._folder = folder
        self._host = re.sub(r"[^A-Za-z0-9-]", "-", host) or "host"
        self._party = party
        self._signer = signer
        self._pages = pages
        self._one_at_a_time = threading.Lock()
        self._done: tuple[int, int] | None = None
        self.fault: str | None = None
        """Why what was changed last could not be written."""

    def keep_up(self) -> None:
        """Write what was recalled and relabelled since the last line; durable when this returns.

        Raises:
            Unjournalled: it could not be written; whatever was changed stands.
        """
        with self._one_at_a_time:
            try:
                self._write_on()
            except self._failures as failure:
                self.fault = str(failure) or type(failure).__name__
                other = "it is not this node's own" if isinstance(failure, Malformed) else "the register was not read"
                raise Unjournalled(getattr(failure, "strerror", None) or other) from failure
            self.fault = None

    def latest(self, keys: Mapping[str, bytes]) -> list[Change]:
        """Return what each host wrote down last, of every generation, as far as that is signed by one of `keys`.

        Whoever may write there could else have a node shut.  What cannot be read says nothing.
        """
        return [last for file in files_of([self._folder], self._party) if (last := _last_signed(file, keys))]

    def _write_on(self) -> None:
        with self._pages() as pages:
            due = self._due(pages)
            while due is not None:
                (generation, _) = due
                file = self._folder / f"{self._party}.g{generation}.{self._host}.journal"
                # Another process may have made the file, and not yet its name durable.
                fresh = self._done is None or self._done[0] != generation
                with _locked(file) as handle:
                    # Only now: what other processes of this host have written down stands in this state already.
                    pages.snapshot()
                    try:
                        due = self._due(pages)
                        written = due is not None and due[0] == generation
                        if written:
                            self._append(pages, handle, file, generation)
                    finally:
                        pages.commit()
                if fresh:
                    settle(self._folder)
                if written:
                    self._done, due = due, None

    def _due(self, pages: Line) -> tuple[int, int] | None:
        """Return the generation and the last change of the register, or None where there is nothing to write down."""
        facts: dict[str, int] = dict(pages.execute("SELECT name, value FROM state").fetchall())
        reached = facts["generation"], facts["last_change"]
        return None if facts["shut"] or reached == self._done else reached

    def _append(self, pages: Line, handle: int, file: Path, generation: int) -> None:
        if self._done is None:
            _cut_torn(handle)
        last = _last_of(handle, file)
        if last is not None and not stands_in(pages, last):
            raise Malformed(f"{file} is the journal of another history than this register's. Nothing was written.")
        changes = _changes(pages, generation, last.number if last else -1)
        lines = b"".join(map(self._signed, changes))
        size = os.fstat(handle).st_size
        try:
            _write(handle, lines)
            os.fsync(handle)
        except OSError:
            # Written again the next time: of what did not reach the disk once, a second sync says that it did.
            os.ftruncate(handle, size)
            raise

    def _signed(self, change: Change) -> bytes:
        text = _encode(change)
        seal = {"party": self._party, "kid": self._signer.kid, "sig": self._signer.sign(_PURPOSE + text).hex()}
        return _encode({"change": msgspec.Raw(text), **seal}) + b"\n"


class _Sealed(msgspec.Struct):
    change: msgspec.Raw
    party: str
    kid: str
    sig: str


def stands_in(pages: Asked, change: Change) -> bool:
    """Return whether the audit log has the very line that a journal says."""
    row = pages.execute("SELECT value FROM leaf WHERE number=?", [change.number]).fetchone()
    return row is not None and leaf_hash(bytes(row[0])).hex() == change.leaf


def is_lost(pages: Asked, generation: int, change: Change) -> bool:
    """Return whether a register in a restore generation lacks a change of that one, or of a later one."""
    return change.generation > generation or (change.generation == generation and not stands_in(pages, change))


def files_of(paths: Iterable[Path], party: str) -> list[Path]:
    """Return the journals of `party`: of files as they are named, of folders what lies in them, by its names."""
    files = [file for path in paths for file in (sorted(path.glob("*.journal")) if path.is_dir() else [path])]
    return [file for file in files if (name := _NAME.fullmatch(file.name)) and name["party"] == party]


def read_journals(
    paths: Iterable[Path], party: str, keys: Mapping[str, bytes], *, forked: bool = False
) -> list[Change]:
    """Return what the journals of `party` in files or folders say, in order, each change once.

    Of a history that `forked`, as when a register lost its newest lines and went on, two may bear one number.

    Raises:
        Refused: there is none, or a line is not signed by one of `keys`, or lines are missing between others.
    """
    files = files_of(paths, party)
    if not files:
        raise Refused(f"There is no journal of {party} there. Nothing was changed, and the node stays shut.")
    found: dict[tuple[int, int], dict[str, Change]] = {}
    for file in files:
        for change in _read(file, keys):
            alike = found.setdefault((change.generation, change.number), {})
            if alike and change.leaf not in alike and not forked:
                raise _refusal(file, f"it says of line {change.number} something else than another journal")
            alike.setdefault(change.leaf, change)
    return [change for place in sorted(found) for _, change in sorted(found[place].items())]


def latest_generation(paths: Iterable[Path], party: str) -> int:
    """Return the latest restore generation that ever began a journal of `party` there, -1 where none did."""
    names = [_NAME.fullmatch(file.name) for file in files_of(paths, party)]
    return max((int(name["generation"]) for name in names if name), default=-1)


def _read(file: Path, keys: Mapping[str, bytes]) -> Iterator[Change]:
    before = -1
    data = file.read_bytes()
    finished = _finished(data)
    if any(_ends_whole(line) for line in data[len(finished) :].split(b"\n")):
        raise _refusal(file, "something is missing between its lines")
    for line in finished.splitlines():
        change = _opened(file, line, keys)
        if change.before != before or change.number <= before:
            raise _refusal(file, f"a line is missing before line {change.number} of the audit log")
        before = change.number
        yield change


def _opened(file: Path, line: bytes, keys: Mapping[str, bytes] | None) -> Change:
    try:
        sealed = msgspec.json.decode(line, type=_Sealed)
        change = msgspec.json.decode(sealed.change, type=Change)
        signature = bytes.fromhex(sealed.sig)
    except ValueError:
        raise _refusal(file, "a line cannot be read") from None
    if keys is not None:
        public = keys.get(sealed.kid)
        if public is None or not verify(public, signature, _PURPOSE + bytes(sealed.change)):
            raise _refusal(file, f"line {change.number} is not signed by a key of the keeper that this register knows")
    return change


def _ends_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line.rpartition(b"\0")[2], type=_Sealed)
    except ValueError:
        return False
    return True


def _refusal(file: Path, why: str) -> Malformed:
    return Malformed(f"{file} is not a sound journal: {why}. Nothing was changed, and a node that is shut stays shut.")


def _finished(data: bytes) -> bytes:
    """Return the lines that were finished: of what follows nobody was told that it was done.

    A last line without its end was not, nor what lost power while it was written: sectors of it are zeros then, with
    others behind them that were written sooner.
    """
    before, _, _ = data.partition(b"\0")
    return before[: before.rfind(b"\n") + 1]


def _cut_torn(handle: int) -> None:
    size = os.fstat(handle).st_size
    finished = len(_finished(os.pread(handle, size, 0)))
    if finished < size:
        os.ftruncate(handle, finished)


def _last_of(handle: int, file: Path) -> Change | None:
    """Return the last line of a journal, having cut off what was never finished."""
    size, tail = _tail(handle)
    whole, _, torn = tail.rpartition(b"\n")
    if torn:
        os.ftruncate(handle, size - len(torn))
    return _opened(file, whole.rpartition(b"\n")[2], None) if whole else None


def _last_signed(file: Path, keys: Mapping[str, bytes]) -> Change | None:
    """Return the last finished line of a journal, if it is signed by one of `keys`; changes nothing."""
    try:
        # Whoever lends the folder may have put there what is no file, and nobody would ever write into it.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _, tail = _tail(handle)
        finally:
            os.close(handle)
        line = _finished(tail).rstrip(b"\n").rpartition(b"\n")[2]
        return _opened(file, line, keys) if line else None
    except (OSError, Malformed):
        return None


def _tail(handle: int) -> tuple[int, bytes]:
    """Return the size of a journal, and its end: two whole lines, if there are as many, and what was not finished.

    Raises:
        Malformed: no two lines end within `_LONGEST` bytes.
    """
    size = os.lseek(handle, 0, os.SEEK_END)
    start, blocks, ends = size, list[bytes](), 0
    while start and ends < _ENDS:
        if size - start > _LONGEST:
            raise Malformed("This is not the end of a journal: it has no lines. Nothing was written.")
        step = min(start, 65_536)
        start -= step
        blocks.append(os.pread(handle, step, start))
        ends += blocks[-1].count(b"\n")
    return size, b"".join(reversed(blocks))


def _changes(pages: Line, generation: int, before: int) -> Iterator[Change]:
    rows = pages.stream("SELECT number, value FROM leaf WHERE number>? ORDER BY number", [before])
    for number, value in rows:
        if not any(mark in value for mark in _MARKS):
            continue
        said = msgspec.json.decode(value, type=_Line)
        if said.act in ACTS:
            yield Change(
                generation=generation,
                number=number,
                before=before,
                leaf=leaf_hash(value).hex(),
                act=said.act,
                at=said.at,
                by=said.by,
                of=said.of,
                label=said.label,
            )
            before = number


@contextmanager
def _locked(file: Path) -> Iterator[int]:
    # Not made where its folder is missing: what another host lends is then not there, and this disk is not it.
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _write(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]
