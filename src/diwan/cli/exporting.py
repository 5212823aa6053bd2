"""`diwan export`: files of what is released to one account: a STIX bundle, a MISP feed, lists for sensors."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Final
from uuid import UUID

import typer

from diwan.cli.asking import InWorld, marking_of, room_of
from diwan.cli.feed_folder import write_feed
from diwan.cli.opening import HERE, Node
from diwan.cli.showing import say
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.render.indicators import FORMATS, Format
from diwan.desks.cyber.watch import bundle_of, events_of, watched_of
from diwan.house import House
from diwan.reading import Query, ReadingRoom
from diwan.terms.errors import Refused
from diwan.terms.gate import World

Reader = Annotated[str, typer.Option("--as", help="The account as whom it is read: what it sees, and nothing more.")]
ToFile = Annotated[Path, typer.Option("--out", help="The file; - for standard output.")]
STDOUT: Final = Path("-")
_SURICATA: Final = "suricata"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Write files of what is released to one account.")
    app.add_typer(group, name="export")

    @group.command("stix")
    def export_stix(
        reader: Reader,
        out: ToFile = STDOUT,
        type_: Annotated[list[str] | None, typer.Option("--type", help="Only of this STIX type.")] = None,
        originator: Annotated[str | None, typer.Option(help="Only of this originator.")] = None,
        words: Annotated[str, typer.Option(help="Only with all of these words.")] = "",
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
    ) -> None:
        """Write a bundle of STIX objects, newest versions, exact bytes."""
        if type_ and len(type_) > 1:
            raise Refused("One type of objects at a time; without --type the bundle holds all. Nothing was written.")
        query = Query(originator=originator, words=words, facets=tuple(("type", name) for name in type_ or ()))
        with room_of(node, reader, world) as (house, room), _written(out) as file:
            ident = str(UUID(bytes=house.chance.bytes(16), version=4))
            for piece in bundle_of(room, query, ident=ident):
                file.write(piece)

    @group.command("misp")
    def export_misp(
        reader: Reader,
        out: Annotated[Path, typer.Option("--out", file_okay=False, help="The folder; its manifest comes last.")],
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
    ) -> None:
        """Write a MISP feed: manifest.json, hashes.csv, and a file for each event; what was recalled is taken away."""
        with room_of(node, reader, world) as (_, room):
            count = write_feed(events_of(room), out)
        say(f"{count} events in {out}")

    @group.command("indicators")
    def export_indicators(
        reader: Reader,
        form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "csv",
        out: Annotated[Path, typer.Option("--out", help="A file, a folder, or - for standard output.")] = STDOUT,
        everything: Annotated[bool, typer.Option("--all", help="Also what stands on a warning list.")] = False,
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
    ) -> None:
        """Write values to watch for: valid, not doubted, each enough by itself; into a folder with its companions."""
        if form not in FORMATS:
            raise Refused(f"{form!r} is none of {', '.join(FORMATS)}. Nothing was written.")
        with room_of(node, reader, world) as (house, room):
            for one, data in _lists(house, room, _forms(form, out), everything=everything):
                with _written(out / one.file if out.is_dir() else out) as file:
                    file.write(data)
        if form == _SURICATA and out != STDOUT and not out.is_dir():
            say(f"{out} holds the rules alone; the lists that some of them name come along into a folder that exists.")


def _forms(form: str, out: Path) -> list[Format]:
    # Suricata reads checksums from lists of their own, which its rules name: in a folder they come along.
    beside = [one for name, one in FORMATS.items() if name.startswith(f"{_SURICATA}-")]
    return [FORMATS[form], *(beside if form == _SURICATA and out.is_dir() else [])]


def _lists(
    house: House, room: ReadingRoom, forms: Iterable[Format], *, everything: bool
) -> Iterator[tuple[Format, bytes]]:
    local = house.local["cyber"]
    warnings = local.warnings if isinstance(local, Local) and not everything else None
    now = room.now
    watched = tuple(watched_of(room, now, warnings, lambda label: marking_of(house, label)))
    for form in forms:
        yield form, form.write(watched, reader=room.reader.party, at=now)


@contextmanager
def _written(out: Path) -> Iterator[IO[bytes]]:
    """Lend what to write into; a file takes its place only once it is whole."""
    if out == STDOUT:
        yield sys.stdout.buffer
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
