"""Polling: a collection walked to its end, page by page, so that nothing is lost and what is known is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from diwan.desks.cyber.calls.backoff import CAP, delay
from diwan.desks.cyber.calls.call import Fault, Oversized
from diwan.desks.cyber.calls.dates import instant_of
from diwan.desks.cyber.calls.line import Line
from diwan.desks.cyber.calls.protocol import manifest_of, objects_page, ranged_page
from diwan.desks.cyber.calls.resources import ident_of
from diwan.desks.cyber.calls.sheet import Sheet
from diwan.desks.cyber.calls.source import Source
from diwan.desks.cyber.calls.state import State, Walk, failed
from diwan.desks.cyber.calls.step import Page, begun, restarted, step, trusted

_MODEST: Final = 100
_RESTARTS: Final = 3


def poll(line: Line, source: Source, state: State, *, pages: int = 1_000) -> Iterator[Page]:
    """Yield the pages of a collection from where `state` stands until its end, or `pages` of them.

    The caller enters a page's objects durably and only then keeps its state: after a crash between the two the same
    page comes again. A fault ends the walk with a page that holds no objects and a state that says why; what was
    handed over stays, and the next poll goes on from there. No fault of the server is raised.
    """
    state = begun(state, source, line.clock())
    for _ in range(pages):
        walk = state.walk
        if walk is None:
            return
        try:
            sheet = _dated(line, source, walk, _asked(line, source, walk, state))
        except Fault as fault:
            eased = _eased(line, source, state, walk, fault)
            if eased is None:
                yield Page((), failed(state, fault, line.clock(), line.chance(), source))
                return
            state = msgspec.structs.replace(state, walk=eased)
            continue
        page = step(source, state, walk, sheet, line.clock(), line.chance())
        state = page.state
        yield page
        if state.failures:
            return


def _asked(line: Line, source: Source, walk: Walk, state: State) -> Sheet:
    query = [("added_after", walk.after)] if walk.after else []
    query += [("match[version]", "all")] if source.versions == "all" else []
    if source.version == "2.0":
        start = int(walk.next) if walk.next.isascii() and walk.next.isdigit() else 0
        return ranged_page(line, source.root, source.collection, tuple(query), start, walk.limit)
    query += [("limit", str(walk.limit))] if walk.limit else []
    query += [("next", walk.next)] if walk.next else []
    tries = 1 if walk.next and not trusted(source, state) else 4
    return objects_page(line, source.root, source.collection, tuple(query), tries=tries)


def _dated(line: Line, source: Source, walk: Walk, sheet: Sheet) -> Sheet:
    """Return a page without cursor and date with its last date, as the manifest of the same question tells it."""
    if sheet.next or sheet.last is not None or not sheet.objects:
        return sheet
    try:
        records = manifest_of(
            line, source.root, source.collection, after=walk.after, limit=walk.limit, version=source.version
        )
    except Fault:
        return sheet
    idents = {ident_of(raw) for raw in sheet.objects}
    dates = [
        (at, record.date_added)
        for record in records
        if record.id in idents and (at := instant_of(record.date_added)) is not None
    ]
    last, text = max(dates, default=(None, ""))
    return msgspec.structs.replace(sheet, last=last, last_text=text)


def _eased(line: Line, source: Source, state: State, walk: Walk, fault: Fault) -> Walk | None:
    """Return what to ask instead after a refusal that the question itself may have caused, or None."""
    if isinstance(fault, Oversized):
        lower = restarted(walk) if not trusted(source, state) else walk
        return msgspec.structs.replace(lower, limit=walk.limit // 2) if walk.limit > 1 else None
    if walk.next and walk.restarts < _RESTARTS:
        # Cursors live for seconds at some servers, and in the memory of one of several machines at others.
        gone = fault.status in (400, 404, 410)
        lost = fault.again and fault.after <= CAP and not trusted(source, state)
        if lost:
            line.wait(max(fault.after, delay(walk.restarts, line.chance())))
        if gone or lost:
            return msgspec.structs.replace(restarted(walk), restarts=walk.restarts + 1)
    if fault.status == 400 and walk.limit and not walk.next:
        return msgspec.structs.replace(walk, limit=_MODEST if walk.limit > _MODEST else 0)
    return None
