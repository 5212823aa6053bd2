"""MISP's words: events and their parts, attribute types, and what a distribution means as a label."""

from __future__ import annotations

from diwan.desks.cyber.kinds.misp.cuts import Cut, cuts, is_narrower
from diwan.desks.cyber.kinds.misp.event import (
    ANALYSIS,
    INHERIT,
    SIGHTED,
    THREAT,
    Attribute,
    Claims,
    Count,
    Event,
    EventBrief,
    Group,
    Object,
    Org,
    Reference,
    Report,
    Sighting,
    count_of,
    every_attribute,
    sightings_of,
)
from diwan.desks.cyber.kinds.misp.labels import distribution_of, label_of, label_of_all
from diwan.desks.cyber.kinds.misp.sharing import Known, Member, Sharing

EVENT = "cyber.event"
"""The kind of item that holds one MISP event."""
MEDIA_TYPE = "application/vnd.misp+json"

__all__ = [
    "ANALYSIS",
    "EVENT",
    "INHERIT",
    "MEDIA_TYPE",
    "SIGHTED",
    "THREAT",
    "Attribute",
    "Claims",
    "Count",
    "Cut",
    "Event",
    "EventBrief",
    "Group",
    "Known",
    "Member",
    "Object",
    "Org",
    "Reference",
    "Report",
    "Sharing",
    "Sighting",
    "count_of",
    "cuts",
    "distribution_of",
    "every_attribute",
    "is_narrower",
    "label_of",
    "label_of_all",
    "sightings_of",
]
