"""`diwan source` and `diwan import taxii`: the other servers that this node polls and pushes to, and how they are."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from diwan.cli.calling import Caller, sources_of
from diwan.cli.opening import HERE, Node, opened
from diwan.cli.rejecting import Rejects
from diwan.cli.showing import Json, say, show
from diwan.desks.cyber.calls.ledger import Ledger, Row, row_of, write_ledger
from diwan.desks.cyber.calls.source import Source
from diwan.desks.cyber.calls.state import resumed
from diwan.house import House
from diwan.terms.errors import Refused
from diwan.terms.time import Instant, iso

Names = Annotated[list[str] | None, typer.Argument(help="Names of sources; none: all of them.")]
RejectsFile = Annotated[
    Path | None,
    typer.Option("--rejects", help="Where objects that were not taken are listed; numbered where it exists."),
]
Direction = Literal["poll", "push"]
COLUMNS = ("name", "direction", "state", "last ok", "due", "entered", "already", "rejected", "what")

NONE = "No such source is named in desks/cyber/sources.toml of the node's folder."


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Other TAXII servers, as desks/cyber/sources.toml names them.")
    app.add_typer(group, name="source")

    @group.command("list")
    def list_sources(node: Node = HERE, as_json: Json = False) -> None:
        """List the sources: how each is, when it last went well, what it brought; exit code 1 when one is not well."""
        with opened(node) as house:
            caller = Caller(house, time.sleep)
            rows = [row_of(caller.keeps, source, house.clock()) for source in sources_of(house)]
        show(map(_row, rows), COLUMNS, as_json=as_json)
        if not rows:
            say(NONE)
        if any(row.health.state != "well" for row in rows):
            raise typer.Exit(1)

    @group.command("push")
    def push_sources(names: Names = None, node: Node = HERE, as_json: Json = False) -> None:
        """Push now to the sources of direction push: what is released to each source's account, and nothing else."""
        _call(node, names, "push", None, as_json=as_json)


def add_import(group: typer.Typer) -> None:
    """Add `taxii` to the commands of `diwan import`."""

    @group.command("taxii")
    def import_taxii(
        names: Names = None, rejects: RejectsFile = None, node: Node = HERE, as_json: Json = False
    ) -> None:
        """Poll the sources of direction poll once, each from where it was left to its end.

        Objects are entered under the label and in the name that the source gives. One that was stopped is tried anew.
        """
        _call(node, names, "poll", rejects, as_json=as_json)


def _call(node: Path, names: list[str] | None, direction: Direction, rejects: Path | None, *, as_json: bool) -> None:
    with opened(node) as house, Rejects(rejects) if rejects else nullcontext() as out:
        caller = Caller(house, time.sleep, out)
        rows = [_called(house, caller, source) for source in _chosen(house, names or [], direction)]
        house.book.words.catch_up()
    show(map(_row, rows), COLUMNS, as_json=as_json)
    if not rows:
        say(NONE)
    if out is not None and out.file:
        say(f"What was not taken is listed in {out.file}")
    if any(row.health.state in ("failing", "stopped") for row in rows):
        raise typer.Exit(1)


def _chosen(house: House, names: list[str], direction: Direction) -> list[Source]:
    known = {source.name: source for source in sources_of(house) if source.direction == direction}
    if unknown := [name for name in names if name not in known]:
        said = f"No source of direction {direction} is named {', '.join(unknown)}"
        raise Refused(f"{said} in desks/cyber/sources.toml. No call was made.")
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def _called(house: House, caller: Caller, source: Source) -> Row:
    ledger = caller.ledger(source)
    if ledger.state.stopped:
        ledger = replace(ledger, state=resumed(ledger.state))
        write_ledger(caller.keeps, source, ledger, house.clock())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(source.name, total=None, told="")
        caller.call(source, told=lambda moved: progress.update(task, told=_since(ledger, moved)))
    return row_of(caller.keeps, source, house.clock())


def _since(before: Ledger, now: Ledger) -> str:
    entered, already = now.entered - before.entered, now.already - before.already
    return f"{entered:,} entered, {already:,} already there, {now.rejected - before.rejected:,} rejected"


def _row(row: Row) -> dict[str, Any]:
    health, ledger = row.health, row.ledger
    return {
        "name": row.source.name,
        "direction": row.source.direction,
        "state": health.state if ledger.state.tried is not None else "not yet called",
        "last ok": _at(health.last_ok),
        "due": _at(health.due),
        "entered": ledger.entered,
        "already": ledger.already,
        "rejected": ledger.rejected,
        "what": health.said or (ledger.refusals[-1] if ledger.refusals else ""),
        "refusals": list(ledger.refusals),
    }


def _at(at: Instant | None) -> str | None:
    return None if at is None else iso(at)
