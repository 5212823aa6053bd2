"""Reading ahead: what is to come is made in a thread of its own, so that reading and writing overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_PATIENCE: Final = 0.2


class _End(Generic[T]):
    """The last thing a reader hands over: why it ended."""

    def __init__(self, why: BaseException | None) -> None:
        self.why = why


def ahead(things: Iterable[T], most: int = 4) -> Iterator[T]:
    """Yield `things` in order, made up to `most` ahead; what making them raises is raised here."""
    made: queue.Queue[T | _End[T]] = queue.Queue(most)
    left = threading.Event()

    def put(thing: T | _End[T]) -> bool:
        while not left.is_set():
            try:
                made.put(thing, timeout=_PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        why: BaseException | None = None
        try:
            for thing in things:
                if not put(thing):
                    return
        except BaseException as wrong:  # noqa: BLE001 -- raised again where the things are taken
            why = wrong
        put(_End(why))

    threading.Thread(target=make, name="diwan-reader", daemon=True).start()
    try:
        while not isinstance(thing := made.get(), _End):
            yield thing
        if thing.why is not None:
            raise thing.why
    finally:
        left.set()
