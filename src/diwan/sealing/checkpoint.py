"""A checkpoint: the audit log's size and root, signed, in text that any transparency-log tool reads.

Formats: C2SP tlog-checkpoint inside C2SP signed-note, with Ed25519 (signature type 0x01).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

import msgspec

from diwan.sealing.keys import Signer, verify
from diwan.sealing.tree import WIDTH
from diwan.terms.errors import Malformed

LONGEST: Final = 64 * 1024
"""Bytes of a checkpoint at most, with the cosignatures of its witnesses."""

_ED25519: Final = b"\x01"
_ORIGIN: Final = re.compile(r"[^\s+\x00-\x1f\x7f]+")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_DASH: Final = "\N{EM DASH} "


class Checkpoint(msgspec.Struct, frozen=True):
    """What a log said of itself."""

    origin: str
    size: int
    root: bytes


def checkpoint(origin: str, size: int, root: bytes, signer: Signer) -> bytes:
    """Return the signed text; `origin` names the log and the key, `kuwait.example/audit`.

    Raises:
        ValueError: the origin holds white space or a plus sign, which a signed note forbids; or no such size or root.
    """
    if not _ORIGIN.fullmatch(origin) or size < 0 or len(root) != WIDTH:
        raise ValueError(f"no checkpoint of {origin!r} at size {size} with a root of {len(root)} bytes")
    text = f"{origin}\n{size}\n{_base64(root)}\n".encode()
    blob = _key_hash(origin, signer.public) + signer.sign(text)
    return text + f"\n{_DASH}{origin} {_base64(blob)}\n".encode()


def read_checkpoint(data: bytes, origin: str, public: bytes) -> Checkpoint:
    """Return the checkpoint of the log `origin` if this key signed it; other keys' signatures are passed over.

    Raises:
        Malformed: the text is not a checkpoint, is another log's, or does not carry a signature by this key.
    """
    text, signatures = _parted(data)
    name, size, root = _body(text)
    if name != origin:
        raise Malformed(f"A checkpoint of {name!r} came where one of {origin!r} was expected. Refused.")
    marks = (_signature(line, origin, public) for line in signatures)
    if not any(mark is not None and verify(public, mark, text.encode()) for mark in marks):
        raise Malformed(f"The checkpoint of {origin!r} carries no signature by the key known for it. Refused.")
    return Checkpoint(name, size, root)


def _parted(data: bytes) -> tuple[str, list[str]]:
    """Return the signed text with its last line feed, and the signature lines."""
    if len(data) > LONGEST:
        raise Malformed(f"A checkpoint of {len(data)} bytes is longer than {LONGEST}. Refused.")
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise Malformed("A checkpoint is UTF-8 text (C2SP signed-note); this is not. Refused.") from None
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise Malformed("A checkpoint ends in signature lines after an empty line (C2SP signed-note). Refused.")
    return text + "\n", signatures.splitlines()


def _body(text: str) -> tuple[str, int, bytes]:
    """Return origin, size and root; further lines are extensions, signed but not ours to read."""
    lines = text.split("\n")
    if len(lines) < 4 or not _ORIGIN.fullmatch(lines[0]) or not _SIZE.fullmatch(lines[1]):
        raise Malformed("A checkpoint says origin, size and root, a line each (C2SP tlog-checkpoint). Refused.")
    root = _bytes(lines[2])
    if root is None or len(root) != WIDTH:
        raise Malformed("The root in a checkpoint is the base64 of 32 bytes (C2SP tlog-checkpoint). Refused.")
    return lines[0], int(lines[1]), root


def _signature(line: str, origin: str, public: bytes) -> bytes | None:
    """Return the signature in a line if it is said to be by this key."""
    start = f"{_DASH}{origin} "
    blob = _bytes(line[len(start) :]) if line.startswith(start) else None
    key = _key_hash(origin, public)
    return blob[len(key) :] if blob is not None and blob.startswith(key) else None


def _key_hash(origin: str, public: bytes) -> bytes:
    """Return the four bytes that tell keys of one name apart (C2SP signed-note, signature types)."""
    return hashlib.sha256(f"{origin}\n".encode() + _ED25519 + public).digest()[:4]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes | None:
    """Return what strict base64 says; None for anything that is not its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _base64(data) == text else None
