"""What an indicator looks for: the observables that its pattern names, and those that alone make it match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diwan.desks.cyber.kinds.observable import Observable, of_comparison
from diwan.desks.cyber.kinds.pattern import Pattern
from diwan.desks.cyber.parse.pattern import comparisons, parse_pattern
from diwan.desks.cyber.parse.pattern_tokens import PatternError


def of_pattern(said: Mapping[str, Any]) -> tuple[Observable, ...]:
    """Return every observable that an indicator's STIX pattern names; () for other objects and other languages."""
    return tuple(dict.fromkeys(seen for seen, _ in _named(said)))


def alone_in(said: Mapping[str, Any]) -> tuple[Observable, ...]:
    """Return the observables of which one by itself makes an indicator match: what a list for another tool may hold."""
    return tuple(dict.fromkeys(seen for seen, alone in _named(said) if alone))


def _named(said: Mapping[str, Any]) -> Iterator[tuple[Observable, bool]]:
    text = said.get("pattern")
    if said.get("type") != "indicator" or said.get("pattern_type", "stix") != "stix" or not isinstance(text, str):
        return
    try:
        pattern = parse_pattern(text)
    except PatternError:
        return
    yield from _compared(pattern)


def _compared(pattern: Pattern) -> Iterator[tuple[Observable, bool]]:
    for one, alone in comparisons(pattern):
        path = str(one.path)
        for value in one.values:
            seen = of_comparison(path, one.operator, value) if isinstance(value, str) else None
            if seen is not None and not one.negated:
                yield seen, alone
