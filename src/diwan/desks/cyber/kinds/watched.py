"""What a sensor is asked to watch for: one observable, and what the reader may know about why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.observable import Observable, observable
from diwan.terms.time import Instant

_WIDEST_IPV4: Final = 8
_WIDEST_IPV6: Final = 16
"""Bits of a prefix: the widest that one holder was given has 8 in IANA's registry for IPv4, and more for IPv6."""


class Watched(msgspec.Struct, frozen=True):
    """One released indicator's observable."""

    observable: Observable
    title: str
    ref: str
    """The indicator's page (a URL) or its STIX id."""
    marking: str
    """As people read it, `TLP:GREEN`."""
    score: int
    """0 to 100, what age has left of it."""
    valid_until: Instant | None = None
    confidence: int | None = None


def settled(watched: Iterable[Watched]) -> tuple[Watched, ...]:
    """Return one entry per observable, the highest score first told, sorted by kind and value.

    An observable that is not written as `observable` writes it is left out: what reaches a sensor's file is only what
    the rules of its kind allow, so that no value can end a line or a rule.  So is a network that is wider than any that
    one holder has: who lists it lists the neighbours of all others, and a resolver that believes it answers nobody.
    """
    best: dict[str, Watched] = {}
    for one in watched:
        seen = one.observable
        held = best.get(seen.key)
        if (held is None or _rank(one) > _rank(held)) and observable(seen.kind, seen.value) == seen:
            best[seen.key] = one
    for key in [key for key, one in best.items() if one.observable.kind == "cidr" and _is_boundless(one.observable)]:
        del best[key]
    return tuple(sorted(best.values(), key=lambda one: one.observable))


def _is_boundless(network: Observable) -> bool:
    address, _, bits = network.value.partition("/")
    return int(bits) < (_WIDEST_IPV6 if ":" in address else _WIDEST_IPV4)


def _rank(one: Watched) -> tuple[int, str, str, str]:
    return one.score, one.ref, one.title, one.marking
