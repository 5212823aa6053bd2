"""One STIX object whole: what it says, what is said of it, and what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.markings import TLP
from diwan.desks.cyber.kinds.observable import Observable, defang
from diwan.desks.cyber.kinds.stix import Brief, alias, instant_of
from diwan.desks.cyber.pages.briefs import Named, brief_of, listed, said_by, texts, type_of
from diwan.desks.cyber.pages.pattern_text import pattern_text
from diwan.desks.cyber.pages.picture import picture
from diwan.desks.cyber.pages.relations import MOST, ties
from diwan.desks.cyber.pages.sightings import age_of, tally, words_on
from diwan.desks.cyber.pages.words import property_word
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import Malformed
from diwan.terms.item import Ref
from diwan.terms.time import Instant

LINKS: Final = 1000
"""Links read in each direction at most, the newest."""
RAW: Final = 65_536
"""Characters of the raw object that the page shows; its original holds it whole."""
_FACTS: Final = 60
_VALUES: Final = 50
_SHARED: Final = 20
_DATES: Final = (
    "created", "modified", "published", "valid_from", "valid_until", "first_seen", "last_seen", "first_observed",
    "last_observed", "start_time", "stop_time", "start", "end",
)  # fmt: skip
_TOLD: Final = frozenset(
    (
        *_DATES, "type", "id", "spec_version", "name", "description", "pattern", "kill_chain_phases", "revoked",
        "external_references", "object_marking_refs", "granular_markings", "created_by_ref", "confidence", "content",
        "abstract", "explanation", "extensions", "x_mitre_deprecated",
    )
)  # fmt: skip
"""Properties that have a place of their own on the page."""
_SPOKEN: Final = ("abstract", "description", "content", "explanation")


class Reference(msgspec.Struct, frozen=True):
    """One external reference; only http and https become a link."""

    source: str
    ident: str
    text: str
    url: str
    links: bool


class Marking(msgspec.Struct, frozen=True):
    """One marking definition that an object names."""

    ident: str
    token: str = ""
    item: Released | None = None
    statement: str = ""


def object_view(room: ReadingRoom, item: Released) -> Mapping[str, object]:
    """Return a STIX object as people read it, with what is released of everything around it."""
    brief, said = brief_of(item), said_by(room, item)
    if brief is None:
        raise Malformed(f"{item.ref} has no brief of a STIX object.")
    named = Named(room)
    pointing = room.linked_from(item, LINKS)
    near = ties(item, brief.id, room.links(item, LINKS), pointing, named)
    words = words_on(room, pointing)
    heard = {word.item.ref for word in words}
    author = _text(said, "created_by_ref")
    return {
        "told": frozenset({"links", "related"} | ({"children"} if heard >= _under(room, item) else set())),
        "brief": brief,
        "object": said,
        "spoken": [said[name] for name in _SPOKEN if isinstance(said.get(name), str) and said[name].strip()],
        "dates": list(_dates(said)),
        "facts": list(_facts(said)),
        "phases": [
            (_text(one, "kill_chain_name"), _text(one, "phase_name")) for one in _dicts(said, "kill_chain_phases")
        ],
        "pattern": _pattern(said),
        "observables": [seen for key in brief.values if (seen := seen_of(key))],
        "references": [_reference(one) for one in _dicts(said, "external_references")],
        "markings": _markings(room, said, named),
        "granular": len(listed(said, "granular_markings")),
        "author": author,
        "writer": named(author) if author else None,
        "versions": _versions(room, item, brief),
        "ends": _ends(brief, named),
        "ties": near,
        "ties_bounded": len(near) >= MOST or len(pointing) >= LINKS,
        "most": MOST,
        "words": words,
        "counts": tally(words),
        "age": age_of(brief, room.now, words),
        "shared": [(seen_of(value) or value, others) for value, others in room.related(item, _SHARED)],
        "picture": picture(room, item, brief, near, named),
        "raw": _raw(room, item),
        "raw_most": RAW,
        "defang": defang,
        "type_of": type_of,
        "property_word": property_word,
    }


def _under(room: ReadingRoom, item: Released) -> set[Ref]:
    return {child.ref for child in room.children(item)}


def seen_of(key: str) -> Observable | None:
    """Return the observable that a key of the register names, or None for another sort of key."""
    kind, colon, value = key.partition(":")
    return Observable(kind, value) if colon and kind != "attack" else None


def _dates(said: Mapping[str, Any]) -> Iterator[tuple[str, Instant, str]]:
    for name in _DATES:
        at = instant_of(_text(said, name))
        if at is not None and at >= 0:
            yield name, at, said[name]


def _facts(said: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    left = _FACTS
    for name, value in said.items():
        values = [_plain(one) for one in (value if isinstance(value, list) else [value]) if one != ""][:_VALUES]
        if name not in _TOLD and not name.endswith(("_ref", "_refs")) and values and left:
            left -= 1
            yield name, values


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= RAW // 64 else f"{text[: RAW // 64]}…"


def _pattern(said: Mapping[str, Any]) -> Mapping[str, str] | None:
    written = _text(said, "pattern")
    if not written:
        return None
    language = _text(said, "pattern_type") or "stix"
    return {"language": language, "text": (pattern_text(written) if language == "stix" else None) or written}


def _reference(said: Mapping[str, Any]) -> Reference:
    url = _text(said, "url")
    safe = url.startswith(("https://", "http://")) and not any(sign.isspace() for sign in url)
    return Reference(_text(said, "source_name"), _text(said, "external_id"), _text(said, "description"), url, safe)


def _markings(room: ReadingRoom, said: Mapping[str, Any], named: Named) -> list[Marking]:
    found = []
    for ident in texts(said, "object_marking_refs")[:_VALUES]:
        item = None if ident in TLP else named(ident)
        found.append(Marking(ident, TLP.get(ident, ""), item, _statement(room, item) if item else ""))
    return found


def _statement(room: ReadingRoom, item: Released) -> str:
    try:
        inner = said_by(room, item).get("definition")
    except Malformed:
        return ""
    return _text(inner, "statement") if isinstance(inner, dict) else ""


def _versions(room: ReadingRoom, item: Released, brief: Brief) -> list[tuple[Released, str]]:
    """Return every copy and revision of the object that is released, newest version first."""
    found = {(one.ref, one.revision): one for one in room.history(item)}
    for copy in room.known_as(alias(brief.id)):
        found.setdefault((copy.ref, copy.revision), copy)
    told = [(one, other.version if (other := brief_of(one)) else "") for one in found.values()]
    return sorted(told, key=lambda pair: (pair[1], pair[0].at), reverse=True)[:_VALUES]


def _ends(brief: Brief, named: Named) -> list[tuple[str, str, Released | None]]:
    """Return what a relationship or sighting is about, by the role it has there."""
    roles = (("source", brief.source), ("target", brief.target))
    return [(role if brief.source else "sighting-of", ident, named(ident)) for role, ident in roles if ident]


def _raw(room: ReadingRoom, item: Released) -> str:
    data = room.parts(item)[0].data
    return msgspec.json.format(data, indent=2).decode()[:RAW]


def _dicts(said: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in listed(said, name) if isinstance(one, dict)][:_VALUES]


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
