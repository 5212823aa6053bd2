"""Statements to bytes: what the forms write, and what a parsed statement is written back as."""

from __future__ import annotations

from typing import Final

import msgspec

from diwan.desks.network.kinds import Statement

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def write(statement: Statement) -> bytes:
    """Return a statement as UTF-8 JSON: fields in their fixed order, names sorted, defaults left out, indented by two.

    `read_statement` gives the statement back; writing what was read gives these bytes again.
    """
    return msgspec.json.format(_encode(statement), indent=2) + b"\n"
