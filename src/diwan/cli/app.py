"""All commands under one name, `diwan`; refusals end with their reason and exit code 2."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from diwan.cli import (
    asking,
    bringing,
    checking,
    collections,
    exporting,
    keeping,
    labels,
    node,
    people,
    policies,
    registers,
    sources,
    warning_lists,
    withdrawing,
)
from diwan.cli.showing import plain
from diwan.terms.errors import Refused

_app = typer.Typer(
    name="diwan",
    help="A cooperation node: every item carries its originator's release label.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (
    node,
    keeping,
    bringing,
    asking,
    checking,
    labels,
    people,
    policies,
    registers,
    sources,
    warning_lists,
    collections,
    exporting,
    withdrawing,
):
    part.add_to(_app)


def app() -> None:
    """Run a command; what is refused is told on standard error, and what it writes only its owner may read."""
    os.umask(0o077)
    try:
        _app()
    except Refused as refusal:
        _refuse(str(refusal))
    except OSError as wrong:
        _refuse(f"{wrong.filename or 'This machine'}: {wrong.strerror or wrong}. The command was not carried out.")


def _refuse(why: str) -> NoReturn:
    # A refusal may quote what was typed, and what was typed is never markup.
    line = Text.assemble(("Refused.", "bold red"), " ", plain(why))
    Console(stderr=True, highlight=False).print(line, soft_wrap=True)
    sys.exit(2)
