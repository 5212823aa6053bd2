"""The rule of texts by which people tell things apart: nothing in them turns the reading direction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from diwan.desks.cyber.parse.finding import finding, quoted
from diwan.desks.cyber.parse.rules_refs import SCOS, Rule
from diwan.terms.finding import Finding

_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates (Unicode, UAX 9); the marks U+200E, U+200F and U+061C turn nothing but themselves
and stand in Arabic names."""


def compared(kind: str) -> tuple[str, ...]:
    """Return the properties of a type that people compare: names, and the values of addresses.

    A file's name, a path or a pattern that turns is evidence (ATT&CK T1036.002) and is kept; it is never shown raw.
    """
    return ("value",) if kind in SCOS else ("name", "aliases")


def direction(name: str) -> Rule:
    """Return the rule that a property turns no reading direction: Diwan's own, STIX 2.1 has none."""

    def rule(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
        value = said[name]
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str) and _TURNS.search(text):
                yield finding("text.direction", f"{prefix}/{name}", f"{quoted(text)} turns the reading direction")

    return rule
