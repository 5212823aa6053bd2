"""Pushing: objects posted to a collection, exact bytes, and what became of each (TAXII 2.1, 5.5 and 4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from diwan.desks.cyber.calls.call import Fault, Reply
from diwan.desks.cyber.calls.dates import SECOND, instant_of
from diwan.desks.cyber.calls.line import Line
from diwan.desks.cyber.calls.protocol import asked, place, posted, root_of
from diwan.desks.cyber.calls.resources import Head, head_of, read
from diwan.desks.cyber.calls.source import Source, visible
from diwan.terms.time import Instant

DEADLINE: Final = 120
"""Seconds that one batch's status is waited for."""
_OPEN: Final = b'{"objects":['
_CLOSE: Final = b"]}"
_SPLIT: Final = frozenset((400, 413, 422, 500))
_BROKEN: Final = 500
_IN_A_ROW: Final = 4
_SLOWEST: Final = 10.0
_PART: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ALREADY: Final = re.compile(r"\balready\b|\bduplicate", re.IGNORECASE)


class Outcome(msgspec.Struct, frozen=True):
    """What became of one object: refused for good, or pending, which posting it again may change."""

    number: int
    """Its place in what was pushed, from 0."""
    id: str
    state: Literal["accepted", "refused", "pending"]
    reason: str = ""
    fault: Fault | None = None
    """Why the server could not be asked: whether waiting helps, and how long, is not for the object to say."""


class _Detail(msgspec.Struct, frozen=True):
    id: str = ""
    version: str = ""
    message: str | None = None


class _Status(msgspec.Struct, frozen=True):
    id: str = ""
    status: str = ""
    failure_count: int | None = None
    pending_count: int | None = None
    successes: list[_Detail | str] | None = None
    failures: list[_Detail | str] | None = None
    pendings: list[_Detail | str] | None = None


_ById = Mapping[str, Sequence[_Detail]]


class _ToldOf(msgspec.Struct, frozen=True):
    """A status by the ids of what it names."""

    failures: _ById
    pendings: _ById
    successes: _ById
    status: str


class _Batch(msgspec.Struct, frozen=True):
    start: int
    objects: Sequence[bytes]


def push(line: Line, source: Source, objects: Sequence[bytes], *, deadline: int = DEADLINE) -> Iterator[Outcome]:
    """Yield what became of each object, in the order given, as soon as its batch is settled.

    Batches keep to `source.page` and to the root's `max_content_length`. A batch that is too long, or refused as a
    whole, is halved down to the object at fault, so that the good ones arrive: posting twice is no error (5.5). Once
    a fault is one that another batch will meet too, all that is left is pending with that reason.
    """
    stack = list(reversed(list(_batches(objects, source.page, _longest(line, source)))))
    held: list[Outcome] = []
    while stack:
        batch = stack.pop()
        try:
            settled = _settled(line, source, batch, deadline)
        except Fault as fault:
            if len(batch.objects) == 1 and fault.status == _BROKEN and len(held) < _IN_A_ROW - 1:
                held += _all(batch, "refused", str(fault))
            elif len(batch.objects) == 1 and fault.status in _SPLIT - {_BROKEN}:
                yield from held
                yield from _all(batch, "refused", str(fault))
                held = []
            elif len(batch.objects) > 1 and fault.status in _SPLIT:
                stack += _halves(batch)
            else:
                yield from _left(held, [batch, *reversed(stack)], fault)
                return
            continue
        if settled is None:
            stack += _halves(batch)
            continue
        # A server that takes the next object was not down: what it failed on before is at fault itself.
        yield from (*held, *settled)
        held = []
    yield from _pending(held)


def _pending(held: Sequence[Outcome]) -> Iterator[Outcome]:
    return (msgspec.structs.replace(one, state="pending") for one in held)


def _left(held: Sequence[Outcome], batches: Sequence[_Batch], fault: Fault) -> Iterator[Outcome]:
    """Return what is pending because the server broke: what it failed on last, and what it was not asked."""
    yield from _pending(held)
    for batch in batches:
        yield from (msgspec.structs.replace(one, fault=fault) for one in _all(batch, "pending", str(fault)))


def envelope(objects: Sequence[bytes]) -> bytes:
    """Return an envelope (3.7) around objects, byte for byte."""
    return _OPEN + b",".join(objects) + _CLOSE


def _longest(line: Line, source: Source) -> int:
    try:
        told = root_of(line, source.root).max_content_length
    except Fault:
        # Some servers have no root to ask and take objects all the same; what is wrong with the line, posting tells.
        return line.most
    return told if told and told > 0 else line.most


def _batches(objects: Sequence[bytes], most: int, longest: int) -> Iterator[_Batch]:
    start, size = 0, len(_OPEN) + len(_CLOSE)
    for number, raw in enumerate(objects):
        full = number - start >= most or size + len(raw) + 1 > longest
        if full and number > start:
            yield _Batch(start, objects[start:number])
            start, size = number, len(_OPEN) + len(_CLOSE)
        size += len(raw) + 1
    if start < len(objects):
        yield _Batch(start, objects[start:])


def _halves(batch: _Batch) -> list[_Batch]:
    """Return the halves of a batch, the first one last: they go on a stack."""
    middle = len(batch.objects) // 2
    return [_Batch(batch.start + middle, batch.objects[middle:]), _Batch(batch.start, batch.objects[:middle])]


def _all(batch: _Batch, state: Literal["accepted", "refused", "pending"], reason: str = "") -> Iterator[Outcome]:
    for number, raw in enumerate(batch.objects, batch.start):
        yield Outcome(number, head_of(raw).id, state, reason)


def _settled(line: Line, source: Source, batch: _Batch, deadline: int) -> list[Outcome] | None:
    """Return the outcomes of one batch; None when the server refused some and does not say which."""
    began = line.clock()
    reply = posted(line, f"{place(source.root, source.collection)}objects/", envelope(batch.objects))
    status = _awaited(line, source, _status(reply), began + deadline * SECOND)
    if status is None:
        return list(_all(batch, "accepted", "The server took it and does not say what became of it."))
    told_of = _ToldOf(_by_id(status.failures), _by_id(status.pendings), _by_id(status.successes), status.status)
    named = sum(_named(head_of(raw), told_of.failures) is not None for raw in batch.objects)
    if max(status.failure_count or 0, len(status.failures or ())) <= named:
        return [_outcome(number, raw, told_of) for number, raw in enumerate(batch.objects, batch.start)]
    if len(batch.objects) > 1:
        return None
    told = [detail.message for detail in status.failures or () if isinstance(detail, _Detail) and detail.message]
    return list(_all(batch, "refused", visible(told[0]) if told else "The server does not say why."))


def _status(reply: Reply) -> _Status | None:
    try:
        return read(reply.body, _Status, "")
    except Fault:
        return None


def _awaited(line: Line, source: Source, status: _Status | None, until: Instant) -> _Status | None:
    """Return the status once it is complete, or as it stands at the deadline; None when the server tells none."""
    wait = 0.5
    while status is not None and status.status == "pending" and _PART.fullmatch(status.id):
        if line.clock() >= until:
            return status
        line.wait(wait)
        wait = min(_SLOWEST, wait * 2)
        try:
            status = _status(asked(line, f"{source.root}status/{status.id}/")) or status
        except Fault as fault:
            return None if fault.lasting else status
    return status


def _by_id(details: Sequence[_Detail | str] | None) -> _ById:
    found: dict[str, list[_Detail]] = {}
    for told in details or ():
        # TAXII 2.0 named successes and pendings by their bare ids, and some servers still do.
        detail = _Detail(told) if isinstance(told, str) else told
        found.setdefault(detail.id, []).append(detail)
    return found


def _outcome(number: int, raw: bytes, status: _ToldOf) -> Outcome:
    head = head_of(raw)
    if failure := _named(head, status.failures):
        said = visible(failure.message or "The server does not say why.")
        # Some servers count what they have already as a failure; 5.5 says it is none.
        state: Literal["accepted", "refused"] = "accepted" if _ALREADY.search(said) else "refused"
        return Outcome(number, head.id, state, said)
    if _named(head, status.pendings) or (status.status == "pending" and not _named(head, status.successes)):
        return Outcome(number, head.id, "pending", "The server has not decided in time.")
    return Outcome(number, head.id, "accepted")


def _named(head: Head, details: _ById) -> _Detail | None:
    """Return what a status says of an object: by id and version, or by id alone where it names no version."""
    version = instant_of(head.modified or head.created)
    for detail in details.get(head.id, ()):
        # What has no version of its own goes by the date at which the server met it.
        if version is None or instant_of(detail.version) in (version, None):
            return detail
    return None
