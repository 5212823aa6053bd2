"""`diwan as READER`: the reading room at the console, exactly as that account sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Any

import typer

from diwan.cli.opening import HERE, Node, opened
from diwan.cli.showing import Json, say, show
from diwan.house import House
from diwan.people.accounts import account_named
from diwan.reading import Change, Query, ReadingRoom, Released
from diwan.release.marking import marking
from diwan.terms.errors import Malformed, Refused
from diwan.terms.gate import World
from diwan.terms.label import Label
from diwan.terms.time import iso

InWorld = Annotated[World, typer.Option("--world", help="Worlds never mix.")]
Kind = Annotated[str | None, typer.Option(help="Only this kind, e.g. crisis.alert.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
_PAGE = 500
COLUMNS = ("at", "marking", "originator", "title")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="Read as one account: what it sees, and nothing more.")
    app.add_typer(group, name="as")

    @group.callback()
    def who(context: typer.Context, reader: Annotated[str, typer.Argument(help="The account's name.")]) -> None:
        """Remember as whom the following command reads."""
        context.obj = reader

    @group.command("list")
    def list_items(
        context: typer.Context,
        kind: Kind = None,
        world: InWorld = World.ACTUAL,
        limit: Limit = 50,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """List what is released to the reader, newest first."""
        with room_of(node, context.obj, world) as (house, room):
            show(_rows(house, _first(limit, room, Query(kind=kind))), COLUMNS, as_json=as_json)

    @group.command("count")
    def count(
        context: typer.Context,
        kind: Kind = None,
        world: InWorld = World.ACTUAL,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Count what is released to the reader."""
        with room_of(node, context.obj, world) as (_, room):
            show([{"count": room.count(kind)}], ["count"], as_json=as_json)

    @group.command("search")
    def search(
        context: typer.Context,
        words: Annotated[list[str], typer.Argument(help="Words that must all occur.")],
        kind: Kind = None,
        world: InWorld = World.ACTUAL,
        limit: Limit = 50,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Search what is released to the reader, newest first."""
        with room_of(node, context.obj, world) as (house, room):
            query = Query(kind=kind, words=" ".join(words))
            show(_rows(house, _first(limit, room, query)), COLUMNS, as_json=as_json)

    @group.command("changes")
    def changes(
        context: typer.Context,
        cursor: Annotated[str | None, typer.Option(help="Where the last call ended.")] = None,
        world: InWorld = World.ACTUAL,
        limit: Limit = 50,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Say what was released, revised or retracted for the reader since a cursor; the last line is the next one."""
        with room_of(node, context.obj, world) as (house, room):
            answer = room.changes(cursor, limit)
            rows = [_change(house, change) for change in answer.changes]
            show([*rows, {"cursor": answer.cursor}] if as_json else rows, ("what", *COLUMNS), as_json=as_json)
            if not as_json:
                say(f"Go on with: --cursor {answer.cursor}")


@contextmanager
def room_of(node: Any, name: str, world: World) -> Iterator[tuple[House, ReadingRoom]]:
    """Open the node in a folder, and the reading room of an open account by its name."""
    with opened(node) as house:
        account = account_named(house.book, name)
        if account is None or account.closed is not None:
            raise Refused(f"No open account here is named {name!r}.")
        yield house, house.room(account.reader, world)


def _first(limit: int, room: ReadingRoom, query: Query) -> Iterator[Released]:
    return islice(room.walk(query, size=min(limit, _PAGE)), limit)


def _rows(house: House, items: Any) -> Iterator[dict[str, Any]]:
    return (_row(house, item) for item in items)


def _row(house: House, item: Released) -> dict[str, Any]:
    return {
        "at": iso(item.at),
        "marking": marking_of(house, item.label),
        "originator": item.ref.originator,
        "kind": item.kind,
        "title": item.title,
        "id": item.ref.id,
    }


def marking_of(house: House, label: Label) -> str:
    """Return a label as people read it."""
    policy = house.rules().policy(label.policy)
    try:
        return marking(label, policy) if policy else f"{label.policy} {label.classification}"
    except Malformed:
        # The policy may have been replaced by one that finds an old label at fault.
        return f"{label.policy} {label.classification}"


def _change(house: House, change: Change) -> dict[str, Any]:
    if change.item is not None:
        return {"what": change.what, **_row(house, change.item)}
    gone = {"at": iso(change.at), "originator": change.ref.originator, "kind": change.kind, "id": change.ref.id}
    return {"what": change.what, **gone}
