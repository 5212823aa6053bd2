"""A response policy zone: a resolver that loads it answers for listed names as if they did not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from diwan.desks.cyber.kinds.observable import Observable
from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators.banner import banner, file_of
from diwan.terms.time import Instant

KINDS: Final = frozenset(["domain", "ipv4", "ipv6", "cidr"])
LONGEST_NAME: Final = 200
"""A name stands below the zone's own, and both together have at most 253 characters."""
_TRIGGERS: Final = re.compile(r"(?:.*\.)?rpz-[^.]*")
"""Names that are no names to a resolver: `32.1.2.0.192.rpz-client-ip` is answered to whoever asks from there."""
_SECOND: Final = 1_000_000


def rpz(watched: Iterable[Watched], *, reader: str, at: Instant) -> bytes:
    """Return a zone in master-file format (RFC 1035, 5) whose names are relative to the zone it is loaded as.

    The serial is the second of `at`, so that a later file is a later zone until 2106. A domain is listed with all
    names below it; an address by what is answered (`rpz-ip`). The policy is NXDOMAIN: `CNAME .`.

    Source: draft-vixie-dnsop-dns-rpz-00, on QNAME and response IP address triggers and the NXDOMAIN action.
    """
    known = settled(watched)
    held = [one for one in known if _fits(one.observable)]
    serial = at // _SECOND % (1 << 32)
    head = ["$TTL 300", f"@ IN SOA localhost. root.localhost. {serial} 3600 600 604800 300", "@ IN NS localhost."]
    names = (f"{name} IN CNAME ." for one in held for name in _triggers(one.observable))
    return file_of([*banner(";", held, len(known) - len(held), reader=reader, at=at), *head, *names])


def _fits(seen: Observable) -> bool:
    if seen.kind == "domain" and _TRIGGERS.fullmatch(seen.value):
        return False
    return seen.kind in KINDS and len(seen.value) <= LONGEST_NAME


def _triggers(seen: Observable) -> Iterator[str]:
    if seen.kind == "domain":
        yield seen.value
        yield f"*.{seen.value}"
        return
    address, _, bits = seen.value.partition("/")
    if ":" in address:
        yield f"{bits or 128}.{_reversed_groups(address)}.rpz-ip"
    else:
        yield f"{bits or 32}.{'.'.join(reversed(address.split('.')))}.rpz-ip"


def _reversed_groups(address: str) -> str:
    groups = [group or "zz" for group in address.replace("::", ":zz:").strip(":").split(":")]
    return ".".join(reversed(groups))
