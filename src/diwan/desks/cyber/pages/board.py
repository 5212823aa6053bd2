"""The board of the cyber desk: what there is by type, the newest, what was sighted, and which indicators still hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final
from urllib.parse import urlencode

import msgspec

from diwan.desk import Ends, Request
from diwan.desks.cyber.kinds.aging import Age, State
from diwan.desks.cyber.kinds.collection import COLLECTION
from diwan.desks.cyber.kinds.misp import EVENT
from diwan.desks.cyber.kinds.stix import KINDS, METAS
from diwan.desks.cyber.pages.briefs import Named, brief_of, type_of
from diwan.desks.cyber.pages.relations import RELATIONSHIP
from diwan.desks.cyber.pages.sightings import OPINION, SIGHTING, Word, age_of, indicator_words, word_of
from diwan.desks.cyber.render.indicators import FORMATS
from diwan.reading import Query, ReadingRoom, Released

NEWEST: Final = 15
AGED: Final = 100
"""Indicators whose age the board tells, the newest."""
COUNTED: Final = 250
"""Items over which the other filters are counted, the newest; shared out among the types."""
INDICATOR: Final = "cyber.indicator"
FILTERS: Final = ("tlp", "originator", "tactic")
_OURS: Final = KINDS | {EVENT, COLLECTION}
_BESIDE: Final = frozenset({"cyber.relationship", *(f"cyber.{name}" for name in METAS)})
"""What stands beside other objects and says little by itself: listed only where it is asked for."""
_WORDS: Final = 8
_LONGEST: Final = 200


class Asking(msgspec.Struct, frozen=True):
    """What the address of the board asks for; every link on it is this with one thing changed."""

    kind: str = ""
    q: str = ""
    chosen: Mapping[str, str] = {}

    def query(self, **changed: str | None) -> str:
        """Return the query of an address that asks for the same, but for what is `changed`; never for a later page."""
        said = {"kind": self.kind, "q": self.q, **self.chosen, **changed}
        pairs = [(name, value) for name, value in said.items() if value]
        return f"?{urlencode(pairs)}" if pairs else ""

    def asks(self, kind: str) -> Query:
        """Return it as the reading room understands it, for one kind."""
        facets = tuple((name, value) for name, value in self.chosen.items() if name != "originator")
        return Query(kind=kind, originator=self.chosen.get("originator"), facets=facets, words=self.q)

    @property
    def narrowed(self) -> bool:
        """Whether anything at all is asked for."""
        return bool(self.kind or self.q or self.chosen)


class Said(msgspec.Struct, frozen=True):
    """A sighting or a false positive, and what it is about."""

    word: Word
    about: Released | None


class Aged(msgspec.Struct, frozen=True):
    """An indicator and how old it is."""

    item: Released
    age: Age


def board(room: ReadingRoom, request: Request) -> Mapping[str, object]:
    """Return the board as its address narrows it, made of what is released to this reader alone."""
    asking = _asking(request.query)
    kinds = {kind: number for kind, number in room.kinds().items() if kind in _OURS}
    wanted = [kind for kind in kinds if asking.kind in ("", kind)]
    page = room.page(asking.asks(asking.kind), request.query.get("after") or None, NEWEST) if asking.kind else None
    ages = _ages(room)
    items = page.items if page else _newest(room, asking, wanted)
    each = max(COUNTED // max(len(wanted), 1), 10)
    return {
        "asked": asking,
        "kinds": sorted(kinds.items(), key=lambda one: (-one[1], one[0])),
        "total": sum(kinds.values()),
        "items": items,
        "after": page.cursor if page else None,
        "newest": NEWEST,
        "facets": _facets(room, asking, wanted, each),
        "counted": each,
        "formats": FORMATS,
        "said": _said(room),
        "ages": ages,
        "states": Counter(one.age.state for one in ages),
        "aged": AGED,
        "State": State,
        "type_of": type_of,
        "ends_of": ends_in(room, items),
    }


def _asking(query: Mapping[str, str]) -> Asking:
    kind = query.get("kind", "")
    chosen = {name: query[name][:_LONGEST] for name in FILTERS if query.get(name)}
    words = " ".join(query.get("q", "").split()[:_WORDS])[:_LONGEST]
    return Asking(kind if kind in _OURS else "", words, chosen)


def _newest(room: ReadingRoom, asking: Asking, kinds: Iterable[str]) -> tuple[Released, ...]:
    told = (kind for kind in kinds if asking.narrowed or kind not in _BESIDE)
    found = chain.from_iterable(room.page(asking.asks(kind), None, NEWEST).items for kind in told)
    return tuple(sorted(found, key=lambda item: -item.at))[:NEWEST]


def ends_in(room: ReadingRoom, items: Iterable[Released]) -> Ends:
    """Return what tells both ends of each relationship among some items, as far as they are released."""
    named, briefs = Named(room), [brief_of(item) for item in items if item.kind == RELATIONSHIP]
    named.look_up(end for brief in briefs if brief for end in (brief.source, brief.target))
    return ends_of(named)


def ends_of(named: Named) -> Ends:
    """Return what tells of a relationship both ends, as far as they are released, and its type; None for the rest."""

    def ends(item: Released) -> tuple[Released | None, str, Released | None] | None:
        brief = brief_of(item)
        if brief is None or not brief.relation:
            return None
        return named(brief.source), brief.relation, named(brief.target)

    return ends


def _facets(room: ReadingRoom, asking: Asking, kinds: Iterable[str], each: int) -> dict[str, list[tuple[str, int]]]:
    counted: dict[str, Counter[str]] = {name: Counter() for name in FILTERS}
    for kind in kinds:
        for name, values in room.facets(asking.asks(kind), FILTERS, each).items():
            counted[name].update(values)
    return {name: sorted(values.items(), key=lambda one: (-one[1], one[0]))[:30] for name, values in counted.items()}


def _said(room: ReadingRoom) -> list[Said]:
    """Return the newest sightings, and the newest opinions that something is a false positive."""
    named = Named(room)
    items = chain(*(room.page(Query(kind=kind), None, 10).items for kind in (SIGHTING, OPINION)))
    found = []
    for item in sorted(items, key=lambda one: -one.at):
        word = word_of(room, item)
        if word is not None and word.sense is not None:
            found.append(Said(word, _about(room, item, named)))
    return sorted(found, key=lambda one: -one.word.at)[:10]


def _about(room: ReadingRoom, item: Released, named: Named) -> Released | None:
    brief = brief_of(item)
    if brief is not None and brief.target:
        return named(brief.target) or room.parent(item)
    linked = (other for relation, other in room.links(item, 20) if relation == "object")
    return next(linked, None) or room.parent(item)


def _ages(room: ReadingRoom) -> list[Aged]:
    """Return the newest indicators with their age, those that hold longest first."""
    found = []
    for item in room.page(Query(kind=INDICATOR), None, AGED).items:
        brief = brief_of(item)
        told = age_of(brief, room.now, indicator_words(room, item)) if brief else None
        if told is not None:
            found.append(Aged(item, told))
    return sorted(found, key=lambda one: (-one.age.score, -one.item.at))
