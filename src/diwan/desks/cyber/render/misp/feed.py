"""A MISP feed: `manifest.json`, `hashes.csv`, and `<uuid>.json` for every event, as MISP and PyMISP fetch them.

Source: MISP core format (draft-dulaunoy-misp-core-format), section 4; MISP's Feed model, which reads `hashes.csv` as
lines of an MD5 and an event's uuid and looks values up by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.misp import Event, EventBrief, every_attribute
from diwan.desks.cyber.kinds.misp.marks import is_mark

_COLOURS: Final = {
    "tlp:clear": "#ffffff",
    "tlp:white": "#ffffff",
    "tlp:green": "#33ff00",
    "tlp:amber": "#ffc000",
    "tlp:amber+strict": "#ffc000",
    "tlp:red": "#ff2b2b",
}
_PLAIN: Final = "#0088cc"


class _Outer(msgspec.Struct):
    Event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def feed_manifest(events: Iterable[EventBrief]) -> bytes:
    """Return `manifest.json` of these events: uuid → who, when, how grave; a client fetches what is new or newer.

    Tags are those that the brief keeps, 100 at most: a client filters by them, and reads all of them in the event.
    """
    return msgspec.json.encode({event.uuid: _line(event) for event in events})


def feed_event(data: bytes) -> bytes:
    """Return an event's bytes as `<uuid>.json`: as they came, in `{"Event": …}` only if they came bare."""
    if isinstance(msgspec.json.decode(data, type=_Outer).Event, msgspec.UnsetType):
        return b'{"Event":' + data + b"}"
    return data


def feed_hashes(events: Iterable[Event]) -> bytes:
    """Return `hashes.csv`: a line `md5,uuid` for each value of each event, each half of a composite value by itself."""
    lines = dict.fromkeys(f"{digest},{event.uuid}\n" for event in events for digest in _digests(event))
    return "".join(lines).encode()


def tag_of(name: str) -> dict[str, Any]:
    """Return a tag as MISP writes one; a TLP tag has the protocol's own colour."""
    colour = _COLOURS.get(name.lower(), _PLAIN) if is_mark(name) else _PLAIN
    return {"name": name, "colour": colour, "exportable": True}


def _line(event: EventBrief) -> dict[str, Any]:
    return {
        "Orgc": {"name": event.orgc.name, "uuid": event.orgc.uuid},
        "Tag": [{key: tag_of(name)[key] for key in ("name", "colour")} for name in event.tags],
        "info": event.info,
        "date": event.date,
        "analysis": event.analysis,
        "threat_level_id": event.threat_level,
        "timestamp": event.timestamp or 0,
    }


def _digests(event: Event) -> Iterator[str]:
    for one in every_attribute(event):
        halves = one.value.split("|") if "|" in one.type or one.type == "malware-sample" else (one.value,)
        yield from (hashlib.md5(half.encode(), usedforsecurity=False).hexdigest() for half in halves)
