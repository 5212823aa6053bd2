"""What is pushed over TAXII: each object whole or not at all, under its collection's label, and a status of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from diwan.desk import Clerk
from diwan.desks.cyber.acts import drafts_of
from diwan.desks.cyber.kinds.collection import Collection
from diwan.desks.cyber.kinds.stix import SCHEME, written
from diwan.desks.cyber.kinds.taxii import LARGEST_PAGE, Detail, Status, version_told
from diwan.desks.cyber.parse.json_bytes import Form, objects_in
from diwan.reading import Selection
from diwan.terms.errors import Duplicate, Malformed, NotFound, Refused
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.time import Instant

_KEPT: Final[Instant] = 48 * 3600 * 1_000_000
"""A status is kept for two days; one is asked for (TAXII 2.1, section 4.3)."""
_OWN: Final = "TLP:AMBER+STRICT // {} ONLY"
"""What is pushed into the collection of everything is at first for the pusher's own party alone."""
_LINE: Final = 500
_TOLD: Final = 1000
"""Refusals of one submission of which it is told why; the others are named without a message, which is optional."""

_status: Final = msgspec.json.Decoder(Status)


class _Head(msgspec.Struct):
    id: Any = None
    modified: Any = None
    created: Any = None

    @property
    def version(self) -> str:
        return next((one for one in (self.modified, self.created) if isinstance(one, str)), "")


_head: Final = msgspec.json.Decoder(_Head)


def _read(data: bytes) -> _Head:
    try:
        return _head.decode(data)
    except msgspec.MsgspecError:
        return _Head()


def push(clerk: Clerk, into: Collection, body: bytes) -> Status:
    """Enter the objects of an envelope and return what became of each, kept for whoever pushed it.

    What is there already, saying the same, counts as a success (TAXII 2.1, section 5.5).

    Raises:
        Malformed: the body is no envelope; nothing was entered.
    """
    cut = objects_in(body, limit=clerk.largest)
    # stix2's own sink pushes a bundle where the standard asks for an envelope.
    if cut.form not in (Form.ENVELOPE, Form.BUNDLE):
        raise Malformed("The body is not an envelope with a list of objects (section 3.7). Nothing was entered.")
    label = clerk.label(into.push or _OWN.format(clerk.hand.reader.party))
    now = clerk.room.now
    outcomes = list(_entered(clerk, label, list(drafts_of(clerk.room, cut.objects, _TOLD))))
    heads = [_read(data) for data in cut.objects]
    arrived = _arrived(clerk, heads)
    why = _why(outcomes)
    told = [
        (refused, _detail(place, head, now, next(why), arrived))
        for place, (head, refused) in enumerate(zip(heads, outcomes, strict=True))
    ]
    said = Status(
        id=str(UUID(bytes=clerk.random(16), version=4)),
        account=clerk.hand.reader.id,
        requested=now,
        successes=tuple(detail for refused, detail in told if refused is None),
        failures=tuple(detail for refused, detail in told if refused is not None),
    )
    clerk.keep(f"status/{said.id}", msgspec.json.encode(said), now + _KEPT)
    return said


def status_of(clerk: Clerk, ident: str) -> Status:
    """Return what became of a submission of the caller's.

    Raises:
        NotFound: there is none of this id, or it is somebody else's: the same answer.
    """
    kept = clerk.kept(f"status/{ident}")
    said = _status.decode(kept) if kept is not None else None
    if said is None or said.account != clerk.hand.reader.id:
        raise NotFound
    return said


def _entered(clerk: Clerk, label: Label, read: list[Draft | Malformed]) -> Iterator[Refused | None]:
    taken = iter(clerk.take_all([(draft, label) for draft in read if isinstance(draft, Draft)]))
    for one in read:
        outcome = next(taken) if isinstance(one, Draft) else one
        yield outcome if isinstance(outcome, Refused) and not isinstance(outcome, Duplicate) else None


def _arrived(clerk: Clerk, heads: Sequence[_Head]) -> dict[str, str]:
    """Return the versions of the caller's objects that say none, by id: when they were entered (section 3.4.1)."""
    names = tuple(head.id for head in heads if not head.version and isinstance(head.id, str))
    if not names:
        return {}
    own = ((("originator", clerk.hand.reader.party),),)
    chosen = Selection(scheme=SCHEME, names=names, alternatives=own, data=False)
    found = clerk.room.arrivals(chosen, limit=LARGEST_PAGE).found
    return {one.name: version_told(one.version, one.sorts) for one in found}


def _why(outcomes: Sequence[Refused | None]) -> Iterator[str]:
    """Yield why each was refused; of very many alike only so much is kept for two days as a program can make use of."""
    told = 0
    for refused in outcomes:
        told += refused is not None
        yield "" if refused is None or told > _TOLD else str(refused)[:_LINE]


def _detail(place: int, head: _Head, now: Instant, why: str, arrived: Mapping[str, str]) -> Detail:
    ident = head.id if isinstance(head.id, str) else ""
    version = head.version or arrived.get(ident) or written(now)
    # What has no id is told by its place (RFC 6901): every failure is counted and told, each under a value of its own.
    # An invented id would name an object that nobody has. Source: TAXII 2.1, section 4.3.1: "any value as the id".
    named = ident[:_LINE] or f"/objects/{place}"
    return Detail(named, version[:_LINE], why)
