"""What the cyber desk shows: its boards, and every kind of item on a page of its own."""

from __future__ import annotations

from diwan.desk import Board, Show
from diwan.desks.cyber.kinds.collection import COLLECTION
from diwan.desks.cyber.kinds.misp import EVENT
from diwan.desks.cyber.kinds.stix import KINDS
from diwan.desks.cyber.pages.board import board, ends_in
from diwan.desks.cyber.pages.collections import collection_view, collections
from diwan.desks.cyber.pages.event import event_view
from diwan.desks.cyber.pages.look_up import look_up
from diwan.desks.cyber.pages.matrix import matrix_board
from diwan.desks.cyber.pages.object import object_view

BOARDS = (
    Board("/cyber", "Cyber", "cyber/board.html", "list, facets, count", board),
    Board("/cyber/look-up", "", "cyber/look-up.html", "look-up", look_up, asks=True),
    Board("/cyber/matrix", "", "cyber/matrix.html", "list", matrix_board),
    Board("/cyber/collections", "", "cyber/collections.html", "list", collections),
)
SHOWS = {
    **dict.fromkeys(KINDS, Show("cyber/object.html", object_view)),
    EVENT: Show("cyber/event.html", event_view),
    COLLECTION: Show("cyber/collection.html", collection_view),
}

__all__ = ["BOARDS", "SHOWS", "ends_in"]
