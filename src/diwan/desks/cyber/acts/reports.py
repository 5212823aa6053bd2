"""A report of STIX as an event of MISP, with what it holds that its readers may read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.misp import Org, distribution_of
from diwan.desks.cyber.kinds.observable import of_sco
from diwan.desks.cyber.kinds.stix import KINDS, Brief, sortable
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.desks.cyber.parse.observed import of_pattern
from diwan.desks.cyber.render.misp import event_from_stix
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import NotAllowed, NotFound
from diwan.terms.label import Label

_HOLDERS: Final = frozenset(("cyber.report", "cyber.grouping"))


def event_of_report(room: ReadingRoom, item: Released, local: Local) -> bytes:
    """Return a STIX report or grouping as a MISP event: itself, and what it holds behind its own label or for everyone.

    What is held behind another label, or behind the same one of another originator, is left out: the event says one
    distribution for all that is in it. Of each object the newest version counts, the report's own originator's first.

    Raises:
        NotFound: it is no report and no grouping.
        NotAllowed: MISP has no words for its label, or its originator is no organisation there.
    """
    stands = room.why(item)
    if item.kind not in _HOLDERS:
        raise NotFound
    if len({stand.label for stand in stands}) > 1:
        raise NotAllowed("It stands behind several labels, which no distribution of MISP says. Nothing was exported.")
    sharing = local.audiences.sharing(item.ref.originator)
    orgc = sharing.org(item.ref.originator) or Org(item.ref.originator, "")
    linked = [one for relation, one in room.links(item) if relation == "object" and one.kind in KINDS]
    held = [one for one in linked if all(stand in stands or _is_clear(stand.label) for stand in room.why(one))]
    said = [read_object(room.parts(one)[0].data) for one in _newest(held, item.ref.originator)]
    seen = {str(one["id"]): (*of_sco(one), *of_pattern(one)) for one in said}
    claims = distribution_of(item.label, sharing)
    return event_from_stix(read_object(room.parts(item)[0].data), said, claims, orgc=orgc, observables=seen)


def _newest(items: Iterable[Released], originator: str) -> Iterable[Released]:
    found: dict[str, tuple[tuple[bool, str, int], Released]] = {}
    for one in items:
        brief = msgspec.json.decode(one.brief, type=Brief)
        rank = (one.ref.originator == originator, sortable(brief.version) or "", one.at)
        if brief.id not in found or rank > found[brief.id][0]:
            found[brief.id] = rank, one
    return [one for _, one in found.values()]


def _is_clear(label: Label) -> bool:
    return label.handling.tlp == "TLP:CLEAR" and not label.categories
