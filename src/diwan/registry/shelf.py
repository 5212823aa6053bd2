"""A shelf: what one reader class may see in one world, asked in the engine's own words.

Every question here goes through a connection that cannot see anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from diwan.registry.engines.lines import Merging, Pages
from diwan.registry.filing import filed
from diwan.registry.found import by_hundreds
from diwan.registry.grants import Grant
from diwan.sealing.envelope import Envelope
from diwan.terms.errors import NotFound
from diwan.terms.gate import Gate
from diwan.terms.item import Entry, Part, Ref
from diwan.terms.label import Label, unpack

_TEXT: Final = "t.position, t.gate, t.rev, t.originator, t.id, t.kind, t.title, t.author, t.label, t.entered, t.brief"
FACTS: Final = "SELECT name, value FROM fact"
_WINDOW: Final = 2
NEVER: Final = 1 << 62
"""After every position there can be."""

_gate_reader: Final = msgspec.json.Decoder(Gate)


class Stood(msgspec.Struct, frozen=True):
    """That an item stood behind a gate, in one revision, from one position until before another (None: still)."""

    gate: int
    since: int
    until: int | None
    revision: int


@lru_cache(maxsize=8192)
def _label(value: bytes) -> Label:
    return unpack(value)


class Shelf:
    """Answers about the entries behind `gates`, within one snapshot of the register."""

    def __init__(self, pages: Pages, gates: frozenset[int], moved: tuple[Grant, ...], merging: Merging) -> None:
        """Ask through `pages`, which sees `gates`; `moved` are the grants that changed for this class.

        `merging` is what it costs the engine to merge gates, beside reading a stretch in time order.
        """
        self.pages = pages
        self._sql = pages
        self._merging = merging
        self._stood: dict[int, list[Stood]] = {}
        self.gates = gates
        self.moved = moved

    def facts(self) -> Mapping[str, int]:
        """Return the register's own numbers."""
        return dict(self._sql.execute(FACTS))

    def density(self) -> float:
        """Return this shelf's standing entries as a share of all standings ever given, ended ones included.

        That is the share of rows that a stretch in time order yields: milestones count the ended ones too, and the
        stretch reads over them.  Only ever used to choose a plan.
        """
        (mine,) = self._sql.execute("SELECT coalesce(sum(entries), 0) FROM open_head").fetchone()
        total = self.facts()["stands"]
        return min(1.0, mine / total) if total else 1.0

    def newest(self, before: int | None, limit: int, density: float, after: int = 0) -> list[int]:
        """Return up to `limit` positions below `before` and above `after`, newest first."""
        return self._walk(before if before is not None else NEVER, after, limit, density, down=True)

    def oldest(self, after: int, limit: int, density: float, before: int | None = None) -> list[int]:
        """Return up to `limit` positions above `after` and below `before`, oldest first."""
        return self._walk(after, before if before is not None else NEVER, limit, density, down=False)

    def _walk(self, start: int, end: int, limit: int, density: float, *, down: bool) -> list[int]:
        # The recipe (docs/decisions/0003): where the reader's entries lie dense, read a bounded stretch in time order
        # and drop the rest; otherwise merge gate by gate.  Both give the same rows.
        past, short, order = ("<", ">", "DESC") if down else (">", "<", "ASC")
        if self.reads_in_time(limit, density):
            edge = self.edge(start, limit / density, down=down)
            edge = max(edge, end) if down else min(edge, end)
            rows = self._sql.execute(
                f"SELECT since FROM by_time WHERE since {past} ? AND since {short} ? ORDER BY since {order} LIMIT ?",
                [start, edge, limit],
            ).fetchall()
            if len(rows) == limit or edge == end:
                return [row[0] for row in rows]
        rows = self._sql.merged(
            "since",
            "by_gate",
            f"since {past} ? AND since {short} ?",
            [start, end],
            order="since",
            down=down,
            limit=limit,
            after=None if down else start,
        )
        return [row[0] for row in rows]

    def reads_in_time(self, limit: int, density: float) -> bool:
        """Return whether a page is read as a stretch in time order: it then holds little that is dropped again.

        Where the stretch is expected to take no longer than it takes to look each gate up and merge what is found.
        """
        merged = self._merging.gate * len(self.gates) + self._merging.entry * limit
        return limit / max(density, 1e-9) < merged

    def edge(self, start: int, expected: float, *, down: bool) -> int:
        """Return how far a stretch of some times `expected` entries reaches from a position."""
        miles = int(_WINDOW * expected / 1024) + 1
        past, order = ("<", "DESC") if down else (">", "ASC")
        row = self._sql.execute(
            f"SELECT since FROM milestone WHERE since {past} ? ORDER BY since {order} LIMIT 1 OFFSET ?",
            [start, miles],
        ).fetchone()
        return int(row[0]) if row else (0 if down else NEVER)

    def newest_change(self) -> int:
        """Return the latest position at which anything here came to stand or ended, or a gate opened or shut."""
        # Of a gate that shut, its end in the reader's grants is the last that is theirs to know.
        return max([*self._sql.latest(), *(max(grant.opened, grant.closed or 0) for grant in self.moved)])

    def anything_after(self, position: int) -> bool:
        """Return whether any open gate may hold an entry above `position`; cheap, for tail polls."""
        return self._sql.anything_after(position)

    def entries(self, positions: Sequence[int]) -> list[Entry]:
        """Return the standing entries at `positions`, in that order; what no longer stands is left out."""
        found: dict[int, Entry] = {}
        for some in by_hundreds(positions):
            rows = self._sql.execute(
                f"SELECT s.since, {_TEXT} FROM by_time s JOIN text t ON t.position=s.revision"
                f" WHERE s.since IN ({','.join('?' * len(some))})",
                some,
            )
            found.update((row[0], _entry(row)) for row in rows)
        return [found[position] for position in positions if position in found]

    def get(self, ref: Ref) -> Entry | None:
        """Return the standing entry of `ref`, or None."""
        row = self._sql.execute(
            f"SELECT s.since, {_TEXT} FROM named n JOIN by_item s ON s.item=n.item"
            " JOIN text t ON t.position=s.revision WHERE n.originator=? AND n.id=?",
            [ref.originator, bytes.fromhex(ref.id)],
        ).fetchone()
        return _entry(row) if row else None

    def item(self, ref: Ref) -> int | None:
        """Return the number of a standing item, or None."""
        row = self._sql.execute(
            "SELECT item FROM named WHERE originator=? AND id=?", [ref.originator, bytes.fromhex(ref.id)]
        ).fetchone()
        return int(row[0]) if row else None

    def parent(self, ref: Ref) -> Entry | None:
        """Return the entry that `ref` stands under, or None."""
        row = self._sql.execute(
            f"SELECT s.since, {_TEXT} FROM named n JOIN by_item s ON s.item=n.parent"
            " JOIN text t ON t.position=s.revision WHERE n.originator=? AND n.id=?",
            [ref.originator, bytes.fromhex(ref.id)],
        ).fetchone()
        return _entry(row) if row else None

    def children(self, item: int, limit: int) -> list[int]:
        """Return up to `limit` positions of what stands under an item, newest first."""
        rows = self._sql.execute("SELECT since FROM child WHERE parent=? ORDER BY since DESC LIMIT ?", [item, limit])
        return [row[0] for row in rows]

    def history(self, item: int) -> list[Entry]:
        """Return every revision of an item that this shelf may hold, newest first."""
        rows = self._sql.execute(
            f"SELECT t.position, {_TEXT} FROM text t WHERE t.item=? ORDER BY t.rev DESC",
            [item],
        )
        return [_entry(row) for row in rows]

    def filed(self, positions: Sequence[int]) -> dict[int, str]:
        """Return under which terms each of the entries at `positions` is filed, a space before and after each of them.

        First come fields, which hold a `=`, and then words, of which there may be very many.
        """
        found: dict[int, str] = {}
        for some in by_hundreds(positions):
            rows = self._sql.execute(
                "SELECT s.since, t.terms FROM by_time s JOIN filed t ON t.position=s.revision"
                f" WHERE s.since IN ({','.join('?' * len(some))})",
                some,
            )
            found.update(rows.fetchall())
        return found

    def count(self, kind: str | None) -> int:
        """Return how many entries stand on this shelf, from counters."""
        if kind is None:
            query, bound = "SELECT coalesce(sum(entries), 0) FROM open_counter", []
        else:
            query, bound = "SELECT coalesce(sum(entries), 0) FROM open_counter WHERE kind=?", [kind]
        (found,) = self._sql.execute(query, bound).fetchone()
        return int(found)

    def kinds(self) -> dict[str, int]:
        """Return how many entries of each kind stand on this shelf."""
        rows = self._sql.execute(
            "SELECT kind, sum(entries) FROM open_counter GROUP BY kind HAVING sum(entries)>0 ORDER BY kind"
        )
        return dict(rows.fetchall())

    def known_as(self, value: str) -> list[int]:
        """Return the positions of what is known under an alias, newest first."""
        rows = self._sql.execute("SELECT since FROM also_known WHERE value=? ORDER BY since DESC", [value])
        return [row[0] for row in rows]

    def aliases(self, since: Iterable[int]) -> dict[int, list[str]]:
        """Return the aliases of the entries at `since`."""
        found: dict[int, list[str]] = {}
        for position in since:
            rows = self._sql.execute("SELECT value FROM also_known WHERE since=? ORDER BY value", [position])
            found[position] = [row[0] for row in rows]
        return found

    def links_from(self, since: int) -> list[tuple[str, str]]:
        """Return (relation, alias) of every link that the entry at `since` draws."""
        rows = self._sql.execute("SELECT relation, value FROM pointer WHERE since=? ORDER BY relation, value", [since])
        return rows.fetchall()

    def links_to(self, value: str, limit: int) -> list[tuple[str, int]]:
        """Return (relation, position) of entries that point to an alias, newest first."""
        rows = self._sql.merged("since, relation", "pointer", "value=?", [value], order="since", down=True, limit=limit)
        return [(relation, since) for since, relation in rows]

    def mentions(self, since: int) -> list[str]:
        """Return the values that the entry at `since` can be correlated by."""
        rows = self._sql.execute("SELECT value FROM mentioned WHERE since=? ORDER BY value", [since])
        return [row[0] for row in rows]

    def mentioning(self, value: str, limit: int, density: float) -> list[int]:
        """Return up to `limit` positions of entries that mention `value`, newest first."""
        value = filed(value)
        # Read in time order, what is hidden under the value is read with it, in no stretch that bounds it: so only
        # where more than half is the reader's, or as many gates would be looked up as entries are read.
        if limit / max(density, 1e-9) < 2 * max(len(self.gates), limit):
            rows = self._sql.execute(
                "SELECT since FROM mentioned_by_time WHERE value=? ORDER BY since DESC LIMIT ?", [value, limit]
            ).fetchall()
        else:
            rows = self._sql.merged(
                "since", "mentioned_by_gate", "value=?", [value], order="since", down=True, limit=limit
            )
        return [row[0] for row in rows]

    def parts(self, item: int, digests: Sequence[bytes]) -> list[tuple[Part, bytes]]:
        """Return the parts with these salted digests, with their salts, in that order; an erased one is left out."""
        if not digests:
            return []
        # By digest: what an item said before is not fetched, nor does it cost time.
        among = ",".join("?" * len(digests))
        rows = self._sql.execute(
            f"SELECT digest, name, media_type, data, salt FROM bytes WHERE item=? AND digest IN ({among})",
            [item, *digests],
        )
        held = {digest: (Part(name, media_type, data), salt) for digest, name, media_type, data, salt in rows}
        return [held[digest] for digest in digests if digest in held]

    def sealed(self, revision: int) -> tuple[Envelope, bytes]:
        """Return the envelope of a revision, still without its parts, and the public half of its key.

        Raises:
            NotFound: no such revision is on this shelf.
        """
        row = self._sql.execute(
            "SELECT header, stub, leaf, path, stub_path, kid, size, signature, public FROM sealed WHERE position=?",
            [revision],
        ).fetchone()
        if row is None:
            raise NotFound
        header, stub, leaf, path, stub_path, kid, size, signature, public = row
        envelope = Envelope(
            header=header,
            kid=kid,
            signature=signature,
            size=size,
            index=leaf,
            path=path,
            stub=stub,
            stub_path=stub_path,
        )
        return envelope, public

    def promise(self, revision: int) -> str:
        """Return where a revision was when it was acknowledged.

        Raises:
            NotFound: no such revision is on this shelf.
        """
        row = self._sql.execute("SELECT promise FROM sealed WHERE position=?", [revision]).fetchone()
        if row is None:
            raise NotFound
        return str(row[0])

    def used_gates(self) -> list[int]:
        """Return the gates behind which anything stands on this shelf."""
        rows = self._sql.execute("SELECT gate FROM open_head WHERE entries > 0 ORDER BY gate")
        return [row[0] for row in rows]

    def gate(self, number: int) -> Gate:
        """Return an open gate by its number."""
        (value,) = self._sql.execute("SELECT value FROM open_gate WHERE gate=?", [number]).fetchone()
        return _gate_reader.decode(value)

    def items_at(self, positions: Sequence[int]) -> list[tuple[int, int]]:
        """Return (position, item) of the entries at `positions`, in that order."""
        found: dict[int, int] = {}
        for some in by_hundreds(positions):
            rows = self._sql.execute(
                f"SELECT since, item FROM by_time WHERE since IN ({','.join('?' * len(some))})", some
            )
            found.update(rows.fetchall())
        return [(position, found[position]) for position in positions if position in found]

    def between(
        self, after: int, before: int, limit: int, *, only: Sequence[int] | None = None, but: Sequence[int] = ()
    ) -> list[tuple[int, int]]:
        """Return up to `limit` (position, item) between two positions, oldest first, behind some of the gates."""
        return self._sql.merged(
            "since, item",
            "by_gate",
            "since > ? AND since < ?",
            [after, before],
            order="since",
            down=False,
            limit=limit,
            after=after,
            among=only,
            but=but,
        )

    def ended_after(self, position: int, limit: int) -> list[tuple[int, int]]:
        """Return up to `limit` (position, item) of what stopped standing behind a gate that is or was open."""
        return self._sql.merged(
            "until, item",
            "ended",
            "until > ?",
            [position],
            order="until",
            down=False,
            limit=limit,
            after=position,
            past=True,
        )

    def stood_behind(self, gate: int, at: int, after: int, limit: int) -> list[tuple[int, int]]:
        """Return up to `limit` (since, item) of what stood behind a gate just before `at`, came past `after`, in order.

        What still stands and what ended later lie in two indexes; each is asked for a page of its own.
        """
        page = "SELECT since, item FROM stood WHERE gate=? AND since > ? AND since < ? AND until"
        rows = self._sql.past(
            f"SELECT * FROM ({page} IS NULL ORDER BY since LIMIT ?) AS standing UNION ALL"
            f" SELECT * FROM ({page} >= ? ORDER BY since LIMIT ?) AS gone ORDER BY since LIMIT ?",
            [gate, after, at, limit, gate, after, at, at, limit, limit],
        )
        return rows.fetchall()

    def gather(self, items: Iterable[int]) -> None:
        """Look up at once where each of some items ever stood; kept for as long as the snapshot."""
        for some in by_hundreds(item for item in dict.fromkeys(items) if item not in self._stood):
            self._stood.update((item, []) for item in some)
            rows = self._sql.past(
                "SELECT item, gate, since, until, revision FROM stood"
                f" WHERE item IN ({','.join('?' * len(some))}) ORDER BY item, since",
                some,
            )
            for item, *where in rows:
                self._stood[item].append(Stood(*where))

    def stood(self, item: int) -> list[Stood]:
        """Return where an item ever stood, as far as the gates are or were open, oldest first."""
        self.gather([item])
        return self._stood[item]

    def standing(self, items: Sequence[int]) -> set[int]:
        """Return those of some items that stand on this shelf."""
        found: set[int] = set()
        for some in by_hundreds(items):
            rows = self._sql.execute(f"SELECT item FROM by_item WHERE item IN ({','.join('?' * len(some))})", some)
            found.update(item for (item,) in rows)
        return found

    def once_named(self, item: int) -> tuple[Ref, str]:
        """Return the reference and kind of an item that is or was released."""
        originator, ident, kind = self._sql.past(
            "SELECT originator, id, kind FROM once_named WHERE item=?", [item]
        ).fetchone()
        return Ref(originator, ident.hex()), kind

    def fresh_hits(self, patterns: Sequence[str], after: int, before: int, limit: int, *, newest: bool) -> list[int]:
        """Return hits between two positions among the entries that are not yet in a segment of the word index."""
        wanted = " AND ".join([self._sql.holds("terms")] * len(patterns))
        rows = self._sql.execute(
            f"SELECT since FROM fresh_words WHERE since > ? AND since < ? AND {wanted}"
            f" ORDER BY since {'DESC' if newest else 'ASC'} LIMIT ?",
            [after, before, *patterns, limit],
        )
        return [row[0] for row in rows]

    def placed(self, gates: Sequence[int], opening: int, skip: int, limit: int) -> list[int]:
        """Return where what came with an opening stands: what stood behind `gates` just then, in order, after `skip`.

        The same for ever, whatever ended or moved since, so that the rank of each is an instant of its own.
        """
        rows = self._sql.past(
            f"SELECT since FROM stood WHERE gate IN ({','.join('?' * len(gates))}) AND since < ?"
            " AND (until IS NULL OR until >= ?) ORDER BY since LIMIT ? OFFSET ?",
            [*gates, opening, opening, limit, skip],
        )
        return [row[0] for row in rows]

    def rank(self, gates: Sequence[int], opening: int, since: int, start: int = 0) -> int:
        """Return the rank, from 0, of what came with an opening and stands at `since`, counted from `start` on."""
        (before,) = self._sql.past(
            f"SELECT count(*) FROM stood WHERE gate IN ({','.join('?' * len(gates))}) AND since >= ? AND since < ?"
            " AND (until IS NULL OR until >= ?)",
            [*gates, start, since, opening],
        ).fetchone()
        return int(before)

    def ask(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run one of the search's own questions; the wall holds for it as for every other."""
        return self._sql.execute(query, parameters).fetchall()


def _entry(row: Sequence[Any]) -> Entry:
    since, revision, gate, rev, originator, ident, kind, title, author, label, entered, brief = row
    return Entry(
        position=since,
        gate=gate,
        revision=rev,
        revision_position=revision,
        ref=Ref(originator, ident.hex()),
        kind=kind,
        title=title,
        author=author,
        label=_label(label),
        entered=entered,
        brief=brief,
    )
