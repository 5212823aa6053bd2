"""What the crisis desk shows: the board of what is in force, and one alert with its chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from diwan.desk import Request
from diwan.desks.crisis.kinds import ALERT, MEDIA_TYPE, Alert, Brief, Course, MsgType, State, courses, in_force
from diwan.desks.crisis.parse import read_alert
from diwan.desks.crisis.render import geojson, shapes
from diwan.reading import Query, ReadingRoom, Released
from diwan.terms.errors import Malformed
from diwan.terms.item import Ref

MOST: Final = 2000
"""The board folds this many messages at most, the newest; it says so when there are more."""

LINKS: Final = 500
"""A chain is followed over this many links at most; real chains have some twenty."""

_brief: Final = msgspec.json.Decoder(Brief)


class Row(msgspec.Struct, frozen=True):
    """One line of the board: an alert in force, with what others said to it."""

    item: Released
    brief: Brief
    course: Course


class Answer(msgspec.Struct, frozen=True):
    """What one party said to an alert: acknowledged, rejected, or nothing yet."""

    party: str
    item: Released | None
    rejected: bool = False


def board(room: ReadingRoom, _: Request) -> Mapping[str, object]:
    """Return what is in force now for this reader, gravest first, and the same as shapes for a map."""
    items = list(islice(room.walk(Query(kind=ALERT)), MOST + 1))
    read = {item.ref: item for item in items[:MOST]}
    told = [(item.ref, brief) for item, brief in legible(items[:MOST])]
    rows = [Row(read[course.ref], course.brief, course) for course in in_force(told, room.now)]
    return {
        "rows": rows,
        "total": len(items),
        "bounded": len(items) > MOST,
        "most": MOST,
        "shapes": shapes((row.item.ref, row.brief) for row in rows),
        "headline": headline,
        "without_geometry": [row for row in rows if not row.brief.has_geometry],
    }


def alert_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return one alert whole: its blocks, where it stands in its chain, and to its originator who answered."""
    alert = document(room, item)
    chain = _chain(room, item)
    course = next(
        (one for one in courses(((i.ref, brief_of(i)) for i in chain), room.now) if one.ref == item.ref), None
    )
    return {
        "alert": alert,
        "brief": brief_of(item),
        "course": course,
        "chain": sorted(chain, key=lambda one: brief_of(one).sent_at),
        "brief_of": brief_of,
        "headline": headline,
        "answers": _answers(room, item, chain, course),
        "shapes": geojson(alert),
        "State": State,
    }


def document(room: ReadingRoom, item: Released) -> Alert:
    """Return the alert that an item's bytes say."""
    return read_alert(cap_bytes(room, item))


def cap_bytes(room: ReadingRoom, item: Released) -> bytes:
    """Return an alert's CAP document as it came.

    Raises:
        Malformed: the item has none.
    """
    for part in room.parts(item):
        if part.media_type == MEDIA_TYPE:
            return part.data
    raise Malformed(f"{item.ref} holds no CAP document, though it is filed as an alert.")


def brief_of(item: Released) -> Brief:
    """Return the brief of a released alert."""
    return _brief.decode(item.brief)


def legible(items: Iterable[Released]) -> Iterator[tuple[Released, Brief]]:
    """Yield alerts with their briefs; one that cannot be read is left out, and never takes the others with it."""
    for item in items:
        try:
            yield item, brief_of(item)
        except msgspec.DecodeError:
            continue


def headline(brief: Brief, language: str) -> str:
    """Return the headline nearest to a reader's language, or what there is."""
    near = [text for tag, text in brief.headlines.items() if tag.split("-")[0].lower() == language]
    return (near or [*brief.headlines.values(), brief.event or brief.identifier])[0]


def _chain(room: ReadingRoom, item: Released) -> list[Released]:
    """What an alert refers to or what refers to it, link by link, as far as it is released; at most `LINKS` links."""
    found: dict[Ref, Released] = {}
    waiting, left = [item], LINKS
    while waiting and left > 0:
        here = waiting.pop()
        if here.ref in found:
            continue
        found[here.ref] = here
        near = [other for _, other in (*room.links(here, left), *room.linked_from(here, left))]
        left -= len(near) + 1
        waiting += near
    return [one for one, _ in legible(one for one in found.values() if one.kind == ALERT)]


def _answers(
    room: ReadingRoom, item: Released, chain: Iterable[Released], course: Course | None
) -> list[Answer] | None:
    # Whom an alert reached is released to its originator alone, so the board of answers is too.
    if item.ref.originator != room.reader.party or brief_of(item).msg_type not in (MsgType.ALERT, MsgType.UPDATE):
        return None
    said: dict[str, Answer] = {}
    read = {one.ref: one for one in chain}
    for refs, rejected in ((course.acknowledged_by, False), (course.rejected_by, True)) if course else ():
        for ref in refs:
            said[ref.originator] = Answer(ref.originator, read[ref], rejected)
    parties = sorted((room.reach(item).parties | said.keys()) - {item.ref.originator})
    return [said.get(party, Answer(party, None)) for party in parties]
