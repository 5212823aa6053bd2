"""What every file for a sensor begins with: how it is marked, for whom and when it was made, and how much is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from diwan.desks.cyber.kinds.defang import TURNING
from diwan.desks.cyber.kinds.watched import Watched
from diwan.terms.time import Instant, iso

_MOST_MARKINGS: Final = 50
_BREAKS: Final = frozenset("\u2028\u2029\u0085")


def one_line(text: str, longest: int = 200) -> str:
    """Return a text on one line: control characters, line breaks and marks that turn the writing become spaces."""
    plain = "".join(
        " " if ord(sign) in TURNING or sign in _BREAKS or not (sign.isprintable() or sign.isspace()) else sign
        for sign in text[: longest * 4]
    )
    line = " ".join(plain.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def banner(sign: str, watched: Iterable[Watched], left_out: int, *, reader: str, at: Instant) -> list[str]:
    """Return the comment lines of a file, each behind `sign`: markings, reader, instant, and counts of indicators."""
    held = tuple(watched)
    markings = sorted({one_line(one.marking) for one in held})
    more = [f"and {len(markings) - _MOST_MARKINGS} more"] if len(markings) > _MOST_MARKINGS else []
    told = "; ".join([*markings[:_MOST_MARKINGS], *more]) or "none: nothing is in it"
    lines = [f"Marking: {told}", f"Released to: {one_line(reader)}", f"Made: {iso(at)}", f"Indicators: {len(held)}"]
    if left_out:
        lines.append(f"Left out, because this format cannot carry them: {left_out}")
    return [f"{sign} {line}" for line in lines]


def file_of(lines: Iterable[str], newline: str = "\n") -> bytes:
    """Return the lines as UTF-8, each ended; what UTF-8 cannot write is written as a question mark."""
    return "".join(f"{line}{newline}" for line in lines).encode("utf-8", "replace")
