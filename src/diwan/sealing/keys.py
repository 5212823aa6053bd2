"""Ed25519 keys: who sealed it. Seeds come from outside; nothing here makes, stores or shows one."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE: Final = 64
"""Bytes of a signature (RFC 8032)."""


class Signer:
    """One private key that signs; it knows its public half and its name, and does not give the seed back."""

    __slots__ = ("_private", "kid", "public")

    kid: str
    public: bytes

    def __init__(self, seed: bytes) -> None:
        """Take a 32-byte seed (RFC 8032, section 5.1.5).

        Raises:
            ValueError: the seed has another length.
        """
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()
        self.kid = key_id(self.public)

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature of `data`; the caller's data begin with what they are for."""
        return self._private.sign(data)


def key_id(public: bytes) -> str:
    """Return the name of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether `signature` is that of `data` under this public key; a key or signature of odd length says no."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
