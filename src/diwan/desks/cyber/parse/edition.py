"""Editions: an object without what only some of its readers may know, as an object of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import msgspec

from diwan.desks.cyber.kinds.markings import TLP
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.desks.cyber.parse.stix import parse
from diwan.terms.errors import Malformed, NotAllowed
from diwan.terms.item import Draft

_STEP: Final = re.compile(r"\[([0-9]{1,6})\]", re.ASCII)
_encode: Final = msgspec.json.Encoder().encode


def edition(draft: Draft, ident: str) -> Draft:
    """Return an object under a new random id, without what is marked more strictly and without what it refers to.

    Its creator goes too: for whom the rest is hidden, so may be who wrote it. What cannot be said without a reference,
    a relationship or a report, has no edition.

    Raises:
        NotAllowed: what is left is no object of its type.
    """
    said = read_object(draft.parts[0].data)
    for marking in said.pop("granular_markings", ()):
        _redact(said, marking.get("selectors", ()))
    said = _without_refs(said) | _kept(said)
    said["id"] = f"{said['type']}--{UUID(hex=ident, version=4)}"
    try:
        issued = parse(_encode(said), {})
    except Malformed as wrong:
        raise NotAllowed(
            f"No edition can be made of it: what is left is no {said['type']}. {wrong} Nothing was entered."
        ) from None
    return msgspec.structs.replace(issued, parent=draft.parent, world=draft.world)


def _without_refs(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_refs(one) for key, one in value.items() if not key.endswith(("_ref", "_refs"))}
    return [_without_refs(one) for one in value] if isinstance(value, list) else value


def _kept(said: dict[str, Any]) -> dict[str, Any]:
    fixed = [ref for ref in said.get("object_marking_refs", ()) if ref in TLP]
    return {"object_marking_refs": fixed} if fixed else {}


def _redact(said: dict[str, Any], selectors: Iterable[str]) -> None:
    # The last index first, so that taking one item away moves no other that is still to go.
    for selector in sorted(selectors, key=_indices, reverse=True):
        *path, last = selector.split(".")
        here: Any = said
        for step in path:
            here = _inside(here, step)
        index = _STEP.fullmatch(last)
        if index and isinstance(here, list) and int(index[1]) < len(here):
            del here[int(index[1])]
        elif isinstance(here, dict):
            here.pop(last, None)
    for key in [key for key, value in said.items() if value in ([], {})]:
        del said[key]


def _inside(here: Any, step: str) -> Any:
    index = _STEP.fullmatch(step)
    if index:
        return here[int(index[1])] if isinstance(here, list) and int(index[1]) < len(here) else None
    return here.get(step) if isinstance(here, dict) else None


def _indices(selector: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _STEP.findall(selector))
