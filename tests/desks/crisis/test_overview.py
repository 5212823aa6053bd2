"""The map of many alerts shows where they are, also across the antimeridian."""

from __future__ import annotations

import msgspec

from diwan.desks.crisis.kinds import Brief, MsgType, Scope, Severity, Status
from diwan.desks.crisis.render import shapes
from diwan.terms.item import Ref

BRIEF = Brief(
    identifier="A-1",
    sender="watch@rc.example",
    sent="2017-01-24T08:00:00+03:00",
    sent_at=1485234000000000,
    status=Status.ACTUAL,
    msg_type=MsgType.ALERT,
    scope=Scope.PUBLIC,
    severity=Severity.SEVERE,
)
REF = Ref("KWT", "0" * 32)


def test_outline_keeps_longitude_first_as_maps_want_it() -> None:
    ring = ((48.5, 29.0), (49.0, 29.0), (49.0, 29.5), (48.5, 29.0))

    (feature,) = shapes([(REF, msgspec.structs.replace(BRIEF, outlines=(ring,)))])["features"]

    assert sorted(feature["geometry"]["coordinates"][0][0]) == sorted([list(point) for point in ring])
    assert feature["properties"]["ref"] == str(REF)


def test_outline_across_the_antimeridian_is_drawn_in_two_parts_and_not_around_the_world() -> None:
    ring = ((179.0, 10.0), (-179.0, 10.0), (-179.0, 12.0), (179.0, 12.0), (179.0, 10.0))

    (feature,) = shapes([(REF, msgspec.structs.replace(BRIEF, outlines=(ring,)))])["features"]

    parts = [[lon for lon, _ in part[0]] for part in feature["geometry"]["coordinates"]]
    assert sorted((min(part), max(part)) for part in parts) == [(-180.0, -179.0), (179.0, 180.0)]


def test_circle_of_no_radius_has_no_shape() -> None:
    assert shapes([(REF, msgspec.structs.replace(BRIEF, circles=((48.0, 29.0, 0.0),)))])["features"] == []
