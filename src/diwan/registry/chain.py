"""The audit log: an append-only RFC 9162 Merkle tree over lines that name no title and no text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from diwan.registry.engines.lines import Asked, Line
from diwan.registry.sheet import Sheet
from diwan.sealing.tree import EMPTY, grow, leaf_hash, node_hash, root_of
from diwan.terms.errors import Malformed
from diwan.terms.item import Ref
from diwan.terms.time import Instant

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def digest(ref: Ref) -> str:
    """Return how the audit log names an item: a digest of a reference that is itself random."""
    return sha256(str(ref).encode()).hexdigest()[:32]


def line_of(act: str, at: Instant, *, by: str, of: Sequence[str], **more: str | int) -> bytes:
    """Return the line of an administrative act: by whom and of what, under ids and digests of files, never paths."""
    return _encode({"at": at, "act": act, "by": by, "of": list(of), **more})


def append(sheet: Sheet, lines: Sequence[bytes]) -> None:
    """Append `lines` within the caller's transaction; stored are the lines and the hashes of perfect subtrees."""
    if not lines:
        return
    count = sheet.next_number("lines", len(lines)) - 1
    sheet.insert("leaf", list(enumerate(lines, count)))
    stored = _subtree(sheet)
    sheet.grow(list(grow(count, [leaf_hash(line) for line in lines], lambda *at: sheet.hash_of(at) or stored(*at))))


def size(connection: Line) -> int:
    """Return the number of lines in the log."""
    (last,) = connection.execute("SELECT coalesce(max(number), -1) FROM leaf").fetchone()
    return int(last) + 1


def root(connection: Line) -> bytes:
    """Return the log's root as its stored hashes give it.

    Raises:
        Malformed: a hash that was stored is missing.
    """
    return root_of(size(connection), _subtree(connection))


def root_over(lines: Iterable[bytes]) -> bytes:
    """Return the root over `lines` themselves, holding one hash for each bit of their number."""
    peaks: list[bytes] = []  # of the perfect subtrees so far, the widest first (RFC 9162, 2.1.2)
    for number, line in enumerate(lines):
        here = leaf_hash(line)
        while number & 1:
            here, number = node_hash(peaks.pop(), here), number >> 1
        peaks.append(here)
    if not peaks:
        return EMPTY
    top = peaks.pop()
    while peaks:
        top = node_hash(peaks.pop(), top)
    return top


def lines(connection: Line, start: int = 0) -> Iterator[bytes]:
    """Yield the log's lines from number `start`, in order."""
    for (value,) in connection.stream("SELECT value FROM leaf WHERE number>=? ORDER BY number", [start]):
        yield value


def _subtree(connection: Asked) -> Callable[[int, int], bytes]:
    def stored(level: int, number: int) -> bytes:
        row = connection.execute("SELECT hash FROM node WHERE level=? AND number=?", [level, number]).fetchone()
        if row is None:
            raise Malformed(f"The audit log lacks its stored hash {number} of level {level}: it was removed.")
        return bytes(row[0])

    return stored
