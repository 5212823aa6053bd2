"""`diwan check`: says everything that is wrong with a file, by the standard's own rule ids; changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from diwan.cli.showing import Json, plain
from diwan.desk import Checks
from diwan.desks.cyber.parse.audit import SLOW, audit
from diwan.desks.cyber.parse.misp import check_events
from diwan.terms.finding import Finding, Weight

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to check.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Say what is wrong with files, by rule id.")
    app.add_typer(group, name="check")

    @group.command("cap")
    def check_cap(files: Files, as_json: Json = False) -> None:
        """Check CAP 1.2 messages; exit code 1 when there is an error."""
        _check(files, _crisis(), as_json=as_json)

    @group.command("stix")
    def check_stix(
        files: Files,
        slow: Annotated[
            int, typer.Option("--slow", min=0, help="Objects of a file that the OASIS validator sees too.")
        ] = SLOW,
        as_json: Json = False,
    ) -> None:
        """Check STIX files by our rules, and by the OASIS validator; exit code 1 when there is an error."""
        with _progress() as progress:
            _check(files, lambda data: _audited(data, slow, progress), as_json=as_json)

    @group.command("misp")
    def check_misp(files: Files, as_json: Json = False) -> None:
        """Check files of MISP events; exit code 1 when there is an error."""
        _check(files, check_events, as_json=as_json)


def _crisis() -> Checks:
    (desk,) = (point.load() for point in entry_points(group="diwan.desks", name="crisis"))
    assert desk.checks is not None  # noqa: S101 -- the crisis desk checks
    checks: Checks = desk.checks
    return checks


def _audited(data: bytes, slow: int, progress: Progress) -> Sequence[Finding]:
    task = progress.add_task("objects", total=None)
    found = audit(data, progress=lambda done, of: progress.update(task, completed=done, total=of), slow=slow)
    progress.remove_task(task)
    return found


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _check(files: list[Path], checks: Checks, *, as_json: bool) -> None:
    worst = 0
    for file in files:
        found = tuple(checks(file.read_bytes()))
        worst |= any(finding.severity is Weight.ERROR for finding in found)
        _print(file, found, as_json=as_json)
    raise typer.Exit(int(worst))


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
