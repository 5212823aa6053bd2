"""Opening the node that a command works on, and acting at its console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from diwan.demo import demo_clock, is_demo
from diwan.house import House, is_node
from diwan.terms.errors import Refused
from diwan.terms.hand import Hand, Role
from diwan.terms.reader import Clearance, Reader

Node = Annotated[
    Path, typer.Option("--node", envvar="DIWAN_NODE", help="The node's folder.", show_default="./diwan-node")
]
HERE = Path("diwan-node")


def begin_clock(folder: Path) -> None:
    """Start the clock of a demo that begins."""
    demo_clock(folder)


def found(folder: Path) -> Path:
    """Return a folder that holds a node.

    Raises:
        Refused: there is no node in the folder.
    """
    if not (is_node(folder) or is_demo(folder)):
        raise Refused(f"There is no node in {folder}. Begin one with: diwan init --keeper PARTY --node {folder}")
    return folder


@contextmanager
def opened(folder: Path, *, though_shut: bool = False) -> Iterator[House]:
    """Open the node in `folder` and close it again; one that is shut only to take care of it (`though_shut`).

    Raises:
        Refused: there is no node in the folder, or it is shut.
    """
    found(folder)
    # A demo lives on the day of the article; whatever opens its folder must go by its clock.
    house = House(folder, clock=demo_clock(folder)) if is_demo(folder) else House(folder)
    try:
        if not though_shut:
            house.check_open()
        yield house
    finally:
        house.close()


def console_hand(house: House, party: str) -> Hand:
    """Return the hand that acts at the node's own console in the name of a hosted party.

    Who can type here can read the register's file; the hand still stays within the node's ceiling.
    """
    cleared = tuple(
        Clearance(height.policy, height.classification, height.caveats) for height in house.settings.heights
    )
    return Hand(Reader(f"console of {party}", party, cleared), frozenset({Role.RELEASING_OFFICER}))
