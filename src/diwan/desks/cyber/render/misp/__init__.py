"""Events to MISP: a feed of them, events made from STIX, and sightings; pure."""

from __future__ import annotations

from diwan.desks.cyber.render.misp.attributes import attribute_of, attributes_of
from diwan.desks.cyber.render.misp.event import event_from_stix, event_json, sightings_json
from diwan.desks.cyber.render.misp.feed import feed_event, feed_hashes, feed_manifest, tag_of

__all__ = [
    "attribute_of",
    "attributes_of",
    "event_from_stix",
    "event_json",
    "feed_event",
    "feed_hashes",
    "feed_manifest",
    "sightings_json",
    "tag_of",
]
