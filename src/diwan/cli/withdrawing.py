"""`diwan withdraw`: a MISP event taken back so that a MISP that fetched it deletes what it holds of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
import typer
from msgspec.structs import replace

from diwan.cli.asking import InWorld
from diwan.cli.events import edition_of
from diwan.cli.opening import HERE, Node, console_hand, opened
from diwan.cli.showing import say
from diwan.desks.cyber.kinds.misp import EVENT, EventBrief
from diwan.desks.cyber.parse.misp import is_withdrawn, withdrawal
from diwan.house import House
from diwan.reading import ReadingRoom, Released
from diwan.release.codes import party_id
from diwan.terms.errors import NotFound
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Alias
from diwan.terms.label import Label

_brief = msgspec.json.Decoder(EventBrief)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""

    @app.command("withdraw")
    def withdraw(
        uuid: Annotated[str, typer.Argument(help="The UUID of a MISP event that the originator entered here.")],
        originator: Annotated[str, typer.Option("--originator", help="The party that entered it.")],
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
    ) -> None:
        """Take a MISP event and its editions back, and have every MISP that fetched them delete what is in them.

        Each label under which it stands gets a last edit that says nothing and calls every part deleted; all edits
        before that are recalled. Let the last one stand until partners have fetched it.
        """
        with opened(node) as house:
            hand = console_hand(house, party_id(originator))
            room = house.room(hand.reader, world)
            names = (uuid.lower(), edition_of(house, world, hand.reader.party, uuid.lower()))
            known = [item for name in names for item in _own(room, name, hand.reader.party)]
            if not known:
                raise NotFound
            recalled = sum(_withdrawn(house, hand, room, items) for items in _by_label(known))
        say(f"{uuid} is withdrawn; {recalled} edits recalled")


def _own(room: ReadingRoom, name: str, party: str) -> list[Released]:
    known = room.known_as(Alias("misp", name))
    return [item for item in known if item.kind == EVENT and item.ref.originator == party]


def _by_label(items: Iterable[Released]) -> Iterable[list[Released]]:
    found: dict[tuple[str, Label], list[Released]] = {}
    for item in items:
        found.setdefault((_read(item).uuid, item.label), []).append(item)
    return found.values()


def _withdrawn(house: House, hand: Hand, room: ReadingRoom, items: list[Released]) -> int:
    """Withdraw what stands under one name and label; the last edit first, so that none is missing in between."""
    last = [item for item in items if is_withdrawn(_read(item))]
    edits = sorted(
        (item for item in items if item not in last), key=lambda item: (_read(item).timestamp or 0, item.entered)
    )
    if not last:
        draft = replace(withdrawal([room.parts(item)[0].data for item in edits]), world=room.world)
        house.take(hand, draft, edits[-1].label, originator=hand.reader.party)
    for item in edits:
        house.recall(hand, item.ref)
    return len(edits)


def _read(item: Released) -> EventBrief:
    return _brief.decode(item.brief)
