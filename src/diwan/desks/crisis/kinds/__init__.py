"""What the crisis desk knows: the alert as CAP 1.2 writes it, the brief a list shows, chains folded to now."""

from diwan.desks.crisis.kinds.alert import (
    ALERT,
    CAP,
    LABEL,
    MARKING,
    MEDIA_TYPE,
    Alert,
    Area,
    Info,
    Pair,
    Resource,
    alias,
    world,
)
from diwan.desks.crisis.kinds.brief import Brief, LabelClaim, brief_of
from diwan.desks.crisis.kinds.chain import Course, State, courses, in_force
from diwan.desks.crisis.kinds.codes import (
    Category,
    Certainty,
    MsgType,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from diwan.desks.crisis.kinds.dates import instant_of, written
from diwan.desks.crisis.kinds.geometry import Box, Circle, Point

__all__ = [
    "ALERT",
    "CAP",
    "LABEL",
    "MARKING",
    "MEDIA_TYPE",
    "Alert",
    "Area",
    "Box",
    "Brief",
    "Category",
    "Certainty",
    "Circle",
    "Course",
    "Info",
    "LabelClaim",
    "MsgType",
    "Pair",
    "Point",
    "Resource",
    "ResponseType",
    "Scope",
    "Severity",
    "State",
    "Status",
    "Urgency",
    "alias",
    "brief_of",
    "courses",
    "in_force",
    "instant_of",
    "world",
    "written",
]
