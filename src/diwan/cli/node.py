"""Beginning a node, serving it, and looking what is wrong with it."""

from __future__ import annotations

import logging
import shutil
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from diwan.cli.doctor import check_up as check_node
from diwan.cli.opening import HERE, Node, begin_clock, opened
from diwan.cli.rounds import rounds
from diwan.cli.showing import Json, say, show
from diwan.cli.stopping import stoppable
from diwan.demo import begin_demo, is_demo, lay_out
from diwan.house import House, check_unused, is_node, lookout
from diwan.release.codes import party_id
from diwan.settings import FILE, read_settings, with_postgres
from diwan.terms.errors import Refused
from diwan.web.events import note, telling

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")]
DEMO = Path("var/demo")


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
                say(
                    "The demo had begun before; passwords were shown then."
                    f" Another: diwan user password NAME --node {node}. Begin it anew with --fresh."
                )
            say(f"Its node lies in {node}: other commands look there with --node {node}.")
            if serve_it:
                _serve(house, None, port)

    @app.command("doctor")
    def check_up(node: Node = HERE, as_json: Json = False) -> None:
        """Say what is wrong with the set-up of this node, and what to do about it; exit code 1 when something is."""
        found = check_node(node)
        rows = [{"check": one.what, "state": "ok" if one.well else "wrong", "what": one.said} for one in found]
        show(rows, ["check", "state", "what"], as_json=as_json)
        if not all(one.well for one in found):
            raise typer.Exit(1)


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
    with rounds(house), lookout(house):
        serve(house, at, on)


def _try(at: str, on: int, name: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((at, on))
        except OSError as taken:
            raise Refused(f"{at}:{on} cannot be listened on: {taken.strerror}. Choose another with {name}.") from None
