"""Passwords: argon2id, and the same work for a name that nobody has."""

from __future__ import annotations

import threading
import unicodedata
from base64 import b32encode, b64encode
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from diwan.terms.errors import Refused

SHORTEST: Final = 12
"""Characters, after NFKC."""
LONGEST: Final = 1024
"""Bytes of UTF-8, as typed; more is not even normalised."""
_AT_ONCE: Final = 4
"""Each check needs 64 MiB by default: more at once would let a flood of sign-ins take all memory."""


def legible(bits: bytes) -> str:
    """Return random bits as a password that people can read to each other, `k3f7-…`; 80 of them are enough."""
    text = b32encode(bits).decode().rstrip("=").lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


class Passwords:
    """Hashes and checks passwords with one set of argon2id parameters.

    Unless others are given, those of argon2-cffi 25.1: RFC 9106 section 4, second recommended option (3 passes over
    64 MiB in 4 lanes, 16 bytes of salt, 32 of hash).
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use the library's own parameters unless others are given."""
        self._hasher = hasher or PasswordHasher()
        self._nobody = _nobodys(self._hasher)
        self._turns = threading.Semaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """Return the argon2 string to keep.

        Raises:
            Refused: the password is shorter than 12 characters or longer than 1,024 bytes.
        """
        normal = _normal(password)
        if normal is None or len(normal) < SHORTEST:
            raise Refused(
                f"A password has at least {SHORTEST} characters and at most {LONGEST} bytes. Nothing was set."
            )
        with self._turns:
            return self._hasher.hash(normal)

    def check(self, secret: str | None, password: str) -> bool:
        """Return whether `password` is the one; without a secret the same work is done and the answer is no."""
        normal = _normal(password)
        kept = self._nobody if secret is None or normal is None else secret
        with self._turns:
            try:
                self._hasher.verify(kept, normal or "")
            except VerificationError:
                return False
        return kept == secret

    def outdated(self, secret: str) -> bool:
        """Return whether a kept string was made with other parameters than these."""
        return self._hasher.check_needs_rehash(secret)


def _normal(password: str) -> str | None:
    try:
        size = len(password.encode())
    except UnicodeEncodeError:  # half a surrogate pair, which no keyboard gives
        return None
    return unicodedata.normalize("NFKC", password) if size <= LONGEST else None


def _nobodys(hasher: PasswordHasher) -> str:
    # Written, not computed: the first unknown name must not cost more than the second, nor opening a node a hash.
    salt, tag = (b64encode(bytes(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len))
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2{hasher.type.name.lower()}$v=19${costs}${salt}${tag}"
