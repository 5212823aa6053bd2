"""The wall in SQLite: reading connections that can see released entries and nothing else.

A reading connection is read-only; its gates lie in a temporary table; every view filters by them under a secret name;
an authorizer refuses whatever does not come through those views.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from diwan.registry.engines.lines import Row, Rows
from diwan.registry.engines.sqlite_file import REGISTER, WORDS, File, whole_connection
from diwan.terms.gate import World

_ALLOWED: Final = "IN (SELECT gate FROM temp.allowed)"
_EVER: Final = "IN (SELECT gate FROM temp.ever)"

_VERSION: Final = (
    "a.value, a.gate, a.originator, a.version, a.since, a.written, a.content,"
    " (SELECT i.id FROM main.stand s JOIN main.item i ON i.number = s.item WHERE s.since = a.since) AS id,"
    " (SELECT p.data FROM main.part p WHERE p.number = a.part) AS data"
)

# What a reading connection offers, by name.  A view without a gate filter holds nothing of any item.  What a question
# may leave unused is a sub-select and not a join: SQLite asks leave to count the rows of a joined table it reads no
# column of, and that leave is what the wall never gives.
VIEWS: Final = {
    "fact": "SELECT name, value FROM main.state WHERE name IN ('rules', 'gates', 'moves', 'stands', 'shut')",
    "milestone": "SELECT since FROM main.mile",
    "open_gate": f"SELECT number AS gate, value FROM main.gate WHERE number {_ALLOWED}",
    "open_head": f"SELECT gate, entries, newest, ended FROM main.head WHERE gate {_ALLOWED}",
    "open_counter": f"SELECT gate, kind, entries FROM main.counter WHERE gate {_ALLOWED}",
    "by_gate": "SELECT since, item, gate, revision FROM main.stand INDEXED BY stand_open"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "by_time": "SELECT since, item, gate, revision FROM main.stand NOT INDEXED"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "by_item": "SELECT since, item, gate, revision FROM main.stand INDEXED BY stand_item"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "ended": f"SELECT until, item FROM main.stand INDEXED BY stand_closed WHERE until IS NOT NULL AND gate {_EVER}",
    "stood": f"SELECT item, gate, since, until, revision FROM main.stand WHERE gate {_EVER}",
    "once_named": "SELECT number AS item, originator, id, kind FROM main.item i WHERE EXISTS"
    f" (SELECT 1 FROM main.stand s WHERE s.item = i.number AND s.gate {_EVER})",
    "named": "SELECT number AS item, originator, id, parent FROM main.item i WHERE EXISTS"
    f" (SELECT 1 FROM main.stand s WHERE s.item = i.number AND s.until IS NULL AND s.gate {_ALLOWED})",
    "child": "SELECT i.parent, s.since, s.revision, s.gate FROM main.item i JOIN main.stand s ON s.item = i.number"
    f" WHERE i.parent IS NOT NULL AND s.until IS NULL AND s.gate {_ALLOWED}",
    "text": "SELECT r.position, r.item, r.rev, r.gate, r.originator, r.id, r.kind, r.entered, r.title, r.author,"
    " r.brief, (SELECT l.value FROM main.label l WHERE l.number = r.label) AS label FROM main.revision r"
    f" WHERE r.gate {_ALLOWED}",
    "filed": f"SELECT r.position, r.terms FROM main.revision r WHERE r.gate {_ALLOWED}",
    "sealed": "SELECT r.position, r.header, r.stub, r.leaf, r.path, r.stub_path, b.kid, b.size, b.signature, b.promise,"
    " k.public FROM main.revision r JOIN main.batch b ON b.number = r.batch"
    f" JOIN main.signing_key k ON k.kid = b.kid WHERE r.gate {_ALLOWED}",
    "bytes": "SELECT p.item, p.digest, p.name, p.media_type, p.salt, coalesce(p.data, (SELECT o.data FROM main.part o"
    " WHERE o.number = p.same_as)) AS data FROM main.part p WHERE EXISTS"
    # A part is shown to whoever may read a header that names it: what was corrected before may be for fewer.
    f" (SELECT 1 FROM main.revision r WHERE r.item = p.item AND r.gate {_ALLOWED}"
    " AND instr(r.header, CAST(lower(hex(p.digest)) AS BLOB)) > 0)",
    "also_known": "SELECT value, gate, originator, version, since, written, content FROM main.alias"
    f" WHERE gate {_ALLOWED}",
    "version_by_time": f"SELECT {_VERSION} FROM main.alias a INDEXED BY alias_since"
    f" WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "version_by_gate": f"SELECT {_VERSION} FROM main.alias a INDEXED BY alias_version"
    f" WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "version_by_name": f"SELECT {_VERSION} FROM main.alias a WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "pointer": f"SELECT value, gate, since, relation FROM main.link WHERE gate {_ALLOWED}",
    "mentioned": f"SELECT value, gate, since FROM main.mention WHERE gate {_ALLOWED}",
    "mentioned_by_gate": f"SELECT value, gate, since FROM main.mention NOT INDEXED WHERE gate {_ALLOWED}",
    "mentioned_by_time": f"SELECT value, gate, since FROM main.mention INDEXED BY mention_time WHERE gate {_ALLOWED}",
    "fresh_words": f"SELECT since, gate, terms FROM main.tail WHERE gate {_ALLOWED}",
    "segments": "SELECT number, low, high FROM words.segment",
    "common": "SELECT segment, term, postings FROM words.common_term",
    "words_by_gate": f"SELECT segment, term, gate, since FROM words.posting_by_gate WHERE gate {_ALLOWED}",
    "words_by_time": f"SELECT segment, term, gate, since FROM words.posting_by_time WHERE gate {_ALLOWED}",
}

MOVES: Final = (
    "DELETE FROM temp.{} WHERE gate IN (SELECT value FROM json_each(?))",
    "INSERT INTO temp.{} SELECT value FROM json_each(?)",
)
"""What takes gates, as a JSON array, from a reading connection's tables, and what adds them."""

# Tables that hold nothing of any item: to count their rows is no secret.
_PLAIN: Final = frozenset({"state", "mile", "segment", "common_term"})

# What the house reads for itself: the rules, the keys, the audit log, and who is who.
_OWN: Final = frozenset({"state", "policy", "membership", "signing_key", "leaf", "node", "account", "ticket", "note"})

_FREE: Final = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_RECURSIVE)


class Pages(File):
    """A reading connection: it can see what stands behind its gates, and refuses everything else."""

    allowed: frozenset[int] = frozenset()
    once: frozenset[int] = frozenset()
    place: tuple[int, World]
    """Whose wall it is."""

    _moves: bool = False
    _unsaid: str = ""
    """What stands in a question that moves the wall: one that was prepared once is asked again without leave."""

    def raise_wall(self) -> None:
        """Lay the views under secret names and let nothing through but them."""
        nonce, self._unsaid = secrets.token_hex(8), secrets.token_hex(8)
        for name, select in VIEWS.items():
            self.execute(f"CREATE TEMP VIEW {name}_{nonce} AS {select}")
            self.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {name}_{nonce}")
        inner = {f"{name}_{nonce}": name for name in VIEWS}

        def authorize(action: int, table: str | None, _: str | None, __: str | None, source: str | None) -> int:
            if action in _FREE or self._moves:
                return sqlite3.SQLITE_OK
            through = action == sqlite3.SQLITE_READ and (
                source in inner or table in VIEWS or table in _PLAIN or (table in inner and source == inner[table])
            )
            return sqlite3.SQLITE_OK if through else sqlite3.SQLITE_DENY

        self.set_authorizer(authorize)

    joined: Final = "CROSS JOIN"

    def look(self, query: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Begin to read and ask a first question."""
        self.snapshot()
        return self.execute(query, parameters)

    def latest(self) -> tuple[int, int]:
        """Return the latest positions at which anything came to stand, and ended, behind the gates."""
        newest, ended = self.execute("SELECT max(newest), max(ended) FROM open_head").fetchone()
        return newest or 0, ended or 0

    def anything_after(self, position: int) -> bool:
        """Return whether anything came to stand behind the gates past a position."""
        return self.execute("SELECT 1 FROM open_head WHERE newest > ? LIMIT 1", [position]).fetchone() is not None

    def past(self, query: str, parameters: Sequence[Any] = ()) -> Rows:
        """Ask about what stood behind gates that are or once were open: its views see them by themselves."""
        return self.execute(query, parameters)

    def merged(
        self,
        what: str,
        source: str,
        where: str,
        bound: Sequence[Any],
        *,
        order: str,
        down: bool,
        limit: int,
        gate: str = "gate",
        after: int | None = None,
        past: bool = False,
        among: Sequence[int] | None = None,
        but: Sequence[int] = (),
    ) -> list[Row]:
        """Return rows gate by gate in order: of a list of gates this engine merges by itself."""
        only = "" if among is None else f" AND {gate} IN ({','.join('?' * len(among))})"
        beside = f" AND {gate} NOT IN ({','.join('?' * len(but))})" if but else ""
        return self.execute(
            f"SELECT {what} FROM {source} WHERE {where}{only}{beside}"
            f" ORDER BY {order} {'DESC' if down else 'ASC'} LIMIT ?",
            [*bound, *(among or ()), *but, limit],
        ).fetchall()

    def holds(self, column: str) -> str:
        """Return the condition that a text column holds a bound text."""
        return f"instr({column}, ?)"

    def admit(self, allowed: Collection[int], once: Collection[int]) -> None:
        """Move the wall to these gates and no others; only ever called by whoever lends this connection.

        Where that fails the connection is not to be lent: it stands between two walls.  The authorizer stays where it
        is, for without it every question would have to be prepared anew.
        """
        self._moves = True
        try:
            self.fill(allowed, once)
        finally:
            self._moves = False

    def fill(self, allowed: Collection[int], once: Collection[int]) -> None:
        """Write gate numbers into the connection's own temporary tables, in place of those that stood there."""
        now, before = (frozenset(allowed), frozenset((*allowed, *once))), (self.allowed, self.allowed | self.once)
        self.execute("BEGIN")
        for table, wanted, stood in zip(("allowed", "ever"), now, before, strict=True):
            # Of however many gates: with every statement the interpreter is given away and waited for.
            gone, come = (msgspec.json.encode(list(gates)).decode() for gates in (stood - wanted, wanted - stood))
            for move, gates in zip(MOVES, (gone, come), strict=True):
                self.execute(f"{move.format(table)} -- {self._unsaid}", [gates])
        self.execute("COMMIT")
        self.allowed, self.once = frozenset(allowed), frozenset(once)


def reading_connection(folder: Path, allowed: Collection[int], once: Collection[int]) -> Pages:
    """Open a connection that can see what stands behind the gates `allowed`.

    `once` are gates that were open to the reader before: what stands there shows only as having been withdrawn.
    """
    pages = sqlite3.connect(
        f"file:{folder / REGISTER}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=60,
        factory=Pages,
        cached_statements=256,
    )
    pages.execute("ATTACH DATABASE ? AS words", [f"file:{folder / WORDS}?mode=ro"])
    # Every commit empties it: with 8 MiB a page of 100,000 entries took as long.
    pages.execute("PRAGMA cache_size=-2048")
    pages.execute("PRAGMA temp_store=MEMORY")
    pages.execute("CREATE TEMP TABLE allowed(gate INTEGER PRIMARY KEY)")
    pages.execute("CREATE TEMP TABLE ever(gate INTEGER PRIMARY KEY)")
    pages.fill(allowed, once)
    pages.raise_wall()
    return pages


def own_connection(folder: Path) -> File:
    """Open the house's own reading connection: it refuses every table that holds anything of an item."""
    pages = whole_connection(folder)

    def authorize(action: int, table: str | None, _: str | None, __: str | None, ___: str | None) -> int:
        own = action in _FREE or (action == sqlite3.SQLITE_READ and table in _OWN)
        return sqlite3.SQLITE_OK if own else sqlite3.SQLITE_DENY

    pages.set_authorizer(authorize)
    return pages
