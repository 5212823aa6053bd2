"""The bundle: a register and the files beside it in one archive, whichever engine keeps it, signed as a whole.

Its last two members are a manifest, which names every other member with its digest, and the keeper's signature of it.
So a bundle that was cut short has none, and one in which anything was changed does not fit its own.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from diwan.registry import schema
from diwan.registry.engines.lines import Line, Row
from diwan.registry.proof import Progress
from diwan.registry.shape import SHAPE
from diwan.sealing.keys import Signer, key_id, verify
from diwan.terms.errors import Refused
from diwan.terms.time import Instant

FORMAT: Final = 1
"""How bundles are laid out; what a register looks like inside says its shape."""

_MANIFEST: Final = "manifest.json"
_SIGNATURE: Final = "manifest.sig"
_PURPOSE: Final = b"diwan bundle\n"
_ROWS: Final = 5_000
_BYTES: Final = 4 * 1024 * 1024
"""A chunk ends with the row that reaches either: what is held in memory does not grow with the register."""
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a manifest at most: it is read before its signature is known to be good."""
_TABLES: Final = {table.name: table for table in schema.REGISTER.sorted_tables}

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One member of the archive: rows of a table, or a file from beside the node."""

    name: str
    sha256: str
    rows: int | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of itself."""

    format: int
    shape: str
    generation: int
    lines: int
    """Of the audit log, and `root` over them."""
    root: str
    at: Instant
    party: str
    """Who signed it, with the key `public`."""
    public: str
    keys: bool
    """Whether what lies in `keys/` is in it."""
    members: tuple[Member, ...]


class Packing:
    """An archive that is being written."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        """Write into `archive`."""
        self._archive = archive
        self._members: list[Member] = []

    def lay(self, name: str, data: bytes, rows: int | None = None) -> None:
        """Write one member."""
        self._members.append(Member(name, sha256(data).hexdigest(), rows))
        self._write(name, data)

    def register(self, line: Line, progress: Progress) -> None:
        """Write every table, as the snapshot that was begun on `line` sees it.

        Raises:
            Refused: an index of the engine says otherwise than its table how many rows there are.
        """
        for name, table in _TABLES.items():
            (total,) = line.execute(f"SELECT count(*) FROM {name}").fetchone()
            done = 0
            progress(name, done, total)
            for number, rows in enumerate(_chunks(line, table), 1):
                self.lay(f"register/{name}/{number:06}", msgspec.msgpack.encode(rows), len(rows))
                done += len(rows)
                progress(name, done, total)
            if done != total:
                raise Refused(f"Table {name} counts {total} rows and yields {done}. No backup was written.")

    def sign(self, signer: Signer, **said: Any) -> None:
        """Write the manifest and its signature: the bundle is whole."""
        public = signer.public.hex()
        manifest = Manifest(format=FORMAT, shape=SHAPE, public=public, members=tuple(self._members), **said)
        text = _encode(manifest)
        self._write(_MANIFEST, text)
        self._write(_SIGNATURE, signer.sign(_PURPOSE + text))

    def _write(self, name: str, data: bytes) -> None:
        head = tarfile.TarInfo(name)
        head.size, head.mode = len(data), 0o600
        self._archive.addfile(head, io.BytesIO(data))


def _chunks(line: Line, table: Table) -> Iterator[list[Row]]:
    columns = ", ".join(column.name for column in table.columns)
    order = ", ".join(column.name for column in table.primary_key)
    rows: list[Row] = []
    size = 0
    for row in line.stream(f"SELECT {columns} FROM {table.name} ORDER BY {order}"):
        rows.append(row)
        size += sum(len(value) for value in row if isinstance(value, (bytes, str)))
        if len(rows) >= _ROWS or size >= _BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


class Bundle:
    """An archive whose manifest is signed and names all that is in it; each member is checked as it is read."""

    def __init__(self, file: Path, archive: tarfile.TarFile) -> None:
        """Read the manifest of what lies in `file`.

        Raises:
            Refused: it is not whole, not as it was signed, or from other software.
        """
        self._file = file
        self._archive = archive
        self._heads = archive.getmembers()
        self.manifest: Final = self._signed()
        named = [member.name for member in self.manifest.members]
        if [head.name for head in self._heads[:-2]] != named:
            raise self.refusal("it holds other members than its manifest names")

    def refusal(self, why: str) -> Refused:
        """Return that nothing was restored, and why."""
        return Refused(f"{self._file} is not a sound backup of a node: {why}. Nothing was restored.")

    @property
    def kid(self) -> str:
        """The name of the key that signed."""
        return key_id(bytes.fromhex(self.manifest.public))

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files from beside the node, by their names below its folder."""
        for head, member in zip(self._heads, self.manifest.members, strict=False):
            if member.rows is None:
                yield member.name, self._checked(head, member)

    def chunks(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield rows, each time many of one table.

        Raises:
            Refused: a member is not as it was signed, or of a table that this shape does not have.
        """
        for head, member in zip(self._heads, self.manifest.members, strict=False):
            if member.rows is not None:
                yield self._rows(head, member)

    def totals(self) -> dict[str, int]:
        """Return how many rows each table has."""
        found: dict[str, int] = {}
        for member in self.manifest.members:
            if member.rows is not None:
                table = member.name.split("/")[1]
                found[table] = found.get(table, 0) + member.rows
        return found

    def _rows(self, head: tarfile.TarInfo, member: Member) -> tuple[str, list[Row]]:
        folder, _, rest = member.name.partition("/")
        table = _TABLES.get(rest.partition("/")[0])
        if folder != "register" or table is None:
            raise self.refusal(f"{member.name} belongs to no table of shape {SHAPE}")
        try:
            rows = msgspec.msgpack.decode(self._checked(head, member), type=list[tuple[Any, ...]])
        except msgspec.DecodeError:
            raise self.refusal(f"{member.name} cannot be read") from None
        if len(rows) != member.rows or any(len(row) != len(table.columns) for row in rows):
            raise self.refusal(f"{member.name} has other rows than were signed")
        return table.name, rows

    def _checked(self, head: tarfile.TarInfo, member: Member) -> bytes:
        data = self._bytes(head)
        if sha256(data).hexdigest() != member.sha256:
            raise self.refusal(f"{member.name} was changed after it was signed")
        return data

    def _bytes(self, head: tarfile.TarInfo) -> bytes:
        stream = self._archive.extractfile(head)
        if stream is None:
            raise self.refusal(f"{head.name} is no file")
        return stream.read()

    def _signed(self) -> Manifest:
        if [head.name for head in self._heads[-2:]] != [_MANIFEST, _SIGNATURE] or self._heads[-2].size > _LARGEST:
            raise self.refusal("it does not end in a manifest and its signature, as one that is whole does")
        text, signature = map(self._bytes, self._heads[-2:])
        try:
            told = msgspec.json.decode(text)
            written = (int(told["format"]), str(told["shape"]), bytes.fromhex(told["public"]))
        except (ValueError, TypeError, KeyError):
            raise self.refusal("its manifest cannot be read") from None
        if not verify(written[2], signature, _PURPOSE + text):
            raise self.refusal("its manifest was changed after it was signed")
        if written[0] > FORMAT or written[1] > SHAPE:
            raise self.refusal(
                f"it is of format {written[0]} and shape {written[1]}, and this version of Diwan reads {FORMAT} and"
                f" {SHAPE}: restore with the version that wrote it, or a later one"
            )
        if written[1] < SHAPE:
            raise self.refusal(
                f"it is of shape {written[1]}, and this version of Diwan loads shape {SHAPE} alone: restore with the"
                " version that wrote it, then bring the node to the present shape with `diwan db upgrade`"
            )
        try:
            return msgspec.json.decode(text, type=Manifest)
        except msgspec.ValidationError:
            raise self.refusal("its manifest cannot be read") from None
