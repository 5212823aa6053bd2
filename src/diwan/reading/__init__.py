"""The way out: whoever reads, reads here."""

from diwan.reading.query import Query, Selection
from diwan.reading.released import Arrival, Arrivals, Change, Changes, Page, Released, Tally
from diwan.reading.room import ReadingRoom, open_room

__all__ = [
    "Arrival",
    "Arrivals",
    "Change",
    "Changes",
    "Page",
    "Query",
    "ReadingRoom",
    "Released",
    "Selection",
    "Tally",
    "open_room",
]
