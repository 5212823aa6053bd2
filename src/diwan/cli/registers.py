"""`diwan db`: where the register is kept, whatever keeps it: its shape, its walls, and what a superuser does once."""

from __future__ import annotations

from typing import Annotated

import typer

from diwan.cli.opening import HERE, Node, found, opened
from diwan.cli.showing import Json, say, show
from diwan.house import check_register, postgres_script, upgrade_register


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Where the register is kept: its shape and its walls.")
    app.add_typer(group, name="db")

    @group.command("check")
    def check(node: Node = HERE, as_json: Json = False) -> None:
        """Say of what shape the register is and whether its walls stand; exit code 1 when something is wrong."""
        looked = list(check_register(found(node)))
        rows = [{"check": one.what, "state": "ok" if one.well else "wrong", "what": one.said} for one in looked]
        show(rows, ["check", "state", "what"], as_json=as_json)
        if not all(one.well for one in looked):
            raise typer.Exit(1)

    @group.command("upgrade")
    def upgrade(node: Node = HERE) -> None:
        """Bring the register to the shape that this version of the software works with."""
        before, after = upgrade_register(found(node))
        moved = f"was of shape {before} and is of shape {after}" if before != after else f"is of shape {after} already"
        say(f"The register {moved}; its walls were raised anew.")

    @group.command("shut")
    def shut(
        because: Annotated[str, typer.Option(help="Why, for the audit log.")],
        node: Node = HERE,
    ) -> None:
        """Shut a node whose register was set back by other means than `restore`, until its journal is replayed."""
        with opened(node) as house:
            house.shut_down(because)
        say(f"Shut. Open it again with: diwan reopen --journal PATH --node {node}")

    @group.command("roles")
    def roles(
        node: Node = HERE,
        database: Annotated[str, typer.Option(help="The database, where no node names one yet.")] = "",
    ) -> None:
        """Print what a superuser runs once with psql: the four roles, the database, and who may see statistics."""
        typer.echo(postgres_script(node, database), nl=False)
