"""Strict reading: JSON that is one statement and nothing else, with work bounded by its size."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from diwan.desks.network.kinds import Statement
from diwan.desks.network.parse.rules import faults
from diwan.terms.errors import Malformed

LIMIT: Final = 64 * 1024
"""Bytes of one statement at most."""
_TOLD: Final = 200

_decoder: Final[msgspec.json.Decoder[Statement]] = msgspec.json.Decoder(Statement)


def read_statement(data: bytes) -> Statement:
    """Return the statement that JSON holds.

    Raises:
        Malformed: not one statement, or a rule is broken; the text names the field and the rule.
    """
    if len(data) > LIMIT:
        raise Malformed(f"Network statement: more than {LIMIT} bytes. Not registered.")
    try:
        statement = _decoder.decode(data)
        # Two readers of a field said twice could read two things, and one signature would stand for both.
        json.loads(data, object_pairs_hook=_once)
    except RecursionError:
        raise Malformed("Network statement: nested deeper than any statement is. Not registered.") from None
    except ValueError as wrong:
        raise Malformed(f"Network statement: {_visible(str(wrong))}. Not registered.") from None
    if fault := next(faults(statement), None):
        raise Malformed(f"Network statement: {fault}. Not registered.")
    return statement


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a field stands twice")
    return said


def _visible(text: str) -> str:
    # A decoder quotes what it met, and what it met may have been written to turn this line round.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:_TOLD])
