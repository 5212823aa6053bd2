"""What a TAXII request asks: content negotiation, dates, pages and filters, each refused by its clause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from diwan.desk import Request
from diwan.desks.cyber.kinds.stix import instant_of, sortable
from diwan.desks.cyber.kinds.taxii import DEFAULT_PAGE, LARGEST_PAGE
from diwan.terms.errors import Malformed
from diwan.terms.time import Instant

_OURS: Final = frozenset(("*/*", "application/*", "application/taxii+json", "application/json"))
_ONCE: Final = frozenset(
    ("added_after", "limit", "next", "match[id]", "match[type]", "match[version]", "match[spec_version]")
)
_WORDS: Final = frozenset(("last", "first", "all"))
_SPEC: Final = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,249}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_VALUES: Final = 1000
_NEVER: Final = re.compile(r"0(\.0{0,3})?", re.ASCII)
"""A weight of nothing. Source: RFC 9110, section 12.4.2."""
_DIGITS: Final = 1000

Which = Literal["last", "first", "all"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions are asked for, from where on, and how many."""

    after: Instant = 0
    cursor: str | None = None
    limit: int = DEFAULT_PAGE
    ids: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    which: tuple[Which, ...] = ("last",)
    versions: tuple[str, ...] = ()
    wanted: bool = True
    """Whether the specification version that this server keeps is among those asked for."""


class NotOffered(Malformed):
    """The answer would be in no media type that the client takes (HTTP 406)."""


class NotUnderstood(Malformed):
    """The body is in a media type that is not TAXII 2.1's (HTTP 415)."""


def check_accept(request: Request) -> None:
    """Refuse a client that takes nothing of what is offered.

    Clients leave the version out, space it, send lists, or nothing at all; all of them are served. Only one that names
    other types or another version alone is not (TAXII 2.1, section 1.6.8).

    Raises:
        NotOffered: HTTP 406.
    """
    if request.accept.strip() and not any(_takes(part) for part in request.accept.split(",")):
        raise NotOffered("This server speaks application/taxii+json;version=2.1. Nothing was read.")


def check_content(request: Request) -> None:
    """Refuse a body that is not TAXII 2.1 by its media type.

    Raises:
        NotUnderstood: HTTP 415.
    """
    name, parameters = _media_type(request.media_type)
    if name != "application/taxii+json" or parameters.get("version", "2.1") != "2.1":
        raise NotUnderstood("A body is application/taxii+json;version=2.1. Nothing was entered.")


def asked(request: Request) -> Asked:
    """Return what the parameters of a request say; unknown ones are passed over (section 3.4).

    Raises:
        Malformed: a parameter stands twice or is not of its form; HTTP 400.
    """
    said: dict[str, str] = {}
    for name, value in request.pairs:
        if name in said and name in _ONCE:
            raise Malformed(f"{name} stands twice; values are given as one list with commas. Nothing was read.")
        said[name] = value
    which, versions = _versions(said.get("match[version]"))
    return Asked(
        after=_after(said.get("added_after")),
        cursor=_next(said.get("next")),
        limit=_limit(said.get("limit")),
        ids=_list(said, "match[id]"),
        types=_types(said),
        which=which,
        versions=versions,
        wanted=_spec(said),
    )


def _takes(part: str) -> bool:
    name, parameters = _media_type(part)
    return name in _OURS and parameters.get("version", "2.1") == "2.1" and not _NEVER.fullmatch(parameters.get("q", ""))


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    name, *parameters = (part.strip() for part in text.split(";"))
    pairs = (part.partition("=") for part in parameters)
    return name.lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}


def _after(text: str | None) -> Instant:
    if text is None:
        return 0
    # One client in the wild begins with a bare day.
    at = instant_of(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    if at is None:
        raise Malformed("added_after is not a timestamp as 2017-01-24T08:00:00.000000Z (section 2). Nothing was read.")
    return max(0, at)


def _next(text: str | None) -> str | None:
    if text == "":
        raise Malformed("next is empty. Nothing was read.")
    return text


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or int(text) == 0:
        raise Malformed("limit is not a whole number above zero (section 3.4). Nothing was read.")
    return min(int(text), LARGEST_PAGE)


def _list(said: dict[str, str], name: str) -> tuple[str, ...] | None:
    if name not in said:
        return None
    values = tuple(dict.fromkeys(said[name].split(",")))
    if "" in values or len(values) > _VALUES:
        raise Malformed(f"{name} is a list of 1 to {_VALUES} values with commas. Nothing was read.")
    return values


def _types(said: dict[str, str]) -> tuple[str, ...] | None:
    types = _list(said, "match[type]")
    if types is not None and not all(map(_TYPE.fullmatch, types)):
        raise Malformed("match[type] holds what can be no STIX type. Nothing was read.")
    return types


def _versions(text: str | None) -> tuple[tuple[Which, ...], tuple[str, ...]]:
    if text is None:
        return ("last",), ()
    values = dict.fromkeys(text.split(","))
    if not values or len(values) > _VALUES:
        raise Malformed(f"match[version] is a list of 1 to {_VALUES} values with commas. Nothing was read.")
    return tuple(_words(values)), tuple(version for value in values if value not in _WORDS for version in _sorts(value))


def _words(values: Iterable[str]) -> Iterator[Which]:
    for value in values:
        match value:
            case "last" | "first" | "all":
                yield value


def _sorts(text: str) -> tuple[str, ...]:
    """Return how a version that is asked for by its time is filed: as the object's own, or as that of its arrival."""
    version, at = sortable(text), instant_of(text)
    if version is None or at is None:
        raise Malformed("match[version] is first, last, all or a timestamp (section 3.4.1). Nothing was read.")
    return version, f"0{max(0, at):016}"


def _spec(said: dict[str, str]) -> bool:
    specs = _list(said, "match[spec_version]")
    if specs is not None and not all(map(_SPEC.fullmatch, specs)):
        raise Malformed("match[spec_version] is a list of versions such as 2.1. Nothing was read.")
    return specs is None or "2.1" in specs
