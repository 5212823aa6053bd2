"""What a check finds: every rule of the CAP digest by its stable id, and how grave it is."""

from __future__ import annotations

from typing import Final

from diwan.terms.finding import Finding, Weight

_ERRORS: Final = """
xml.doctype xml.wellformed namespace
xsd.required xsd.order xsd.unknown xsd.enum xsd.other datetime.form language.form
identifier.chars identifier.empty sender.chars sender.empty
scope.private_needs_addresses scope.restricted_needs_restriction scope.restriction_only_restricted
references.required references.form references.self
web.absolute resource.mimetype resource.relative_uri_needs_deref resource.deref_base64
polygon.form polygon.min4 polygon.closed polygon.range circle.form circle.range
area.ceiling_needs_altitude area.ceiling_range
"""
_WARNINGS: Final = """
references.postdated addresses.quotes exercise.note error.note info.missing datetime.utc_minus0000
signature.unverifiable info.category_mismatch responseType.assess_public
expires.missing expires.order expires.before_onset headline.160 text.html language.same_text
area.missing area.geometry polygon.self_intersection circle.zero
diwan.expires diwan.label diwan.languages diwan.exercise_id
"""
RULES: Final[dict[str, Weight]] = {
    **dict.fromkeys(_ERRORS.split(), Weight.ERROR),
    **dict.fromkeys(_WARNINGS.split(), Weight.WARNING),
}
"""Every rule and its weight; `references.form` is a warning for an empty element on an Alert."""


def finding(rule: str, path: str, message: str) -> Finding:
    """Return a finding with the weight of its rule; the line is filled in where the tree is at hand."""
    return Finding(rule, RULES[rule], path, message)
