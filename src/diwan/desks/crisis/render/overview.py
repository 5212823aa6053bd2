"""Many alerts as shapes for one small map, from their briefs alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from diwan.desks.crisis.kinds import Brief, Point
from diwan.desks.crisis.render.as_json import circle_ring
from diwan.terms.item import Ref


def shapes(alerts: Iterable[tuple[Ref, Brief]]) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection with a feature per outline; positions are WGS 84 longitude, latitude.

    Outlines in a brief are thinned: for a glance, never for a decision.
    """
    features = [
        _feature(ref, brief, ring)
        for ref, brief in alerts
        for ring in (*brief.outlines, *(tuple(circle_ring(circle)) for circle in brief.circles))
    ]
    return {"type": "FeatureCollection", "features": features}


def _feature(ref: Ref, brief: Brief, ring: tuple[Point, ...]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[lon, lat] for lat, lon in ring]]},
        "properties": {"ref": str(ref), "severity": brief.severity, "headlines": brief.headlines},
    }
