"""The watch: the newest that is released to a reader, filtered, searched and counted; and what changed, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get

from diwan.desk import Ends
from diwan.house import House
from diwan.reading import Query, ReadingRoom, Released, Tally
from diwan.terms.time import Instant, midnight
from diwan.web.pages import Pages
from diwan.web.visit import Asked, visit_of

FACETS: Final = ("severity", "urgency", "category", "msgType", "framework", "standing")
"""What lists can be narrowed by, beside kind and originator; a desk whose items carry none of these shows none."""
_FIELDS: Final = ("kind", "originator", *FACETS)
_PAGE: Final = 40
_SHOWN: Final = "shown"


class Asking(msgspec.Struct, frozen=True):
    """What the address of a list asks for; every link on the page is this with one thing changed."""

    fields: tuple[tuple[str, str], ...] = ()
    q: str = ""
    first: str = ""
    last: str = ""
    background: bool = False
    """Whether the kinds are shown that lists leave out by themselves."""
    after: str | None = None

    @property
    def chosen(self) -> list[tuple[str, str, str]]:
        """Return (field, value, address without it) for everything chosen."""
        return [(name, value, self.query(**{name: ""})) for name, value in self.fields]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Return the fields that a form of dates carries along."""
        said = {**dict(self.fields), "q": self.q, "background": self._background}
        return [(name, value) for name, value in said.items() if value]

    @property
    def whole(self) -> bool:
        """Return whether every item of its kinds is asked for, so that counters can say how many there are."""
        return not (self.q or self.first or self.last) and all(name == "kind" for name, _ in self.fields)

    @property
    def kind(self) -> str | None:
        """The kind that is asked for, if any is."""
        return dict(self.fields).get("kind")

    @property
    def _background(self) -> str:
        return _SHOWN if self.background else ""

    def has(self, name: str, value: str) -> bool:
        """Return whether a value is chosen."""
        return (name, value) in self.fields

    def query(self, **changed: object) -> str:
        """Return the query of an address that asks for the same, but for what is `changed`; never for a later page."""
        dates = {"from": self.first, "to": self.last}
        said: dict[str, object] = {**dict(self.fields), "q": self.q, **dates, "background": self._background, **changed}
        pairs = [(name, value) for name, value in said.items() if value not in ("", None)]
        return f"?{urlencode(pairs)}" if pairs else ""

    def leaves(self, background: Set[str]) -> Set[str]:
        """Return the kinds that are left out of what it asks for: whoever names a kind wants to see it."""
        return frozenset() if self.background or self.kind else background

    def asks(self, background: Set[str], since: Instant | None = None) -> Query:
        """Return it as the reading room understands it."""
        said, first, last = dict(self.fields), _day(self.first), _day(self.last)
        starts = [start for start in (since, midnight(first) if first else None) if start is not None]
        return Query(
            kind=self.kind,
            but=tuple(sorted(self.leaves(background))),
            originator=said.get("originator"),
            facets=tuple((name, value) for name, value in self.fields if name in FACETS),
            words=self.q,
            since=max(starts, default=None),
            until=midnight(last + timedelta(days=1)) if last else None,
        )


def asked(query: Mapping[str, str]) -> Asking:
    """Return what an address asks for; what it says that no list understands is left out."""
    return Asking(
        fields=tuple((name, query[name][:200]) for name in _FIELDS if query.get(name)),
        q=query.get("q", "").strip()[:200],
        first=query.get("from", "") if _day(query.get("from", "")) else "",
        last=query.get("to", "") if _day(query.get("to", "")) else "",
        background=query.get("background") == _SHOWN,
        after=query.get("after") or None,
    )


def routes(house: House, pages: Pages) -> list[Any]:
    """Return the handlers of the watch."""
    background = frozenset[str]().union(*(desk.background for desk in house.desks.values()))

    @get("/", name="watch", opt={"reads": "list, facets, count"}, sync_to_thread=True)
    def watch(request: Asked) -> Response[str]:
        visit = visit_of(request)
        room, asking = visit.room, asked(request.query_params)
        query = asking.asks(background)
        page, tally, there = room.page(query, asking.after, _PAGE), room.tally(query), room.kinds()
        facets = _facets(dict(room.facets(query, _FIELDS)))
        offered = _kinds(asking, there, facets.pop("kind"), tally, asking.leaves(background))
        view = {
            "asked": asking,
            "page": page,
            "tally": tally,
            "kinds": [(kind, number) for kind, number in offered if kind not in background],
            "background": [(kind, number) for kind, number in offered if kind in background],
            "left_out": not background.isdisjoint(there) and bool(query.but),
            "facets": facets,
            "ends_of": _ends(house, room, page.items),
            # Whatever came to stand after the newest that is shown is news; on an empty list, anything at all.
            "newest": page.items[0].at + 1 if page.items else 0,
        }
        return pages.page(visit, "watch.html", view, here="watch")

    @get("/news", name="news", opt={"reads": "count"}, sync_to_thread=True)
    def news(request: Asked) -> Response[str]:
        visit = visit_of(request)
        asking, since = asked(request.query_params), request.query_params.get("since", "")
        start = int(since) if since.isascii() and since.isdigit() and len(since) < 17 else 0
        return pages.page(
            visit, "news.html", {"asked": asking, "tally": visit.room.tally(asking.asks(background, start))}
        )

    @get("/changes", name="changes", opt={"reads": "feed"}, sync_to_thread=True)
    def changes(request: Asked) -> Response[str]:
        visit = visit_of(request)
        found = visit.room.changes(request.query_params.get("after") or None)
        return pages.page(visit, "changes.html", {"changes": found}, here="watch")

    return [watch, news, changes]


def _kinds(
    asking: Asking, there: Mapping[str, int], counted: Mapping[str, int], tally: Tally, left_out: Set[str]
) -> list[tuple[str, int | None]]:
    """Return every kind that there is anything of, with how much where that is known; nothing of what has none."""
    counts: dict[str, int | None] = dict.fromkeys(there)
    if asking.whole:
        counts = {**there}
    elif asking.kind or tally.more:
        counts |= counted
    else:
        counts = {kind: counted.get(kind) for kind in there if kind in counted or kind in left_out}
    return sorted(counts.items(), key=lambda one: (-(one[1] or 0), one[0]))


def _ends(house: House, room: ReadingRoom, items: Sequence[Released]) -> Ends:
    tell: dict[str, Ends] = {}
    for desk in house.desks.values():
        if desk.ends is not None:
            tell |= dict.fromkeys(desk.kinds, desk.ends(room, [item for item in items if item.kind in desk.kinds]))

    def ends_of(item: Released) -> tuple[Released | None, str, Released | None] | None:
        return tell[item.kind](item) if item.kind in tell else None

    return ends_of


def _facets(counted: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {name: dict(_in_order(name, counts)) for name, counts in counted.items()}


def _in_order(name: str, counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    # Ties are broken by name: the order must not depend on which entry was found first.
    grave = ("extreme", "severe", "moderate", "minor", "unknown")
    order = {value: place for place, value in enumerate(grave)} if name == "severity" else {}
    yield from sorted(counts.items(), key=lambda one: (order.get(one[0], 9), -one[1], one[0]))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year < 2200 else None
