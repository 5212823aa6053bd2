"""Stopping: SIGTERM and Ctrl-C end a command by way of all that it has to close, with exit code 0."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ASKING: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let whoever asks to stop end what runs in here; asking twice does not cut the closing short.

    The HTTP server takes the signals for itself while it serves, and hands them back when its requests have ended.
    """
    before = {asking: signal.signal(asking, _stop) for asking in _ASKING}
    try:
        yield
    finally:
        for asking, handler in before.items():
            signal.signal(asking, handler)


def _stop(_: int, __: FrameType | None) -> None:
    for asking in _ASKING:
        signal.signal(asking, signal.SIG_IGN)
    raise SystemExit(0)
