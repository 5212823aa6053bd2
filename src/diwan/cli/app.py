"""All commands under one name, `diwan`; refusals end with their reason and exit code 2."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from diwan.cli import asking, bringing, checking, labels, node, people
from diwan.terms.errors import Refused

_app = typer.Typer(
    name="diwan",
    help="A cooperation node: every item carries its originator's release label.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (node, bringing, asking, checking, labels, people):
    part.add_to(_app)


def app() -> None:
    """Run a command; what is refused is told on standard error."""
    try:
        _app()
    except Refused as refusal:
        Console(stderr=True, highlight=False).print(f"[bold red]Refused.[/] {refusal}", soft_wrap=True)
        sys.exit(2)
