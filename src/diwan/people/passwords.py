"""Passwords: argon2id, and the same work for a name that nobody has."""

from __future__ import annotations

import unicodedata
from functools import cached_property
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from diwan.terms.errors import Refused

SHORTEST: Final = 12
LONGEST: Final = 1024


class Passwords:
    """Hashes and checks passwords with one set of argon2id parameters; argon2-cffi's own are RFC 9106, low memory."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use the library's own parameters unless others are given."""
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        """Return the argon2 string to keep.

        Raises:
            Refused: the password is shorter than 12 characters or longer than 1,024 bytes.
        """
        normal = _normal(password)
        if len(normal) < SHORTEST or len(normal.encode()) > LONGEST:
            raise Refused(
                f"A password has at least {SHORTEST} characters and at most {LONGEST} bytes. Nothing was set."
            )
        return self._hasher.hash(normal)

    def check(self, secret: str | None, password: str) -> bool:
        """Return whether `password` is the one; without a secret the same work is done and the answer is no."""
        kept = secret if secret is not None else self._nobody
        try:
            right = self._hasher.verify(kept, _normal(password)[:LONGEST])
        except VerificationError:
            return False
        return right and secret is not None

    def outdated(self, secret: str) -> bool:
        """Return whether a kept string was made with weaker parameters than these."""
        return self._hasher.check_needs_rehash(secret)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("no account has this name")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
