"""A STIX pattern as people read it: one test a line, its observables in a writing that nothing turns into a link."""

from __future__ import annotations

from collections.abc import Iterator

from diwan.desks.cyber.kinds.defang import fenced
from diwan.desks.cyber.kinds.observable import defang, of_comparison
from diwan.desks.cyber.kinds.pattern import (
    Between,
    Comparison,
    Comparisons,
    Observation,
    Observations,
    Observed,
    Qualified,
    Qualifier,
    Repeats,
    Time,
    Value,
    Within,
)
from diwan.desks.cyber.parse.pattern import parse_pattern
from diwan.desks.cyber.parse.pattern_tokens import PatternError


def pattern_text(written: str) -> str | None:
    """Return a pattern over several lines, with observables defanged, or None where it cannot be read."""
    try:
        root = parse_pattern(written).root
    except PatternError:
        return None
    return "\n".join(_observed(root, ""))


def _observed(node: Observed, indent: str) -> Iterator[str]:
    if isinstance(node, Observation):
        yield from _tested(node.test, indent)
    elif isinstance(node, Qualified):
        yield from _observed(node.inner, indent)
        yield from (f"{indent}  {_qualifier(one)}" for one in node.qualifiers)
    else:
        yield from _joined(node, indent)


def _joined(node: Observations, indent: str) -> Iterator[str]:
    for place, part in enumerate(node.parts):
        if place:
            yield f"{indent}{node.join}"
        if isinstance(part, Observations):
            yield f"{indent}("
            yield from _observed(part, indent + "  ")
            yield f"{indent})"
        else:
            yield from _observed(part, indent)


def _tested(node: Comparison | Comparisons, indent: str) -> Iterator[str]:
    if isinstance(node, Comparison):
        yield f"{indent}[ {_comparison(node)} ]"
        return
    yield f"{indent}["
    yield from _tests(node, indent + "  ")
    yield f"{indent}]"


def _tests(node: Comparisons, indent: str) -> Iterator[str]:
    for place, part in enumerate(node.parts):
        joined = f"{node.join} " if place else ""
        if isinstance(part, Comparison):
            yield f"{indent}{joined}{_comparison(part)}"
        else:
            yield f"{indent}{joined}("
            yield from _tests(part, indent + "  ")
            yield f"{indent})"


def _comparison(one: Comparison) -> str:
    path = str(one.path)
    values = [_value(path, one.operator, value) for value in one.values]
    if one.operator == "EXISTS":
        return f"{'NOT ' if one.negated else ''}EXISTS {path}"
    said = f"({', '.join(values)})" if one.operator == "IN" else "".join(values)
    return f"{path} {'NOT ' if one.negated else ''}{one.operator} {said}"


def _value(path: str, operator: str, value: Value) -> str:
    if isinstance(value, Time):
        return f"t'{value.text}'"
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    seen = of_comparison(path, operator, value)
    shown = defang(seen) if seen else fenced("text", value)
    return f"'{shown}'"


def _qualifier(one: Qualifier) -> str:
    match one:
        case Within(seconds):
            return f"WITHIN {seconds:g} SECONDS"
        case Repeats(times):
            return f"REPEATS {times} TIMES"
        case Between(start, stop):
            return f"START t'{start.text}' STOP t'{stop.text}'"
