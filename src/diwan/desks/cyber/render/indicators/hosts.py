"""A hosts file that sends listed names nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators.banner import banner, file_of
from diwan.terms.time import Instant


def hosts(watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return one line `0.0.0.0 name` for every domain; a hosts file knows no names below a name."""
    known = settled(watched)
    held = [one for one in known if one.observable.kind == "domain"]
    lines = banner("#", held, len(known) - len(held), reader=reader, at=at)
    return file_of([*lines, *(f"0.0.0.0 {one.observable.value}" for one in held)])
