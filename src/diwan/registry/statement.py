"""Core expressions, compiled once, for the raw driver cursor: builders and bound parameters without their cost."""

from __future__ import annotations

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

_POSITIONAL = sqlite.dialect(paramstyle="qmark")


def positional(expression: ClauseElement) -> str:
    """Return SQL whose parameters are given in the order they are written; an insert takes its table's columns."""
    return str(expression.compile(dialect=_POSITIONAL))
