"""Questions for every public method of the reading room: a method without one fails the inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec
from leaks.known import Known

from diwan.reading import Query, ReadingRoom, Released, Selection
from diwan.terms.errors import Refused
from diwan.terms.gate import World
from diwan.terms.item import Alias

Answers = Iterator[object]
Generator = Callable[[ReadingRoom, Known], Answers]


def room_view(
    room: ReadingRoom, known: Known, generators: dict[str, Generator] | None = None
) -> Iterator[tuple[str, object]]:
    """Yield what every method of the room answers, as plain values."""
    for name, generate in (generators or GENERATORS).items():
        for answer in generate(room, known):
            yield f"room.{name}", plain(answer)


def plain(answer: object) -> object:
    """Return an answer as values that compare by what they say."""
    if isinstance(answer, msgspec.Struct):
        shown = (name for name in answer.__struct_fields__ if name not in ("seal", "to"))
        return type(answer).__name__, {name: plain(getattr(answer, name)) for name in shown}
    if isinstance(answer, dict):
        return [(key, plain(value)) for key, value in answer.items()]  # order is part of an answer
    if isinstance(answer, list | tuple):
        return [plain(one) for one in answer]
    if isinstance(answer, frozenset):
        return sorted(plain(one) for one in answer)  # type: ignore[type-var]
    return answer


def _tried(ask: Callable[[], Any]) -> object:
    try:
        return ask()
    except Refused as refusal:
        return type(refusal).__name__, str(refusal)


def _get(room: ReadingRoom, known: Known) -> Answers:
    for ref in known.refs(room.world):
        yield _tried(lambda ref=ref: room.get(ref))


def _queries(known: Known) -> Iterator[Query]:
    yield Query()
    for word in known.words:
        yield Query(words=word)
    for facet in (("severity", "Extreme"), ("category", "CBRNE"), ("framework", "UP2011"), ("type", "indicator")):
        yield Query(facets=(facet,))
    yield Query(kind="crisis.alert", order="oldest")
    yield Query(originator="OMN", words="tanker")
    yield Query(but=("network.membership", "cyber.relationship", "cyber.indicator"))
    yield Query(but=("crisis.alert", "network.party"), words=known.words[0])
    yield Query(but=("crisis.alert",), originator="OMN", order="oldest")
    yield Query(since=1483600000000000, until=1484100000000000)


def _page(room: ReadingRoom, known: Known) -> Answers:
    for query in _queries(known):
        for limit in (1, 3, 200):
            page = room.page(query, limit=limit)
            yield page
            if page.cursor is not None:
                yield room.page(query, page.cursor, limit)
    for kept in (*known.cursors, *known.others_cursors):
        yield _tried(lambda kept=kept: room.page(Query(), kept.cursor, 2))


def _walk(room: ReadingRoom, known: Known) -> Answers:
    yield [item.ref for item in room.walk()]
    yield [item.ref for item in islice(room.walk(Query(kind="crisis.alert", order="oldest")), 9)]


def _count(room: ReadingRoom, known: Known) -> Answers:
    for kind in (None, "crisis.alert", "network.party", "network.mission", "network.membership", "no.kind"):
        yield room.count(kind)


def _kinds(room: ReadingRoom, known: Known) -> Answers:
    yield room.kinds()


def _tally(room: ReadingRoom, known: Known) -> Answers:
    for query in _queries(known):
        for bound in (1, 5, 1000):
            yield room.tally(query, bound)


def _facets(room: ReadingRoom, known: Known) -> Answers:
    names = ("kind", "originator", "severity", "category", "party", "framework", "sender", "type", "tlp")
    for query in _queries(known):
        for bound in (3, 1000):
            yield room.facets(query, names, bound)


def _changes(room: ReadingRoom, known: Known) -> Answers:
    starts = [None, *(kept.cursor for kept in known.cursors if kept.feed and kept.world == room.world)]
    for start in starts:
        for limit in (2, 50):
            cursor = start
            for _ in range(4):
                found = room.changes(cursor, limit)
                yield found
                cursor = found.cursor
    for kept in known.others_cursors:
        yield _tried(lambda kept=kept: room.changes(kept.cursor))


def _of_items(ask: Callable[[ReadingRoom, Released], object]) -> Generator:
    def generate(room: ReadingRoom, known: Known) -> Answers:
        for one in known.visible:
            if one.world == room.world:
                yield _tried(lambda one=one: ask(room, room.get(one.ref)))

    return generate


def _known_as(room: ReadingRoom, known: Known) -> Answers:
    for name in known.names():
        for scheme in ("cap", "network"):
            yield room.known_as(Alias(scheme, name))
    for thing in known.of_world(room.world):
        for scheme in ("stix", "misp", "collection"):
            yield room.known_as(Alias(scheme, thing.id))


def _named(room: ReadingRoom, known: Known) -> Answers:
    ids = [Alias("stix", thing.id) for thing in known.of_world(room.world)]
    yield room.named([*ids, *(Alias("cap", name) for name in known.names()), *ids[:2]])
    yield room.named(ids[::-1])
    yield room.named(())


def _mentioning(room: ReadingRoom, known: Known) -> Answers:
    for value in known.values():
        yield room.mentioning(value, 2)
        yield room.mentioning(value)


def _seen(room: ReadingRoom, known: Known) -> Answers:
    keys = (*known.observables(room.world), *known.values())
    for limit in (1, 3, 20):
        yield room.seen(keys, limit)


def _labels(room: ReadingRoom, known: Known) -> Answers:
    yield room.labels()


def _selections(known: Known, world: World) -> Iterator[Selection]:
    every = Selection(scheme="stix", which=("all",), data=False)
    yield from (every, Selection(scheme="stix", refs=True), Selection(scheme="stix", which=("first",), data=False))
    yield Selection(scheme="stix", names=known.ids(world), which=("all",), refs=True)
    yield Selection(scheme="stix", names=known.ids(world))
    yield from (msgspec.structs.replace(every, query=Query(words=word)) for word in ("beacon", *known.words[-3:]))
    yield msgspec.structs.replace(every, query=Query(kind="cyber.relationship"))
    yield msgspec.structs.replace(every, alternatives=((("originator", "OMN"), ("originator", "KWT")),))
    types, tlp = (("type", "indicator"), ("type", "malware")), (("tlp", "TLP:CLEAR"), ("tlp", "TLP:RED"))
    yield msgspec.structs.replace(every, alternatives=(types, tlp), which=("last",))
    yield Selection(scheme="cap", which=("all",))


def _arrivals(room: ReadingRoom, known: Known) -> Answers:
    for selection in _selections(known, room.world):
        yield from _paged(room, selection, 0)
        found = room.arrivals(selection, limit=200)
        yield found
        for one in found.found[:: max(1, len(found.found) // 3)]:
            yield room.arrivals(selection, after=one.at, limit=2)


def _paged(room: ReadingRoom, selection: Selection, after: int) -> Answers:
    cursor = None
    for limit in (1, 3, 7):
        found = room.arrivals(selection, after=after, cursor=cursor, limit=limit)
        yield found
        cursor = found.cursor
        if cursor is None:
            return


def _now(room: ReadingRoom, known: Known) -> Answers:
    yield room.now


GENERATORS: Final[dict[str, Generator]] = {
    "now": _now,
    "get": _get,
    "page": _page,
    "walk": _walk,
    "count": _count,
    "kinds": _kinds,
    "tally": _tally,
    "facets": _facets,
    "changes": _changes,
    "parts": _of_items(lambda room, item: room.parts(item)),
    "envelope": _of_items(lambda room, item: room.envelope(item)),
    "history": _of_items(lambda room, item: room.history(item)),
    "known_as": _known_as,
    "named": _named,
    "links": _of_items(lambda room, item: room.links(item)),
    "linked_from": _of_items(lambda room, item: room.linked_from(item)),
    "children": _of_items(lambda room, item: room.children(item)),
    "parent": _of_items(lambda room, item: room.parent(item)),
    "related": _of_items(lambda room, item: room.related(item, 2)),
    "mentioning": _mentioning,
    "seen": _seen,
    "labels": _labels,
    "arrivals": _arrivals,
    "why": _of_items(lambda room, item: room.why(item)),
    "promise": _of_items(lambda room, item: room.promise(item)),
    "reach": _of_items(lambda room, item: room.reach(item)),
}
