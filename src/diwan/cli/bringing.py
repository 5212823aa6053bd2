"""`diwan import`: files go in under a label; a bad record goes to the rejects file, the rest goes in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from diwan.cli.asking import InWorld
from diwan.cli.carrying import BATCH, TOLD, Carrier, Labels, Load, Opens, batches_of
from diwan.cli.events import EventLabels
from diwan.cli.opening import HERE, Node, console_hand, opened
from diwan.cli.rejecting import Rejects
from diwan.cli.showing import Json, say
from diwan.cli.sources import add_import
from diwan.desks.cyber.acts import open_stix
from diwan.desks.cyber.parse.misp import events_in
from diwan.house import House
from diwan.house.steady import keep_what_stands
from diwan.intake.beyond import Beyond
from diwan.release.codes import party_id
from diwan.release.marking import parse_marking
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files to bring in.")]
Marking = Annotated[str, typer.Option("--label", help="The marking they get, e.g. 'TLP:AMBER // Releasable to ICI'.")]
Name = Annotated[str, typer.Option("--originator", help="The party in whose name they are entered.")]
RejectsFile = Annotated[
    Path, typer.Option(help="Where records that were not taken are listed; next to it, numbered, where it exists.")
]
Beyonds = Annotated[
    Beyond, typer.Option(help="What to do with a record that refers to items its audience may not know.")
]
Size = Annotated[int, typer.Option("--batch", min=1, max=10_000, help="Records of one transaction.")]
REJECTS = Path("rejects.jsonl")


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How files are brought in."""

    marking: str
    originator: str
    rejects: Path
    beyond: Beyond
    batch: int = BATCH
    as_json: bool = False


Opener = Callable[[House, Hand], Opens]
Labeller = Callable[[House, Hand, Label], Labels]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Bring files in, under a label.")
    app.add_typer(group, name="import")
    add_import(group)

    @group.command("cap")
    def import_cap(
        files: Files,
        label: Marking,
        originator: Name,
        rejects: RejectsFile = REJECTS,
        beyond: Beyonds = Beyond.WARN,
        batch: Size = BATCH,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Import CAP alerts, feeds of alerts and EDXL-DE distributions.

        A second import of the same files adds nothing: what is already there is counted as such.
        """
        manner = Manner(
            marking=label, originator=originator, rejects=rejects, beyond=beyond, batch=batch, as_json=as_json
        )
        _import(node, files, manner, _open_cap, _same)

    @group.command("stix")
    def import_stix(
        files: Files,
        label: Marking,
        originator: Name,
        rejects: RejectsFile = REJECTS,
        beyond: Beyonds = Beyond.WARN,
        world: InWorld = World.ACTUAL,
        batch: Size = BATCH,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Import STIX 2.1 or 2.0: bundles, envelopes, lists, JSON lines or single objects.

        Every object keeps its exact bytes; its own markings make the label stricter, never freer. A second import adds
        nothing, and one that was interrupted goes on where it stopped.
        """
        manner = Manner(
            marking=label, originator=originator, rejects=rejects, beyond=beyond, batch=batch, as_json=as_json
        )
        _import(node, files, manner, partial(_open_stix, world), partial(_in_world, world))

    @group.command("misp")
    def import_misp(
        files: Files,
        label: Marking,
        originator: Name,
        rejects: RejectsFile = REJECTS,
        beyond: Beyonds = Beyond.WARN,
        world: InWorld = World.ACTUAL,
        batch: Size = 100,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Import MISP events: single ones, a search's answer, or a list.

        Each event is labelled no wider than its distribution and the marking together; where a part is for fewer
        readers, the whole goes to those and the others get an edition. What the audiences mean here says
        desks/cyber/sharing.toml; an event whose audience is unknown is rejected.
        """
        manner = Manner(
            marking=label, originator=originator, rejects=rejects, beyond=beyond, batch=batch, as_json=as_json
        )
        _import(node, files, manner, _open_misp, partial(EventLabels, world))


def _import(node: Path, files: list[Path], manner: Manner, opener: Opener, labeller: Labeller) -> None:
    with opened(node) as house:
        label = parse_marking(manner.marking, house.rules().policies)
        hand = console_hand(house, party_id(manner.originator))
        with Rejects(manner.rejects) as out:
            carrier = _carried(house, files, manner, hand, opener(house, hand), labeller(house, hand, label), out)
    came = carrier.came
    if manner.as_json:
        sys.stdout.buffer.write(msgspec.json.encode(came) + b"\n")
    say(
        f"{came.entered} entered, {came.already} already there, {came.rejected} rejected"
        + (f" (see {out.file})" if out.file else "")
        + (f", {came.narrowed} under a stricter label as they say of themselves" if came.narrowed else "")
        + (f", {came.notices} with notices" if came.notices else "")
    )
    for line in carrier.told:
        say(line)
    if came.notices > TOLD:
        say(f"These are the first {TOLD}.")
    raise typer.Exit(1 if came.rejected and not came.entered and not came.already else 0)


def _carried(
    house: House, files: list[Path], manner: Manner, hand: Hand, opens: Opens, labels: Labels, out: Rejects
) -> Carrier:
    with _progress() as progress:
        carrier = Carrier(house, hand, labels, out, manner.beyond)
        task = progress.add_task("files", total=len(files), rate="")
        house.book.words.keep_up(every=0.5)
        keep_what_stands()
        for batch in batches_of(files, opens, manner.batch):
            carrier.enter(batch)
            elapsed = progress.tasks[task].elapsed or 1e-9
            records = carrier.came.records
            rate = f"{records:,} records, {records / elapsed:,.0f} a second"
            progress.update(task, advance=_files_in(batch), rate=rate)
        waiting = house.book.facts()["waiting"]
        index = progress.add_task("word index", total=waiting, rate="")
        house.book.words.catch_up(progress=lambda done: progress.update(index, completed=done))
        progress.update(index, completed=waiting)
    return carrier


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rate = TextColumn("{task.fields[rate]}")
    return Progress(*columns, rate, TimeRemainingColumn(), console=Console(stderr=True))


def _files_in(batch: list[Load]) -> int:
    return sum(load.last for load in batch)


def _open_cap(house: House, hand: Hand) -> Opens:
    opens, names = house.desks["crisis"].opens, house.names(hand.reader)
    assert opens is not None  # noqa: S101 -- the crisis desk opens files
    return lambda data, file: opens(data, file, names)


def _open_stix(world: World, house: House, hand: Hand) -> Opens:
    room = house.room(hand.reader, world)
    return lambda data, file: open_stix(data, file, room)


def _open_misp(house: House, hand: Hand) -> Opens:
    names = house.names(hand.reader)
    return lambda data, file: events_in(data, file, names)


def _same(house: House, hand: Hand, label: Label) -> Labels:
    return lambda draft: [(draft, label)]


def _in_world(world: World, house: House, hand: Hand, label: Label) -> Labels:
    def labelled(draft: Draft) -> list[tuple[Draft, Label]]:
        return [(draft if draft.world is world else replace(draft, world=world), label)]

    return labelled
