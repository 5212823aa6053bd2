"""`diwan check`: says everything that is wrong with a file, by the standard's own rule ids; changes nothing."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from diwan.cli.showing import Json, plain
from diwan.desk import Desk
from diwan.terms.finding import Finding, Weight

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to check.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Say what is wrong with files, by rule id.")
    app.add_typer(group, name="check")

    @group.command("cap")
    def check_cap(files: Files, as_json: Json = False) -> None:
        """Check CAP 1.2 messages; exit code 1 when there is an error."""
        _check("crisis", files, as_json=as_json)


def _check(desk_name: str, files: list[Path], *, as_json: bool) -> None:
    (desk,) = (point.load() for point in entry_points(group="diwan.desks", name=desk_name))
    worst = 0
    for file in files:
        found = _findings(desk, file)
        worst |= any(finding.severity is Weight.ERROR for finding in found)
        _print(file, found, as_json=as_json)
    raise typer.Exit(int(worst))


def _findings(desk: Desk, file: Path) -> tuple[Finding, ...]:
    assert desk.checks is not None  # noqa: S101 -- only desks that check have a command
    return tuple(desk.checks(file.read_bytes()))


def _print(file: Path, found: tuple[Finding, ...], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"rule": f.rule, "severity": f.severity, "path": f.path, "line": f.line, "message": f.message}
            for f in found
        ]
        sys.stdout.buffer.write(msgspec.json.encode({"file": str(file), "findings": told}) + b"\n")
        sys.stdout.buffer.flush()
        return
    console = Console(highlight=False)
    console.print(Text(plain(str(file)), "bold"), end=": ", soft_wrap=True)
    console.print("no findings" if not found else f"{len(found)} finding(s)")
    for finding in found:
        colour = "red" if finding.severity is Weight.ERROR else "yellow"
        console.print(f"  [{colour}]{finding.severity:7}[/] ", end="")
        console.print(plain(str(finding)), markup=False, soft_wrap=True)
