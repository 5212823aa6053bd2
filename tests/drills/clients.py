"""Clients that go on by themselves: hands that enter numbered items until each is acknowledged, readers that follow."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, pairwise

from diwan.house import House
from diwan.terms.errors import Duplicate
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Alias, Draft, Part, Ref
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader
from diwan.terms.time import Instant

ORIGINATOR = "KWT"
AUDIENCE = "QAT"
_AGAIN = 0.2
"""Seconds after which a client whose question failed asks again."""


@dataclass
class Ledger:
    """What the clients were told, and when (seconds of the monotonic clock)."""

    acknowledged: dict[str, Ref | None] = field(default_factory=dict)
    """By title; None where an entry whose outcome was unknown turned out, asked again, to be registered already."""
    written: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    longest_question: dict[str, float] = field(default_factory=lambda: {"write": 0.0, "read": 0.0})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(self, title: str, ref: Ref | None, begun: float) -> None:
        with self.lock:
            now = time.monotonic()
            self.acknowledged[title] = ref
            self.written.append(now)
            self.longest_question["write"] = max(self.longest_question["write"], now - begun)

    def answered(self, begun: float) -> None:
        with self.lock:
            now = time.monotonic()
            self.read.append(now)
            self.longest_question["read"] = max(self.longest_question["read"], now - begun)

    def failed(self, what: str, failure: Exception, begun: float) -> None:
        name = f"{what}: {type(failure).__name__}"
        with self.lock:
            self.failures[name] += 1
            self.examples.setdefault(name, str(failure).split("\n")[0])
            self.longest_question[what] = max(self.longest_question[what], time.monotonic() - begun)

    def since(self, moment: float) -> int:
        """Return how many entries were acknowledged after `moment`."""
        with self.lock:
            return len(self.written) - bisect_left(self.written, moment)


def longest_silence(moments: list[float], begin: float, end: float) -> float:
    """Return the longest time between two of the `moments` that follow each other within a window."""
    within = [begin, *(moment for moment in sorted(moments) if begin <= moment <= end), end]
    return max(later - earlier for earlier, later in pairwise(within))


def draft_of(title: str) -> Draft:
    return Draft(
        kind="crisis.alert",
        title=title,
        parts=(Part("note.txt", "text/plain", title.encode() * 40),),
        aliases=(Alias("cap", title),),
        text=(title,),
    )


def label() -> Label:
    audience = (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, (ORIGINATOR, AUDIENCE)),)
    return Label("TLP", "UNCLASSIFIED", audience, Handling(tlp="TLP:AMBER"))


class Writer(threading.Thread):
    """Enters one item after the other; what was not acknowledged is entered again, the same draft under its name."""

    def __init__(self, house: House, ledger: Ledger, name: str, pause: float, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._house, self._ledger, self._pause, self._stop_now = house, ledger, pause, stop
        self._hand = Hand(Reader(name, ORIGINATOR), frozenset({Role.DUTY_OFFICER}))

    def run(self) -> None:
        for number in count():
            if self._stop_now.is_set():
                return
            self._enter(f"{self.name} {number}")
            time.sleep(self._pause)

    def _enter(self, title: str) -> None:
        draft, asked_before = draft_of(title), False
        while True:
            begun = time.monotonic()
            try:
                taken = self._house.take(self._hand, draft, label(), originator=ORIGINATOR)
            except Duplicate:
                if not asked_before:
                    raise
                self._ledger.acknowledge(title, None, begun)
                return
            except Exception as failure:  # noqa: BLE001 -- counted by name: the drill says what clients were told
                self._ledger.failed("write", failure, begun)
                asked_before = True
                time.sleep(_AGAIN)
            else:
                self._ledger.acknowledge(title, taken.refs[0], begun)
                return


class _Reading(threading.Thread):
    """Asks again and again, whatever the answer."""

    def __init__(self, house: House, ledger: Ledger, name: str, pause: float, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.room = house.room(Reader(name, AUDIENCE))
        self._ledger, self._pause, self._stop_now = ledger, pause, stop

    def run(self) -> None:
        while not self._stop_now.is_set():
            self.ask(self._ledger)
            time.sleep(self._pause)

    def ask(self, ledger: Ledger) -> bool:
        begun = time.monotonic()
        try:
            self.look()
        except Exception as failure:  # noqa: BLE001 -- counted by name: the drill says what clients were told
            ledger.failed("read", failure, begun)
            time.sleep(_AGAIN)
            return False
        ledger.answered(begun)
        return True

    def look(self) -> None:
        raise NotImplementedError


class Follower(_Reading):
    """Follows the feed by its cursor: whatever appears behind it is missed for good, and the drill finds out."""

    def __init__(self, house: House, ledger: Ledger, name: str, pause: float, stop: threading.Event) -> None:
        super().__init__(house, ledger, name, pause, stop)
        self.seen: list[tuple[Instant, Ref]] = []
        self._cursor: str | None = None

    def look(self) -> None:
        more = True
        while more:
            changes = self.room.changes(self._cursor, limit=500)
            self.seen += [(change.at, change.ref) for change in changes.changes]
            self._cursor, more = changes.cursor, changes.more


class Watcher(_Reading):
    """Looks at the newest page: what stood at its head once may neither go nor sink below something older."""

    def __init__(self, house: House, ledger: Ledger, name: str, pause: float, stop: threading.Event) -> None:
        super().__init__(house, ledger, name, pause, stop)
        self.seen: dict[Ref, Instant] = {}
        self.went_back = 0
        self._newest: Instant = 0

    def look(self) -> None:
        items = self.room.page(limit=20).items
        self.seen.update((item.ref, item.at) for item in items)
        newest = items[0].at if items else 0
        self.went_back += newest < self._newest
        self._newest = max(newest, self._newest)


def start(make: Callable[[str], threading.Thread], name: str, many: int) -> list[threading.Thread]:
    threads = [make(f"{name} {number}") for number in range(many)]
    for thread in threads:
        thread.start()
    return threads
