"""A withdrawal: a last edit of an event that says nothing of it any more, and deletes it in a MISP that fetched it.

MISP takes nothing away that a feed tells no more; it deletes parts that a newer edit calls deleted. What that edit says
takes the place of what they said: only their names are told, to those who could read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.misp import EventBrief
from diwan.desks.cyber.kinds.misp.marks import is_mark
from diwan.desks.cyber.parse.misp.document import Found, found_in, times_in
from diwan.desks.cyber.parse.misp.draft import NAME, draft_of
from diwan.desks.cyber.parse.misp.read import read_event
from diwan.terms.errors import Malformed
from diwan.terms.finding import Reject
from diwan.terms.item import Draft

Tree = dict[str, Any]

WITHDRAWN: Final = "Withdrawn"
_EVENT: Final = ("uuid", "date", "distribution", "sharing_group_id", "SharingGroup", "Orgc")


def withdrawal(edits: Sequence[bytes]) -> Draft:
    """Return the withdrawal of an event, given its edits in order, dated after everything in them.

    A MISP holds what was in any of them, also what the last had no more; so whoever is told could read all of them.

    Raises:
        Malformed: one of them is no event.
    """
    events = [_event_in(data) for data in edits]
    at = str(max((time for event in events for time in times_in(event)), default=0) + 1)
    (made,) = found_in(msgspec.json.encode({"Event": _made(events, at)}), NAME)
    event = read_event(made.event)[0] if isinstance(made, Found) else None
    if event is None or isinstance(made, Reject):
        raise Malformed("MISP: the withdrawal is no event. Nothing was entered.")
    return draft_of(event, made, {})


def is_withdrawn(brief: EventBrief) -> bool:
    """Return whether an event is a withdrawal."""
    return brief.info == WITHDRAWN and (brief.count.attributes, brief.count.objects) == (0, 0)


def _event_in(data: bytes) -> Tree:
    (found,) = found_in(data, NAME)
    if isinstance(found, Reject):
        raise Malformed("MISP: no event. Nothing was entered.")
    return found.event


def _made(events: Sequence[Tree], at: str) -> Tree:
    last = events[-1]
    tags = [{"name": one["name"]} for one in _each(last, "Tag") if is_mark(str(one.get("name", "")))]
    head = {"info": WITHDRAWN, "threat_level_id": "4", "analysis": "2", "published": True, "Tag": tags}
    gone = {"deleted": True, "timestamp": at, "distribution": "5"}
    inside: dict[str, list[Tree]] = {}
    for thing in (thing for event in events for thing in _each(event, "Object")):
        inside.setdefault(thing["uuid"], []).append(thing)
    empty = {"name": "withdrawn", "meta-category": "misc", "description": "", "comment": ""}
    return {
        **{key: last[key] for key in _EVENT if key in last},
        **head,
        "timestamp": at,
        "publish_timestamp": at,
        "Attribute": _attributes(events, gone, {}),
        "Object": [
            {"uuid": uuid, **empty, **gone, "Attribute": _attributes(things, gone, {"object_relation": "withdrawn"})}
            for uuid, things in inside.items()
        ],
        "EventReport": [
            {"uuid": uuid, "name": WITHDRAWN, "content": "", **gone} for uuid in _names(events, "EventReport")
        ],
    }


def _attributes(nodes: Iterable[Tree], gone: Tree, more: Tree) -> list[Tree]:
    # MISP takes no attribute without a value, and writes the one that it is given over the one that it holds.
    said = {"type": "other", "category": "Other", "value": "withdrawn", "to_ids": False, "comment": ""}
    more = {"disable_correlation": True, **more}
    return [{"uuid": uuid, **said, **gone, **more} for uuid in _names(nodes, "Attribute")]


def _names(nodes: Iterable[Tree], key: str) -> Iterable[str]:
    return dict.fromkeys(one["uuid"] for node in nodes for one in _each(node, key))


def _each(node: Tree, key: str) -> Iterator[Tree]:
    """Yield the parts of a sort that have a name, deleted ones too."""
    told = node.get(key)
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and (key == "Tag" or isinstance(one.get("uuid"), str)):
            yield one
