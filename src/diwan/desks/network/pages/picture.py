"""The picture: parties down, frameworks across, and a mark where one stands in the other; in pixels, for inline SVG.

The same value feeds the table beside it, so that what is drawn is also said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from diwan.desks.network.kinds import Place, Roll

ROW: Final = 28
COLUMN: Final = 96
HEAD: Final = 36
SIDE: Final = 132
_SHORT: Final = 12

Mark = Literal["member", "aspirant", "former", "claim"]


class Cell(msgspec.Struct, frozen=True):
    """What stands where a party's line meets a framework's column; x and y are its middle."""

    x: int
    y: int
    mark: Mark
    place: Place


class Column(msgspec.Struct, frozen=True):
    """One roll; `label` fits into its width."""

    x: int
    label: str
    roll: Roll


class Line(msgspec.Struct, frozen=True):
    """One party, with a cell or None under each column."""

    y: int
    label: str
    party: str
    cells: tuple[Cell | None, ...]


class Picture(msgspec.Struct, frozen=True):
    """Who stands where on one day."""

    width: int
    height: int
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    def mirrored(self) -> Picture:
        """Return the same picture for readers from right to left: its first column is the rightmost."""
        columns = tuple(replace(column, x=self.width - column.x) for column in self.columns)
        lines = tuple(
            replace(line, cells=tuple(cell and replace(cell, x=self.width - cell.x) for cell in line.cells))
            for line in self.lines
        )
        return replace(self, columns=columns, lines=lines)


def picture(rolls: Sequence[Roll]) -> Picture:
    """Return the picture of these rolls: every party that stands in one of them, by its id."""
    marks = [_marks(roll) for roll in rolls]
    parties = sorted({party for column in marks for party in column})
    columns = tuple(Column(_x(number), _fitted(roll.id), roll) for number, roll in enumerate(rolls))
    lines = tuple(
        Line(_y(row), _fitted(party), party, tuple(_cell(column.get(party), x, row) for x, column in enumerate(marks)))
        for row, party in enumerate(parties)
    )
    return Picture(SIDE + COLUMN * len(columns), HEAD + ROW * len(lines), columns, lines)


def _marks(roll: Roll) -> dict[str, tuple[Mark, Place]]:
    """Return the mark of each party: the keeper's word, and a claim only where the keeper has none."""
    marks: dict[str, tuple[Mark, Place]] = {place.party: ("claim", place) for place in reversed(roll.claims)}
    marks.update((place.party, (place.standing.value, place)) for place in roll.places)
    return marks


def _cell(marked: tuple[Mark, Place] | None, column: int, row: int) -> Cell | None:
    return Cell(_x(column), _y(row), *marked) if marked else None


def _x(column: int) -> int:
    return SIDE + COLUMN * column + COLUMN // 2


def _y(row: int) -> int:
    return HEAD + ROW * row + ROW // 2


def _fitted(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
