"""Bitcoin addresses: a long random word is one only if its checksum holds."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_BECH32: Final = re.compile(r"bc1[ac-hj-np-z02-9]{11,71}", re.ASCII)
_BASE58: Final = re.compile(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}", re.ASCII)
_BASE58_DIGITS: Final = {sign: n for n, sign in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH32_DIGITS: Final = {sign: n for n, sign in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_SUMS: Final = (1, 0x2BC830A3)
_BECH32_TURNS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def btc(text: str) -> str | None:
    """Return a Bitcoin address whose checksum holds (Base58Check; BIP 173 and 350), or None."""
    if _BASE58.fullmatch(text):
        return text if _base58_holds(text) else None
    low = text.lower()
    return low if text in (low, text.upper()) and _BECH32.fullmatch(low) and _bech32_holds(low) else None


def _base58_holds(text: str) -> bool:
    number = 0
    for sign in text:
        number = number * 58 + _BASE58_DIGITS[sign]
    if number >> 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def _bech32_holds(text: str) -> bool:
    total = 1
    # The readable part `bc`, spread as BIP 173 asks: high bits, a zero, low bits.
    for digit in (3, 3, 0, 2, 3, *(_BECH32_DIGITS[sign] for sign in text[3:])):
        top = total >> 25
        total = (total & 0x1FFFFFF) << 5 ^ digit
        for bit, turn in enumerate(_BECH32_TURNS):
            if top >> bit & 1:
                total ^= turn
    return total in _BECH32_SUMS
