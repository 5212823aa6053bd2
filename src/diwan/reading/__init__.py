"""The way out: whoever reads, reads here."""

from diwan.reading.query import Query
from diwan.reading.released import Change, Changes, Page, Released, Tally
from diwan.reading.room import ReadingRoom, open_room

__all__ = ["Change", "Changes", "Page", "Query", "ReadingRoom", "Released", "Tally", "open_room"]
