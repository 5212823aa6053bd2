"""Showing: tables for people, one JSON object a line for programs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_FOLDED: Final = ("title", "what", "reaches", "faults")
"""The columns that take more lines where the terminal is narrow; the others are cut."""
_ID: Final = 32
_WIDE: Final = 10_000
_TURNING: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but the line's end, and those that turn the direction of all that follows."""

_json = msgspec.json.Encoder()


def show(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows, as a table of `columns` or as JSON lines with all they hold."""
    if as_json:
        for row in rows:
            sys.stdout.buffer.write(_json.encode(row) + b"\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        folded = column in _FOLDED
        table.add_column(
            column,
            no_wrap=not folded,
            overflow="fold" if folded else "ellipsis",
            min_width=_ID if column == "id" else None,
        )
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    # A terminal is as wide as it is; a file or the next program gets everything.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def say(text: str) -> None:
    """Print a line for people, on standard error, so that standard output stays data."""
    Console(stderr=True, highlight=False).print(plain(text), markup=False, soft_wrap=True)


def plain(text: str) -> str:
    """Return a text of others so that a terminal shows it and obeys nothing in it."""
    return _TURNING.sub("\N{REPLACEMENT CHARACTER}", text)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return "" if value is None else plain(str(value))
