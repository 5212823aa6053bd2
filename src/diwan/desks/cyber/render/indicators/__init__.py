"""Released indicators as files for sensors, resolvers and spreadsheets; each says its marking, reader and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol

import msgspec

from diwan.desks.cyber.kinds.observable import KINDS
from diwan.desks.cyber.kinds.watched import Watched
from diwan.desks.cyber.render.indicators.csv_file import csv_file
from diwan.desks.cyber.render.indicators.hosts import hosts
from diwan.desks.cyber.render.indicators.plain import plain
from diwan.desks.cyber.render.indicators.rpz import rpz
from diwan.desks.cyber.render.indicators.suricata import LISTS, digest_list, suricata
from diwan.desks.cyber.render.indicators.zeek import zeek
from diwan.terms.time import Instant

__all__ = ["FORMATS", "Format", "csv_file", "digest_list", "hosts", "plain", "rpz", "suricata", "zeek"]


class _Writer(Protocol):
    def __call__(self, watched: Iterable[Watched], /, *, reader: str, at: Instant) -> bytes: ...


class Format(msgspec.Struct, frozen=True):
    """One sort of file."""

    name: str
    """As it stands in an address, `suricata`, `plain-domain`."""
    media_type: str
    file: str
    """The name the file is saved under."""
    write: Callable[..., bytes]
    """Called with the indicators, `reader` and `at`."""


def _format(name: str, media_type: str, file: str, write: _Writer) -> Format:
    return Format(name, media_type, file, write)


_TEXT: Final = "text/plain; charset=utf-8"
FORMATS: Final = {
    one.name: one
    for one in (
        _format("suricata", _TEXT, "diwan.rules", suricata),
        *(_format(f"suricata-{kind}", _TEXT, file, partial(digest_list, kind)) for kind, file in LISTS.items()),
        _format("zeek", _TEXT, "diwan.intel", zeek),
        _format("csv", "text/csv; charset=utf-8", "diwan-indicators.csv", csv_file),
        _format("rpz", _TEXT, "diwan.rpz", rpz),
        _format("hosts", _TEXT, "diwan.hosts", hosts),
        *(_format(f"plain-{kind}", _TEXT, f"diwan-{kind}.txt", partial(plain, kind)) for kind in KINDS),
    )
}
"""Every sort of file by its name."""
