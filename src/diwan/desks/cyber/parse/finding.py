"""What a check finds: every rule for a STIX object by its stable id, how grave it is, and the clause that asks it."""

from __future__ import annotations

from typing import Final

from diwan.terms.finding import Finding, Weight

MOST: Final = 200
"""Findings told of one object or file at most."""
_TOLD: Final = 80

_ERRORS: Final = """
schema.required schema.form schema.type schema.value schema.empty schema.extra schema.choice schema.other
id.type id.v4 ref.type time.calendar time.order
lang.form contents.lang contents.property
marking.selector marking.one_of marking.circular tlp.altered tlp.copy
pattern.syntax text.direction file.json
"""
_WARNINGS: Final = """
json.wide id.deterministic relationship.suggested hashes.name hashes.form
custom.object custom.properties extension.kind marking.versioned observed.deprecated
file.version file.partly file.twice validator.failed
"""
RULES: Final[dict[str, Weight]] = {
    **dict.fromkeys(_ERRORS.split(), Weight.ERROR),
    **dict.fromkeys(_WARNINGS.split(), Weight.WARNING),
}
"""Every rule of our own and its weight; what the OASIS validator adds is `validator.must`, or named after its check."""


def finding(rule: str, path: str, message: str) -> Finding:
    """Return a finding with the weight of its rule; the line is filled in where the file is at hand."""
    return Finding(rule, RULES[rule], path, message)


def quoted(text: object, most: int = _TOLD) -> str:
    """Return what a file says, in quotes, cut to `most` characters, with nothing in it that could turn a terminal."""
    said = str(text)
    cut = said if len(said) <= most else said[: most - 1] + "…"
    return "'" + plain(cut) + "'"


def plain(text: str) -> str:
    """Return the text with every control, bidirectional or unassigned character written as its number."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
