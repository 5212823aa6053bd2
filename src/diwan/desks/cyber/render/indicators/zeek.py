"""A file for Zeek's Intelligence Framework."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from diwan.desks.cyber.kinds.observable import Observable
from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators.banner import banner, file_of, one_line
from diwan.terms.time import Instant

TYPES: Final = {
    "ipv4": "Intel::ADDR",
    "ipv6": "Intel::ADDR",
    "cidr": "Intel::SUBNET",
    "domain": "Intel::DOMAIN",
    "url": "Intel::URL",
    "email": "Intel::EMAIL",
    "md5": "Intel::FILE_HASH",
    "sha1": "Intel::FILE_HASH",
    "sha256": "Intel::FILE_HASH",
    "filename": "Intel::FILE_NAME",
    "user-agent": "Intel::SOFTWARE",
}
KINDS: Final = frozenset(TYPES)
_PORT: Final = re.compile(r":[0-9]+\Z", re.ASCII)


def zeek(watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return tab-separated lines of indicator, type, source, description and URL.

    A URL stands once for each way in which Zeek sees it (`_written`). The description holds title, marking and score.

    Source: Zeek manual, "Intelligence Framework"; `get_unescaped_string`, which undoes `\\xHH` and nothing else, not
    even a doubled backslash; `HTTP::build_url` of Zeek 3.0 to 8.2.
    """
    known = settled(watched)
    held = [one for one in known if one.observable.kind in KINDS]
    fields = "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url"
    lines = banner("#", held, len(known) - len(held), reader=reader, at=at)
    return file_of([*lines, fields, *(line for one in held for line in _lines(one))])


def _lines(one: Watched) -> Iterator[str]:
    about = f"{one_line(one.title)} [{one_line(one.marking)}; score {one.score}]"
    for value in dict.fromkeys(_written(one.observable)):
        cells = (value, TYPES[one.observable.kind], "Diwan", about, one_line(one.ref, 1000))
        yield "\t".join(_cell(cell) for cell in cells)


def _written(seen: Observable) -> Iterator[str]:
    """Yield what Zeek compares: a URL without scheme, user and fragment, as it stands in a Referer and in a mail, and
    as Zeek makes it from a request: with the percent-encoding undone, and (4.2 and later) another port's number twice.
    """
    if seen.kind != "url":
        yield seen.value
        return
    place, slash, rest = seen.value.partition("://")[2].partition("#")[0].partition("/")
    place = place.rpartition("@")[2]
    path = slash + rest
    asked = unquote_to_bytes(path).decode("utf-8", "surrogateescape")
    yield place + path
    yield place + asked
    port = _PORT.search(place)
    if port:
        yield place + port[0] + asked


def _cell(text: str) -> str:
    # A lone dash means "not set" to Zeek, and a leading # a comment.
    plain = "".join(sign if sign.isprintable() and sign != "\\" else _hex(sign) for sign in text)
    return f"{_hex(plain[0])}{plain[1:]}" if plain == "-" or plain[:1] == "#" else plain or "-"


def _hex(sign: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in sign.encode("utf-8", "surrogateescape"))
