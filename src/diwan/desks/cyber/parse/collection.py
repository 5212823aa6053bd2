"""Collections as they are handed in: JSON that is one standing query and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from diwan.desks.cyber.kinds.collection import COLLECTION, MEDIA_TYPE, MOST, SCHEME, Collection
from diwan.desks.cyber.kinds.markings import DEFINITIONS
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.item import Alias, Draft, Part

LIMIT: Final = 64 * 1024
_LINE: Final = 200


def parse_collection(data: bytes, names: Mapping[str, str]) -> Draft:
    """Return the draft of a collection.

    Raises:
        Malformed: the bytes are not one collection; the text names the field.
    """
    if len(data) > LIMIT:
        raise Malformed(f"Collection: more than {LIMIT} bytes. Not registered.")
    said = _read(read_object(data))
    if fault := next(_faults(said), None):
        raise Malformed(f"Collection: {fault}. Not registered.")
    return Draft(
        kind=COLLECTION,
        title=said.title,
        parts=(Part("collection.json", MEDIA_TYPE, data),),
        text=(said.description,),
        aliases=(Alias(SCHEME, said.id),),
        brief=msgspec.json.encode(said),
    )


def is_collection(data: bytes) -> bool:
    """Return whether a file is a collection by what stands in it: a title, and neither objects nor the type of one."""
    if len(data) > LIMIT:
        return False
    try:
        said = read_object(data)
    except Malformed:
        return False
    return "title" in said and said.keys().isdisjoint(("type", "objects", "Event"))


def collection_in(data: bytes, file: str) -> Draft | Reject:
    """Return the draft of the collection that a file is, or why it is none."""
    try:
        return parse_collection(data, {})
    except Malformed as wrong:
        return Reject(file, "/", (_fault(wrong),))


def check_collection(data: bytes) -> tuple[Finding, ...]:
    """Return what is wrong with a collection; the first fault alone."""
    try:
        parse_collection(data, {})
    except Malformed as wrong:
        return (_fault(wrong),)
    return ()


def _fault(wrong: Malformed) -> Finding:
    return Finding("collection.form", Weight.ERROR, "/", str(wrong))


def _read(said: dict[str, Any]) -> Collection:
    try:
        return msgspec.convert(said, Collection)
    except msgspec.ValidationError as wrong:
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(wrong)[:_LINE])
        raise Malformed(f"Collection: {text}. Not registered.") from None


def _faults(said: Collection) -> Iterator[str]:
    try:
        version = UUID(said.id).version if said.id == said.id.lower() and len(said.id) == 36 else None
    except ValueError:
        version = None
    if version != 4:
        yield "`id` is not a UUID of version 4 in lower case (TAXII 2.1, section 5.1)"
    if not _is_line(said.title) or not said.title.strip():
        yield f"`title` is not one line of 1 to {_LINE} characters that keep the direction of writing"
    if not all(c.isprintable() or c == "\n" for c in said.description):
        yield "`description` holds characters that cannot be shown"
    if said.push is not None and not _is_line(said.push):
        yield "`push` is not a marking"
    for name in ("types", "originators", "tlp"):
        values: tuple[str, ...] = getattr(said, name)
        if len(values) > MOST or not all(map(_is_line, values)):
            yield f"`{name}` has more than {MOST} values, or one that is not a plain word"
    if not DEFINITIONS.keys() >= set(said.tlp):
        yield "`tlp` holds something that is not a token of TLP 2.0"


def _is_line(text: str) -> bool:
    return len(text) <= _LINE and text.isprintable()
