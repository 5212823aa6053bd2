"""Showing: tables for people, one JSON object a line for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_json = msgspec.json.Encoder()


def show(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows, as a table of `columns` or as JSON lines with all they hold."""
    if as_json:
        for row in rows:
            sys.stdout.buffer.write(_json.encode(row) + b"\n")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column != "title", overflow="fold" if column == "title" else "ellipsis")
    for row in rows:
        table.add_row(*(Text(str(row.get(column) if row.get(column) is not None else "")) for column in columns))
    Console().print(table)


def say(text: str) -> None:
    """Print a line for people, on standard error, so that standard output stays data."""
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)
