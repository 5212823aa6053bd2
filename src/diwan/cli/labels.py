"""`diwan label`: what a typed marking means here, whom it would reach, and how it is written elsewhere."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from diwan.cli.opening import HERE, Node, opened
from diwan.cli.showing import Json, show
from diwan.release.codes import party_id
from diwan.release.marking import marking, parse_marking
from diwan.release.stanag4774 import to_xml


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""

    @app.command("label")
    def label(
        text: Annotated[str, typer.Argument(help="A marking, e.g. 'TLP:AMBER // Releasable to ICI'.")],
        originator: Annotated[
            str, typer.Option(help="The party that would set it; none: the keeper of this node.")
        ] = "",
        node: Node = HERE,
        as_json: Json = False,
        xml: Annotated[bool, typer.Option("--xml", help="Print it as an ADatP-4774 label.")] = False,
    ) -> None:
        """Read a marking and say what it means at this node: its label, its faults, and whom it reaches."""
        with opened(node) as house:
            rules = house.rules()
            read = parse_marking(text, rules.policies)
            policy = next(policy for policy in rules.policies if policy.id == read.policy)
            who = party_id(originator) if originator else house.settings.keeper
            if xml:
                typer.echo(to_xml(read, created=house.clock(), originator=who, policy=policy).decode())
                return
            reached = house.preview(who, read)
            row = {
                "marking": marking(read, policy),
                "policy": read.policy,
                "set by": who,
                "label": msgspec.to_builtins(read),
                "faults": list(policy.faults(read)),
                "reaches": ["everyone"] if reached.world else sorted(reached.parties),
            }
            show([row], ["marking", "policy", "set by", "reaches", "faults"], as_json=as_json)
