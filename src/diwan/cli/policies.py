"""`diwan policy`: which policies release here, and installing what an authority hands over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diwan.cli.opening import HERE, Node, opened
from diwan.cli.showing import Json, say, show
from diwan.release.policy import read_policy
from diwan.terms.errors import Malformed, Refused

BY = "console"

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Policy files to install.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Install them though standing items become unreadable.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="The policies that labels are set and read by.")
    app.add_typer(group, name="policy")

    @group.command("install")
    def install(files: Files, node: Node = HERE, anyway: Anyway = False) -> None:
        """Install policies, or replace those of the same id; all of the files or none, at once for everyone."""
        texts = [_text(file) for file in files]
        with opened(node) as house:
            lost = house.unreadable_under(texts)
            for fault, items in sorted(lost.items()):
                say(f"Unreadable for everyone: {items:,} standing items, for: {fault}")
            if lost and not anyway:
                raise Refused("The policies find fault with labels in use. Nothing was installed; --anyway installs.")
            house.install_policies(texts, by=BY)
        say(f"Installed: {', '.join(read_policy(text).id for text in texts)}.")

    @group.command("list")
    def list_installed(node: Node = HERE, as_json: Json = False) -> None:
        """List the installed policies, with their levels from the lowest and the keeper of each framework."""
        with opened(node) as house:
            policies = house.rules().policies
        rows = [
            {
                "policy": policy.id,
                "title": policy.title,
                "levels": [level.name for level in sorted(policy.levels, key=lambda level: level.rank)],
                "keepers": [f"{framework}: {keeper}" for framework, keeper in policy.keepers.items()],
            }
            for policy in policies
        ]
        show(rows, ["policy", "title", "levels", "keepers"], as_json=as_json)


def _text(file: Path) -> str:
    try:
        text = file.read_text("utf-8")
        read_policy(text)
    except UnicodeDecodeError:
        raise Malformed(f"{file}: not text in UTF-8. Not installed.") from None
    except Malformed as fault:
        raise Malformed(f"{file}: {fault}") from None
    return text
