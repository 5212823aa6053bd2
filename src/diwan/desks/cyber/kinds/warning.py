"""Warning lists: what is seen everywhere and means nothing, so that nobody blocks a resolver or an empty file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final, TypeVar

import msgspec

from diwan.desks.cyber.kinds.observable import Observable
from diwan.terms.finding import Finding

LONGEST_MATCHED: Final = 512
"""Characters of a value that substrings and regular expressions look at."""


class Match(StrEnum):
    """How a list's entries are compared, in MISP's words."""

    STRING = "string"
    SUBSTRING = "substring"
    HOSTNAME = "hostname"
    """The entry itself, and every name below it."""
    CIDR = "cidr"
    REGEX = "regex"


class WarningList(msgspec.Struct, frozen=True):
    """One list, ready to be looked up in."""

    name: str
    match: Match
    entries: tuple[str, ...]
    """Networks in their compared writing, expressions that are known to end, everything else in lower case."""
    kinds: frozenset[str] = frozenset()
    """The kinds of observable it speaks of; none given means all."""
    version: int = 0
    left_out: tuple[Finding, ...] = ()
    """Entries that could not be taken, at most 200 of them."""


_Lists = tuple[int, ...]
_Key = TypeVar("_Key", str, int)


class Warnings:
    """Many lists at once: an answer costs the labels of a name or the prefix lengths in use, not the lists' length."""

    def __init__(self, lists: Iterable[WarningList]) -> None:
        """Index the lists; a million entries take about a second and some hundred bytes each."""
        self._lists = tuple(lists)
        self._whole: dict[str, _Lists] = {}
        self._below: dict[str, _Lists] = {}
        self._networks: dict[tuple[int, int], dict[int, _Lists]] = {}
        self._parts: list[tuple[str, int]] = []
        self._expressions: list[tuple[re.Pattern[str], int]] = []
        for at, told in enumerate(self._lists):
            self._index(told, at)

    def _index(self, told: WarningList, at: int) -> None:
        if told.match is Match.CIDR:
            for entry in told.entries:
                network = ip_network(entry)
                place = self._networks.setdefault((network.version, network.prefixlen), {})
                _add(place, int(network.network_address) >> (network.max_prefixlen - network.prefixlen), (at,))
        elif told.match is Match.SUBSTRING:
            self._parts += [(entry, at) for entry in told.entries]
        elif told.match is Match.REGEX:
            self._expressions += [(re.compile(entry, re.IGNORECASE), at) for entry in told.entries]
        else:
            place_of = self._below if told.match is Match.HOSTNAME else self._whole
            one = (at,)
            for entry in told.entries:
                _add(place_of, entry, one)

    def hits(self, seen: Observable) -> tuple[str, ...]:
        """Return the names of the lists that speak of an observable, sorted, each once; () where none does.

        A URL is looked up whole, and by its host among names and networks; a mailbox also by its domain. A network
        counts as listed where a listed network holds all of it.
        """
        found = {at for at in self._found(seen) if not self._lists[at].kinds or seen.kind in self._lists[at].kinds}
        return tuple(sorted({self._lists[at].name for at in found})) if found else ()

    def _found(self, seen: Observable) -> Iterator[int]:
        low = seen.value.lower()
        yield from self._whole.get(low, ())
        host = _host(seen.kind, low)
        if host and self._below and not _is_address(host):
            yield from self._names(host)
        elif host and self._networks and _is_address(host):
            yield from self._nets(host)
        if self._parts or self._expressions:
            low = low[:LONGEST_MATCHED]
            yield from (at for part, at in self._parts if part in low)
            yield from (at for expression, at in self._expressions if expression.search(low))

    def _names(self, host: str) -> Iterator[int]:
        while host:
            yield from self._below.get(host, ())
            host = host.partition(".")[2]

    def _nets(self, host: str) -> Iterator[int]:
        address, _, bits = host.partition("/")
        version, size = (6, 128) if ":" in address else (4, 32)
        number = (
            int(ip_address(address)) if version == 6 else int.from_bytes(bytes(map(int, address.split("."))), "big")
        )
        length = int(bits) if bits else size
        for (of, prefix), place in self._networks.items():
            if of == version and prefix <= length:
                yield from place.get(number >> (size - prefix), ())


def _add(place: dict[_Key, _Lists], key: _Key, lists: _Lists) -> None:
    held = place.setdefault(key, lists)
    if held is not lists and lists[0] not in held:
        place[key] = held + lists


def _host(kind: str, low: str) -> str:
    if kind in ("domain", "ipv4", "ipv6", "cidr"):
        return low
    if kind == "email":
        return low.rpartition("@")[2]
    if kind != "url":
        return ""
    place = re.split(r"[/?#]", low.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    return place[1:].partition("]")[0] if place[:1] == "[" else place.partition(":")[0]


def _is_address(host: str) -> bool:
    # The last label of a name begins with a letter, an address or prefix length with a digit; colons are IPv6's alone.
    return ":" in host or host[host.rfind(".") + 1 :][:1].isdigit()


_SPECIAL_ADDRESSES: Final = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23
    2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8
"""
_SPECIAL_NAMES: Final = """
    alt example example.com example.net example.org home.arpa in-addr.arpa invalid ip6.arpa ipv4only.arpa local
    localhost onion resolver.arpa service.arpa test
"""
BUILT_IN: Final = (
    WarningList("Special-use addresses (RFC 6890)", Match.CIDR, tuple(_SPECIAL_ADDRESSES.split())),
    WarningList("Special-use names (RFC 2606, 6761)", Match.HOSTNAME, tuple(_SPECIAL_NAMES.split())),
    WarningList(
        "Hashes of an empty file",
        Match.STRING,
        tuple(
            hashlib.new(name, b"", usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")
        ),
    ),
)
"""What no register of warnings should be without: the IANA registries of special-purpose addresses and names, read as
facts, and the digests of nothing at all."""
