"""Alerts out: CAP 1.2 XML, JSON, GeoJSON, Atom feeds, and the messages that answer or follow an alert; pure."""

from diwan.desks.crisis.render.as_json import alert_json, geojson
from diwan.desks.crisis.render.feed import Entry, atom_feed
from diwan.desks.crisis.render.messages import ack, alert_edition, cancel, error, scope_for, update, with_label
from diwan.desks.crisis.render.overview import shapes
from diwan.desks.crisis.render.xml import cap_xml

__all__ = [
    "Entry",
    "ack",
    "alert_edition",
    "alert_json",
    "atom_feed",
    "cancel",
    "cap_xml",
    "error",
    "geojson",
    "scope_for",
    "shapes",
    "update",
    "with_label",
]
