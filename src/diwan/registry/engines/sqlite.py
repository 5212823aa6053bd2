"""SQLite: one writing connection, and reading connections that can see released entries and nothing else.

The wall: a reading connection is read-only; its gates lie in a temporary table; every view filters by them under a
secret name; an authorizer refuses whatever does not come through those views.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

REGISTER: Final = "register.db"
WORDS: Final = "words.db"

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
_VIEWS: Final = {
    "fact": "SELECT name, value FROM main.state",
    "milestone": "SELECT since FROM main.mile",
    "open_gate": f"SELECT number AS gate, value FROM main.gate WHERE number {_ALLOWED}",
    "open_head": f"SELECT gate, entries, newest FROM main.head WHERE gate {_ALLOWED}",
    "open_counter": f"SELECT gate, kind, entries FROM main.counter WHERE gate {_ALLOWED}",
    "by_gate": "SELECT since, item, gate, revision FROM main.stand INDEXED BY stand_open"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "by_time": "SELECT since, item, gate, revision FROM main.stand NOT INDEXED"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "by_item": "SELECT since, item, gate, revision FROM main.stand INDEXED BY stand_item"
    f" WHERE until IS NULL AND gate {_ALLOWED}",
    "ended": f"SELECT until, item FROM main.stand INDEXED BY stand_closed WHERE until IS NOT NULL AND gate {_EVER}",
    # Of a gate that shut, its end in the reader's grants is the last that is theirs to know.
    "last_end": "SELECT e.gate, (SELECT max(s.until) FROM main.stand s INDEXED BY stand_closed WHERE s.gate = e.gate"
    f" AND s.until IS NOT NULL) AS until FROM temp.ever e WHERE e.gate {_ALLOWED}",
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
    "sealed": "SELECT r.position, r.header, r.stub, r.leaf, r.path, r.stub_path, b.kid, b.size, b.signature,"
    " k.public FROM main.revision r JOIN main.batch b ON b.number = r.batch"
    f" JOIN main.signing_key k ON k.kid = b.kid WHERE r.gate {_ALLOWED}",
    "bytes": "SELECT p.item, p.digest, p.name, p.media_type, p.salt, coalesce(p.data, (SELECT o.data FROM main.part o"
    " WHERE o.number = p.same_as)) AS data FROM main.part p WHERE EXISTS"
    f" (SELECT 1 FROM main.revision r WHERE r.item = p.item AND r.gate {_ALLOWED})",
    "also_known": "SELECT value, gate, originator, version, since, written, content FROM main.alias"
    f" WHERE gate {_ALLOWED}",
    "version_by_time": f"SELECT {_VERSION} FROM main.alias a INDEXED BY alias_since"
    f" WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "version_by_gate": f"SELECT {_VERSION} FROM main.alias a INDEXED BY alias_version"
    f" WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "version_by_name": f"SELECT {_VERSION} FROM main.alias a WHERE a.version <> '' AND a.gate {_ALLOWED}",
    "pointer": f"SELECT value, gate, since, relation FROM main.link WHERE gate {_ALLOWED}",
    "mentioned": f"SELECT value, gate, since FROM main.mention WHERE gate {_ALLOWED}",
    "fresh_words": f"SELECT since, gate, terms FROM main.tail WHERE gate {_ALLOWED}",
    "segments": "SELECT number, low, high FROM words.segment",
    "common": "SELECT segment, term, postings FROM words.common_term",
    "words_by_gate": f"SELECT segment, term, gate, since FROM words.posting_by_gate WHERE gate {_ALLOWED}",
    "words_by_time": f"SELECT segment, term, gate, since FROM words.posting_by_time WHERE gate {_ALLOWED}",
}

# Tables that hold nothing of any item (`ever` is the connection's own): to count their rows is no secret.
_PLAIN: Final = frozenset({"ever", "state", "mile", "segment", "common_term"})

# What the house reads for itself: the rules, the keys, the audit log, and who is who.
_OWN: Final = frozenset({"state", "policy", "membership", "signing_key", "leaf", "node", "account", "ticket", "note"})

_FREE: Final = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_RECURSIVE)


def writing_connection(file: Path, *, synchronous: str = "FULL", cache: int = 32) -> sqlite3.Connection:
    """Open the one connection that writes `file`: WAL, an fsync per commit, patient with other writers.

    `cache` is in MiB.
    """
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=60)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute(f"PRAGMA cache_size=-{cache * 1024}")
    connection.execute("PRAGMA secure_delete=ON")
    # A batch of 500 objects fills the default thousand pages: its commit then waited for a checkpoint as well.
    connection.execute("PRAGMA wal_autocheckpoint=8192")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class Pages(sqlite3.Connection):
    """A reading connection: it can see what stands behind its gates, and refuses everything else."""

    _guard: Callable[[int, str | None, str | None, str | None, str | None], int]

    def raise_wall(self) -> None:
        """Lay the views under secret names and let nothing through but them."""
        nonce = secrets.token_hex(8)
        for name, select in _VIEWS.items():
            self.execute(f"CREATE TEMP VIEW {name}_{nonce} AS {select}")
            self.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {name}_{nonce}")
        inner = {f"{name}_{nonce}": name for name in _VIEWS}

        def authorize(action: int, table: str | None, _: str | None, __: str | None, source: str | None) -> int:
            if action in _FREE:
                return sqlite3.SQLITE_OK
            through = action == sqlite3.SQLITE_READ and (
                source in inner or table in _VIEWS or table in _PLAIN or (table in inner and source == inner[table])
            )
            return sqlite3.SQLITE_OK if through else sqlite3.SQLITE_DENY

        self._guard = authorize
        self.set_authorizer(authorize)

    def admit(self, allowed: Collection[int], once: Collection[int]) -> None:
        """Add gates; only ever called by the shelf that owns this connection."""
        self.set_authorizer(None)
        try:
            self.fill(allowed, once)
        finally:
            self.set_authorizer(self._guard)

    def fill(self, allowed: Collection[int], once: Collection[int]) -> None:
        """Write gate numbers into the connection's own temporary tables."""
        self.execute("BEGIN")
        self.executemany("INSERT OR IGNORE INTO temp.allowed VALUES(?)", ((gate,) for gate in allowed))
        self.executemany("INSERT OR IGNORE INTO temp.ever VALUES(?)", ((gate,) for gate in (*allowed, *once)))
        self.execute("COMMIT")


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
    pages.execute("PRAGMA cache_size=-8192")
    pages.execute("PRAGMA temp_store=MEMORY")
    pages.execute("CREATE TEMP TABLE allowed(gate INTEGER PRIMARY KEY)")
    pages.execute("CREATE TEMP TABLE ever(gate INTEGER PRIMARY KEY)")
    pages.fill(allowed, once)
    pages.raise_wall()
    return pages


def own_connection(folder: Path) -> sqlite3.Connection:
    """Open the house's own reading connection: it refuses every table that holds anything of an item."""
    pages = sqlite3.connect(
        f"file:{folder / REGISTER}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=60
    )

    def authorize(action: int, table: str | None, _: str | None, __: str | None, ___: str | None) -> int:
        own = action in _FREE or (action == sqlite3.SQLITE_READ and table in _OWN)
        return sqlite3.SQLITE_OK if own else sqlite3.SQLITE_DENY

    pages.set_authorizer(authorize)
    return pages
