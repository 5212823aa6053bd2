"""The lookout: whether the register of a node that serves lost what was recalled, in a thread of its own.

The journal's folder lies on another host and may not answer for minutes: nobody who asks for something waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from diwan.house.node import House

_EVERY: Final = 1.0
_PATIENCE: Final = 5.0

_log: Final = logging.getLogger(__name__)


@contextmanager
def lookout(house: House, *, every: float = _EVERY) -> Iterator[None]:
    """Look every so many seconds as long as this lasts, and shut the node where it has to be."""
    if house.journal is None:
        yield
        return
    done = threading.Event()

    def go_on() -> None:
        said = ""
        while not done.wait(every):
            try:
                house.journal_fault()  # tries again to write what could not be written
                house.shut_where_changes_are_lost()
                said = ""
            except Exception as failure:  # noqa: BLE001 -- whatever it was, the next look tries again
                # By its name alone, and once: a server that is lost is not there for many looks.
                if said != (said := type(failure).__name__):
                    _log.warning("Whether recalls were lost could not be looked at: %s.", said)

    thread = threading.Thread(target=go_on, name="diwan-lookout", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_PATIENCE)
