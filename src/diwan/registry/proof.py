"""Proof: everything in the register is as it was sealed, and the audit log is as it was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from diwan.registry import chain
from diwan.sealing.envelope import Envelope, Verifier
from diwan.sealing.header import decode
from diwan.sealing.tree import grow, leaf_hash, root_of
from diwan.terms.errors import Malformed

_CHUNK: Final = 1000

Progress = Callable[[str, int, int], None]
"""What is being proved, how much of it is done, and how much there is."""


class Proof(msgspec.Struct, frozen=True):
    """What was proved, and every fault that was found."""

    items: int
    lines: int
    root: bytes
    """The root over all lines of the audit log, computed anew."""
    faults: tuple[str, ...]


def prove(connection: sqlite3.Connection, progress: Progress = lambda _, __, ___: None) -> Proof:
    """Check every revision's signature and bytes, and hash the whole audit log anew."""
    faults = list(_item_faults(connection, progress))
    lines, root, log_faults = _audit(connection, progress)
    (items,) = connection.execute("SELECT count(*) FROM revision").fetchone()
    return Proof(items, lines, root, (*faults, *log_faults))


def root_at(connection: sqlite3.Connection, size: int) -> bytes:
    """Return the root over the first `size` lines of the audit log, computed anew from the lines."""
    nodes: dict[tuple[int, int], bytes] = {}
    hashes = [leaf_hash(line) for line in _first_lines(connection, size)]
    nodes.update({(level, number): value for level, number, value in grow(0, hashes, _missing)})
    return root_of(size, lambda level, number: nodes[level, number])


def _item_faults(connection: sqlite3.Connection, progress: Progress) -> Iterator[str]:
    (total,) = connection.execute("SELECT count(*) FROM revision").fetchone()
    rows = connection.execute(
        "SELECT r.item, r.header, r.stub, r.leaf, r.path, r.stub_path, b.kid, b.size, b.signature, k.public, k.party"
        " FROM revision r JOIN batch b ON b.number=r.batch JOIN signing_key k ON k.kid=b.kid ORDER BY r.position"
    )
    verifiers: dict[bytes, Verifier] = {}
    done = 0
    while chunk := rows.fetchmany(_CHUNK):
        for item, header, stub, leaf, path, stub_path, kid, size, signature, public, party in chunk:
            envelope = Envelope(
                header=header,
                kid=kid,
                signature=signature,
                size=size,
                index=leaf,
                path=path,
                parts=_parts(connection, item, header),
                stub=stub,
                stub_path=stub_path,
            )
            verifier = verifiers.setdefault(public, Verifier(public))
            try:
                proved = verifier.verify(envelope)
            except Malformed as fault:
                yield str(fault)
                continue
            if proved.org != party:
                yield f"{proved.ref}: sealed by a key of {party}, not of its originator."
        done += len(chunk)
        progress("items", done, total)


def _parts(connection: sqlite3.Connection, item: int, header: bytes) -> tuple[tuple[bytes, bytes] | None, ...]:
    rows = connection.execute(
        "SELECT p.digest, p.salt, coalesce(p.data, o.data) FROM part p LEFT JOIN part o ON o.number=p.same_as"
        " WHERE p.item=?",
        [item],
    )
    held = {digest.hex(): (salt, data) for digest, salt, data in rows}
    return tuple(held.get(part.d) for part in decode(header).parts)


def _audit(connection: sqlite3.Connection, progress: Progress) -> tuple[int, bytes, list[str]]:
    size = chain.size(connection)
    stored = chain.root(connection)
    (count,) = connection.execute("SELECT count(*) FROM leaf").fetchone()
    progress("audit log", 0, size)
    if count != size:
        return size, stored, [f"The audit log has {count} lines and ends at number {size - 1}: lines are missing."]
    computed = root_at(connection, size)
    progress("audit log", size, size)
    faults = [] if computed == stored else ["The audit log's lines do not give its stored root: lines were changed."]
    return size, computed, faults


def _first_lines(connection: sqlite3.Connection, size: int) -> Iterator[bytes]:
    for (value,) in connection.execute("SELECT value FROM leaf WHERE number<? ORDER BY number", [size]):
        yield value


def _missing(level: int, number: int) -> bytes:
    raise KeyError((level, number))
