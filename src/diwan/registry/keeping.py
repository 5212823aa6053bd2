"""Keeping: a node written into one bundle while it goes on, and brought back from one, on either engine."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from shutil import rmtree
from stat import S_IMODE
from tempfile import TemporaryDirectory, mkdtemp
from typing import Final

import msgspec
from sqlalchemy import Table

from diwan.registry import chain, schema
from diwan.registry.bundle import Bundle, Packing
from diwan.registry.engines import engine_of
from diwan.registry.engines.lines import Engine, Line
from diwan.registry.engines.sqlite_file import REGISTER
from diwan.registry.proof import Progress
from diwan.registry.shape import SHAPE
from diwan.registry.sheet import Sheet
from diwan.registry.whole import make_folder, settle, write_whole
from diwan.sealing.keys import Signer
from diwan.terms.errors import Malformed, Refused
from diwan.terms.time import Instant

CHECKPOINT: Final = "audit.checkpoint"
"""The audit log's size and root when it was last proved, signed."""

_KEYS: Final = "keys/**/*"
"""What the parties sign with, and what sources are shown: tokens, passwords, certificates."""
_SINGLE: Final = ("settings.toml", "demo-clock", "demo-begun")
_BESIDE: Final = ("pins/**/*.pem", "desks/**/*", *_SINGLE)


class Restored(msgspec.Struct, frozen=True):
    """What a node was made from."""

    party: str
    """Who signed the bundle, by the key `kid`."""
    kid: str
    at: Instant
    keys: bool
    """Whether what lies in `keys/` came with it."""


def write_backup(
    engine: Engine,
    folder: Path,
    file: Path,
    signer: Signer,
    party: str,
    at: Instant,
    *,
    keys: bool = True,
    progress: Progress = lambda _, __, ___: None,
) -> str:
    """Write all that a node cannot make anew into one bundle, mode 0600; return its digest.

    The register is read in one snapshot, and may be written meanwhile.  With `keys` the bundle holds all that
    lies in `keys/`: who has it can sign for the parties, and be taken for the node by its sources.

    Raises:
        Refused: `file` exists, the register is of another shape, or does not yield what it counts.
    """
    if file.exists():
        raise Refused(f"{file} exists already. No backup was written.")
    if engine.shapes()[0] != SHAPE:
        raise Refused(
            "The register has a later shape than this version of Diwan, which would leave out what it does not know. No"
            " backup was written; write it with the software that changed the shape."
        )
    with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as scratch:
        packed = Path(scratch) / "backup.tar"
        packed.touch(mode=0o600)
        with packed.open("wb") as stream:
            with tarfile.open(fileobj=stream, mode="w") as archive, closing(engine.whole()) as line:
                _pack(Packing(archive), line, folder, signer, party, at, keys=keys, progress=progress)
            stream.flush()
            os.fsync(stream.fileno())
        named = _digest(packed)
        packed.rename(file)
    settle(file.parent)
    return named


def _pack(
    packing: Packing,
    line: Line,
    folder: Path,
    signer: Signer,
    party: str,
    at: Instant,
    *,
    keys: bool,
    progress: Progress,
) -> None:
    # First of all: a checkpoint newer than the register would say that lines were removed.
    if (folder / CHECKPOINT).exists():
        packing.lay(CHECKPOINT, (folder / CHECKPOINT).read_bytes())
    line.snapshot()
    try:
        packing.register(line, progress)
        (generation,) = line.execute("SELECT value FROM state WHERE name='generation'").fetchone()
        lines, root = chain.size(line), chain.root(line).hex()
    finally:
        line.rollback()
    for beside in _beside(folder, (_KEYS, *_BESIDE) if keys else _BESIDE):
        packing.lay(beside.relative_to(folder).as_posix(), beside.read_bytes())
    packing.sign(signer, generation=generation, lines=lines, root=root, at=at, party=party, keys=keys)


def restore(
    file: Path,
    folder: Path,
    at: Instant,
    *,
    postgres: str = "",
    settle_in: Callable[[bytes, str], bytes] = lambda settings, _: settings,
    progress: Progress = lambda _, __, ___: None,
) -> Restored:
    """Make a node in the empty `folder` from a bundle, whole or not at all.

    Its register is kept there, or in the empty database where the conninfo `postgres` points.  `settle_in` makes of the
    settings that were kept, and the party that the bundle was signed for, those of the new place.  The restore
    generation rises, so that revisions made from now on outrank those that were lost since the backup, and the node is
    shut: it does not know what was recalled since.

    Raises:
        Refused: folder or database is not empty, the folder could not be put in place, or the file is not a sound
            bundle of this shape.
    """
    _check_empty(folder)
    place = folder.resolve()
    with _taken_away(place), _scratch_beside(place) as scratch:
        whole = scratch / "node"
        make_folder(whole)
        try:
            with tarfile.open(file, "r:") as archive:
                bundle = Bundle(file, archive)
                _unpack(bundle, whole, settle_in)
                engine = engine_of(whole, postgres)
                try:
                    _load(engine, bundle, _line(file, at, bundle), at, progress)
                finally:
                    engine.close()
        except tarfile.TarError as wrong:
            raise Refused(f"{file} is not a backup of a node: {wrong}. Nothing was restored.") from None
        _put_in_place(whole, place)
    settle(place.parent)
    return Restored(bundle.manifest.party, bundle.kid, bundle.manifest.at, bundle.manifest.keys)


class _Unplaced(Refused):
    """The register is restored, and the folder that belongs to it lies elsewhere than it was to lie."""


@contextmanager
def _taken_away(place: Path) -> Iterator[None]:
    """Take the empty folder away that lies in the place, and put it back when nothing comes there.

    Before anything is written, since a database that was committed is not taken back: a mount, or a folder that another
    holds or owns, is in the way then as it would be at the end.
    """
    before = place.stat() if place.exists() else None
    if before is not None:
        try:
            place.rmdir()
        except OSError as wrong:
            raise Refused(
                f"{place} cannot be put in place: {wrong.strerror}, as where it is a mount of its own. Nothing was"
                " restored; name a folder within it, or beside it."
            ) from None
    try:
        yield
    except BaseException:
        if before is not None:
            with suppress(OSError):  # what is being told already says more
                place.mkdir(exist_ok=True)
                place.chmod(S_IMODE(before.st_mode))
        raise


@contextmanager
def _scratch_beside(place: Path) -> Iterator[Path]:
    """Make a folder beside the place, on the same disk, for what gets its name when it is whole."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    except OSError as wrong:
        raise Refused(
            f"Beside {place} nothing can be written: {wrong.strerror}. Nothing was restored; name a folder in one that"
            " this account may write."
        ) from None
    try:
        yield scratch
    except _Unplaced:
        raise  # the keys of a register that is restored lie there
    except BaseException:
        rmtree(scratch, ignore_errors=True)
        raise
    rmtree(scratch, ignore_errors=True)


def _put_in_place(whole: Path, place: Path) -> None:
    try:
        whole.rename(place)
    except OSError as wrong:
        raise _Unplaced(
            f"The register was restored, but its folder could not be named {place}: {wrong.strerror}. It lies whole,"
            f" with its keys, in {whole}: move it to {place} before anything else is done."
        ) from None


def _line(file: Path, at: Instant, bundle: Bundle) -> bytes:
    generation = bundle.manifest.generation + 1
    return chain.line_of("restore", at, by="console", of=[_digest(file)], generation=generation)


def _check_empty(folder: Path) -> None:
    if (folder / REGISTER).exists():
        raise Refused(f"{folder} already holds a register. Nothing was changed; restore into an empty folder.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not an empty folder. Nothing was restored.")
    if folder.resolve() == Path.cwd():
        raise Refused("The folder that one works in cannot be put in place. Nothing was restored; go elsewhere first.")


def _beside(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (file for file in sorted(folder.glob(pattern)) if file.is_file())


def _unpack(bundle: Bundle, folder: Path, settle_in: Callable[[bytes, str], bytes]) -> None:
    for name, data in bundle.files():
        path = PurePosixPath(name)
        if not _belongs(path):
            raise bundle.refusal(f"{name} is nothing that lies beside a node")
        into = folder / path
        make_folder(into.parent)
        write_whole(into, data)
    settings = folder / "settings.toml"
    before = settings.read_bytes() if settings.exists() else b""
    if (now := settle_in(before, bundle.manifest.party)) != before:
        write_whole(settings, now)


def _belongs(path: PurePosixPath) -> bool:
    if path.is_absolute() or ".." in path.parts or "\\" in str(path):
        return False
    if path.parts[0] in ("keys", "pins", "desks"):
        return len(path.parts) > 1
    return str(path) in (CHECKPOINT, *_SINGLE)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _load(engine: Engine, bundle: Bundle, said: bytes, at: Instant, progress: Progress) -> None:
    """Fill the empty register of an engine in one transaction."""
    try:
        engine.ready()
        with closing(engine.writing_words()) as words:
            _check_bare(words, schema.WORDS.sorted_tables)
        with closing(engine.writing()) as line:
            line.begin()
            try:
                _check_bare(line, [table for table in schema.REGISTER.sorted_tables if table.name != "state"])
                _fill(line, bundle, progress)
                _begin_again(line, bundle, said, at)
                line.commit()
            except BaseException:
                if line.in_transaction:
                    line.rollback()
                raise
    except Refused:
        raise
    except engine.failures as wrong:
        raise bundle.refusal(f"the engine answered {engine.name_of(wrong)} to what is in it") from wrong
    # What is restored by now stays so: a server that cannot look through it at once does so on its own round.
    with suppress(*engine.failures):
        engine.survey()


def _check_bare(line: Line, tables: Sequence[Table]) -> None:
    for table in tables:
        if line.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() is not None:
            raise Refused(f"A register is kept there already: {table.name} has rows. Nothing was restored or changed.")


def _fill(line: Line, bundle: Bundle, progress: Progress) -> None:
    totals = bundle.totals()
    done = dict.fromkeys(totals, 0)
    for table, rows in bundle.chunks():
        if table == "state":
            # Set and not laid anew: the row of the last position is what holds the write order meanwhile.
            line.execute("DELETE FROM state WHERE name <> 'last_position'")
            (last,) = [value for name, value in rows if name == "last_position"]
            line.execute("UPDATE state SET value=? WHERE name='last_position'", [last])
            rows = [row for row in rows if row[0] != "last_position"]
            done[table] += 1
        line.insert(table, rows)
        done[table] += len(rows)
        progress(table, done[table], totals[table])


def _begin_again(line: Line, bundle: Bundle, said: bytes, at: Instant) -> None:
    told = bundle.manifest
    try:
        held = chain.size(line), chain.root(line).hex()
    except Malformed:
        held = -1, ""
    if held != (told.lines, told.root):
        raise bundle.refusal("its audit log does not give the size and root that were signed")
    row = line.execute(
        "SELECT party FROM signing_key WHERE kid=? AND public=?", [bundle.kid, bytes.fromhex(told.public)]
    )
    if row.fetchone() != (told.party,):
        raise bundle.refusal(f"it is signed by a key that the register does not name as one of {told.party}")
    sheet = Sheet(line)
    sheet.set_fact("generation", told.generation + 1)
    sheet.set_fact("shut", at)
    chain.append(sheet, [said])
    sheet.keep()
    sheet.settle()
