"""Proving that a node's register is what was signed, and that its audit log goes on from the last checkpoint."""

from __future__ import annotations

from pathlib import Path

from diwan.registry.book import Book
from diwan.registry.proof import Progress, Proof
from diwan.registry.whole import write_whole
from diwan.sealing.checkpoint import checkpoint, read_checkpoint
from diwan.sealing.keys import Signer
from diwan.terms.errors import Malformed


def prove(book: Book, file: Path, keeper: str, signer: Signer, progress: Progress) -> Proof:
    """Check all that is signed, and the audit log also against the checkpoint in `file`; sign a new one there."""
    # Read first: another proof that ends meanwhile may put a later one in its place.
    before = file.read_bytes() if file.exists() else None
    origin = f"{keeper.lower()}.diwan/audit"
    proof = book.prove(progress)
    faults = list(proof.faults)
    if before is not None:
        faults += _since_checkpoint(book, before, origin, signer.public, proof.lines)
    if not faults:
        write_whole(file, checkpoint(origin, proof.lines, proof.root, signer))
    return Proof(proof.items, proof.lines, proof.root, tuple(faults))


def _since_checkpoint(book: Book, note: bytes, origin: str, public: bytes, lines: int) -> list[str]:
    try:
        before = read_checkpoint(note, origin, public)
    except Malformed as fault:
        return [str(fault)]
    if before.size > lines:
        return [f"The audit log had {before.size} lines at its last checkpoint and has {lines}: lines were removed."]
    if book.audit_root_at(before.size) != before.root:
        return ["The audit log's earlier lines do not give the root of its last checkpoint: they were rewritten."]
    return []
