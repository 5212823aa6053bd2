"""Cursors: where a reader had got to, sealed so that they tell nothing and fit no other list.

AES-SIV makes the same place the same cursor for the same reader, and any change to it worthless.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from diwan.terms.errors import BadCursor

_WIDTH = 8


class CursorKey:
    """Seals and opens cursors for this node."""

    def __init__(self, secret: bytes) -> None:
        """Derive the key from the node's own secret, any length."""
        self._siv = AESSIV(sha256(b"diwan-cursor-v1\0" + secret).digest())

    def seal(self, place: tuple[int, ...], about: str) -> str:
        """Return a cursor for `place` in the list that `about` describes (reader, world, query)."""
        plain = b"".join(number.to_bytes(_WIDTH, "big") for number in place)
        return urlsafe_b64encode(self._siv.encrypt(plain, [about.encode()])).rstrip(b"=").decode()

    def open(self, cursor: str, about: str) -> tuple[int, ...]:
        """Return the place that a cursor holds.

        Raises:
            BadCursor: this node did not give it out for this list and this reader.
        """
        try:
            sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            plain = self._siv.decrypt(sealed, [about.encode()])
        except (InvalidTag, NotBase64, ValueError):
            raise BadCursor from None
        return tuple(int.from_bytes(plain[i : i + _WIDTH], "big") for i in range(0, len(plain), _WIDTH))
