"""Many alerts as shapes for one small map, from their briefs alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from diwan.desks.crisis.kinds import Brief, Point
from diwan.desks.crisis.kinds.geometry import unwrapped
from diwan.desks.crisis.render.as_json import circle_ring, cut
from diwan.terms.item import Ref


def shapes(alerts: Iterable[tuple[Ref, Brief]]) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection with a feature per outline, cut at the antimeridian where it crosses it.

    Outlines in a brief are thinned: for a glance, never for a decision.
    """
    features = [
        _feature(ref, brief, ring)
        for ref, brief in alerts
        for ring in (*map(unwrapped, brief.outlines), *map(circle_ring, brief.circles))
    ]
    return {"type": "FeatureCollection", "features": [feature for feature in features if feature is not None]}


def _feature(ref: Ref, brief: Brief, ring: list[Point]) -> dict[str, Any] | None:
    parts = [[part] for part in cut(ring)]
    if not parts:
        return None
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": parts},
        "properties": {"ref": str(ref), "severity": brief.severity, "headlines": brief.headlines},
    }
