"""The diwan profile: what partners of this house ask of each other on top of the standard; off unless asked for.

All are warnings, so that an alert that conforms to CAP 1.2 is never refused for our own wishes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from diwan.desks.crisis.kinds import LABEL, Alert, MsgType, Status
from diwan.desks.crisis.parse.finding import finding
from diwan.terms.finding import Finding

LANGUAGES: Final = ("ar", "en", "fr")


def diwan(alert: Alert) -> Iterator[Finding]:
    """Yield what an alert lacks: an end, a label in each block, three languages, the exercise's name."""
    for number, info in enumerate(alert.info, 1):
        path = f"/alert/info[{number}]"
        if info.expires is None:
            yield finding("diwan.expires", f"{path}/expires", "partners ask for an end")
        if not any(parameter.value_name == LABEL for parameter in info.parameter):
            yield finding("diwan.label", f"{path}/parameter", "carries no ADatP-4774 label")
    told = {info.tongue.partition("-")[0].lower() for info in alert.info}
    missing = [language for language in LANGUAGES if language not in told]
    if missing and alert.msg_type in (MsgType.ALERT, MsgType.UPDATE):
        yield finding("diwan.languages", "/alert/info", f"not told in {', '.join(missing)}")
    if alert.status is Status.EXERCISE and not (alert.note or "").strip():
        yield finding("diwan.exercise_id", "/alert/note", "an exercise alert names its exercise")
