"""Polygons and circles of CAP 1.2: `lat,lon` text to numbers, across the antimeridian where a ring crosses it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

_NUMBER: Final = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_POINT: Final = re.compile(rf"({_NUMBER}),({_NUMBER})")
_CIRCLE: Final = re.compile(rf"({_NUMBER}),({_NUMBER})\s+({_NUMBER})")

Point = tuple[float, float]
"""Longitude and latitude in degrees, in the order of maps (CAP writes the latitude first)."""
Circle = tuple[float, float, float]
"""Longitude, latitude, radius in kilometres."""
Box = tuple[float, float, float, float]
"""West, south, east, north; west is greater than east where the box crosses the antimeridian."""


def polygon_points(text: str) -> tuple[Point, ...] | None:
    """Return the points of a polygon, or None when the text is not white-space separated `lat,lon` pairs."""
    points = []
    for pair in text.split():
        found = _POINT.fullmatch(pair)
        if not found:
            return None
        points.append((float(found[2]), float(found[1])))
    return tuple(points) or None


def circle_of(text: str) -> Circle | None:
    """Return a circle, or None when the text is not `lat,lon km` or the radius is negative or no number at all."""
    found = _CIRCLE.fullmatch(text.strip())
    if not found:
        return None
    lat, lon, radius = (float(found[group]) for group in (1, 2, 3))
    # Four hundred digits are a number to a pattern and infinity to a float.
    return (lon, lat, radius) if 0 <= radius < math.inf else None


def on_earth(point: Point) -> bool:
    """Return whether longitude and latitude are within 180 and 90 degrees."""
    return abs(point[0]) <= 180 and abs(point[1]) <= 90


def unwrapped(ring: Iterable[Point]) -> list[Point]:
    """Return the ring with longitudes that run on past 180 degrees instead of jumping to -180."""
    out: list[Point] = []
    turns = 0.0
    for lon, lat in ring:
        if out:
            step = lon + turns - out[-1][0]
            turns -= 360.0 if step > 180 else -360.0 if step < -180 else 0.0
        out.append((lon + turns, lat))
    return out


def box_of(ring: Sequence[Point]) -> Box:
    """Return the smallest box around a ring."""
    run = unwrapped(ring)
    west, east = min(lon for lon, _ in run), max(lon for lon, _ in run)
    south, north = min(lat for _, lat in run), max(lat for _, lat in run)
    if east - west >= 360:
        return -180.0, south, 180.0, north
    return _turned(west), south, _turned(east), north


def _turned(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180
