"""Rules of the areas: CAP 1.2, section 3.2.4; points are WGS 84 `lat,lon`, radii km, heights feet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shapely import LineString

from diwan.desks.crisis.kinds import Area
from diwan.desks.crisis.kinds.geometry import Point, circle_of, on_earth, polygon_points, unwrapped
from diwan.desks.crisis.parse.finding import finding
from diwan.terms.finding import Finding

CROSSINGS: Final = 20_000
"""Points up to which a polygon is searched for self-intersections; a warning is not worth more work."""


def area_findings(area: Area, path: str) -> Iterator[Finding]:
    """Yield what an area breaks; of a polygon only the first rule that it breaks."""
    for number, text in enumerate(area.polygon, 1):
        yield from _polygon(text, _nth(f"{path}/polygon", number, area.polygon))
    for number, text in enumerate(area.circle, 1):
        yield from _circle(text, _nth(f"{path}/circle", number, area.circle))
    if area.ceiling is not None and area.altitude is None:
        yield finding("area.ceiling_needs_altitude", f"{path}/ceiling", "a ceiling is the upper end of a range")
    elif area.ceiling is not None and float(area.altitude or 0) > float(area.ceiling):
        yield finding("area.ceiling_range", f"{path}/ceiling", "is below the altitude")
    if not area.polygon and not area.circle:
        yield finding("area.geometry", path, "has no polygon or circle, so no map can show it")


def _nth(path: str, number: int, of: tuple[str, ...]) -> str:
    return f"{path}[{number}]" if len(of) > 1 else path


def _polygon(text: str, path: str) -> Iterator[Finding]:
    ring = polygon_points(text)
    if ring is None:
        yield finding("polygon.form", path, f"{text[:60]!r} is not a list of lat,lon")
    elif len(ring) < 4:
        yield finding("polygon.min4", path, f"{len(ring)} points; a polygon has at least four")
    elif ring[0] != ring[-1]:
        yield finding("polygon.closed", path, "the last point is not the first")
    elif not all(map(on_earth, ring)):
        yield finding("polygon.range", path, "a latitude beyond 90 or a longitude beyond 180 degrees")
    elif len(ring) <= CROSSINGS and _crosses_itself(ring):
        yield finding("polygon.self_intersection", path, "crosses or touches itself")


def _crosses_itself(ring: tuple[Point, ...]) -> bool:
    return not LineString(unwrapped(ring)).is_simple


def _circle(text: str, path: str) -> Iterator[Finding]:
    circle = circle_of(text)
    if circle is None:
        yield finding("circle.form", path, f"{text[:60]!r} is not lat,lon and a radius in km")
        return
    if not on_earth(circle[:2]):
        yield finding("circle.range", path, "a latitude beyond 90 or a longitude beyond 180 degrees")
    if circle[2] == 0:
        yield finding("circle.zero", path, "a radius of 0 km is a point")
