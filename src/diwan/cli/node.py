"""Beginning, running, proving and keeping a node."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from diwan.cli.doctor import check_up as check_node
from diwan.cli.opening import HERE, Node, begin_clock, opened
from diwan.cli.rounds import rounds
from diwan.cli.showing import Json, plain, say, show
from diwan.cli.stopping import stoppable
from diwan.demo import begin_demo, is_demo, lay_out
from diwan.house import House, check_unused, is_node, restore_node
from diwan.release.codes import party_id
from diwan.settings import FILE, read_settings, with_postgres
from diwan.terms.errors import Refused
from diwan.terms.time import iso
from diwan.web.events import note, telling

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")]
DEMO = Path("var/demo")
_SHUT = (
    "It is shut: nobody sees or enters anything until what was recalled and relabelled since the backup is replayed:"
    " diwan reopen --journal PATH --node {node}"
)


class Log(StrEnum):
    """How a node writes what it says of itself."""

    text = "text"
    json = "json"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""

    @app.command()
    def init(
        keeper: Annotated[str, typer.Option(help="The party that runs this node, e.g. KWT.")],
        node: Node = HERE,
        host_party: Annotated[
            list[str] | None, typer.Option("--host-party", help="Another party whose key is kept here.")
        ] = None,
        postgres: Annotated[
            str, typer.Option(help="Keep its register in the empty database that this conninfo points to.")
        ] = "",
    ) -> None:
        """Begin a node in an empty folder."""
        if is_node(node):
            raise Refused(f"There is a node in {node} already. Nothing was changed.")
        if (node / FILE).exists():
            raise Refused(f"{node / FILE} is there already, without a node. Move it away. Nothing was changed.")
        keeper, parties = party_id(keeper), [party_id(party) for party in host_party or ()]
        if postgres:
            check_unused(node, postgres)
        node.mkdir(parents=True, exist_ok=True)
        hosted = ", ".join(f'"{party}"' for party in parties)
        text = f'keeper = "{keeper}"\nhosted = [{hosted}]\n'
        (node / FILE).write_bytes(with_postgres(text.encode(), postgres))
        House(node).close()
        say(f"A node of {keeper} begins in {node}. Next: diwan user add NAME --party {keeper} --node {node}")

    @app.command()
    def serve(
        node: Node = HERE,
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        port: Port = None,
        log: Annotated[Log | None, typer.Option(help="How standard error is written; json tells each request.")] = None,
    ) -> None:
        """Serve the node's pages, feeds and API until stopped."""
        kind = log.value if log else read_settings(node).log
        with telling(kind), stoppable(), opened(node, though_shut=True) as house:
            _serve(house, host, port, quiet=kind == "json")

    @app.command()
    def demo(
        node: Annotated[Path, typer.Option("--node", help="Where the demo's node lies.")] = DEMO,
        fresh: Annotated[bool, typer.Option("--fresh", help="Begin it anew.")] = False,
        serve_it: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve it, or only lay it out.")] = True,
        port: Port = None,
    ) -> None:
        """Begin (or go on with) the demo: the centre in Kuwait on 24 January 2017, and serve it."""
        if fresh and is_node(node):
            if not is_demo(node):
                raise Refused(f"{node} holds a node that is no demo. Nothing was removed.")
            shutil.rmtree(node)
        lay_out(node)
        begin_clock(node)
        with telling("text"), stoppable(), opened(node) as house:
            told = begin_demo(house)
            rows = [{"name": a.name, "who": a.shown, "party": a.party, "password": a.password} for a in told.accounts]
            if rows:
                show(rows, ["name", "who", "party", "password"], as_json=False)
            else:
                say("The demo had begun before; passwords were shown then. Begin it anew with --fresh.")
            if serve_it:
                _serve(house, None, port)

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
            say(f"Withdrawn, for it cannot be relabelled here: {ref}")

    @app.command("doctor")
    def check_up(node: Node = HERE, as_json: Json = False) -> None:
        """Say what is wrong with the set-up of this node, and what to do about it; exit code 1 when something is."""
        found = check_node(node)
        rows = [{"check": one.check, "state": "ok" if one.well else "wrong", "what": one.said} for one in found]
        show(rows, ["check", "state", "what"], as_json=as_json)
        if not all(one.well for one in found):
            raise typer.Exit(1)


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


def _serve(house: House, host: str | None, port: int | None, *, quiet: bool = False) -> None:
    from diwan.web.serving import serve  # noqa: PLC0415 -- slow import; most commands need no web shell

    at, on = host or house.settings.host, port or house.settings.port
    _try(at, on, "--port")
    if numbers := house.settings.metrics_port:
        if numbers == on:
            raise Refused(f"Pages and metrics_port cannot both have port {on}. Choose another with --port.")
        _try("127.0.0.1", numbers, "metrics_port in settings.toml")
    if not quiet:
        say(f"Look at http://{at}:{on}/ (Ctrl-C stops)")
    note(logging.INFO, "serving", host=at, port=on)
    house.book.words.keep_up(every=2.0)
    with rounds(house):
        serve(house, at, on)


def _try(at: str, on: int, name: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((at, on))
        except OSError as taken:
            raise Refused(f"{at}:{on} cannot be listened on: {taken.strerror}. Choose another with {name}.") from None
