"""The ledger of a source: where its calls stand, and what became of what they brought, kept between two calls."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from diwan.desks.cyber.calls.dates import SECOND
from diwan.desks.cyber.calls.source import Source
from diwan.desks.cyber.calls.state import Health, State, health
from diwan.terms.time import Instant

REFUSALS: Final = 20
"""Refusals kept of a source, the newest last."""
_KEPT: Final[Instant] = 10 * 366 * 86_400 * SECOND


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What a node remembers of one source."""

    root: str
    collection: str
    state: State = State()
    after: Instant = 0
    """Of a push: the arrival up to which everything was pushed."""
    entered: int = 0
    """Objects entered, or accepted at the other server."""
    already: int = 0
    """Objects that were there."""
    rejected: int = 0
    """Objects refused, here or there."""
    refusals: tuple[str, ...] = ()


class Keeps(Protocol):
    """Whoever keeps things of the desk's own by name."""

    def keep(self, name: str, value: bytes, ends: Instant) -> None:
        """Keep something durably, until an instant."""

    def kept(self, name: str) -> bytes | None:
        """Return what was kept, or None."""


def read_ledger(keeps: Keeps, source: Source) -> Ledger:
    """Return the ledger of a source; an empty one where it is another collection now."""
    new = Ledger(root=source.root, collection=source.collection)
    kept = keeps.kept(_name(source))
    if kept is None:
        return new
    try:
        held = msgspec.json.decode(kept, type=Ledger)
    except msgspec.MsgspecError:
        return new  # written by another release: the collection is walked again, and what is there counts as such
    return held if (held.root, held.collection) == (new.root, new.collection) else new


def write_ledger(keeps: Keeps, source: Source, ledger: Ledger, now: Instant) -> None:
    """Keep the ledger of a source, durably."""
    keeps.keep(_name(source), msgspec.json.encode(ledger), now + _KEPT)


class Row(msgspec.Struct, frozen=True):
    """One source, for a list of them."""

    source: Source
    ledger: Ledger
    health: Health


def row_of(keeps: Keeps, source: Source, now: Instant) -> Row:
    """Return how a source is."""
    ledger = read_ledger(keeps, source)
    return Row(source, ledger, health(ledger.state, source, now))


def _name(source: Source) -> str:
    return f"source/{source.name}"
