"""What a sensor is asked to watch for: one observable, and what the reader may know about why."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from diwan.desks.cyber.kinds.observable import Observable, observable
from diwan.terms.time import Instant


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
    the rules of its kind allow, so that no value can end a line or a rule.
    """
    best: dict[str, Watched] = {}
    for one in watched:
        seen = one.observable
        held = best.get(seen.key)
        if (held is None or _rank(one) > _rank(held)) and observable(seen.kind, seen.value) == seen:
            best[seen.key] = one
    return tuple(sorted(best.values(), key=lambda one: one.observable))


def _rank(one: Watched) -> tuple[int, str, str, str]:
    return one.score, one.ref, one.title, one.marking
