"""Checking a STIX object: the schema first, then the rules that no schema can say, each under its own id."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from diwan.desks.cyber.parse.finding import MOST, finding
from diwan.desks.cyber.parse.json_bytes import wide_numbers
from diwan.desks.cyber.parse.rules_marks import circular, contents, granular, language, tlp
from diwan.desks.cyber.parse.rules_refs import SCOS, Rule, reference_rules, suggested
from diwan.desks.cyber.parse.rules_text import compared, direction
from diwan.desks.cyber.parse.rules_values import (
    ORDERED,
    TIMES,
    calendar,
    creator,
    customs,
    deprecated,
    extensions,
    hashes,
    identifier,
    made_identifier,
    ordered,
    pattern,
    pattern_hashes,
    random_identifier,
    versioned,
)
from diwan.desks.cyber.parse.schema import conforms, schema_findings
from diwan.terms.finding import Finding, Weight

Rules = Mapping[str, tuple[Rule, ...]]
_BROKEN: Final = (finding("schema.other", "/", "breaks the schema of its type; of so many it is not said where"),)
_MILLISECONDS: Final = len("2026-01-01T00:00:00.000")
_COMMON: Final[dict[str, tuple[Rule, ...]]] = {
    "id": (identifier,),
    "created": (calendar("created"),),
    # Both are defined to the millisecond (3.2), and ATT&CK cut `modified` alone to it for a while.
    "modified": (calendar("modified"), ordered("created", "modified", differ=False, cut=_MILLISECONDS)),
    "lang": (language,),
    "granular_markings": (granular,),
}


def check_object(said: Mapping[str, Any], where: str = "") -> tuple[Finding, ...]:
    """Return what an object breaks, errors first, at most 200 findings; `where` is its place in the file.

    No object that JSON can hold makes it raise; what the schema has found at a place is not said again by a rule.
    """
    found = list(islice(schema_findings(_kind(said), said, where), MOST)) if not _conforms(said) else []
    places = {item.path for item in found}
    found += (item for item in examine(said, where) if item.path not in places)
    wide = islice(wide_numbers(said, where), MOST)
    found += (finding("json.wide", path, "is beyond what every reader keeps: 2^53") for path in wide)
    return tuple(sorted(found[:MOST], key=lambda item: item.severity is not Weight.ERROR))


def faults(said: Mapping[str, Any], where: str = "", *, detailed: bool = True) -> tuple[Finding, ...]:
    """Return the errors of an object alone: what keeps it out. 100,000 good objects a second.

    Unless `detailed`, of what breaks its schema only that is said: to find all of it takes many times as long.
    """
    if _conforms(said):
        return tuple(islice(_broken(said, where, _errors(_kind(said))), MOST))
    if not detailed:
        return _BROKEN
    return tuple(item for item in check_object(said, where) if item.severity is Weight.ERROR)


def examine(said: Mapping[str, Any], prefix: str = "") -> tuple[Finding, ...]:
    """Return what an object breaks of the rules beyond its schema, errors and warnings, at most 200."""
    kind = _kind(said)
    found = chain(_broken(said, prefix, _errors(kind)), _broken(said, prefix, _warnings(kind)), customs(said, prefix))
    return tuple(islice(found, MOST))


def _kind(said: Mapping[str, Any]) -> str:
    kind = said.get("type")
    return kind if isinstance(kind, str) else ""


def _conforms(said: Mapping[str, Any]) -> bool:
    return conforms(_kind(said), said)


def _broken(said: Mapping[str, Any], prefix: str, rules: Rules) -> Iterator[Finding]:
    for name in said:
        if name in rules:
            for rule in rules[name]:
                yield from rule(said, prefix)


# Types that nobody defines are bounded by nothing; only so many of their tables are kept.
@functools.lru_cache(maxsize=256)
def _errors(kind: str) -> Rules:
    """Return the rules that make errors, by the property whose presence calls for them."""
    rules = dict(_COMMON)
    for name, rule in reference_rules(kind).items():
        _add(rules, name, rule)
    for name in TIMES.get(kind, ()):
        _add(rules, name, calendar(name))
    if kind in ORDERED:
        first, last, differ = ORDERED[kind]
        _add(rules, first, calendar(first))
        _add(rules, last, calendar(last), ordered(first, last, differ=differ))
    for name, rule in _OWN.get(kind, ()):
        _add(rules, name, rule)
    for name in compared(kind):
        _add(rules, name, direction(name))
    if kind in SCOS:
        _add(rules, "id", random_identifier)
    return rules


@functools.lru_cache(maxsize=256)
def _warnings(kind: str) -> Rules:
    """Return the rules that make warnings alone."""
    rules: dict[str, tuple[Rule, ...]] = {"extensions": (extensions,), "hashes": (hashes,)}
    if kind in SCOS:
        _add(rules, "id", made_identifier)
    if kind == "relationship":
        _add(rules, "relationship_type", suggested)
    if kind == "indicator":
        _add(rules, "pattern", pattern_hashes)
    if kind == "observed-data":
        _add(rules, "objects", deprecated)
    if kind == "marking-definition":
        _add(rules, "id", versioned)
    return rules


def _add(rules: dict[str, tuple[Rule, ...]], name: str, *more: Rule) -> None:
    rules[name] = (*rules.get(name, ()), *more)


_OWN: Final[dict[str, tuple[tuple[str, Rule], ...]]] = {
    "indicator": (("pattern", pattern),),
    "language-content": (("contents", contents),),
    "marking-definition": (("id", circular), ("id", tlp)),
    "extension-definition": (("id", creator),),
}
