"""An alert as JSON, for programs, and as GeoJSON, for maps; the XML stays the original.

There is no standard JSON for CAP. Ours has the element names of the XML, and an array wherever an element may repeat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import msgspec

from diwan.desks.crisis.kinds import Alert, Area, Info
from diwan.desks.crisis.kinds.geometry import Circle, Point, circle_of, polygon_points, unwrapped

SIDES: Final = 64
_KM_PER_DEGREE: Final = 6371.0088 * math.pi / 180
"""Mean Earth radius of the IUGG (GRS 80)."""


def alert_json(alert: Alert) -> dict[str, Any]:
    """Return the alert under the element names of CAP 1.2; absent elements are absent, repeatables are arrays."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(alert))
    return told


def geojson(alert: Alert) -> dict[str, Any]:
    """Return a FeatureCollection (RFC 7946) with one feature per area of each information block.

    Positions are WGS 84 longitude, latitude. Rings run counter-clockwise and are cut at the antimeridian; a circle is
    a polygon of 64 sides. An area without polygon or circle has geometry null and `hasGeometry` false: no shape on
    the map must not read as no alert.
    """
    features = [_feature(alert, info, area) for info in alert.info for area in info.area]
    drawn = any(feature["geometry"] for feature in features)
    return {"type": "FeatureCollection", "hasGeometry": drawn, "features": features}


def _feature(alert: Alert, info: Info, area: Area) -> dict[str, Any]:
    polygons = [part for ring in _rings(area) for part in cut(ring)]
    geometry = {"type": "MultiPolygon", "coordinates": [[part] for part in polygons]} if polygons else None
    told = {
        "identifier": alert.identifier,
        "sender": alert.sender,
        "sent": alert.sent,
        "status": alert.status.value,
        "msgType": alert.msg_type.value,
        "language": info.tongue,
        "event": info.event,
        "headline": info.headline or info.event,
        "severity": info.severity.value,
        "urgency": info.urgency.value,
        "certainty": info.certainty.value,
        "expires": info.expires,
        "areaDesc": area.area_desc,
        "geocode": [str(code) for code in area.geocode],
        "hasGeometry": geometry is not None,
    }
    return {"type": "Feature", "geometry": geometry, "properties": told}


def _rings(area: Area) -> Iterator[list[Point]]:
    for text in area.polygon:
        points = polygon_points(text)
        if points:
            yield unwrapped(points)
    for text in area.circle:
        circle = circle_of(text)
        if circle:
            yield circle_ring(circle)


def circle_ring(circle: Circle) -> list[Point]:
    """Return a closed ring of 64 sides at the circle's radius; degrees of longitude shrink with the latitude.

    A circle around a pole is drawn up to the pole only. A radius of 0 km gives a ring of one place, which is drawn
    as nothing: the area description must say where.
    """
    lon, lat, radius = circle
    ring = []
    for side in range(SIDES):
        bearing = 2 * math.pi * side / SIDES
        north = max(-90.0, min(90.0, lat + radius / _KM_PER_DEGREE * math.cos(bearing)))
        width = max(math.cos(math.radians(lat)), 0.01)
        east = max(-180.0, min(180.0, radius / _KM_PER_DEGREE * math.sin(bearing) / width))
        ring.append((lon + east, north))
    return [*ring, ring[0]]


def cut(ring: list[Point]) -> Iterator[list[list[float]]]:
    """Yield the ring, cut where it leaves -180 to 180 and turned back, counter-clockwise."""
    for shift in (0.0, 360.0, -360.0):
        part = _clipped([(lon + shift, lat) for lon, lat in ring])
        if len(set(part)) < 3:
            continue
        closed = part if part[0] == part[-1] else [*part, part[0]]
        turn = sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(closed))
        yield [[round(lon, 6), round(lat, 6)] for lon, lat in (closed if turn < 0 else reversed(closed))]


def _clipped(ring: list[Point]) -> list[Point]:
    for side in (1.0, -1.0):
        out: list[Point] = []
        for (x1, y1), (x2, y2) in pairwise([*ring, ring[0]] if ring else []):
            if side * x1 <= 180:
                out.append((x1, y1))
            if (side * x1 - 180) * (side * x2 - 180) < 0:
                out.append((side * 180.0, y1 + (y2 - y1) * (side * 180.0 - x1) / (x2 - x1)))
        ring = out
    return ring
