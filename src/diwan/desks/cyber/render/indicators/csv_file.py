"""A table of indicators for spreadsheets and scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators.banner import banner, file_of, one_line
from diwan.terms.time import Instant, iso

COLUMNS: Final = ("kind", "value", "title", "marking", "score", "confidence", "valid_until", "ref")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def csv_file(watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return comma-separated values (RFC 4180) behind comment lines, with a line of column names.

    A cell that a spreadsheet would take for a formula begins with an apostrophe; programs that need the bare value
    take the plain lists.
    """
    held = settled(watched)
    lines = [line.replace(",", ";").replace('"', "'") for line in banner("#", held, 0, reader=reader, at=at)]
    return file_of([*lines, ",".join(COLUMNS), *(_row(one) for one in held)], "\r\n")


def _row(one: Watched) -> str:
    cells = (
        one.observable.kind,
        one_line(one.observable.value, 8192),
        one_line(one.title),
        one_line(one.marking),
        str(one.score),
        "" if one.confidence is None else str(one.confidence),
        "" if one.valid_until is None else iso(one.valid_until),
        one_line(one.ref, 1000),
    )
    return ",".join(_cell(cell) for cell in cells)


def _cell(text: str) -> str:
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + safe.replace('"', '""') + '"' if any(sign in safe for sign in '",;') else safe
