"""PostgreSQL's walls: who may touch what, row policies on every table that holds anything of an item, and the views.

The first wall are the views, each of which filters by the gates that are open; the second are the row policies, which
filter again whatever is asked, be it past the views.  Both look the gate up in a bitmap that the transaction was given
(`SET LOCAL diwan.gates`); where none was given, nobody sees anything.  A bitmap and not a list: to look into it costs
the same for three gates and for five thousand, and both walls together cost one look each for every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from diwan.registry import schema
from diwan.registry.shape import SHAPE

OWNER, WRITER, READER, HOUSE = "diwan_owner", "diwan_writer", "diwan_reader", "diwan_house"
"""Owns the tables and changes their shape; writes; reads for readers; reads accounts, keys and the audit log."""

VIEWS: Final = f"wall_{SHAPE}"
"""The schema of the views of this shape: those of the shape before it stay, for software that still runs."""


def _open(column: str) -> str:
    # Sub-selects, so that the setting is read and decoded once for each question and not for each row.
    return (
        f"CASE WHEN {column} < (SELECT 8 * octet_length(decode(coalesce(current_setting('diwan.gates', true), ''),"
        f" 'hex'))) THEN get_bit((SELECT decode(coalesce(current_setting('diwan.gates', true), ''), 'hex')),"
        f" {column}) = 1 ELSE false END"
    )


def _any(table: str, condition: str) -> str:
    # Not EXISTS: that the planner may answer by hashing the whole table, once it thinks that rows are many.
    return f"coalesce((SELECT true FROM {table} WHERE {condition} LIMIT 1), false)"


_VERSION: Final = (
    "a.value, a.gate, a.originator, a.version, a.since, a.written, a.content,"
    " (SELECT i.id FROM register.stand s JOIN register.item i ON i.number = s.item WHERE s.since = a.since) AS id,"
    " (SELECT p.data FROM register.part p WHERE p.number = a.part) AS data"
)
_STANDING: Final = f"SELECT since, item, gate, revision FROM register.stand WHERE until IS NULL AND {_open('gate')}"

_VIEW: Final = {
    "fact": "SELECT name, value FROM register.state WHERE name IN ('rules', 'gates', 'moves', 'stands', 'shut')",
    "milestone": "SELECT since FROM register.mile",
    "open_gate": f"SELECT number AS gate, value FROM register.gate WHERE {_open('number')}",
    "open_head": f"SELECT gate, entries, newest, ended FROM register.head WHERE {_open('gate')}",
    "open_counter": f"SELECT gate, kind, entries FROM register.counter WHERE {_open('gate')}",
    "by_gate": _STANDING,
    "by_time": _STANDING,
    "by_item": _STANDING,
    "ended": f"SELECT until, item, gate FROM register.stand WHERE until IS NOT NULL AND {_open('gate')}",
    "stood": f"SELECT item, gate, since, until, revision FROM register.stand WHERE {_open('gate')}",
    "once_named": "SELECT number AS item, originator, id, kind FROM register.item i WHERE "
    + _any("register.stand s", f"s.item = i.number AND {_open('s.gate')}"),
    "named": "SELECT number AS item, originator, id, parent FROM register.item i WHERE "
    + _any("register.stand s", f"s.item = i.number AND s.until IS NULL AND {_open('s.gate')}"),
    "child": "SELECT i.parent, s.since, s.revision, s.gate FROM register.item i JOIN register.stand s"
    f" ON s.item = i.number WHERE i.parent IS NOT NULL AND s.until IS NULL AND {_open('s.gate')}",
    "text": "SELECT r.position, r.item, r.rev, r.gate, r.originator, r.id, r.kind, r.entered, r.title, r.author,"
    " r.brief, (SELECT l.value FROM register.label l WHERE l.number = r.label) AS label FROM register.revision r"
    f" WHERE {_open('r.gate')}",
    "filed": f"SELECT r.position, r.terms FROM register.revision r WHERE {_open('r.gate')}",
    "sealed": "SELECT r.position, r.header, r.stub, r.leaf, r.path, r.stub_path, b.kid, b.size, b.signature, b.promise,"
    " k.public FROM register.revision r JOIN register.batch b ON b.number = r.batch"
    f" JOIN register.signing_key k ON k.kid = b.kid WHERE {_open('r.gate')}",
    "bytes": "SELECT p.item, p.digest, p.name, p.media_type, p.salt, coalesce(p.data, (SELECT o.data FROM"
    " register.part o WHERE o.number = p.same_as)) AS data FROM register.part p WHERE "
    # A part is shown to whoever may read a header that names it: what was corrected before may be for fewer.
    + _any(
        "register.revision r",
        f"r.item = p.item AND {_open('r.gate')} AND position(encode(p.digest, 'hex')::bytea IN r.header) > 0",
    ),
    "also_known": "SELECT value, gate, originator, version, since, written, content FROM register.alias"
    f" WHERE {_open('gate')}",
    "version_by_time": f"SELECT {_VERSION} FROM register.alias a WHERE a.version <> '' AND {_open('a.gate')}",
    "version_by_gate": f"SELECT {_VERSION} FROM register.alias a WHERE a.version <> '' AND {_open('a.gate')}",
    "version_by_name": f"SELECT {_VERSION} FROM register.alias a WHERE a.version <> '' AND {_open('a.gate')}",
    "pointer": f"SELECT value, gate, since, relation FROM register.link WHERE {_open('gate')}",
    "mentioned": f"SELECT value, gate, since FROM register.mention WHERE {_open('gate')}",
    "mentioned_by_gate": f"SELECT value, gate, since FROM register.mention WHERE {_open('gate')}",
    "mentioned_by_time": f"SELECT value, gate, since FROM register.mention WHERE {_open('gate')}",
    "fresh_words": f"SELECT since, gate, terms FROM register.tail WHERE {_open('gate')}",
    "segments": "SELECT number, low, high FROM words.segment",
    "common": "SELECT segment, term, postings FROM words.common_term",
    "words_by_gate": f"SELECT segment, term, gate, since FROM words.posting_by_gate WHERE {_open('gate')}",
    "words_by_time": f"SELECT segment, term, gate, since FROM words.posting_by_time WHERE {_open('gate')}",
}

# What a reader may be shown of each table, asked past the views.  The sub-selects are under policies themselves.
_POLICY: Final = {
    "register.gate": _open("number"),
    "register.label": _any("register.gate_label g", "g.label = label.number"),
    "register.gate_label": _open("gate"),
    "register.item": _any("register.stand s", "s.item = item.number"),
    "register.revision": _open("gate"),
    "register.part": _any("register.revision r", "r.item = part.item"),
    "register.batch": _any("register.revision r", "r.batch = batch.number"),
    "register.stand": _open("gate"),
    "register.head": _open("gate"),
    "register.counter": _open("gate"),
    "register.alias": _open("gate"),
    "register.link": _open("gate"),
    "register.mention": _open("gate"),
    "register.tail": _open("gate"),
    "words.posting_by_gate": _open("gate"),
    "words.posting_by_time": _open("gate"),
}

# Nothing of any item: the register's numbers, the public halves of keys, where the stretches of the word index lie.
_PLAIN: Final = ("register.state", "register.mile", "register.signing_key", "words.segment", "words.common_term")

_OWN: Final = ("state", "policy", "membership", "signing_key", "leaf", "node", "account", "ticket", "note")

COLUMNS: Final = {
    f"{name}.{table.name}": [column.name for column in table.columns]
    for name, tables in (("register", schema.REGISTER), ("words", schema.WORDS))
    for table in tables.sorted_tables
}
"""Of each table of register and word index, its columns, in their order."""
_TABLES: Final = tuple(COLUMNS)

TELLING: Final = r"^pg_(stat|statio|stats)(_|$)|^pg_(class|locks|prepared_xacts|statistic_ext)$"
"""Tables and views that tell whoever asks how many rows there are, what is in them, how much is written, who is there.

By pattern, since every version of PostgreSQL adds to them.
"""
TOLD: Final = (
    r"^pg_stat_get_|^pg_(relation|table|indexes|total_relation|database|tablespace)_size$|^pg_relation_file|^currtid"
    r"|^txid_|^pg_current_(xact_id|snapshot|wal)|^pg_last_|^pg_xact_|^pg_lock_status$|^pg_prepared_xact$"
    r"|^pg_get_(multixact|replication_slots|sequence_data)|^pg_sequence_last_value$|^pg_notification_queue"
    r"|^lo_|^lo(read|write)$|^pg_logical_|^pg_control_|^pg_export_snapshot$|_wal_summar|^pg_get_wal_|^pg_(restore|clear)_(relation|attribute)_stats$"
    r"|advisory|^pg_(cancel|terminate)_backend$"
)
"""Functions of the same sort, and those by which something could be written without any table."""


def roles_sql() -> str:
    """Return what a superuser runs once for a cluster: the four roles."""
    made = (
        f"DO $$ BEGIN CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;\n"
        for role in (OWNER, WRITER, READER, HOUSE)
    )
    return "".join(made)


def database_sql(database: str) -> str:
    """Return what a superuser runs once in a node's database: it belongs to the owner, and statistics to no reader."""
    every = f"{OWNER}, {WRITER}, {READER}, {HOUSE}"
    return (
        f'ALTER DATABASE "{database}" OWNER TO {OWNER};\n'
        f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC;\n'
        f'GRANT CONNECT ON DATABASE "{database}" TO {every};\n'
        f'GRANT TEMPORARY ON DATABASE "{database}" TO {WRITER};\n'
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
        + _kept_from_readers(
            "TABLE", "SELECT", "oid::regclass", "pg_class", f"relkind IN ('r', 'v') AND relname ~ '{TELLING}'"
        )
        + _kept_from_readers("FUNCTION", "EXECUTE", "oid::regprocedure", "pg_proc", f"proname ~ '{TOLD}'")
    )


def _kept_from_readers(what: str, right: str, name: str, catalog: str, which: str) -> str:
    return (
        f"DO $$ DECLARE one text; BEGIN FOR one IN SELECT {name} FROM pg_catalog.{catalog} WHERE {which}"
        f" AND {'rel' if what == 'TABLE' else 'pro'}namespace = 'pg_catalog'::regnamespace LOOP"
        f" EXECUTE 'REVOKE {right} ON {what} ' || one || ' FROM PUBLIC';"
        f" EXECUTE 'GRANT {right} ON {what} ' || one || ' TO {OWNER}, {WRITER}, pg_monitor';"
        " END LOOP; END $$;\n"
    )


def script(database: str) -> str:
    """Return all that a superuser runs once with psql where there is no role and no database yet; again is no harm."""
    return (
        "\\set ON_ERROR_STOP on\n"
        + roles_sql()
        + f"SELECT 'CREATE DATABASE \"{database}\" ENCODING ''UTF8'' LOCALE ''C'' TEMPLATE template0'"
        f" WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = '{database}') \\gexec\n"
        f'\\connect "{database}"\n' + database_sql(database)
    )


def lowered() -> Iterator[str]:
    """Yield what lets the owner move rows while it changes the shape; within its transaction alone."""
    for table in _TABLES:
        yield f"ALTER TABLE IF EXISTS {table} NO FORCE ROW LEVEL SECURITY"


def raised() -> Iterator[str]:
    """Yield what lays the walls anew, whatever stood before."""
    yield f"GRANT USAGE ON SCHEMA register, words TO {WRITER}, {READER}"
    yield f"GRANT USAGE ON SCHEMA register TO {HOUSE}"
    for table in _TABLES:
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {READER}, {HOUSE}"
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {WRITER}"
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        for role in ("writer", "reader", "house"):
            yield f"DROP POLICY IF EXISTS {role} ON {table}"
        yield f"CREATE POLICY writer ON {table} TO {WRITER} USING (true) WITH CHECK (true)"
    for table in (*_POLICY, *_PLAIN):
        # Column by column: the row's own address and the transaction that wrote it tell of rows between.
        yield f"GRANT SELECT ({', '.join(COLUMNS[table])}) ON {table} TO {READER}"
        yield f"CREATE POLICY reader ON {table} FOR SELECT TO {READER} USING ({_POLICY.get(table, 'true')})"
    for name in _OWN:
        yield f"GRANT SELECT ON register.{name} TO {HOUSE}"
        yield f"CREATE POLICY house ON register.{name} FOR SELECT TO {HOUSE} USING (true)"
    yield f"GRANT SELECT ON register.shape, words.shape TO {WRITER}, {HOUSE}"
    yield f"DROP SCHEMA IF EXISTS {VIEWS} CASCADE"
    yield f"CREATE SCHEMA {VIEWS}"
    for name, select in _VIEW.items():
        yield f"CREATE VIEW {VIEWS}.{name} WITH (security_invoker = true) AS {select}"
    yield f"GRANT USAGE ON SCHEMA {VIEWS} TO {READER}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {VIEWS} TO {READER}"
