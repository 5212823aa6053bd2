"""Editions: an object without what only some of its readers may know, as an object of its own.

Texts that repeat what is hidden go too: an edition tells of nothing that was left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import UUID

import msgspec

from diwan.desks.cyber.kinds.markings import TLP
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.desks.cyber.parse.stix import parse
from diwan.terms.errors import Malformed, NotAllowed
from diwan.terms.item import Draft

Step = int | str
_STEP: Final = re.compile(r"\[([0-9]+)\]", re.ASCII)
_SHORT: Final = 4
"""Hidden texts shorter than this are not looked for in what stays: a port number stands everywhere."""
_HEAD: Final = ("type", "spec_version", "created", "modified")
"""They say when, and of what form; no words."""
_encode: Final = msgspec.json.Encoder().encode


def edition(draft: Draft, ident: str) -> Draft:
    """Return an object under a new random id, without what is marked apart and without what it refers to.

    Its creator goes too: for whom the rest is hidden, so may be who wrote it. What cannot be said without a reference,
    a relationship or a report, has no edition.

    Raises:
        NotAllowed: what is left is no object of its type.
    """
    said = read_object(draft.parts[0].data)
    kind = said["type"]
    marks = [mark for mark in said.pop("granular_markings", ()) if "marking_ref" in mark]
    hidden = [text for path in _paths(marks) for text in _texts(_taken(said, path))]
    left = _quiet(_without_refs(said), frozenset(text.casefold() for text in hidden if len(text) >= _SHORT))
    left |= _kept(said) | {"id": f"{kind}--{UUID(hex=ident, version=4)}"}
    try:
        issued = parse(_encode(left), {})
    except Malformed as wrong:
        raise NotAllowed(
            f"No edition can be made of it: what is left is no {kind}. {wrong} Nothing was entered."
        ) from None
    return msgspec.structs.replace(issued, parent=draft.parent, world=draft.world)


def _paths(marks: Iterable[dict[str, Any]]) -> list[tuple[Step, ...]]:
    """Return what all markings select, each once; of one list the last item first, and what is inside before it.

    So taking one item away moves no other that is still to go.
    """
    paths = {tuple(map(_step, selector.split("."))) for mark in marks for selector in mark["selectors"]}
    return sorted(paths, key=lambda path: ([step for step in path if isinstance(step, int)], len(path)), reverse=True)


def _step(text: str) -> Step:
    index = _STEP.fullmatch(text)
    return int(index[1]) if index else text


def _taken(said: Any, path: tuple[Step, ...]) -> Any:
    """Take what a path selects out of an object and return it; None where it went already."""
    for step in path[:-1]:
        said = said[step] if _has(said, step) else None
    return said.pop(path[-1]) if _has(said, path[-1]) else None


def _has(said: object, step: Step) -> bool:
    if isinstance(said, list):
        return isinstance(step, int) and step < len(said)
    return isinstance(said, dict) and step in said


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _without_refs(value: Any) -> Any:
    """Return a value without references, and without lists and objects that are empty then."""
    if isinstance(value, dict):
        kept = {key: _without_refs(one) for key, one in value.items() if not key.endswith(("_ref", "_refs"))}
        return {key: one for key, one in kept.items() if one not in ([], {})}
    if isinstance(value, list):
        return [one for one in map(_without_refs, value) if one not in ([], {})]
    return value


def _quiet(said: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    if not hidden:
        return said
    return {key: one for key, one in said.items() if key in _HEAD or not _tells(one, hidden)}


def _tells(value: object, hidden: frozenset[str]) -> bool:
    return any(one in text.casefold() for text in _texts(value) for one in hidden)


def _kept(said: dict[str, Any]) -> dict[str, Any]:
    fixed = [ref for ref in said.get("object_marking_refs", ()) if ref in TLP]
    return {"object_marking_refs": fixed} if fixed else {}
