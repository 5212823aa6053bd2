"""The past of a shelf: where things stood behind gates that are open to a reader class, or once were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from diwan.registry.engines.lines import Pages
from diwan.registry.found import by_hundreds
from diwan.registry.grants import Grant
from diwan.terms.item import Ref


class Stood(msgspec.Struct, frozen=True):
    """That an item stood behind a gate, in one revision, from one position until before another (None: still)."""

    gate: int
    since: int
    until: int | None
    revision: int


class Past:
    """Answers about what stood and what ended, within one snapshot of the register."""

    def __init__(self, pages: Pages, moved: tuple[Grant, ...]) -> None:
        """Ask through `pages`; `moved` are the grants that changed for this class."""
        self.pages = pages
        self.moved = moved
        self._stood: dict[int, list[Stood]] = {}

    def stood(self, item: int) -> list[Stood]:
        """Return where an item ever stood, as far as the gates are or were open, oldest first."""
        self.gather([item])
        return self._stood[item]

    def gather(self, items: Iterable[int]) -> None:
        """Look up at once where each of some items ever stood; kept for as long as the snapshot."""
        for some in by_hundreds(item for item in dict.fromkeys(items) if item not in self._stood):
            self._stood.update((item, []) for item in some)
            rows = self.pages.past(
                "SELECT item, gate, since, until, revision FROM stood"
                f" WHERE item IN ({','.join('?' * len(some))}) ORDER BY item, since",
                some,
            )
            for item, *where in rows:
                self._stood[item].append(Stood(*where))

    def once_named(self, item: int) -> tuple[Ref, str]:
        """Return the reference and kind of an item that is or was released."""
        originator, ident, kind = self.pages.past(
            "SELECT originator, id, kind FROM once_named WHERE item=?", [item]
        ).fetchone()
        return Ref(originator, ident.hex()), kind

    def ended_after(self, position: int, limit: int) -> list[tuple[int, int]]:
        """Return up to `limit` (position, item) of what stopped standing behind a gate that is or was open."""
        return self.pages.merged(
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
        rows = self.pages.past(
            f"SELECT * FROM ({page} IS NULL ORDER BY since LIMIT ?) AS standing UNION ALL"
            f" SELECT * FROM ({page} >= ? ORDER BY since LIMIT ?) AS gone ORDER BY since LIMIT ?",
            [gate, after, at, limit, gate, after, at, at, limit, limit],
        )
        return rows.fetchall()

    def placed(self, gates: Sequence[int], opening: int, skip: int, limit: int) -> list[int]:
        """Return where what came with an opening stands: what stood behind `gates` just then, in order, after `skip`.

        The same for ever, whatever ended or moved since, so that the rank of each is an instant of its own.
        """
        rows = self.pages.past(
            f"SELECT since FROM stood WHERE gate IN ({','.join('?' * len(gates))}) AND since < ?"
            " AND (until IS NULL OR until >= ?) ORDER BY since LIMIT ? OFFSET ?",
            [*gates, opening, opening, limit, skip],
        )
        return [row[0] for row in rows]

    def rank(self, gates: Sequence[int], opening: int, since: int, start: int = 0) -> int:
        """Return the rank, from 0, of what came with an opening and stands at `since`, counted from `start` on."""
        (before,) = self.pages.past(
            f"SELECT count(*) FROM stood WHERE gate IN ({','.join('?' * len(gates))}) AND since >= ? AND since < ?"
            " AND (until IS NULL OR until >= ?)",
            [*gates, start, since, opening],
        ).fetchone()
        return int(before)
