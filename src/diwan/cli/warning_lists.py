"""`diwan warning-list`: lists of what is seen everywhere, laid beside the node once they are read and found good."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from diwan.cli.opening import HERE, Node, opened
from diwan.cli.showing import Json, say, show
from diwan.desks.cyber.kinds.warning import BUILT_IN, WarningList
from diwan.desks.cyber.parse.local import LISTS
from diwan.desks.cyber.parse.warning_list import MOST_TOLD, read_list
from diwan.terms.errors import Refused

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Lists in MISP's format.")]
COLUMNS: Final = ("name", "match", "kinds", "entries", "left out", "version", "file")
_SHOWN: Final = 5


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    group = typer.Typer(no_args_is_help=True, help="What is seen everywhere and means nothing, for the cyber desk.")
    app.add_typer(group, name="warning-list")

    @group.command("add")
    def add(files: Files, node: Node = HERE, as_json: Json = False) -> None:
        """Lay lists beside the node, all of the files or none; one of the same name is replaced."""
        read = [(data := file.read_bytes(), read_list(data, str(file))) for file in files]
        _refuse_twice([told for _, told in read])
        with opened(node) as house:
            for data, told in read:
                house.lay("cyber", LISTS + _file(told), data)
        show((_row(told, _file(told)) for _, told in read), COLUMNS, as_json=as_json)
        for _, told in read:
            _tell(told)
        say("A running node compares with them once it is started again.")

    @group.command("list")
    def list_lists(node: Node = HERE, as_json: Json = False) -> None:
        """List the warning lists in use, those that come with the software first."""
        with opened(node) as house:
            folder = house.folder / "desks" / "cyber" / LISTS
            laid = [(file.name, read_list(file.read_bytes(), file.name)) for file in sorted(folder.glob("*"))]
        rows = (_row(told, file) for file, told in [*(("", told) for told in BUILT_IN), *laid])
        show(rows, COLUMNS, as_json=as_json)


def _refuse_twice(lists: Iterable[WarningList]) -> None:
    places = [_file(told) for told in lists]
    if twice := sorted({place for place in places if places.count(place) > 1}):
        raise Refused(f"Two of the files hold a list of one name ({', '.join(twice)}). Nothing was laid down.")


def _file(told: WarningList) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", told.name.lower()).strip("-")[:80]
    return f"{name or 'list'}.json"


def _row(told: WarningList, file: str) -> dict[str, Any]:
    return {
        "name": told.name,
        "match": told.match.value,
        "kinds": sorted(told.kinds) or ["all"],
        "entries": len(told.entries),
        "left out": len(told.left_out),
        "version": told.version,
        "file": file or "comes with the software",
    }


def _tell(told: WarningList) -> None:
    for line in _left_out(told):
        say(line)


def _left_out(told: WarningList) -> Iterator[str]:
    if not told.left_out:
        return
    count = f"{len(told.left_out)}" + (" or more" if len(told.left_out) == MOST_TOLD else "")
    yield f"{told.name}: {count} entries are left out:"
    yield from (f"  {found}" for found in told.left_out[:_SHOWN])
