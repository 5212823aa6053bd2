"""Party ids: their shape, and the country codes that standards spell differently."""

from __future__ import annotations

import re
from typing import Final

from diwan.terms.errors import Malformed

_SHAPE: Final = re.compile(r"[A-Z0-9][A-Z0-9.-]{1,31}", re.ASCII)

ALIASES: Final[dict[str, str]] = {"BAH": "BHR", "FYR": "MKD"}
"""Codes found in security policy files in circulation, and the ISO 3166-1 alpha-3 code that we use instead."""


def is_party_id(text: str) -> bool:
    """Return whether `text` is a party or framework id in the one spelling labels use."""
    return _SHAPE.fullmatch(text) is not None and text not in ALIASES


def party_id(code: str) -> str:
    """Return the id for a party's or framework's code, older country codes resolved: `BAH` gives `BHR`.

    Raises:
        Malformed: not 2 to 32 of A-Z, 0-9, dot and hyphen, beginning with a letter or digit.
    """
    if _SHAPE.fullmatch(code) is None:
        raise Malformed(f"“{code}” is not a party id: 2 to 32 of A-Z, 0-9, dot and hyphen; a nation's alpha-3 code.")
    return ALIASES.get(code, code)
