"""The bare values of one kind, one a line."""

from __future__ import annotations

from collections.abc import Iterable

from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators.banner import banner, file_of
from diwan.terms.time import Instant


def plain(kind: str, watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return the values of a kind; one that begins with `#` would be read as a comment and is left out."""
    known = [one for one in settled(watched) if one.observable.kind == kind]
    held = [one for one in known if one.observable.value[0] != "#"]
    lines = banner("#", held, len(known) - len(held), reader=reader, at=at)
    return file_of([*lines, *(one.observable.value for one in held)])
