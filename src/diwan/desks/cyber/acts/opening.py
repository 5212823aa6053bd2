"""What was handed in is opened: files and submissions cut into drafts, whether STIX or MISP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec.structs import replace

from diwan.desks.cyber.acts.definitions import Definitions
from diwan.desks.cyber.parse import misp
from diwan.desks.cyber.parse.collection import check_collection, collection_in, is_collection
from diwan.desks.cyber.parse.finding import MOST
from diwan.desks.cyber.parse.json_bytes import Form, objects_in, read_object
from diwan.desks.cyber.parse.rules import check_object
from diwan.desks.cyber.parse.stix import Nonconforming, parse, parse_upgraded
from diwan.desks.cyber.parse.stix20 import is_old, upgrade
from diwan.reading import ReadingRoom
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.item import Draft
from diwan.terms.label import Handling

_NEW: Final = re.compile(rb'"spec_version"\s*:\s*"2\.1"')
_EVENT: Final = re.compile(rb'"Event"\s*:\s*[{\[]')
_BARE: Final = re.compile(rb'"distribution"\s*:')
_STIX: Final = re.compile(rb'"id"\s*:\s*"[a-z0-9-]+--')


def drafts_of(room: ReadingRoom, objects: Sequence[bytes], detailed: int) -> Iterator[Draft | Malformed]:
    """Yield the draft of each object in order, or what is wrong with it: of the first that are, in detail."""
    known = Definitions(room, objects)
    for data in objects:
        try:
            yield parse(data, {}, known, detailed=detailed > 0)
        except Malformed as wrong:
            detailed -= 1
            yield wrong


def open_file(data: bytes, file: str, names: Mapping[str, str]) -> Iterable[Draft | Reject]:
    """Yield the draft or the reject of every STIX object or MISP event in a file, or of the collection that it is.

    Its content decides which it is.
    """
    if _is_misp(data):
        return misp.events_in(data, file, names)
    if is_collection(data):
        return (collection_in(data, file),)
    return open_stix(data, file, None)


def open_stix(data: bytes, file: str, room: ReadingRoom | None) -> Iterator[Draft | Reject]:
    """Yield the draft or the reject of every object in a bundle, an envelope, a list, JSON lines or a single object.

    What says that it is STIX 2.0 comes out as 2.1, its original bytes beside it. Marking definitions that do not come
    along are looked up in `room`.
    """
    try:
        cut = objects_in(data)
    except Malformed as wrong:
        yield Reject(file, "/", (Finding("json.read", Weight.ERROR, "/", str(wrong)),))
        return
    known = Definitions(room, cut.objects)
    version = cut.head.get("spec_version") if cut.form is Form.BUNDLE else None
    lines = cut.lines()
    for place, raw in enumerate(cut.objects):
        where = f"/objects/{place}" if cut.form is not Form.OBJECT else "/"
        yield from _opened(raw, file, where, version, known, lines)


def check_file(data: bytes) -> Sequence[Finding]:
    """Return everything that our own rules find wrong with the objects, events or collection in a file."""
    if _is_misp(data):
        return misp.check_events(data)
    return check_collection(data) if is_collection(data) else tuple(islice(_found(data), MOST))


def _found(data: bytes) -> Iterator[Finding]:
    try:
        cut = objects_in(data)
    except Malformed as wrong:
        yield Finding("file.json", Weight.ERROR, "/", str(wrong))
        return
    for place, (raw, line) in enumerate(zip(cut.objects, cut.lines(), strict=True)):
        where = "" if cut.form is Form.OBJECT else f"/objects/{place}"
        try:
            found = check_object(read_object(raw), where)
        except Malformed as wrong:
            found = (Finding("json.read", Weight.ERROR, where or "/", str(wrong)),)
        yield from (replace(one, line=line) for one in found)


def _opened(
    raw: bytes, file: str, where: str, version: object, known: Mapping[str, Handling], lines: Iterator[int]
) -> Iterator[Draft | Reject]:
    line = next(lines)
    try:
        yield from _drafts(raw, version if isinstance(version, str) else None, known)
    except Malformed as wrong:
        findings = wrong.findings if isinstance(wrong, Nonconforming) else ()
        said = findings or (Finding("json.read", Weight.ERROR, where, str(wrong)),)
        told = (replace(one, line=line, path=f"{where}{one.path}".replace("//", "/")) for one in said)
        yield Reject(file, where, tuple(told))


def _drafts(raw: bytes, version: str | None, known: Mapping[str, Handling]) -> Iterator[Draft]:
    if _NEW.search(raw):  # the common case is read once
        yield parse(raw, {}, known)
        return
    said = read_object(raw)
    if not is_old(said, version):
        yield parse(raw, {}, known)
        return
    first, *others = upgrade(said)
    yield parse_upgraded(first, raw, known)
    for other in others:
        yield parse_upgraded(other, raw, known)


def _is_misp(data: bytes) -> bool:
    # What stands first decides: a STIX id is in no event's head, but "Event" may be a name in STIX.
    head = data[:4096]
    found = _EVENT.search(head) or _BARE.search(head)
    stix = _STIX.search(head)
    return found is not None and (stix is None or found.start() < stix.start())
