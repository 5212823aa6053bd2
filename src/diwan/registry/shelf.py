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
from diwan.registry.past import Past
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


@lru_cache(maxsize=8192)
def _label(value: bytes) -> Label:
    return unpack(value)


class Shelf(Past):
    """Answers about the entries behind `gates`, within one snapshot of the register."""

    def __init__(self, pages: Pages, gates: frozenset[int], moved: tuple[Grant, ...], merging: Merging) -> None:
        """Ask through `pages`, which sees `gates`; `moved` are the grants that changed for this class.

        `merging` is what it costs the engine to merge gates, beside reading a stretch in time order.
        """
        super().__init__(pages, moved)
        self._merging = merging
        self.gates = gates

    def facts(self) -> Mapping[str, int]:
        """Return the register's own numbers."""
        return dict(self.pages.execute(FACTS))

    def density(self) -> float:
        """Return this shelf's standing entries as a share of all standings ever given, ended ones included.

        That is the share of rows that a stretch in time order yields: milestones count the ended ones too, and the
        stretch reads over them.  Only ever used to choose a plan.
        """
        (mine,) = self.pages.execute("SELECT coalesce(sum(entries), 0) FROM open_head").fetchone()
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
            rows = self.pages.execute(
                f"SELECT since FROM by_time WHERE since {past} ? AND since {short} ? ORDER BY since {order} LIMIT ?",
                [start, edge, limit],
            ).fetchall()
            if len(rows) == limit or edge == end:
                return [row[0] for row in rows]
        rows = self.pages.merged(
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
        row = self.pages.execute(
            f"SELECT since FROM milestone WHERE since {past} ? ORDER BY since {order} LIMIT 1 OFFSET ?",
            [start, miles],
        ).fetchone()
        return int(row[0]) if row else (0 if down else NEVER)

    def newest_change(self) -> int:
        """Return the latest position at which anything here came to stand or ended, or a gate opened or shut."""
        # Of a gate that shut, its end in the reader's grants is the last that is theirs to know.
        return max([*self.pages.latest(), *(max(grant.opened, grant.closed or 0) for grant in self.moved)])

    def anything_after(self, position: int) -> bool:
        """Return whether any open gate may hold an entry above `position`; cheap, for tail polls."""
        return self.pages.anything_after(position)

    def entries(self, positions: Sequence[int]) -> list[Entry]:
        """Return the standing entries at `positions`, in that order; what no longer stands is left out."""
        found: dict[int, Entry] = {}
        for some in by_hundreds(positions):
            rows = self.pages.execute(
                f"SELECT s.since, {_TEXT} FROM by_time s JOIN text t ON t.position=s.revision"
                f" WHERE s.since IN ({','.join('?' * len(some))})",
                some,
            )
            found.update((row[0], _entry(row)) for row in rows)
        return [found[position] for position in positions if position in found]

    def get(self, ref: Ref) -> Entry | None:
        """Return the standing entry of `ref`, or None."""
        row = self.pages.execute(
            f"SELECT s.since, {_TEXT} FROM named n JOIN by_item s ON s.item=n.item"
            " JOIN text t ON t.position=s.revision WHERE n.originator=? AND n.id=?",
            [ref.originator, bytes.fromhex(ref.id)],
        ).fetchone()
        return _entry(row) if row else None

    def item(self, ref: Ref) -> int | None:
        """Return the number of a standing item, or None."""
        row = self.pages.execute(
            "SELECT item FROM named WHERE originator=? AND id=?", [ref.originator, bytes.fromhex(ref.id)]
        ).fetchone()
        return int(row[0]) if row else None

    def parent(self, ref: Ref) -> Entry | None:
        """Return the entry that `ref` stands under, or None."""
        row = self.pages.execute(
            f"SELECT s.since, {_TEXT} FROM named n JOIN by_item s ON s.item=n.parent"
            " JOIN text t ON t.position=s.revision WHERE n.originator=? AND n.id=?",
            [ref.originator, bytes.fromhex(ref.id)],
        ).fetchone()
        return _entry(row) if row else None

    def children(self, item: int, limit: int) -> list[int]:
        """Return up to `limit` positions of what stands under an item, newest first."""
        rows = self.pages.execute("SELECT since FROM child WHERE parent=? ORDER BY since DESC LIMIT ?", [item, limit])
        return [row[0] for row in rows]

    def history(self, item: int) -> list[Entry]:
        """Return every revision of an item that this shelf may hold, newest first."""
        rows = self.pages.execute(
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
            rows = self.pages.execute(
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
        (found,) = self.pages.execute(query, bound).fetchone()
        return int(found)

    def kinds(self) -> dict[str, int]:
        """Return how many entries of each kind stand on this shelf."""
        rows = self.pages.execute(
            "SELECT kind, sum(entries) FROM open_counter GROUP BY kind HAVING sum(entries)>0 ORDER BY kind"
        )
        return dict(rows.fetchall())

    def known_as(self, value: str) -> list[int]:
        """Return the positions of what is known under an alias, newest first."""
        rows = self.pages.execute("SELECT since FROM also_known WHERE value=? ORDER BY since DESC", [value])
        return [row[0] for row in rows]

    def aliases(self, since: Iterable[int]) -> dict[int, list[str]]:
        """Return the aliases of the entries at `since`."""
        found: dict[int, list[str]] = {}
        for position in since:
            rows = self.pages.execute("SELECT value FROM also_known WHERE since=? ORDER BY value", [position])
            found[position] = [row[0] for row in rows]
        return found

    def links_from(self, since: int) -> list[tuple[str, str]]:
        """Return (relation, alias) of every link that the entry at `since` draws."""
        rows = self.pages.execute("SELECT relation, value FROM pointer WHERE since=? ORDER BY relation, value", [since])
        return rows.fetchall()

    def links_to(self, value: str, limit: int) -> list[tuple[str, int]]:
        """Return (relation, position) of entries that point to an alias, newest first."""
        rows = self.pages.merged(
            "since, relation", "pointer", "value=?", [value], order="since", down=True, limit=limit
        )
        return [(relation, since) for since, relation in rows]

    def mentions(self, since: int) -> list[str]:
        """Return the values that the entry at `since` can be correlated by."""
        rows = self.pages.execute("SELECT value FROM mentioned WHERE since=? ORDER BY value", [since])
        return [row[0] for row in rows]

    def mentioning(self, value: str, limit: int, density: float) -> list[int]:
        """Return up to `limit` positions of entries that mention `value`, newest first."""
        value = filed(value)
        # Read in time order, what is hidden under the value is read with it, in no stretch that bounds it: so only
        # where more than half is the reader's, or as many gates would be looked up as entries are read.
        if limit / max(density, 1e-9) < 2 * max(len(self.gates), limit):
            rows = self.pages.execute(
                "SELECT since FROM mentioned_by_time WHERE value=? ORDER BY since DESC LIMIT ?", [value, limit]
            ).fetchall()
        else:
            rows = self.pages.merged(
                "since", "mentioned_by_gate", "value=?", [value], order="since", down=True, limit=limit
            )
        return [row[0] for row in rows]

    def parts(self, item: int, digests: Sequence[bytes]) -> list[tuple[Part, bytes]]:
        """Return the parts with these salted digests, with their salts, in that order; an erased one is left out."""
        if not digests:
            return []
        # By digest: what an item said before is not fetched, nor does it cost time.
        among = ",".join("?" * len(digests))
        rows = self.pages.execute(
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
        row = self.pages.execute(
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
        row = self.pages.execute("SELECT promise FROM sealed WHERE position=?", [revision]).fetchone()
        if row is None:
            raise NotFound
        return str(row[0])

    def used_gates(self) -> list[int]:
        """Return the gates behind which anything stands on this shelf."""
        rows = self.pages.execute("SELECT gate FROM open_head WHERE entries > 0 ORDER BY gate")
        return [row[0] for row in rows]

    def gate(self, number: int) -> Gate:
        """Return an open gate by its number."""
        (value,) = self.pages.execute("SELECT value FROM open_gate WHERE gate=?", [number]).fetchone()
        return _gate_reader.decode(value)

    def items_at(self, positions: Sequence[int]) -> list[tuple[int, int]]:
        """Return (position, item) of the entries at `positions`, in that order."""
        found: dict[int, int] = {}
        for some in by_hundreds(positions):
            rows = self.pages.execute(
                f"SELECT since, item FROM by_time WHERE since IN ({','.join('?' * len(some))})", some
            )
            found.update(rows.fetchall())
        return [(position, found[position]) for position in positions if position in found]

    def between(
        self, after: int, before: int, limit: int, *, only: Sequence[int] | None = None, but: Sequence[int] = ()
    ) -> list[tuple[int, int]]:
        """Return up to `limit` (position, item) between two positions, oldest first, behind some of the gates."""
        return self.pages.merged(
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

    def standing(self, items: Sequence[int]) -> set[int]:
        """Return those of some items that stand on this shelf."""
        found: set[int] = set()
        for some in by_hundreds(items):
            rows = self.pages.execute(f"SELECT item FROM by_item WHERE item IN ({','.join('?' * len(some))})", some)
            found.update(item for (item,) in rows)
        return found

    def fresh_hits(
        self, patterns: Sequence[str], after: int, before: int, limit: int, *, newest: bool, among: Sequence[str] = ()
    ) -> list[int]:
        """Return hits between two positions among the entries that are not yet in a segment of the word index.

        They hold every pattern, and of those `among` which any are named at least one.
        """
        holds = self.pages.holds("terms")
        wanted = [*[holds] * len(patterns), *([f"({' OR '.join([holds] * len(among))})"] if among else [])]
        rows = self.pages.execute(
            f"SELECT since FROM fresh_words WHERE since > ? AND since < ? AND {' AND '.join(wanted)}"
            f" ORDER BY since {'DESC' if newest else 'ASC'} LIMIT ?",
            [after, before, *patterns, *among, limit],
        )
        return [row[0] for row in rows]

    def ask(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run one of the search's own questions; the wall holds for it as for every other."""
        return self.pages.execute(query, parameters).fetchall()


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
