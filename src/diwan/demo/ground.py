"""The ground the demo stands on: the node's settings, and a clock that began on the morning of the article."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from diwan.demo.content import settings
from diwan.house import is_node, wall_clock
from diwan.terms.errors import Refused
from diwan.terms.time import Instant, instant

MORNING: Final[Instant] = instant(datetime(2017, 1, 24, 6, tzinfo=UTC))
"""09:00 in Kuwait on the day on which the office opened."""
Clock = Callable[[], Instant]

_SETTINGS: Final = "settings.toml"
_BEGAN: Final = "demo-clock"


def lay_out(folder: Path) -> None:
    """Write the demo's settings into `folder`, before a house is opened there; settings that are there stay.

    Raises:
        Refused: a node is there that is not the demo's; its clock must not be turned back, nor fiction entered.
    """
    if is_node(folder) and not (folder / _BEGAN).exists():
        raise Refused(f"{folder} holds a node that is not the demo. Nothing was changed; name an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _SETTINGS
    if not file.exists():
        file.write_text(settings(), "utf-8")


def article_clock(folder: Path, wall: Clock) -> Clock:
    """Return a clock that read 24 January 2017, 09:00 in Kuwait, when the demo began, and has run on with `wall`.

    When it began is kept in `folder`, so that the clock never goes back when the demo is started again.
    """
    file = folder / _BEGAN
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(str(wall()), "ascii")
    behind = int(file.read_text("ascii")) - MORNING
    return lambda: wall() - behind


def demo_clock(folder: Path) -> Clock:
    """Return the article's clock as this machine's own drives it."""
    return article_clock(folder, wall_clock)


def is_demo(folder: Path) -> bool:
    """Return whether a demo has begun in `folder`."""
    return (folder / _BEGAN).exists()
