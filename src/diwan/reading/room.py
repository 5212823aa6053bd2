"""The reading room: the only place where entries become visible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Final, Literal

import msgspec

from diwan.reading._seal import Seal
from diwan.reading.arrivals import arrivals
from diwan.reading.cursor import CursorKey
from diwan.reading.feed import Mark, Step, steps, was_theirs
from diwan.reading.query import Query, Selection
from diwan.reading.released import Arrival, Arrivals, Change, Changes, Page, Released, Tally
from diwan.registry.book import Book
from diwan.registry.filing import spell
from diwan.registry.search import find
from diwan.registry.shelf import NEVER, Shelf
from diwan.registry.stacks import Opened
from diwan.registry.versions import Held, Pick
from diwan.registry.words import field, fields_in
from diwan.release.audience import Audience, audience, known_parties
from diwan.sealing.envelope import Envelope
from diwan.sealing.header import decode
from diwan.terms.errors import NotFound
from diwan.terms.gate import Stand, World
from diwan.terms.item import Alias, Entry, Part, Ref
from diwan.terms.label import Label, pack
from diwan.terms.reader import Reader
from diwan.terms.time import Instant

BOUND: Final = 1000
"""What is counted without a counter, or listed beside an item, is counted or listed up to here."""


def open_room(book: Book, key: CursorKey, reader: Reader, world: World = World.ACTUAL) -> ReadingRoom:
    """Open the reading room for `reader` in one world, under the rules and grants of the moment of each question."""
    return ReadingRoom(book, key, reader, world)


class ReadingRoom:
    """Everything `reader` may see in one world, and nothing that would tell of the rest."""

    def __init__(self, book: Book, key: CursorKey, reader: Reader, world: World) -> None:
        """Use `open_room`."""
        self.reader = reader
        self.world = world
        self._book = book
        self._key = key

    @property
    def now(self) -> Instant:
        """The instant at which the room answers."""
        return self._book.clock()

    def get(self, ref: Ref) -> Released:
        """Return the item as it stands.

        Raises:
            NotFound: unknown, or not released to this reader: the same answer.
        """
        with self._opened() as opened:
            return self._release(self._entry(opened.shelf, ref))

    def page(self, query: Query | None = None, cursor: str | None = None, limit: int = 50) -> Page:
        """Return a page of what `query` asks for.

        Raises:
            BadCursor: the cursor belongs to another list.
        """
        query = query or Query()
        about = self._about("page", query.fingerprint())
        start = self._key.open(cursor, about)[0] if cursor else None
        with self._opened() as opened:
            positions = self._positions(opened, query, start, limit + 1)
            items = self._released(opened.shelf, positions[:limit])
        more = len(positions) > limit
        return Page(items, self._key.seal((positions[limit - 1],), about) if more else None)

    def walk(self, query: Query | None = None, size: int = 500) -> Iterator[Released]:
        """Yield all that `query` asks for, in pages of `size`: what exports and renderers read.

        Who takes only the first few says so by `size`; a page is read whole.
        """
        page = self.page(query, limit=size)
        yield from page.items
        while page.cursor is not None:
            page = self.page(query, page.cursor, limit=size)
            yield from page.items

    def count(self, kind: str | None = None) -> int:
        """Return how many items are released to this reader, from counters; equals the length of the list."""
        with self._opened() as opened:
            return opened.shelf.count(kind)

    def kinds(self) -> Mapping[str, int]:
        """Return how many items of each kind are released to this reader."""
        with self._opened() as opened:
            return opened.shelf.kinds()

    def tally(self, query: Query, bound: int = BOUND) -> Tally:
        """Return how many items `query` finds, counting no further than `bound`."""
        with self._opened() as opened:
            found = len(self._positions(opened, query, None, bound + 1))
        return Tally(min(found, bound), found > bound)

    def facets(self, query: Query, names: Sequence[str], bound: int = BOUND) -> Mapping[str, Mapping[str, int]]:
        """Return for each facet how often each value occurs among the first `bound` items that `query` finds."""
        counted: dict[str, Counter[str]] = {name: Counter() for name in names}
        with self._opened() as opened:
            filed = opened.shelf.filed(self._positions(opened, query, None, bound))
        for terms in filed.values():
            for term in fields_in(terms):
                name, _, value = term.partition("=")
                if name in counted:
                    counted[name][value] += 1
        # Of values that occur alike often the order is their own: that of rows is the engine's.
        return {
            name: dict(sorted(counter.items(), key=lambda one: (-one[1], one[0]))) for name, counter in counted.items()
        }

    def changes(self, cursor: str | None = None, limit: int = 50) -> Changes:
        """Return what was released, revised or retracted for this reader since `cursor`, oldest first.

        Every item appears once, as it is now; an empty answer gives the same cursor back.

        Raises:
            BadCursor: the cursor belongs to another feed.
        """
        about = self._about("feed", "")
        with self._opened() as opened:
            shelf = opened.shelf
            newest = shelf.newest_change()
            mark = self._mark(cursor, about) or Mark(seen=newest)
            found = steps(shelf, opened.density, mark, limit + 1)
            more = len(found) > limit
            changes = self._changes(shelf, found[:limit])
        if changes:
            mark = mark.moved(found[:limit][-1].place, newest, more=more)
        elif cursor is None:
            mark = Mark(drained=newest, seen=newest)
        return Changes(changes, self._key.seal((*mark.place, mark.drained, mark.seen), about), more)

    def arrivals(
        self, selection: Selection, *, after: Instant = 0, cursor: str | None = None, limit: int = 100
    ) -> Arrivals:
        """Return what is selected and came to this reader past `after` and past `cursor`, oldest first.

        Raises:
            BadCursor: the cursor belongs to another list.
        """
        about = self._about("arrivals", selection.fingerprint())
        start = max(after, self._key.open(cursor, about)[0] if cursor else 0)
        pick = Pick(
            scheme=selection.scheme,
            names=selection.names,
            which=selection.which,
            versions=selection.versions,
            terms=selection.query.terms(),
            groups=selection.groups(),
            data=selection.data,
            ids=selection.refs,
            listed=selection.listed,
        )
        with self._opened() as opened:
            found = arrivals(opened.shelf, pick, start, limit + 1, opened.density)
        more = len(found) > limit
        kept = found[:limit]
        return Arrivals(
            found=tuple([_arrival(at, one) for at, one in kept]),
            cursor=self._key.seal((kept[-1][0],), about) if more else None,
            to=self.reader,
            seal=Seal(Ref("", "arrivals"), len(kept), self.reader),
        )

    def parts(self, item: Released) -> tuple[Part, ...]:
        """Return the original bytes of an item, whole."""
        return tuple(part for part, _ in self._parts(item))

    def envelope(self, item: Released) -> tuple[Envelope, bytes]:
        """Return an item as its originator sealed it, with the public key that sealed it."""
        with self._opened() as opened:
            sealed, public = opened.shelf.sealed(item.revision_position)
        parts = tuple((salt, part.data) for part, salt in self._parts(item))
        return msgspec.structs.replace(sealed, parts=parts), public

    def promise(self, item: Released) -> str:
        """Return where an item was when it was acknowledged: on `disk` at this node, or on a `standby` as well."""
        with self._opened() as opened:
            return opened.shelf.promise(item.revision_position)

    def history(self, item: Released) -> tuple[Released, ...]:
        """Return every revision of an item that this reader may see, newest first; the present one is the first."""
        with self._opened() as opened:
            number = self._number(opened.shelf, item.ref)
            return tuple(self._release(entry) for entry in opened.shelf.history(number))

    def known_as(self, alias: Alias) -> tuple[Released, ...]:
        """Return what this reader may see of what is known under a standard's own id, newest first."""
        with self._opened() as opened:
            return self._released(opened.shelf, opened.shelf.known_as(spell(alias)))

    def named(self, names: Sequence[Alias]) -> Mapping[Alias, Released]:
        """Return for each name under which anything is released to this reader the newest of it, in one snapshot."""
        with self._opened() as opened:
            shelf = opened.shelf
            known = {name: shelf.known_as(spell(name))[:1] for name in dict.fromkeys(names)}
            there = {
                item.at: item for item in self._released(shelf, [place for each in known.values() for place in each])
            }
            return {name: there[place] for name, each in known.items() for place in each}

    def links(self, item: Released, limit: int = BOUND) -> tuple[tuple[str, Released], ...]:
        """Return (relation, item) for what is released of all that an item points to, at most `limit` of them."""
        with self._opened() as opened:
            shelf = opened.shelf
            drawn = shelf.links_from(self._since(shelf, item.ref))
            found = ((relation, self._released(shelf, shelf.known_as(value))) for relation, value in drawn)
            return tuple(islice(((relation, one) for relation, known in found for one in known), limit))

    def linked_from(self, item: Released, limit: int = BOUND) -> tuple[tuple[str, Released], ...]:
        """Return (relation, item) for what points to an item, newest first, at most `limit` of them."""
        with self._opened() as opened:
            shelf = opened.shelf
            since = self._since(shelf, item.ref)
            drawn = (link for name in shelf.aliases([since])[since] for link in shelf.links_to(name, limit))
            found = ((relation, self._released(shelf, [position])) for relation, position in drawn)
            return tuple(islice(((relation, one) for relation, known in found for one in known), limit))

    def children(self, item: Released) -> tuple[Released, ...]:
        """Return what stands under an item, newest first."""
        with self._opened() as opened:
            number = self._number(opened.shelf, item.ref)
            return self._released(opened.shelf, opened.shelf.children(number, BOUND))

    def parent(self, item: Released) -> Released | None:
        """Return what an item stands under, or None."""
        with self._opened() as opened:
            entry = opened.shelf.parent(item.ref)
            return self._release(entry) if entry else None

    def related(self, item: Released, limit: int = 20) -> tuple[tuple[str, tuple[Released, ...]], ...]:
        """Return (value, items) for every value that an item shares with others; `limit` is per value and reader."""
        with self._opened() as opened:
            shelf = opened.shelf
            since = self._since(shelf, item.ref)
            found = []
            for value in shelf.mentions(since):
                there = shelf.mentioning(value, limit + 1, opened.density)
                others = [position for position in there if position != since]
                if others:
                    found.append((value, self._released(shelf, others[:limit])))
        return tuple(found)

    def mentioning(self, value: str, limit: int = BOUND) -> tuple[Released, ...]:
        """Return the items that mention `value` exactly, newest first."""
        with self._opened() as opened:
            return self._released(opened.shelf, opened.shelf.mentioning(value, limit, opened.density))

    def seen(self, values: Sequence[str], limit: int = 20) -> Mapping[str, tuple[Released, ...]]:
        """Return for each value that is mentioned anywhere here what mentions it, newest first, `limit` of each.

        Ten thousand at once are asked in one snapshot; what nobody mentions, and what is not released, is left out.
        """
        found: dict[str, tuple[Released, ...]] = {}
        with self._opened() as opened:
            for value in dict.fromkeys(values):
                if positions := opened.shelf.mentioning(value, limit, opened.density):
                    found[value] = self._released(opened.shelf, positions)
        return found

    def labels(self) -> tuple[Label, ...]:
        """Return the labels under which anything is released to this reader now."""
        with self._opened() as opened:
            gates = [opened.shelf.gate(number) for number in opened.shelf.used_gates()]
        return tuple(sorted({stand.label for gate in gates for stand in gate.stands}, key=pack))

    def why(self, item: Released) -> tuple[Stand, ...]:
        """Return the labels that each admitted this reader, the item's own first."""
        with self._opened() as opened:
            entry = self._entry(opened.shelf, item.ref)
            stands = opened.shelf.gate(entry.gate).stands
        own = Stand(entry.ref.originator, entry.label)
        return (own, *(stand for stand in stands if stand != own))

    def reach(self, item: Released) -> Audience:
        """Return whom an item reaches, party by party; told in full to its originator alone.

        Of what reaches everyone no parties are listed: which of them are known here is not the originator's to know.

        Raises:
            NotFound: this reader is not of the originator's party.
        """
        if item.ref.originator != self.reader.party:
            raise NotFound
        rules, now = self._book.rules(), self._book.clock()
        stands = self.why(item)
        parties = known_parties(rules, [stand.label for stand in stands])
        each = [audience(stand, parties, rules, now) for stand in stands]
        if all(one.world for one in each):
            return Audience(world=True, parties=frozenset())
        return Audience(world=False, parties=frozenset.intersection(*(one.parties for one in each)))

    def _opened(self) -> AbstractContextManager[Opened]:
        return self._book.shelf(self.reader, self.world)

    def _about(self, what: Literal["page", "feed", "arrivals"], of: str) -> str:
        return f"{what}|{self.reader.id}|{self.world}|{of}"

    def _mark(self, cursor: str | None, about: str) -> Mark | None:
        if cursor is None:
            return None
        place, entry, drained, seen = self._key.open(cursor, about)
        return Mark((place, entry), drained, seen)

    def _positions(self, opened: Opened, query: Query, start: int | None, limit: int) -> list[int]:
        newest = query.order == "newest"
        after = 0 if query.since is None else query.since - 1
        before = NEVER if query.until is None else query.until
        if start is not None:
            after, before = (after, min(before, start)) if newest else (max(after, start), before)
        terms, among = query.terms(), self._left(opened.shelf, query)
        if among is not None and not among:
            return []
        if terms or among:
            first, end = (before, after) if newest else (after, before)
            return find(opened.shelf, terms, first, limit, opened.density, end, newest=newest, among=among or ())
        if newest:
            return opened.shelf.newest(before, limit, opened.density, after)
        return opened.shelf.oldest(after, limit, opened.density, before)

    def _left(self, shelf: Shelf, query: Query) -> list[str] | None:
        """Return the terms of the kinds that `query` leaves, the most frequent first; None where it leaves out none.

        Which those are the reader's own counters say, so that nothing which is left out is ever read.
        """
        there = shelf.kinds() if query.but else {}
        left = there.keys() - set(query.but)
        if len(left) == len(there):
            return None
        if query.kind is not None:  # what must be one kind is looked for as that, or not at all
            return None if query.kind in left else []
        return [field("kind", kind) for kind in sorted(left, key=lambda kind: (-there[kind], kind))]

    def _entry(self, shelf: Shelf, ref: Ref) -> Entry:
        entry = shelf.get(ref)
        if entry is None:
            raise NotFound
        return entry

    def _number(self, shelf: Shelf, ref: Ref) -> int:
        number = shelf.item(ref)
        if number is None:
            raise NotFound
        return number

    def _since(self, shelf: Shelf, ref: Ref) -> int:
        return self._entry(shelf, ref).position

    def _parts(self, item: Released) -> list[tuple[Part, bytes]]:
        with self._opened() as opened:
            number = self._number(opened.shelf, item.ref)
            sealed, _ = opened.shelf.sealed(item.revision_position)
            digests = [bytes.fromhex(part.d) for part in decode(sealed.header).parts]
            return opened.shelf.parts(number, digests)

    def _released(self, shelf: Shelf, positions: Sequence[int]) -> tuple[Released, ...]:
        return tuple(self._release(entry) for entry in shelf.entries(positions))

    def _release(self, entry: Entry) -> Released:
        return Released(
            ref=entry.ref,
            kind=entry.kind,
            world=self.world,
            title=entry.title,
            label=entry.label,
            author=entry.author,
            entered=entry.entered,
            at=entry.position,
            revision=entry.revision,
            revision_position=entry.revision_position,
            brief=entry.brief,
            to=self.reader,
            seal=Seal(entry.ref, entry.revision_position, self.reader),
        )

    def _changes(self, shelf: Shelf, taken: Sequence[Step]) -> tuple[Change, ...]:
        shelf.gather(step.item for step in taken)
        entries = {one.position: one for one in shelf.entries([s.entry for s in taken if s.entry is not None])}
        return tuple(self._change(shelf, step, entries) for step in taken)

    def _change(self, shelf: Shelf, step: Step, entries: Mapping[int, Entry]) -> Change:
        if step.entry is None:
            ref, kind = shelf.once_named(step.item)
            return Change("retracted", ref, kind, step.place[0], None)
        entry = entries[step.entry]
        known = step.place[0] == step.entry and was_theirs(shelf, step)
        return Change("revised" if known else "released", entry.ref, entry.kind, step.place[0], self._release(entry))


def _arrival(at: Instant, one: Held) -> Arrival:
    data = one.data or b""
    if not one.value:
        return Arrival(at, data)
    ref = Ref(one.originator, one.id.hex()) if one.id else None
    return Arrival(at, data, one.name, one.written, one.version, one.originator, ref)
