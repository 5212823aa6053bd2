"""The look-up: what is pasted, a line or ten thousand, against everything that is released to the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from diwan.desk import Request
from diwan.desks.cyber.kinds.aging import Age
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.observable import Observable, defang, guess
from diwan.desks.cyber.kinds.warning import Warnings
from diwan.desks.cyber.pages.briefs import brief_of, type_of
from diwan.desks.cyber.pages.sightings import age_of, indicator_words, tally
from diwan.desks.cyber.parse.free_text import extract, techniques
from diwan.reading import ReadingRoom, Released
from diwan.terms.item import Ref

TEXT: Final = 2_000_000
"""Characters that are read; more is left out, and the page says so."""
VALUES: Final = 10_000
SHOWN: Final = 300
"""Values shown that are known here, and as many that are not; all of them are counted."""
EACH: Final = 5
"""Items shown of one value, the newest."""


class Hit(msgspec.Struct, frozen=True):
    """One item that names a value, and what is said of it."""

    item: Released
    sighted: int
    doubted: int
    age: Age | None


class Row(msgspec.Struct, frozen=True):
    """One value that was asked for."""

    kind: str
    shown: str
    """In a writing that nothing turns into a link."""
    hits: tuple[Hit, ...]
    more: bool
    warnings: tuple[str, ...]

    @property
    def sighted(self) -> int:
        """How often what names it was sighted."""
        return sum(hit.sighted for hit in self.hits)

    @property
    def doubted(self) -> int:
        """How many say that it is a false positive."""
        return sum(hit.doubted for hit in self.hits)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: counts of all values, and as many rows as a page holds."""

    values: int
    known: int
    listed: int
    """Values that stand on a warning list."""
    rows: tuple[Row, ...]
    unknown: tuple[Row, ...]
    cut: bool
    """Whether there was more than is read."""


def look_up(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return what is known of every value in a pasted text or a file; nothing before anything is asked."""
    pasted = "\n".join(text for name, text in request.pairs if name in ("values", "file") and text.strip())
    local = request.local if isinstance(request.local, Local) else Local()
    return {
        "asked": request.query.get("values", "")[:TEXT],
        "found": _found(room, pasted, local.warnings) if pasted.strip() else None,
        "shown": SHOWN,
        "each": EACH,
        "most": VALUES,
        "type_of": type_of,
    }


def _found(room: ReadingRoom, text: str, warnings: Warnings) -> Found:
    asked = list(islice(_once_each(values_in(text[:TEXT])), VALUES + 1))
    cut = len(asked) > VALUES or len(text) > TEXT
    asked = asked[:VALUES]
    hits = _Hits(room)
    seen = room.seen([key for key, _, _ in asked], EACH + 1)
    listed = {one[0]: warned for one in asked if (warned := _listed(one, warnings))}
    known = [one for one in asked if one[0] in seen]
    unknown = [one for one in asked if one[0] not in seen]
    return Found(
        values=len(asked),
        known=len(known),
        listed=len(listed),
        rows=tuple(_row(hits, one, seen[one[0]], listed.get(one[0], ())) for one in known[:SHOWN]),
        unknown=tuple(Row(kind, text, (), False, listed.get(key, ())) for key, kind, text in unknown[:SHOWN]),
        cut=cut,
    )


Asked = tuple[str, str, str]
"""The key that the register correlates by, the kind, and the value as it is shown."""


def values_in(text: str) -> Iterator[Asked]:
    """Yield the observables and ATT&CK techniques that a text names, in its order, refanged.

    A line that is one word is taken as one value; any other line is read as free text.
    """
    for line in text.splitlines():
        word = line.strip()
        alone = guess(word) if word and not any(sign.isspace() for sign in word) else None
        for seen in (alone,) if alone else (one.observable for one in extract(line)):
            yield seen.key, seen.kind, defang(seen)
        if "T" in line:
            yield from ((f"attack:{known}", "attack", known) for known in techniques(line))


def _listed(one: Asked, warnings: Warnings) -> tuple[str, ...]:
    key, kind, _ = one
    return () if kind == "attack" else warnings.hits(Observable(kind, key.partition(":")[2]))


def _once_each(asked: Iterable[Asked]) -> Iterator[Asked]:
    seen: set[Asked] = set()
    for one in asked:
        if one not in seen:
            seen.add(one)
            yield one


def _row(hits: _Hits, one: Asked, items: Iterable[Released], warnings: tuple[str, ...]) -> Row:
    _, kind, text = one
    found = tuple(items)
    return Row(kind, text, tuple(map(hits.of, found[:EACH])), len(found) > EACH, warnings)


class _Hits:
    """What is said of each item, read once however many of the values it names."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        self._made: dict[Ref, Hit] = {}

    def of(self, item: Released) -> Hit:
        if item.ref not in self._made:
            words = indicator_words(self._room, item)
            brief = brief_of(item)
            age = age_of(brief, self._room.now, words) if brief else None
            self._made[item.ref] = Hit(item, *tally(words), age)
        return self._made[item.ref]
