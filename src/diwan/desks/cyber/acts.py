"""What is done at the cyber desk: files opened, definitions looked up, editions issued, sightings told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from diwan.desk import Act, Deed, Narrow
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.markings import TLP, apart, granular_refs, handling_of, said_by, strictest
from diwan.desks.cyber.kinds.misp import EVENT, Cut, Org, cuts, distribution_of, label_of, label_of_all
from diwan.desks.cyber.kinds.observable import of_sco
from diwan.desks.cyber.kinds.sightings import AGAINST, FALSE
from diwan.desks.cyber.kinds.stix import KINDS, SDOS, Brief, alias, kind_of, sortable, written_ms
from diwan.desks.cyber.parse import edition as stix_edition
from diwan.desks.cyber.parse import misp
from diwan.desks.cyber.parse.collection import check_collection, collection_in, is_collection
from diwan.desks.cyber.parse.finding import MOST
from diwan.desks.cyber.parse.json_bytes import Form, objects_in, read_object
from diwan.desks.cyber.parse.observed import of_pattern
from diwan.desks.cyber.parse.rules import check_object
from diwan.desks.cyber.parse.stix import VALUES, Nonconforming, parse, parse_upgraded
from diwan.desks.cyber.parse.stix20 import is_old, upgrade
from diwan.desks.cyber.render.misp import event_from_stix
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import Malformed, NotAllowed, NotFound
from diwan.terms.finding import Finding, Reject, Weight
from diwan.terms.item import Draft
from diwan.terms.label import Handling, Label

_HOLDERS: Final = frozenset(("cyber.report", "cyber.grouping"))
_DEFINITION: Final = re.compile(rb'"type"\s*:\s*"marking-definition"')
_NEW: Final = re.compile(rb'"spec_version"\s*:\s*"2\.1"')
_EVENT: Final = re.compile(rb'"Event"\s*:\s*[{\[]')
_BARE: Final = re.compile(rb'"distribution"\s*:')
_STIX: Final = re.compile(rb'"id"\s*:\s*"[a-z0-9-]+--')


class Definitions(Mapping[str, Handling]):
    """What marking definitions say, by id: those that came along, and those that the reader may see here.

    Where several have one id, the strictest counts: nobody frees what another marked by defining its marking anew.
    """

    def __init__(self, room: ReadingRoom | None, came: Iterable[bytes] = ()) -> None:
        """Read the definitions among the objects that came; others are looked up when an object names them."""
        self._room = room
        self._came: dict[str, Handling] = {}
        self._said: dict[str, Handling] = {}
        for ident, said in _definitions(came):
            self._came[ident] = strictest(self._came.get(ident, Handling()), said)

    def __getitem__(self, ident: str) -> Handling:
        """Return what a definition says; one that is not known says nothing."""
        if ident not in self._said:
            self._said[ident] = strictest(self._came.get(ident, Handling()), self._look_up(ident))
        return self._said[ident]

    def get(self, ident: str, default: Any = None) -> Any:
        """Return what a definition says."""
        return self[ident]

    def __iter__(self) -> Iterator[str]:
        """Yield the ids that were asked for so far."""
        return iter(self._said)

    def __len__(self) -> int:
        """Return how many were asked for so far."""
        return len(self._said)

    def _look_up(self, ident: str) -> Handling:
        found = Handling()
        if self._room is not None and ident not in TLP:
            for item in self._room.known_as(alias(ident)):
                found = strictest(found, said_by(read_object(self._room.parts(item)[0].data)))
        return found


def drafts_of(room: ReadingRoom, objects: Iterable[bytes]) -> Iterator[Draft | Malformed]:
    """Yield the draft of each object in order, or what is wrong with it."""
    objects = list(objects)
    known = Definitions(room, objects)
    for data in objects:
        try:
            yield parse(data, {}, known)
        except Malformed as wrong:
            yield wrong


def _definitions(came: Iterable[bytes]) -> Iterator[tuple[str, Handling]]:
    for data in came:
        if _DEFINITION.search(data):
            try:
                said = read_object(data)
            except Malformed:
                continue  # told when it is that object's turn
            if said.get("type") == "marking-definition" and isinstance(said.get("id"), str):
                yield said["id"], said_by(said)


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


def narrowing(room: ReadingRoom, local: object, originator: str) -> Narrow:
    """Return what holds drafts of one batch to what they say of themselves: STIX by its markings, MISP by distribution.

    What it returns raises NotAllowed where a MISP event's audience is not known here, or nobody would be left.
    """
    known = Definitions(room)
    sharing = (local if isinstance(local, Local) else Local()).audiences.sharing(originator)

    def narrow(draft: Draft, label: Label) -> tuple[Draft, Label]:
        if draft.kind == EVENT:
            return draft, label_of_all(cuts(misp.event_of(draft.parts[0].data))[0].claims, sharing, label)
        handling = strictest(draft.handling, handling_of(_marks(draft), known))
        within = apart(strictest(draft.within, handling_of(_granular(draft), known)), handling)
        if (handling, within) == (draft.handling, draft.within):
            return draft, label
        return replace(draft, handling=handling, within=within), label

    return narrow


class _Granular(msgspec.Struct):
    granular_markings: Any = None


_granular_in: Final = msgspec.json.Decoder(_Granular).decode


def _granular(draft: Draft) -> Sequence[str]:
    data = draft.parts[0].data
    # Few objects have any; a name may be spelt with escapes.
    marked = b"granular_markings" in data or b"\\u" in data
    return granular_refs(_granular_in(data).granular_markings) if marked else ()


def _marks(draft: Draft) -> Sequence[str]:
    if len(draft.links) < VALUES:
        return [link.to.value for link in draft.links if link.relation == "object_marking"]
    refs: Sequence[str] = read_object(draft.parts[0].data).get("object_marking_refs", ())
    return refs


def cut_event(
    draft: Draft, label: Label | None, local: Local, originator: str, ident: str
) -> list[tuple[Draft, Label]]:
    """Return a MISP event under the label its distribution means, with an edition where a part is for fewer readers.

    Raises:
        NotAllowed: an audience is not known here, or the rest would tell of what is left out.
    """
    sharing = local.audiences.sharing(originator)
    found: list[Cut] = cuts(misp.event_of(draft.parts[0].data))
    whole = (draft, label_of_all(found[0].claims, sharing, label))
    if len(found) == 1:
        return [whole]
    return [whole, (misp.edition(draft, ident), label_of(found[1].claims[0], sharing, label))]


def edition(draft: Draft, ident: str) -> Draft:
    """Return a STIX object or MISP event without what only some may know, under a random id of its own."""
    return misp.edition(draft, ident) if draft.kind == EVENT else stix_edition.edition(draft, ident)


def event_of_report(room: ReadingRoom, item: Released, local: Local) -> bytes:
    """Return a STIX report or grouping as a MISP event: itself, and what it holds behind its own label or for everyone.

    What is held behind another label, or behind the same one of another originator, is left out: the event says one
    distribution for all that is in it. Of each object the newest version counts, the report's own originator's first.

    Raises:
        NotFound: it is no report and no grouping.
        NotAllowed: MISP has no words for its label, or its originator is no organisation there.
    """
    stands = room.why(item)
    if item.kind not in _HOLDERS:
        raise NotFound
    if len({stand.label for stand in stands}) > 1:
        raise NotAllowed("It stands behind several labels, which no distribution of MISP says. Nothing was exported.")
    sharing = local.audiences.sharing(item.ref.originator)
    orgc = sharing.org(item.ref.originator) or Org(item.ref.originator, "")
    linked = [one for relation, one in room.links(item) if relation == "object" and one.kind in KINDS]
    held = [one for one in linked if all(stand in stands or _is_clear(stand.label) for stand in room.why(one))]
    said = [read_object(room.parts(one)[0].data) for one in _newest(held, item.ref.originator)]
    seen = {str(one["id"]): (*of_sco(one), *of_pattern(one)) for one in said}
    claims = distribution_of(item.label, sharing)
    return event_from_stix(read_object(room.parts(item)[0].data), said, claims, orgc=orgc, observables=seen)


def _newest(items: Iterable[Released], originator: str) -> Iterable[Released]:
    found: dict[str, tuple[tuple[bool, str, int], Released]] = {}
    for one in items:
        brief = msgspec.json.decode(one.brief, type=Brief)
        rank = (one.ref.originator == originator, sortable(brief.version) or "", one.at)
        if brief.id not in found or rank > found[brief.id][0]:
            found[brief.id] = rank, one
    return [one for _, one in found.values()]


def _is_clear(label: Label) -> bool:
    return label.handling.tlp == "TLP:CLEAR" and not label.categories


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


def _sighting(room: ReadingRoom, item: Released, deed: Deed) -> Draft:
    return _said(item, deed, "sighting", {"sighting_of_ref": _id(item), "count": 1, "last_seen": written_ms(deed.now)})


def _false_positive(room: ReadingRoom, item: Released, deed: Deed) -> Draft:
    said = {"opinion": AGAINST, "object_refs": [_id(item)], "labels": [FALSE]}
    return _said(item, deed, "opinion", said)


def _said(item: Released, deed: Deed, kind: str, said: Mapping[str, object]) -> Draft:
    at = written_ms(deed.now)
    ident = f"{kind}--{UUID(hex=deed.ident, version=4)}"
    told = {"type": kind, "spec_version": "2.1", "id": ident, "created": at, "modified": at, **said}
    if deed.note:
        told["description" if kind == "sighting" else "explanation"] = deed.note
    return replace(parse(msgspec.json.encode(told), {}), parent=item.ref)


def _id(item: Released) -> str:
    return msgspec.json.decode(item.brief, type=Brief).id


def _can_be_sighted(_: ReadingRoom, item: Released) -> bool:
    # A sighting is of any domain object, and of no observable (STIX 2.1, section 5.2).
    return item.kind.removeprefix("cyber.") in SDOS


def _to_its_readers(_: Released) -> tuple[str, ...]:
    return ()


ACTS: Final = (
    Act("sighting", "Seen here", False, _can_be_sighted, _sighting, _to_its_readers, labels=True),
    Act(
        "false-positive",
        "A false positive, with a reason",
        True,
        _can_be_sighted,
        _false_positive,
        _to_its_readers,
        labels=True,
    ),
)
ACTS_BY_KIND: Final = {kind_of(name): ACTS for name in SDOS}
EDITIONS: Final = {**dict.fromkeys(KINDS, edition), EVENT: edition}
