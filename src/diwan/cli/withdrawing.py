"""`diwan withdraw`: a MISP event taken back so that a MISP that fetched it deletes what it holds of it."""

from __future__ import annotations

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
from diwan.release.audience import covers
from diwan.release.codes import party_id
from diwan.release.decide import Rules
from diwan.terms.errors import NotFound
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft
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
            known = [held for name in names if (held := _own(room, name, hand.reader.party))]
            if not known:
                raise NotFound
            recalled = sum(_withdrawn(house, hand, room, held) for held in known)
        say(f"{uuid} is withdrawn; {recalled} edits recalled")


def _own(room: ReadingRoom, name: str, party: str) -> list[Released]:
    known = room.known_as(Alias("misp", name))
    return [item for item in known if item.kind == EVENT and item.ref.originator == party]


def _withdrawn(house: House, hand: Hand, room: ReadingRoom, known: list[Released]) -> int:
    """Withdraw what stands under one name; the last edits first, so that none is missing in between."""
    edits = sorted(
        (item for item in known if not is_withdrawn(_read(item))),
        key=lambda item: (_read(item).timestamp or 0, item.entered),
    )
    for draft, label in _last_edits(room, known, edits, house.rules()):
        house.take(hand, draft, label, originator=hand.reader.party)
    for item in edits:
        house.recall(hand, item.ref)
    return len(edits)


def _last_edits(
    room: ReadingRoom, known: list[Released], edits: list[Released], rules: Rules
) -> list[tuple[Draft, Label]]:
    """Return the last edit for each label under which edits stand and none does yet.

    It names also what stood in edits for more readers, who include all of its own: a MISP of theirs may hold that, and
    of what it is told it takes the newest alone.
    """
    labels = {item.label for item in edits}
    told: dict[Label, list[bytes]] = {}
    made: list[tuple[Draft, Label]] = []
    for item in known:
        if is_withdrawn(_read(item)):
            told.setdefault(item.label, []).append(room.parts(item)[0].data)
    widest_first = sorted(labels - told.keys(), key=lambda label: sum(covers(wide, label, rules) for wide in labels))
    for item in edits:
        told.setdefault(item.label, []).append(room.parts(item)[0].data)
    for label in widest_first:
        wider = [data for wide, held in told.items() if wide != label and covers(wide, label, rules) for data in held]
        draft = replace(withdrawal([*wider, *told[label]]), world=room.world)
        told[label].append(draft.parts[0].data)
        made.append((draft, label))
    return made


def _read(item: Released) -> EventBrief:
    return _brief.decode(item.brief)
