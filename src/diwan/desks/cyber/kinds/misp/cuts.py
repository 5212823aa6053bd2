"""What of an event is for fewer readers than the event itself, and how it is therefore cut: bytes go whole or never."""

from __future__ import annotations

import msgspec

from diwan.desks.cyber.kinds.misp.event import INHERIT, Claims, Event
from diwan.desks.cyber.kinds.misp.marks import TLP, tlp_of

_GROUP = 4


class Cut(msgspec.Struct, frozen=True):
    """One way in which an event goes out, and to whom."""

    whole: bool
    """The bytes as they came; otherwise an edition without what is for fewer readers."""
    claims: tuple[Claims, ...]
    """All of these must hold for a reader: the event's own first, then those of its narrower parts."""


def cuts(event: Event) -> list[Cut]:
    """Return how an event is cut: whole for those who may read all of it, and an edition for the others, if any."""
    if not event.apart:
        return [Cut(whole=True, claims=(event.claims,))]
    return [
        Cut(whole=True, claims=(event.claims, *event.apart)),
        Cut(whole=False, claims=(event.claims,)),
    ]


def is_narrower(part: Claims, event: Claims) -> bool:
    """Return whether a part may be for fewer readers than its event; if unsure, yes.

    Own organisation, community, connected communities and all include one another in this order. A sharing group
    stands beside them and is compared only with itself and with all.
    """
    return _goes_less_far(part, event) or _is_stricter(part, event)


def _goes_less_far(part: Claims, event: Claims) -> bool:
    if part.distribution in (None, INHERIT) or event.distribution == 0:
        return False
    if _GROUP in (part.distribution, event.distribution):
        same = part.distribution == event.distribution and is_same(part, event)
        return not same and part.distribution != 3
    return part.distribution < (3 if event.distribution is None else event.distribution)


def is_same(part: Claims, event: Claims) -> bool:
    """Return whether two sharing groups are one: by uuid, or where a part gives none by the number on its instance."""
    if part.group is None or event.group is None:
        return False
    if part.group.uuid:
        return part.group.uuid == event.group.uuid
    return bool(part.group.number) and part.group.number == event.group.number


def _is_stricter(part: Claims, event: Claims) -> bool:
    token = tlp_of(part.tags)
    return token is not None and TLP.index(token) > TLP.index(tlp_of(event.tags) or TLP[0])
