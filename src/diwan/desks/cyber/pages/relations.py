"""What surrounds an object, in both directions: only what is released, and ids where the other end is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from diwan.desks.cyber.pages.briefs import Named, brief_of
from diwan.desks.cyber.pages.sightings import OPINION, SIGHTING
from diwan.reading import ReadingRoom, Released

MOST: Final = 200
"""Relations shown of one object at most, the newest."""
RELATIONSHIP: Final = "cyber.relationship"
_ELSEWHERE: Final = frozenset(
    ("created_by", "object_marking", "marking", "x_mitre_modified_by", "sighting_of", "extension-definition")
)
"""Relations that have a place of their own on the page."""


def spoken(relation: str) -> str:
    """Return a reference between two objects as a relationship's type would say it: of `object_refs`, `refers-to`."""
    return "refers-to" if relation == "object" else relation.replace("_", "-")


class Tie(msgspec.Struct, frozen=True):
    """One relation between an object and another."""

    relation: str
    start: str
    """The STIX id of one end."""
    end: str
    outward: bool
    """Whether it leads away from the object that was asked about."""
    other: Released | None
    """The other end; None: unknown, or not released, which is the same answer."""
    via: Released | None = None
    """The relationship object that says so; None where one end says it itself."""

    @property
    def other_id(self) -> str:
        """The id of the other end."""
        return self.end if self.outward else self.start


def ties(
    item: Released,
    ident: str,
    links: Iterable[tuple[str, Released]],
    pointing: Iterable[tuple[str, Released]],
    named: Named,
    most: int = MOST,
) -> tuple[Tie, ...]:
    """Return at most `most` relations of an object, relationship objects first, in the order in which they came."""
    inward, outward = list(pointing), list(links)
    named.knows(other for _, other in (*inward, *outward))
    found: dict[tuple[str, str, str], Tie] = {}
    for tie in (*_stated(ident, inward, named), *_own(item, ident, outward), *_others(ident, inward)):
        if len(found) >= most:
            break
        found.setdefault((tie.relation, tie.start, tie.end), tie)
    return tuple(found.values())


def _stated(ident: str, pointing: Iterable[tuple[str, Released]], named: Named) -> Iterator[Tie]:
    for relation, item in pointing:
        brief = brief_of(item) if item.kind == RELATIONSHIP and relation in ("source", "target") else None
        if brief is not None and ident in (brief.source, brief.target):
            outward = brief.source == ident
            other = named(brief.target if outward else brief.source)
            yield Tie(brief.relation, brief.source, brief.target, outward, other, item)


def _own(item: Released, ident: str, links: Iterable[tuple[str, Released]]) -> Iterator[Tie]:
    for relation, other in links:
        brief = brief_of(other)
        if brief is not None and relation not in _ELSEWHERE and item.kind != RELATIONSHIP:
            yield Tie(spoken(relation), ident, brief.id, True, other)


def _others(ident: str, pointing: Iterable[tuple[str, Released]]) -> Iterator[Tie]:
    for relation, item in pointing:
        brief = brief_of(item)
        if brief is not None and relation not in _ELSEWHERE and item.kind not in (RELATIONSHIP, SIGHTING, OPINION):
            yield Tie(spoken(relation), brief.id, ident, False, item)


def ties_of(room: ReadingRoom, item: Released, named: Named, bound: int, most: int = MOST) -> tuple[Tie, ...]:
    """Return the relations of an item, reading no more than `bound` links in each direction."""
    brief = brief_of(item)
    if brief is None:
        return ()
    return ties(item, brief.id, room.links(item, bound), room.linked_from(item, bound), named, most)
