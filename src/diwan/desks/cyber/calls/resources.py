"""What a TAXII server says of itself and of its objects, read leniently."""

from __future__ import annotations

from typing import Final, TypeVar
from urllib.parse import urljoin

import msgspec

from diwan.desks.cyber.calls.call import Fault

T = TypeVar("T")
_BYTES_A_COMMA: Final = 12


class Discovery(msgspec.Struct, frozen=True):
    """What a server says it has (TAXII 2.1, 4.1)."""

    title: str = ""
    description: str | None = None
    contact: str | None = None
    default: str | None = None
    api_roots: tuple[str, ...] | None = None


class Root(msgspec.Struct, frozen=True):
    """What an API root says of itself (4.2)."""

    title: str = ""
    versions: tuple[str, ...] | None = None
    max_content_length: int | None = None
    description: str | None = None


class Collection(msgspec.Struct, frozen=True):
    """One collection (5.2). Whether it can be read or written is None where the server does not say."""

    id: str
    title: str = ""
    description: str | None = None
    alias: str | None = None
    can_read: bool | None = None
    can_write: bool | None = None
    media_types: tuple[str, ...] | None = None


class Record(msgspec.Struct, frozen=True):
    """One line of a manifest (5.3)."""

    id: str
    date_added: str = ""
    version: str | None = None


class Head(msgspec.Struct, frozen=True):
    """What names an object and its version."""

    id: str = ""
    modified: str = ""
    created: str = ""


class Collections(msgspec.Struct, frozen=True):
    """The collections of a root (5.1)."""

    collections: list[Collection] | None = None


class Manifest(msgspec.Struct, frozen=True):
    """A page of a manifest."""

    objects: list[Record] | None = None


class Versions(msgspec.Struct, frozen=True):
    """The versions of an object (5.8)."""

    versions: list[str] | None = None


def read(body: bytes, shape: type[T], address: str) -> T:
    """Return a body as a value.

    Raises:
        Fault: not JSON, or not of this shape, or of more values than so few bytes could name; nothing of it is quoted.
    """
    try:
        if is_crowded(body):
            raise ValueError
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=shape, strict=False)
    except (ValueError, RecursionError):
        host = urljoin(address, "/")
        name = shape.__name__.strip("_").lower()
        raise Fault(f"{host} answers what is no TAXII {name}. Nothing was taken.") from None


def is_crowded(body: bytes) -> bool:
    """Return whether a body holds more values than ids and dates could be said in so few bytes.

    A page of commas would be millions of values in memory; real ones spend thirty bytes on each.
    """
    return body.count(b",") > len(body) // _BYTES_A_COMMA + 1_000


def ident_of(raw: bytes) -> str:
    """Return an object's id, or nothing where it has none."""
    return head_of(raw).id


def head_of(raw: bytes) -> Head:
    """Return what names an object; empty fields where it says nothing of the kind."""
    try:
        return msgspec.json.decode(raw, type=Head)
    except (ValueError, RecursionError):
        return Head()
