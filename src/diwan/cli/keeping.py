"""Keeping a node: proving it, its backup, and what brings it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from diwan.cli.opening import HERE, Node, opened
from diwan.cli.showing import Json, plain, say, show
from diwan.house import restore_node
from diwan.terms.errors import Refused
from diwan.terms.time import iso

_SHUT = (
    "It is shut: nobody sees or enters anything until what was recalled and relabelled since the backup is replayed:"
    " diwan reopen --journal PATH --node {node}"
)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""

    @app.command()
    def verify(node: Node = HERE, as_json: Json = False) -> None:
        """Check every signature, every byte and the audit log, also against its last checkpoint."""
        with opened(node, though_shut=True) as house, told_on() as told:
            proof = house.prove(told)
        if as_json:
            row = {"items": proof.items, "audit lines": proof.lines, "root": proof.root.hex()}
            show([{**row, "faults": list(proof.faults)}], [], as_json=True)
        else:
            typer.echo(f"{proof.items:,} revisions, {proof.lines:,} audit lines, root {proof.root.hex()}")
            typer.echo("\n".join(f"Fault: {plain(fault)}" for fault in proof.faults) or "No fault was found.")
        if proof.faults:
            raise typer.Exit(1)

    @app.command()
    def backup(
        file: Annotated[Path, typer.Argument(help="The bundle to write.")],
        node: Node = HERE,
        without_keys: Annotated[
            bool, typer.Option("--without-keys", help="Leave out all that lies in keys/; keep it elsewhere.")
        ] = False,
    ) -> None:
        """Write register, settings and keys into one signed bundle; the node may go on running."""
        with opened(node, though_shut=True) as house, told_on() as told:
            house.backup(file, keys=not without_keys, progress=told)
        if without_keys:
            say(f"{file} holds the node without its keys: keep {node / 'keys'} elsewhere, or nobody can sign again.")
        else:
            say(f"{file} holds the node, with its private keys and its sources' secrets: keep it as you keep those.")

    @app.command()
    def restore(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A bundle from `backup`.")],
        node: Node = HERE,
        postgres: Annotated[
            str, typer.Option(help="Keep its register in the empty database that this conninfo points to.")
        ] = "",
    ) -> None:
        """Make a node in an empty folder from a backup: with its register there, or in PostgreSQL."""
        with told_on() as told:
            made = restore_node(file, node, postgres=postgres, progress=told)
        say(f"{file} was signed for {made.party} at {iso(made.at)}, by the key {made.kid}.")
        if not made.keys:
            say(
                f"Restored into {node}, without keys: put them into {node / 'keys'} before anything else is done there."
            )
            say(_SHUT.format(node=node))
            return
        with opened(node, though_shut=True) as house:
            house.book.words.catch_up(everything=True)
            proof = house.prove()
        say(f"Restored into {node}: {proof.items} revisions, {proof.lines} audit lines, {len(proof.faults)} faults.")
        for fault in proof.faults:
            say(f"Fault: {fault}")
        say(_SHUT.format(node=node))
        if proof.faults:
            raise typer.Exit(1)

    @app.command()
    def reopen(
        node: Node = HERE,
        journal: Annotated[
            list[Path] | None, typer.Option(exists=True, help="A journal of the lost node, or a folder of them.")
        ] = None,
        without_journal: Annotated[
            bool, typer.Option("--without-journal", help="Open it though recalls since the backup are not known.")
        ] = False,
        because: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    ) -> None:
        """Replay what was recalled and relabelled since the backup, and let everyone in again."""
        if bool(journal) == without_journal:
            raise Refused(
                "Name the journals with --journal, or say --without-journal --because TEXT. Nothing was done."
            )
        with opened(node, though_shut=True) as house:
            made = house.reopen_without_journal(because) if without_journal else house.reopen(journal or [])
        say(
            f"Open again: {made.recalled} recalled, {made.relabelled} relabelled, {len(made.withdrawn)} withdrawn;"
            f" {made.known} changes were known, {made.unknown} were of items entered after the backup. Everyone signs"
            " in anew."
        )
        for ref in made.withdrawn:
            say(f"Withdrawn, for it cannot be relabelled here, or was changed here after that was lost: {ref}")


@contextmanager
def told_on() -> Iterator[Callable[[str, int, int], None]]:
    """Lend what shows, on standard error, how much of what is done."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        yield told
