"""MISP events: files cut into events, events read and checked, drafts and editions made of them; pure."""

from __future__ import annotations

from diwan.desks.cyber.parse.misp.draft import brief_of, check_events, event_of, events_in, parse_event
from diwan.desks.cyber.parse.misp.edition import edition, is_as_before, later
from diwan.desks.cyber.parse.misp.withdrawal import is_withdrawn, withdrawal

__all__ = [
    "brief_of",
    "check_events",
    "edition",
    "event_of",
    "events_in",
    "is_as_before",
    "is_withdrawn",
    "later",
    "parse_event",
    "withdrawal",
]
