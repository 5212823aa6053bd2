"""`diwan import`: files go in under a label; a bad record goes to the rejects file, the rest goes in."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from diwan.cli.opening import HERE, Node, console_hand, opened
from diwan.cli.showing import Json, say
from diwan.desk import Desk
from diwan.house import House
from diwan.intake.beyond import Beyond
from diwan.release.codes import party_id
from diwan.release.marking import parse_marking
from diwan.terms.errors import Duplicate, Refused
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label

BATCH = 500

_json = msgspec.json.Encoder()


class Came(msgspec.Struct):
    """What became of everything that was brought."""

    entered: int = 0
    already: int = 0
    rejected: int = 0
    notices: int = 0


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Bring files in, under a label.")
    app.add_typer(group, name="import")

    @group.command("cap")
    def import_cap(
        files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="CAP files, feeds, EDXL-DE.")],
        label: Annotated[str, typer.Option(help="The marking they get, e.g. 'TLP:AMBER // Releasable to ICI'.")],
        originator: Annotated[str, typer.Option(help="The party in whose name they are entered.")],
        rejects: Annotated[Path, typer.Option(help="Where records that were not taken are listed.")] = Path(
            "rejects.jsonl"
        ),
        beyond: Annotated[
            Beyond, typer.Option(help="What to do with a record that refers to items its audience may not know.")
        ] = Beyond.WARN,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Import CAP alerts, feeds of alerts and EDXL-DE distributions.

        A second import of the same files adds nothing: what is already there is counted as such.
        """
        with opened(node) as house:
            read = parse_marking(label, house.rules().policies)
            came = _bring(house, house.desks["crisis"], files, read, party_id(originator), rejects, beyond)
            house.book.words.catch_up()
        if as_json:
            sys.stdout.buffer.write(_json.encode(came) + b"\n")
        say(
            f"{came.entered} entered, {came.already} already there, {came.rejected} rejected"
            + (f" (see {rejects})" if came.rejected else "")
            + (f", {came.notices} with notices" if came.notices else "")
        )
        raise typer.Exit(1 if came.rejected and not came.entered and not came.already else 0)


def _bring(
    house: House, desk: Desk, files: list[Path], label: Label, originator: str, rejects: Path, beyond: Beyond
) -> Came:
    hand = console_hand(house, originator)
    names = house.names(hand.reader)
    came = Came()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rate = TextColumn("{task.fields[rate]}")
    with (
        rejects.open("w", encoding="utf-8") as out,
        Progress(*columns, rate, TimeRemainingColumn(), console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("files", total=len(files), rate="")
        for batch in _batches(_records(desk, files, names, lambda: progress.advance(task))):
            _enter(house, hand, batch, label, beyond, came, out)
            elapsed = progress.tasks[task].elapsed or 1e-9
            progress.update(task, rate=f"{came.entered / elapsed:,.0f} items/s")
    if not came.rejected:
        rejects.unlink()
    return came


_EMPTY = Finding("empty", Weight.ERROR, "/", "holds no record of this standard; a feed of mere links holds none")
Record = tuple[Path, Draft | Reject]


def _records(desk: Desk, files: Iterable[Path], names: Any, one_more: Any) -> Iterator[Record]:
    assert desk.opens is not None  # noqa: S101 -- only desks that open files have a command
    for file in files:
        records = iter(desk.opens(file.read_bytes(), str(file), names))
        first = next(records, Reject(str(file), "/", (_EMPTY,)))
        for record in chain([first], records):
            yield file, record
        one_more()


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _enter(house: House, hand: Hand, batch: list[Record], label: Label, beyond: Beyond, came: Came, out: Any) -> None:
    drafts = [(file, draft) for file, draft in batch if isinstance(draft, Draft)]
    outcomes = house.take_all(
        hand, [(draft, label) for _, draft in drafts], originator=hand.reader.party, beyond=beyond
    )
    for (file, draft), outcome in zip(drafts, outcomes, strict=True):
        if isinstance(outcome, Duplicate):
            came.already += 1
        elif isinstance(outcome, Refused):
            came.rejected += 1
            _list(out, str(file), draft.title, Finding(type(outcome).__name__.lower(), Weight.ERROR, "/", str(outcome)))
        else:
            came.entered += 1
            came.notices += bool(outcome.notices)
    for _, reject in batch:
        if isinstance(reject, Reject):
            came.rejected += 1
            for finding in reject.findings:
                _list(out, reject.file, reject.where, finding)


def _list(out: Any, file: str, where: str, found: Finding) -> None:
    told = {"line": found.line, "rule": found.rule, "path": found.path, "message": found.message}
    row = {"file": file, "where": where, **told}
    out.write(_json.encode(row).decode() + "\n")
