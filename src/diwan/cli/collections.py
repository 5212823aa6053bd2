"""`diwan collection`: standing queries that TAXII clients poll, entered as items of their originator."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from diwan.cli.asking import InWorld, marking_of
from diwan.cli.opening import HERE, Node, console_hand, opened
from diwan.cli.showing import Json, say, show
from diwan.desks.cyber.kinds.collection import COLLECTION, MEDIA_TYPE, SCHEME, Collection, read_collection
from diwan.desks.cyber.kinds.stix import TYPES
from diwan.house import House
from diwan.reading import Query, Released
from diwan.release.codes import party_id
from diwan.release.marking import parse_marking
from diwan.terms.errors import NotFound
from diwan.terms.gate import World
from diwan.terms.item import Alias

Many = list[str] | None


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Collections of the TAXII server: standing queries.")
    app.add_typer(group, name="collection")

    @group.command("add")
    def add(
        title: Annotated[str, typer.Option(help="Its name.")],
        label: Annotated[str, typer.Option(help="The marking under which the collection itself is seen.")],
        originator: Annotated[str, typer.Option(help="The party in whose name it is entered.")],
        description: Annotated[str, typer.Option(help="What it is for.")] = "",
        type_: Annotated[Many, typer.Option("--type", help="Only STIX objects of this type; may be repeated.")] = None,
        tlp: Annotated[Many, typer.Option("--tlp", help="Only of this TLP token; may be repeated.")] = None,
        by: Annotated[Many, typer.Option("--by", help="Only of this originator; may be repeated.")] = None,
        words: Annotated[str, typer.Option(help="Only objects with all of these words.")] = "",
        push: Annotated[
            str | None, typer.Option(help="The marking of what is pushed into it; none: no pushing.")
        ] = None,
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Enter a collection; whoever may see it finds it over TAXII, with what is released to them."""
        with opened(node) as house:
            read = parse_marking(label, house.rules().policies)
            if push is not None:
                parse_marking(push, house.rules().policies)
            hand = console_hand(house, party_id(originator))
            said = Collection(
                id=str(UUID(bytes=house.chance.bytes(16), version=4)),
                title=title,
                description=description,
                types=tuple(type_ or ()),
                originators=tuple(map(party_id, by or ())),
                tlp=tuple(tlp or ()),
                words=words,
                push=push,
            )
            draft = msgspec.structs.replace(house.draft(MEDIA_TYPE, msgspec.json.encode(said)), world=world)
            taken = house.take(hand, draft, read, originator=hand.reader.party)
        show([{"id": said.id, "title": said.title, "ref": str(taken.refs[0])}], ["id", "title", "ref"], as_json=as_json)
        if strange := [one for one in said.types if one not in TYPES and not one.startswith("x-")]:
            say(
                f"STIX knows no type {', '.join(strange)}: until objects of such a type come, it selects nothing by it."
            )
        say(f"Poll it at …/taxii2/root/collections/{said.id}/objects/")

    @group.command("list")
    def list_collections(world: InWorld = World.ACTUAL, node: Node = HERE, as_json: Json = False) -> None:
        """List the collections that parties hosted here entered, newest first; what others entered, `as` shows."""
        with opened(node) as house:
            rows = [_row(house, item) for item in _entered(house, world)]
        show(rows, ("id", "title", "originator", "marking", "selects", "push"), as_json=as_json)
        if not rows:
            say("No party that is hosted here entered a collection.")

    @group.command("recall")
    def recall(
        ident: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `collection list` shows it.")],
        originator: Annotated[str, typer.Option(help="The party that entered it.")],
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
    ) -> None:
        """Take a collection back: clients find it no longer. What was pushed into it stays, under its own labels."""
        with opened(node) as house:
            hand = console_hand(house, party_id(originator))
            known = house.room(hand.reader, world).known_as(Alias(SCHEME, ident.lower()))
            own = [item for item in known if item.ref.originator == hand.reader.party]
            if not own:
                raise NotFound
            for item in own:
                house.recall(hand, item.ref)
        say(f"{own[0].title} ({ident.lower()}) is recalled.")


def _entered(house: House, world: World) -> list[Released]:
    found: list[Released] = []
    for party in dict.fromkeys((house.settings.keeper, *house.settings.hosted)):
        room = house.room(console_hand(house, party).reader, world)
        found += room.walk(Query(kind=COLLECTION, originator=party))
    return sorted(found, key=lambda item: -item.at)


def _row(house: House, item: Released) -> dict[str, Any]:
    said = read_collection(item.brief)
    return {
        "id": said.id,
        "title": said.title,
        "originator": item.ref.originator,
        "marking": marking_of(house, item.label),
        "selects": [*said.types, *said.tlp, *said.originators, *said.words.split()],
        "push": said.push,
        "ref": str(item.ref),
    }
