"""The servers a node polls and pushes to, read from `[[sources]]` tables of a TOML text that holds no secret."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from base64 import b64encode
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from diwan.terms.errors import Malformed

_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
_FILE: Final = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$"
_TEXT: Final = 256 * 1024
_SOURCES: Final = 1_000
_TOLD: Final = 200
_SECRET: Final = 8_192
_OWN: Final = ".key"
"""How the files end in which the node keeps the keys it signs with: no other server may ever be sent one."""
_SHAPE: Final = re.compile(r"[!-~]{1,2000}")


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One collection at another server: where it is, how it is asked, and what label its objects come under."""

    name: Annotated[str, Meta(pattern=_NAME)]
    root: str
    """The API root's address, `https://taxii.example.org/api1/`."""
    collection: Annotated[str, Meta(min_length=1, max_length=200)]
    """Its id, or its alias."""
    direction: Literal["poll", "push"] = "poll"
    auth: Literal["none", "basic", "bearer"] = "none"
    keys: Annotated[str, Meta(pattern=_FILE)] = ""
    """A file in the node's `keys/` folder: one line, `user:password` for basic, the token for bearer."""
    certificate: Annotated[str, Meta(pattern=_FILE)] = ""
    """A file in `keys/` with our certificate and its key, PEM."""
    authority: Annotated[str, Meta(pattern=_FILE)] = ""
    """A file in `keys/` with the only certificate authorities that may speak for this server, PEM."""
    label: Annotated[str, Meta(max_length=2_000)] = ""
    """The marking that polled objects are entered under; a push needs none."""
    originator: Annotated[str, Meta(max_length=64)] = ""
    """The party in whose name polled objects are entered; empty for the one that runs the node."""
    account: Annotated[str, Meta(max_length=64)] = ""
    """The account as whom a push reads: what is released to it goes out, and nothing else."""
    every: Annotated[int, Meta(ge=10, le=30 * 86_400)] = 900
    """Seconds between two polls."""
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    """Objects asked for, or pushed, at once."""
    version: Literal["2.1", "2.0"] = "2.1"
    """Of TAXII."""
    versions: Literal["last", "all"] = "last"
    """Of objects: the newest, or all that the server has."""
    overlap: Annotated[int, Meta(ge=0, le=86_400)] = 10
    """Seconds asked for again before a date that is still fresh: servers date objects before they show them."""
    again: Annotated[int, Meta(ge=0, le=366 * 86_400)] = 0
    """Seconds after which the whole collection is walked again, for a server whose dates are not those of adding."""
    plain: bool = False
    """Whether http without TLS is allowed to a host that is not this machine."""


class _Tables(msgspec.Struct, frozen=True):
    sources: list[Source] = []


def read_sources(text: str) -> tuple[Source, ...]:
    """Return the sources of a TOML text, addresses ending in a slash.

    Raises:
        Malformed: not TOML, a key that is unknown, missing or wrong, or a name used twice; the text names the key.
    """
    if len(text) > _TEXT:
        raise Malformed(f"Sources: more than {_TEXT} characters. No source was read.")
    try:
        sources = msgspec.convert(tomllib.loads(text), _Tables).sources
    except RecursionError:
        raise Malformed("Sources: nested deeper than any table of sources is. No source was read.") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as wrong:
        raise Malformed(f"Sources: {visible(str(wrong))}. No source was read.") from None
    if len(sources) > _SOURCES:
        raise Malformed(f"Sources: more than {_SOURCES}. No source was read.")
    checked = tuple(_checked(source, number) for number, source in enumerate(sources))
    for number, source in enumerate(checked):
        if source.name in {other.name for other in checked[:number]}:
            raise Malformed(f"Sources: `$.sources[{number}].name` is {source.name}, used before. No source was read.")
    return checked


def authorization(source: Source, secret: str) -> str:
    """Return the Authorization header for a source and the text of its file in `keys/`; none for `auth = "none"`.

    Raises:
        Malformed: the file is not one line of the form that the source's `auth` asks for; its content is not quoted.
    """
    if source.auth == "none":
        return ""
    line = secret.strip("\r\n \ufeff")
    if not line or len(line) > _SECRET or not line.isprintable():
        raise Malformed(f"Source {source.name}: {source.keys} is not one printable line. No call was made.")
    if source.auth == "basic":
        if ":" not in line:
            raise Malformed(f"Source {source.name}: {source.keys} is not `user:password`. No call was made.")
        return "Basic " + b64encode(line.encode()).decode()
    if not _SHAPE.fullmatch(line[:2000]) or not line.isascii() or " " in line:
        raise Malformed(f"Source {source.name}: {source.keys} is not a token. No call was made.")
    return f"Bearer {line}"


def secured(address: str, *, plain: bool = False) -> bool:
    """Return whether an address may be called: https, or http to this machine, or http where `plain` allows it."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or not _SHAPE.fullmatch(address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (plain or _loopback(host)))


def visible(text: str) -> str:
    """Return what another server or a file said, cut to a line that cannot turn the reader's terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:_TOLD])


def _checked(source: Source, number: int) -> Source:
    where = f"`$.sources[{number}]"
    if not secured(source.root, plain=source.plain):
        said = "is no https address without a password in it (http: this machine only, or `plain = true`)"
        raise Malformed(f"Sources: {where}.root` {said}. No source was read.")
    if "?" in source.root or "#" in source.root:
        raise Malformed(f"Sources: {where}.root` has a query or a fragment. No source was read.")
    if not source.collection.isprintable() or set(source.collection) & set("/?#\\") or source.collection in (".", ".."):
        raise Malformed(f"Sources: {where}.collection` is neither an id nor an alias. No source was read.")
    if not source.label.isprintable():
        raise Malformed(f"Sources: {where}.label` holds what cannot be printed. No source was read.")
    if source.direction == "poll" and not source.label:
        raise Malformed(f"Sources: {where}.label` is missing: what is polled needs one. No source was read.")
    if (source.auth != "none") != bool(source.keys):
        raise Malformed(f"Sources: {where}.keys` and `auth` go together. No source was read.")
    if source.direction == "push" and source.version == "2.0":
        raise Malformed(f"Sources: {where}.version` is 2.0, which is polled and not pushed to. No source was read.")
    if (source.direction == "push") != bool(source.account):
        said = "is whose reading a push sends; it goes with `direction` push and with no other"
        raise Malformed(f"Sources: {where}.account` {said}. No source was read.")
    if any(name.endswith(_OWN) for name in (source.keys, source.certificate)):
        raise Malformed(f"Sources: {where}` names one of the node's own signing keys, `*{_OWN}`. No source was read.")
    return msgspec.structs.replace(source, root=source.root.rstrip("/") + "/")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
