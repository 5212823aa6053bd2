"""Words that pages of the desk ask for by value, in the standards' own spelling; catalogues hold each of them."""

from __future__ import annotations

from typing import Final

from diwan.desks.cyber.kinds.aging import State
from diwan.desks.cyber.kinds.misp import ANALYSIS, SIGHTED, THREAT
from diwan.desks.cyber.kinds.observable import KINDS as OBSERVABLES
from diwan.desks.cyber.kinds.stix import TYPES

RELATIONS: Final = """
    analysis-of attributed-to authored-by based-on beacons-to characterizes communicates-with compromises consists-of
    controls delivers derived-from detects downloads drops duplicate-of dynamic-analysis-of exfiltrates-to exploits has
    hosts impersonates indicates investigates located-at mitigates originates-from owns related-to remediates
    revoked-by static-analysis-of subtechnique-of targets uses variant-of
    source target sighting-of refers-to where-sighted observed-data sample resolves-to belongs-to
    """.split()  # noqa: SIM905 -- a list of its own would be a page
"""Relationship types of STIX 2.1 (section 5.1 and each object's own), those of ATT&CK, and references."""
OPINIONS: Final = ("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")
"""Source: STIX 2.1, section 10.16."""
PROPERTIES: Final = """
    created modified published valid_from valid_until first_seen last_seen first_observed last_observed start_time
    stop_time start end aliases labels lang indicator_types malware_types threat_actor_types tool_types report_types
    infrastructure_types pattern_type pattern_version is_family identity_class sectors roles contact_information goals
    resource_level primary_motivation secondary_motivations sophistication objective authors context count
    number_observed opinion relationship_type value hashes size number mime_type subject product result country region
    definition_type definition tool_version implementation_languages capabilities
    x_mitre_platforms x_mitre_domains x_mitre_version x_mitre_is_subtechnique
    """.split()  # noqa: SIM905 -- a list of its own would be a page
"""Properties that people meet most; any other is shown by its own name."""


def property_word(name: str) -> str:
    """Return a property's name as people read it: `malware_types` as `malware types`."""
    return name.removeprefix("x_mitre_").removeprefix("x_").replace("_", " ")


WORDS: Final = {
    "type": (*sorted(TYPES), "custom", "event", "collection"),
    "relation": tuple(RELATIONS),
    "opinion": OPINIONS,
    "observable": (*OBSERVABLES, "attack"),
    "age": tuple(map(str, State)),
    "property": tuple(map(property_word, PROPERTIES)),
    "threat": tuple(THREAT.values()),
    "analysis": tuple(ANALYSIS.values()),
    "sense": tuple(SIGHTED.values()),
}
"""By the field that gives a word its meaning."""
