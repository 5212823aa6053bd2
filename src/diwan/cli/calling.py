"""Calling other TAXII servers: what they have is entered, what an account may read is pushed; then the ledger moves."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec.structs import replace

from diwan.cli.carrying import Came, Carrier, Labelled, Load
from diwan.cli.opening import console_hand
from diwan.desks.cyber.acts import open_stix
from diwan.desks.cyber.calls.call import Fault
from diwan.desks.cyber.calls.ledger import REFUSALS, Keeps, Ledger, read_ledger, write_ledger
from diwan.desks.cyber.calls.line import Line, connect, line_to
from diwan.desks.cyber.calls.poll import poll
from diwan.desks.cyber.calls.push import Outcome, envelope, push
from diwan.desks.cyber.calls.source import Source, read_sources
from diwan.desks.cyber.calls.state import State, failed
from diwan.desks.cyber.calls.step import Page
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.stix import SCHEME
from diwan.house import House
from diwan.people.accounts import account_named
from diwan.reading import Arrival, ReadingRoom, Selection
from diwan.release.marking import parse_marking
from diwan.terms.errors import Refused
from diwan.terms.gate import World
from diwan.terms.item import Alias, Draft
from diwan.terms.label import Label
from diwan.terms.time import Instant

WHOLE: Final = 1_000
"""Pages of one call at most, when it is asked for."""

_LEAST: Final = 3
"""Pages after which it is known whether the server's cursor can be given twice; before, a walk would begin anew."""

Told = Callable[[Ledger], None]
"""Called whenever a ledger has moved."""


def sources_of(house: House) -> tuple[Source, ...]:
    """Return the sources in `desks/cyber/sources.toml`, as it was when the node was opened.

    Raises:
        Malformed: the file is not sound; the text names the key.
    """
    local = house.local["cyber"]
    assert isinstance(local, Local)  # noqa: S101 -- the cyber desk's own
    return read_sources(local.sources)


class Caller:
    """Calls sources for a node, in the actual world."""

    def __init__(self, house: House, wait: Callable[[float], Any], rejects: Any = None) -> None:
        """Wait by `wait`, in seconds; list what was not taken in `rejects`, one JSON object a line."""
        self._house = house
        self._wait = wait
        self._rejects = rejects

    @property
    def keeps(self) -> Keeps:
        """Where ledgers are kept."""
        return self._house.clerk("cyber", console_hand(self._house, self._house.settings.keeper), World.ACTUAL)

    def ledger(self, source: Source) -> Ledger:
        """Return the ledger of a source."""
        return read_ledger(self.keeps, source)

    def call(
        self, source: Source, pages: int = WHOLE, told: Told = lambda _: None, *, longest: Instant | None = None
    ) -> Ledger:
        """Poll or push once, up to so many pages, and return the ledger as it is kept now; no fault is raised.

        After a few pages no other is asked for once the call has taken `longest`.  What fails in any other way is kept
        as a failure and raised: who calls by the clock waits longer after it.
        """
        ledger, began = self.ledger(source), self._house.clock()
        try:
            with connect(source, self._keys) as client:
                moved = self._polled if source.direction == "poll" else self._pushed
                for number, now in enumerate(moved(source, ledger, self._line(source, client), pages), 1):
                    ledger = now
                    self._keep(source, ledger)
                    told(ledger)
                    if longest is not None and number >= _LEAST and self._house.clock() - began >= longest:
                        break
        except (Refused, OSError) as wrong:
            ledger = replace(ledger, state=self._failed(ledger.state, source, wrong))
            self._keep(source, ledger)
        except Exception as wrong:
            fault = Fault(f"This node failed ({type(wrong).__name__}) at what came or was to go; its log says more.")
            self._keep(source, replace(ledger, state=self._failed(ledger.state, source, fault)))
            raise
        return ledger

    @property
    def _keys(self) -> Path:
        return self._house.folder / "keys"

    def _keep(self, source: Source, ledger: Ledger) -> None:
        write_ledger(self.keeps, source, ledger, self._house.clock())

    def _line(self, source: Source, client: httpx.Client) -> Line:
        secret = (self._keys / source.keys).read_text("utf-8", "replace") if source.keys else ""
        return line_to(source, client, secret, clock=self._house.clock, wait=self._wait, chance=self._chance)

    def _chance(self) -> float:
        return int.from_bytes(self._house.chance.bytes(6)) / (1 << 48)

    def _failed(self, state: State, source: Source, wrong: Refused | OSError) -> State:
        fault = wrong if isinstance(wrong, Fault) else Fault(_told(wrong))
        return failed(state, fault, self._house.clock(), self._chance(), source)

    def _polled(self, source: Source, ledger: Ledger, line: Line, pages: int) -> Iterator[Ledger]:
        for page in poll(line, source, ledger.state, pages=pages):
            ledger = self._entered(source, ledger, page)
            yield ledger

    def _entered(self, source: Source, ledger: Ledger, page: Page) -> Ledger:
        """Return the ledger after the objects of a page, which are on disk when this returns.

        Raises:
            Refused: the source's label or originator is not good here; the ledger must not move.
        """
        if not page.objects:
            return replace(ledger, state=page.state)
        label = parse_marking(source.label, self._house.rules().policies)
        hand = console_hand(self._house, source.originator or self._house.settings.keeper)
        room = self._house.room(hand.reader)
        out = io.StringIO()
        carrier = Carrier(self._house, hand, partial(self._brought, source, label), out)
        carrier.enter(Load(Path(source.name), one) for one in open_stix(envelope(page.objects), source.name, room))
        if self._rejects is not None:
            self._rejects.write(out.getvalue())
        return _counted(replace(ledger, state=page.state), carrier.came, out.getvalue().splitlines())

    def _brought(self, source: Source, label: Label, draft: Draft) -> Labelled:
        """Return what an object of a source is entered as: by a name of its own, one knows that it came from there.

        A server that is polled speaks in a party's name: of what that said itself it can bring no other version.
        """
        came = Alias("source", self._house.name_of("source", source.name, draft.aliases[0].value))
        return [(replace(draft, aliases=(*draft.aliases, came), came=came), label)]

    def _pushed(self, source: Source, ledger: Ledger, line: Line, pages: int) -> Iterator[Ledger]:
        room = self._reader(source)
        chosen = Selection(scheme=SCHEME, which=("all",) if source.versions == "all" else ("last",), listed=False)
        for _ in range(pages):
            found = room.arrivals(chosen, after=ledger.after, limit=source.page).found
            outcomes = list(push(line, source, [one.data for one in found])) if found else []
            ledger = self._after(source, ledger, found, outcomes)
            yield ledger
            if ledger.state.failures or len(found) < source.page:
                return

    def _reader(self, source: Source) -> ReadingRoom:
        account = account_named(self._house.book, source.account)
        if account is None or account.closed is not None:
            raise Refused(f"Source {source.name}: no open account is named {source.account}. Nothing was pushed.")
        return self._house.room(account.reader)

    def _after(self, source: Source, ledger: Ledger, found: tuple[Arrival, ...], outcomes: list[Outcome]) -> Ledger:
        """Return the ledger after a push: up to the first object that is still pending, which is posted again."""
        told = sorted(outcomes, key=lambda one: one.number)
        stuck = next((one for one in told if one.state == "pending"), None)
        settled = [one for one in told if stuck is None or one.number < stuck.number]
        refused = [f"{one.id}: {one.reason}" for one in settled if one.state == "refused"]
        moved = replace(ledger, after=found[len(settled) - 1].at) if settled else ledger
        moved = _counted(moved, Came(len(settled) - len(refused), 0, len(refused)), refused)
        now = self._house.clock()
        if stuck is not None:
            fault = next((one.fault for one in told if one.fault is not None), Fault(stuck.reason, again=True))
            return replace(moved, state=failed(ledger.state, fault, now, self._chance(), source))
        well = replace(ledger.state, failures=0, stopped=False, last_error="", tried=now, last_ok=now, not_before=0)
        return replace(moved, state=well)


def _told(wrong: Refused | OSError) -> str:
    if isinstance(wrong, Refused):
        return str(wrong)
    name = Path(wrong.filename or "").name
    return f"keys/{name}: {wrong.strerror or type(wrong).__name__}. No call was made."


def _counted(ledger: Ledger, came: Came, refusals: list[str]) -> Ledger:
    return replace(
        ledger,
        entered=ledger.entered + came.entered,
        already=ledger.already + came.already,
        rejected=ledger.rejected + came.rejected,
        refusals=(*ledger.refusals, *refusals)[-REFUSALS:],
    )
