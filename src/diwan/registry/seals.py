"""Seals: whether each revision is what its originator sealed, and its rows say what its signed header says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from diwan.registry.engines.lines import Line
from diwan.sealing.envelope import Envelope, Verifier
from diwan.sealing.header import Header, decode
from diwan.terms.errors import Malformed
from diwan.terms.item import Ref
from diwan.terms.label import pack

_CHUNK: Final = 1000

# Outer joins: a revision that lost its item, label, batch or key must come up, not drop out.
_ROWS: Final = (
    "SELECT r.item, r.originator, r.id, r.kind, r.rev, r.header, r.stub, r.leaf, r.path, r.stub_path,"
    " i.originator, i.id, i.kind, i.world, i.parent IS NOT NULL, p.originator, p.id, l.value,"
    " b.kid, b.size, b.signature, k.public, k.party"
    " FROM revision r LEFT JOIN item i ON i.number=r.item LEFT JOIN item p ON p.number=i.parent"
    " LEFT JOIN label l ON l.number=r.label LEFT JOIN batch b ON b.number=r.batch"
    " LEFT JOIN signing_key k ON k.kid=b.kid ORDER BY r.position"
)


class _Row(msgspec.Struct, frozen=True):
    item: int
    originator: str
    id: bytes
    kind: str
    rev: int
    header: bytes
    stub: bytes
    leaf: int
    path: bytes
    stub_path: bytes
    item_originator: str | None
    item_id: bytes
    item_kind: str
    item_world: str
    has_parent: int
    parent_originator: str | None
    parent_id: bytes
    label: bytes | None
    kid: str | None
    size: int
    signature: bytes
    public: bytes | None
    party: str

    @property
    def ref(self) -> str:
        return f"{self.originator}/{self.id.hex()}"

    @property
    def parent(self) -> str | None:
        if not self.has_parent:
            return None
        return "nothing" if self.parent_originator is None else f"{self.parent_originator}/{self.parent_id.hex()}"


def seal_faults(connection: Line, progress: Callable[[str, int, int], None]) -> Iterator[str]:
    """Yield what is wrong with each revision, its batch, its parts and the rows that repeat its header."""
    (total,) = connection.execute("SELECT count(*) FROM revision").fetchone()
    verifiers: dict[bytes, Verifier] = {}
    for done, values in enumerate(connection.stream(_ROWS), 1):
        yield from _faults(connection, _Row(*values), verifiers)
        if done % _CHUNK == 0 or done == total:
            progress("items", done, total)


def _faults(connection: Line, row: _Row, verifiers: dict[bytes, Verifier]) -> Iterator[str]:
    if row.kid is None or row.public is None:
        yield f"{row.ref}: a revision without a batch, or whose batch's key was never published here."
        return
    try:
        header = decode(row.header)
        parts, lost = _parts(connection, row.item, header)
        yield from (f"{row.ref}: {fault}" for fault in lost)
        proved = verifiers.setdefault(row.public, Verifier(row.public)).verify(_envelope(row, parts))
    except Malformed as fault:
        yield str(fault)
        return
    if proved.org != row.party:
        yield f"{proved.ref}: sealed by a key of {row.party}, not of its originator."
    yield from (f"{proved.ref}: {fault}" for fault in _unlike(proved, row))


def _envelope(row: _Row, parts: tuple[tuple[bytes, bytes] | None, ...]) -> Envelope:
    return Envelope(
        header=row.header,
        kid=row.kid or "",
        signature=row.signature,
        size=row.size,
        index=row.leaf,
        path=row.path,
        parts=parts,
        stub=row.stub,
        stub_path=row.stub_path,
    )


def _parts(connection: Line, item: int, header: Header) -> tuple[tuple[tuple[bytes, bytes] | None, ...], list[str]]:
    rows = connection.execute(
        "SELECT p.digest, p.name, p.media_type, p.salt, coalesce(p.data, o.data)"
        " FROM part p LEFT JOIN part o ON o.number=p.same_as WHERE p.item=?",
        [item],
    )
    held = {bytes(key).hex(): (name, kind, salt, data) for key, name, kind, salt, data in rows if data is not None}
    found: list[tuple[bytes, bytes] | None] = []
    faults: list[str] = []
    for head in header.parts:
        name, kind, salt, data = held.get(head.d, (None, None, b"", b""))
        if name is None:
            faults.append(f"part {head.n!r} is missing.")
        elif (name, kind) != (head.n, head.mt):
            faults.append(f"part {head.n!r} is kept as {name!r}, {kind}.")
        found.append(None if name is None else (salt, data))
    return tuple(found), faults


def _unlike(header: Header, row: _Row) -> Iterator[str]:
    """Yield where the rows that decide and are shown say something else than the header."""
    if header.label is None:
        yield "a withdrawal is kept where a revision belongs."
        return
    if row.item_originator is None:
        yield "its revision belongs to no item."
        return
    if {Ref(row.originator, row.id.hex()), Ref(row.item_originator, row.item_id.hex())} != {header.ref}:
        yield f"kept as {row.ref} under {row.item_originator}/{row.item_id.hex()}."
    if row.label != pack(header.label):
        yield "kept under another label than the one that was sealed."
    if {row.kind, row.item_kind} != {header.type}:
        yield f"sealed as {header.type}, kept as {row.item_kind}."
    if row.item_world != header.world:
        yield f"sealed in world {header.world}, kept in {row.item_world}."
    if row.parent != header.parent:
        yield f"sealed under {header.parent or 'nothing'}, kept under {row.parent or 'nothing'}."
    if row.rev != header.rev:
        yield f"sealed as revision {header.rev}, kept as {row.rev}."
