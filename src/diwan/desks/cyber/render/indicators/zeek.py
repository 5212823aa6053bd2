"""A file for Zeek's Intelligence Framework."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

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


def zeek(watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return tab-separated lines of indicator, type, source, description and URL.

    A URL stands without its scheme and fragment, as Zeek sees it. The description holds title, marking and score.

    Source: Zeek manual, "Intelligence Framework", and the escapes of its ASCII reader.
    """
    known = settled(watched)
    held = [one for one in known if one.observable.kind in KINDS]
    fields = "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url"
    lines = banner("#", held, len(known) - len(held), reader=reader, at=at)
    return file_of([*lines, fields, *(_line(one) for one in held)])


def _line(one: Watched) -> str:
    about = f"{one_line(one.title)} [{one_line(one.marking)}; score {one.score}]"
    cells = (_value(one.observable), TYPES[one.observable.kind], "Diwan", about, one_line(one.ref, 1000))
    return "\t".join(_cell(cell) for cell in cells)


def _value(seen: Observable) -> str:
    if seen.kind != "url":
        return seen.value
    return seen.value.partition("://")[2].partition("#")[0]


def _cell(text: str) -> str:
    # A lone dash means "not set" to Zeek, and a leading # a comment.
    plain = text.replace("\\", "\\\\").replace("\t", " ")
    return f"\\x{ord(plain[0]):02x}{plain[1:]}" if plain == "-" or plain[:1] == "#" else plain or "-"
