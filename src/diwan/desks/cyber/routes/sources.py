"""How the sources are: the page of an administrator, who sees counts and refusals of servers, never of items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from diwan.desk import Board, Request
from diwan.desks.cyber.calls.ledger import row_of
from diwan.desks.cyber.calls.source import read_sources
from diwan.desks.cyber.kinds.local import Local
from diwan.reading import ReadingRoom
from diwan.terms.errors import Malformed
from diwan.terms.gate import World
from diwan.terms.hand import Role

SOURCES: Final = "/cyber/sources"


def sources(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return a row for each source, or what is wrong with the file that names them.

    Titles of what was refused are not among it: a role opens no gate. They are told at the node's own console.
    """
    local, clerk = request.local, request.clerk
    if clerk is None or not isinstance(local, Local) or room.world is not World.ACTUAL:
        return {"rows": (), "wrong": ""}
    try:
        named = read_sources(local.sources)
    except Malformed as wrong:
        return {"rows": (), "wrong": str(wrong)}
    return {"rows": [row_of(clerk, source, room.now) for source in named], "wrong": ""}


BOARDS: Final = (Board(SOURCES, "", "cyber/sources.html", "own sources", sources, only=Role.ADMINISTRATOR),)
