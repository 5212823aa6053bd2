"""PostgreSQL's own wall: what a reader's role gets by SQL of its own, past every view, is what its gates show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from filled import Filled, fill, reader

from diwan.registry import schema
from diwan.registry.engines.postgres_sight import _bitmap
from diwan.registry.engines.postgres_wall import VIEWS
from diwan.terms.gate import World
from postgres_server import Server

OPEN = "gate = ANY({0})"
ITEMS = "SELECT item FROM register.stand WHERE gate = ANY({0})"
REVISIONS = "FROM register.revision WHERE gate = ANY({0})"
# What a reader with some gates may be shown of each table, worked out by who sees everything; None: nothing at all.
SHOWN: dict[str, str | None] = {
    "register.state": "true",
    "register.mile": "true",
    "register.signing_key": "true",
    "words.segment": "true",
    "words.common_term": "true",
    "register.gate": "number = ANY({0})",
    "register.gate_label": OPEN,
    "register.label": "number IN (SELECT label FROM register.gate_label WHERE gate = ANY({0}))",
    "register.item": f"number IN ({ITEMS})",
    "register.revision": OPEN,
    "register.part": f"item IN (SELECT item {REVISIONS})",
    "register.batch": f"number IN (SELECT batch {REVISIONS})",
    "register.stand": OPEN,
    "register.head": OPEN,
    "register.counter": OPEN,
    "register.alias": OPEN,
    "register.link": OPEN,
    "register.mention": OPEN,
    "register.tail": OPEN,
    "words.posting_by_gate": OPEN,
    "words.posting_by_time": OPEN,
    **dict.fromkeys(
        (
            *(f"register.{name}" for name in ("policy", "membership", "reader_class", "seat", "gate_grant", "note")),
            *(f"register.{name}" for name in ("leaf", "node", "account", "ticket", "shape")),
            "words.shape",
        )
    ),
}
PLAIN = {name for name, shown in SHOWN.items() if shown == "true"}
FILTERED = {name for name, shown in SHOWN.items() if shown not in (None, "true")}
HOUSES = {
    f"register.{name}"
    for name in "state policy membership signing_key leaf node account ticket note shape".split()  # noqa: SIM905
}
UNFILTERED_VIEWS = {"fact", "milestone", "segments", "common"}


class Ground:
    """A filled register, and the ways into it."""

    def __init__(self, server: Server, database: str, filled: Filled) -> None:
        self.server, self.database, self.filled = server, database, filled
        with filled.book.shelf(reader("QAT"), World.ACTUAL) as opened:
            self.gates = sorted(opened.shelf.gates)

    @contextmanager
    def as_role(self, role: str, gates: object = None) -> Iterator[psycopg.Connection[Any]]:
        """Log in with plain SQL, within a transaction that is undone."""
        with psycopg.connect(self.database, user=role) as connection:
            if gates is not None:
                said = gates if isinstance(gates, str) else _bitmap(frozenset(gates))  # type: ignore[call-overload]
                connection.execute("SELECT set_config('diwan.gates', %s, true)", [said])
            yield connection
            connection.rollback()

    @contextmanager
    def as_superuser(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.server.superuser_of(self.database)) as connection:
            yield connection
            connection.rollback()

    def shown(self, table: str, gates: list[int]) -> set[tuple[Any, ...]]:
        with self.as_superuser() as connection:
            said = str(SHOWN[table]).format(f"ARRAY[{','.join(map(str, gates))}]::int[]")
            return set(connection.execute(f"SELECT * FROM {table} WHERE {said}").fetchall())


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Ground]:
    database = postgres.database()
    filled = fill(tmp_path_factory.mktemp("node"), database)
    yield Ground(postgres, database, filled)
    filled.book.close()
    postgres.drop(database)


def test_every_table_there_is_is_accounted_for_and_of_each_it_is_said_what_is_shown(ground: Ground) -> None:
    with ground.as_superuser() as connection:
        there = {
            name
            for (name,) in connection.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables"
                " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            )
        }
    planned = {f"register.{table.name}" for table in schema.REGISTER.sorted_tables}
    planned |= {f"words.{table.name}" for table in schema.WORDS.sorted_tables}

    assert there == SHOWN.keys()
    assert there == planned | {"register.shape", "words.shape"}


def test_row_security_is_enabled_and_forced_on_every_table_and_the_owner_sees_no_row(ground: Ground) -> None:
    with ground.as_superuser() as connection:
        kept = {
            name: (enabled, forced)
            for name, enabled, forced in connection.execute(
                "SELECT relnamespace::regnamespace || '.' || relname, relrowsecurity, relforcerowsecurity FROM pg_class"
                " WHERE relkind IN ('r', 'p') AND relnamespace IN ('register'::regnamespace, 'words'::regnamespace)"
            )
        }
        bypassing = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'diwan%' AND (rolbypassrls OR rolsuper OR rolcreaterole)"
        ).fetchall()
    walled = SHOWN.keys() - {"register.shape", "words.shape"}

    assert {name for name, both in kept.items() if both == (True, True)} == walled
    assert bypassing == []
    with ground.as_role("diwan_owner") as connection:
        assert [table for table in walled if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()] == []
    with ground.as_superuser() as connection:
        empty = {table for table in walled if not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall()}
    assert empty <= {"register.account", "register.ticket", "register.note"}


@pytest.mark.parametrize("table", sorted(SHOWN))
def test_without_gates_a_reader_sees_no_row_and_with_some_only_what_is_behind_them(ground: Ground, table: str) -> None:
    if SHOWN[table] is None:
        for gates in (None, ground.gates):
            with (
                ground.as_role("diwan_reader", gates) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(f"SELECT 1 FROM {table}")
        return
    everything = ground.shown(table, list(range(1, 500)))
    mine = ground.shown(table, ground.gates)
    with ground.as_role("diwan_reader") as connection:
        without = set(connection.execute(f"SELECT * FROM {table}").fetchall())
    with ground.as_role("diwan_reader", ground.gates) as connection:
        seen = set(connection.execute(f"SELECT * FROM {table}").fetchall())
        (counted,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (None,)

    assert seen == mine
    assert counted == len(mine)
    assert without == (everything if table in PLAIN else set())
    assert mine and (table in PLAIN or mine < everything)


def test_each_gate_alone_shows_what_is_behind_it_and_no_more(ground: Ground) -> None:
    for gate in ground.gates[::2]:
        with ground.as_role("diwan_reader", [gate]) as connection:
            for table in sorted(FILTERED):
                seen = set(connection.execute(f"SELECT * FROM {table}").fetchall())
                assert seen == ground.shown(table, [gate]), (gate, table)


@pytest.mark.parametrize("gates", [None, [], [400], ""], ids=["none said", "none open", "an unknown one", "nothing"])
def test_views_show_nothing_without_a_gate_that_is_open(ground: Ground, gates: Any) -> None:
    with ground.as_superuser() as connection:
        views = [
            name
            for (name,) in connection.execute(
                "SELECT table_name FROM information_schema.views WHERE table_schema = %s", [VIEWS]
            )
        ]
    with ground.as_role("diwan_reader", gates) as connection:
        shown = {view for view in views if connection.execute(f"SELECT 1 FROM {VIEWS}.{view} LIMIT 1").fetchall()}

    assert shown == UNFILTERED_VIEWS
    assert len(views) > 25


MALFORMED = ["z", "0", "zz", "0x02", "\\x02", " ", "é", "0" * 101, "02\n0g"]


@pytest.mark.parametrize("said", MALFORMED, ids=map(repr, MALFORMED))
def test_a_bitmap_that_is_none_shows_nothing(ground: Ground, said: str) -> None:
    with ground.as_role("diwan_reader", said) as connection:
        for table in sorted(FILTERED):
            try:
                with connection.transaction():
                    found = connection.execute(f"SELECT * FROM {table}").fetchall()
            except psycopg.errors.DataError:  # not even that: what is no bitmap is answered with nothing at all
                continue
            assert found == [], table


def test_a_short_bitmap_shows_less_and_a_huge_one_no_more_than_it_says(ground: Ground) -> None:
    huge = frozenset({*ground.gates, 2_000_000})
    cut = _bitmap(frozenset(ground.gates))[:2]
    with ground.as_role("diwan_reader", huge) as connection:  # type: ignore[arg-type]
        assert set(connection.execute("SELECT * FROM register.stand")) == ground.shown("register.stand", ground.gates)
    with ground.as_role("diwan_reader", cut) as connection:
        few = [gate for gate in ground.gates if gate < 8]
        assert set(connection.execute("SELECT * FROM register.stand")) == ground.shown("register.stand", few)


REFUSED = {
    "a row written": "INSERT INTO register.state VALUES('x', 1)",
    "a row changed": "UPDATE register.revision SET title = ''",
    "a row deleted": "DELETE FROM register.stand",
    "a table emptied": "TRUNCATE register.stand",
    "a row locked": "SELECT 1 FROM register.stand FOR UPDATE",
    "a row merged": "MERGE INTO register.state s USING (SELECT 1) x ON false"
    " WHEN NOT MATCHED THEN INSERT VALUES('x', 1)",
    "a table locked": "LOCK TABLE register.stand IN EXCLUSIVE MODE",
    "a table made": "CREATE TABLE register.mine(n int)",
    "a table made in public": "CREATE TABLE public.mine(n int)",
    "a table made among the views": f"CREATE TABLE {VIEWS}.mine(n int)",
    "a temporary table": "CREATE TEMP TABLE mine(n int)",
    "a schema": "CREATE SCHEMA mine",
    "a function that runs as its owner": "CREATE FUNCTION public.mine() RETURNS int"
    " SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
    "a function of one's own": f"CREATE FUNCTION {VIEWS}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "an operator that leaks": "CREATE OPERATOR public.<<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = text_lt)",
    "a view replaced": f"CREATE OR REPLACE VIEW {VIEWS}.by_gate AS SELECT * FROM register.stand",
    "a view dropped": f"DROP VIEW {VIEWS}.by_gate",
    "a policy dropped": "DROP POLICY reader ON register.stand",
    "a policy made": "CREATE POLICY mine ON register.stand USING (true)",
    "row security taken off": "ALTER TABLE register.stand DISABLE ROW LEVEL SECURITY",
    "row security not forced": "ALTER TABLE register.stand NO FORCE ROW LEVEL SECURITY",
    "a trigger": "CREATE TRIGGER mine BEFORE UPDATE ON register.stand FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "an index": "CREATE INDEX mine ON register.stand(gate)",
    "statistics made": "ANALYZE register.stand; SELECT 1/(SELECT count(*) FROM pg_stats)",
    "extended statistics": "CREATE STATISTICS public.mine ON item, gate FROM register.stand",
    "a comment": "COMMENT ON TABLE register.stand IS 'mine'",
    "rights given": "GRANT ALL ON register.stand TO PUBLIC; SELECT 1 FROM register.account",
    "the owner's role": "SET ROLE diwan_owner",
    "the writer's role": "SET ROLE diwan_writer",
    "the house's role": "SET LOCAL ROLE diwan_house",
    "the superuser's session": "SET SESSION AUTHORIZATION postgres",
    "a role made": "CREATE ROLE mine",
    "one's own role raised": "ALTER ROLE diwan_reader BYPASSRLS",
    "the database altered": "ALTER DATABASE postgres SET work_mem = '1MB'",
    "a file read": "SELECT pg_read_file('/etc/hostname')",
    "a file read as bytes": "SELECT pg_read_binary_file('/etc/hostname')",
    "a folder listed": "SELECT * FROM pg_ls_dir('/')",
    "a file looked at": "SELECT * FROM pg_stat_file('/etc/hostname')",
    "the log listed": "SELECT * FROM pg_ls_logdir()",
    "a copy into a file": "COPY register.stand TO '/dev/null'",
    "a copy into a program": "COPY register.stand TO PROGRAM 'cat'",
    "a copy from a file": "COPY register.state FROM '/etc/hostname'",
    "a large object made": "SELECT lo_create(0)",
    "a large object filled": "SELECT lo_from_bytea(0, 'x')",
    "a large object from a file": "SELECT lo_import('/etc/hostname')",
    "another database": "SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS t(n int)",
    "an extension": "CREATE EXTENSION IF NOT EXISTS plpgsql_check",
    "a foreign server": "CREATE FOREIGN DATA WRAPPER mine",
    "a language": "CREATE LANGUAGE plpython3u",
    "a library": "LOAD 'pg_stat_statements'",
    "a setting of the superuser's": "SET session_replication_role = 'replica'",
    "the log's settings": "SET log_statement = 'all'",
    "the size of a table": "SELECT pg_relation_size('register.stand')",
    "the size of a table with all": "SELECT pg_total_relation_size('register.stand')",
    "the size of the database": "SELECT pg_database_size(current_database())",
    "how many rows there are, about": "SELECT reltuples FROM pg_class",
    "what values are common": "SELECT * FROM pg_stats",
    "what values are common, in the raw": "SELECT * FROM pg_statistic",
    "how many rows were written": "SELECT n_tup_ins FROM pg_stat_all_tables",
    "how many rows a scan passed over": "SELECT pg_stat_get_xact_tuples_returned('register.stand'::regclass)",
    "how many rows scans passed over": "SELECT pg_stat_get_tuples_returned('register.stand'::regclass)",
    "how many rows were written in the database": "SELECT pg_stat_get_db_tuples_inserted(oid) FROM pg_database",
    "how many transactions there were": "SELECT xact_commit FROM pg_stat_database",
    "how many transactions there were, by function": "SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database",
    "the number of the transaction": "SELECT txid_current()",
    "the number of the transaction, anew": "SELECT pg_current_xact_id()",
    "who writes just now": "SELECT pg_current_snapshot()",
    "how much was logged": "SELECT pg_current_wal_lsn()",
    "the last checkpoint": "SELECT * FROM pg_control_checkpoint()",
    "what others ask": "SELECT query FROM pg_stat_activity",
    "what others ask, by function": "SELECT * FROM pg_stat_get_activity(NULL)",
    "what others lock": "SELECT * FROM pg_locks",
    "another session ended": "SELECT pg_terminate_backend(1)",
    "the lock of an upgrade": "SELECT pg_advisory_lock(1)",
    "the address of a row": "SELECT ctid FROM register.stand",
    "who wrote a row": "SELECT xmin FROM register.stand",
    "a row as a whole, with its address": "SELECT s.ctid FROM register.stand s WHERE s.gate = 1",
    "the setting for every session": "ALTER SYSTEM SET work_mem = '1MB'",
    "a prepared transaction": "PREPARE TRANSACTION 'mine'",
    "a subscription": "CREATE SUBSCRIPTION mine CONNECTION '' PUBLICATION p",
    "a publication of all": "CREATE PUBLICATION mine FOR ALL TABLES",
    "a message in the log": "SELECT pg_logical_emit_message(true, 'a', 'b')",
    "a do block that writes": "DO $$ BEGIN UPDATE register.state SET value = 0; END $$",
    "a cursor that writes": "WITH gone AS (DELETE FROM register.stand RETURNING *) SELECT * FROM gone",
    "a policy that is passed by": "SET LOCAL row_security = off; SELECT * FROM register.stand",
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_a_readers_own_sql_is_refused(ground: Ground, attempt: str) -> None:
    with ground.as_role("diwan_reader", ground.gates) as connection, pytest.raises(psycopg.Error) as refused:
        for one in attempt.split("; ") if not attempt.startswith("DO") else [attempt]:
            connection.execute(one).fetchall() if one.startswith(("SELECT", "WITH")) else connection.execute(one)

    assert not isinstance(refused.value, psycopg.errors.SyntaxError | psycopg.ProgrammingError) or isinstance(
        refused.value,
        psycopg.errors.InsufficientPrivilege
        | psycopg.errors.UndefinedFunction
        | psycopg.errors.FeatureNotSupported
        | psycopg.errors.InvalidSchemaName
        | psycopg.errors.WrongObjectType
        | psycopg.errors.UndefinedFile,
    )


def test_nearly_all_of_these_are_refused_for_who_asks_and_not_for_what_they_say(ground: Ground) -> None:
    """A superuser may do them; what even that one cannot, here, is listed."""
    failing = set()
    for name, attempt in REFUSED.items():
        with ground.as_superuser() as connection:
            try:
                for one in attempt.split("; ") if not attempt.startswith("DO") else [attempt]:
                    connection.execute(one)
            except psycopg.Error:
                failing.add(name)

    assert failing <= {
        "another database", "an extension", "a language", "a library", "the log listed", "a role made",
        "the setting for every session", "a subscription", "a copy from a file", "a prepared transaction",
        "a table emptied", "the log's settings", "a copy into a program",
    }  # fmt: skip


def test_copying_out_and_every_other_way_to_read_show_the_same_rows(ground: Ground) -> None:
    mine = ground.shown("register.stand", ground.gates)
    with ground.as_role("diwan_reader", ground.gates) as connection:
        with connection.cursor().copy("COPY register.stand TO STDOUT") as copied:
            assert len(list(copied.rows())) == len(mine)
        for query in (
            "TABLE register.stand",
            "SELECT * FROM ONLY register.stand",
            "SELECT s.* FROM register.stand s RIGHT JOIN (SELECT 1) x ON true",
            "SELECT (s).* FROM (SELECT s FROM register.stand s) x",
            "WITH RECURSIVE r AS (SELECT * FROM register.stand) SELECT * FROM r",
            "SELECT * FROM register.stand UNION SELECT * FROM register.stand",
        ):
            assert set(connection.execute(query)) == mine, query
        connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        assert set(connection.execute("SELECT * FROM register.stand WHERE gate > 0")) == mine
        connection.execute("SET LOCAL search_path = register")
        assert set(connection.execute("SELECT * FROM stand")) == mine


def test_what_a_question_throws_over_hidden_rows_tells_nothing(ground: Ground) -> None:
    """Policies come before whatever the asker evaluates, so that no error and no notice quotes a hidden row."""
    hidden = max(ground.shown("register.stand", list(range(1, 500))) - ground.shown("register.stand", ground.gates))
    with ground.as_role("diwan_reader", ground.gates) as connection:
        found = connection.execute(
            f"SELECT 1 FROM register.stand WHERE 1 / (CASE WHEN since = {hidden[0]} THEN 0 ELSE 1 END) = 1"
        ).fetchall()
        named = connection.execute("SELECT title::int FROM register.revision WHERE gate <> ALL(%s)", [ground.gates])

    assert len(found) == len(ground.shown("register.stand", ground.gates))
    assert named.fetchall() == []


def test_the_house_sees_its_own_tables_alone(ground: Ground) -> None:
    readable = set()
    for table in SHOWN:
        with ground.as_role("diwan_house", ground.gates) as connection:
            try:
                connection.execute(f"SELECT count(*) FROM {table}")
                readable.add(table)
            except psycopg.errors.InsufficientPrivilege:
                pass

    assert readable == HOUSES
    with ground.as_role("diwan_house") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE register.account SET name = ''")


def test_only_the_four_roles_may_log_in_to_the_database_and_none_is_another(ground: Ground) -> None:
    with ground.as_superuser() as connection:
        members = connection.execute(
            "SELECT 1 FROM pg_auth_members WHERE member IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'diwan%')"
        ).fetchall()
        (others,) = connection.execute(
            "SELECT has_database_privilege('pg_monitor', current_database(), 'CONNECT')"
        ).fetchone() or (None,)

    assert members == []
    assert others is False


def test_what_was_open_is_gone_with_the_transaction_and_on_the_next_loan(ground: Ground) -> None:
    with psycopg.connect(ground.database, user="diwan_reader", autocommit=True) as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('diwan.gates', %s, true)", [_bitmap(frozenset(ground.gates))])
            assert connection.execute("SELECT 1 FROM register.stand LIMIT 1").fetchall()
        assert connection.execute("SELECT 1 FROM register.stand LIMIT 1").fetchall() == []

    engine = ground.filled.book._engine
    for end in ("commit", "rollback"):
        first = engine.lend(1, World.ACTUAL, frozenset(ground.gates), frozenset())
        first.snapshot()
        assert first.execute("SELECT since FROM by_gate LIMIT 1").fetchall()
        wire: Any = first.connection  # type: ignore[attr-defined]
        getattr(first, end)()
        engine.take_back(first)
        second = engine.lend(2, World.ACTUAL, frozenset(), frozenset())
        assert second.connection is wire  # type: ignore[attr-defined]
        assert second.execute("SELECT since FROM by_gate LIMIT 1").fetchall() == []
        second.snapshot()
        assert second.execute("SELECT since FROM by_gate LIMIT 1").fetchall() == []
        assert second.execute("SELECT current_setting('diwan.gates', true)").fetchall() == [("",)]
        second.commit()
        engine.take_back(second)


def test_gates_that_were_open_once_are_open_for_the_one_question_about_what_was(ground: Ground) -> None:
    gone = frozenset(ground.gates[:2])
    pages = ground.filled.book._engine.lend(3, World.ACTUAL, frozenset(ground.gates[2:]), gone)
    pages.snapshot()
    before = pages.execute("SELECT gate FROM by_gate ORDER BY gate").fetchall()
    past = {gate for (gate,) in pages.past("SELECT DISTINCT gate FROM stood").fetchall()}
    within = pages.execute("SELECT gate FROM by_gate ORDER BY gate").fetchall()
    with pytest.raises(psycopg.Error):
        pages.past("SELECT nothing FROM stood")
    pages.rollback()
    pages.snapshot()
    after = pages.execute("SELECT gate FROM by_gate ORDER BY gate").fetchall()
    pages.commit()
    ground.filled.book._engine.take_back(pages)

    assert past & gone
    assert before == within == after
    assert {gate for (gate,) in before}.isdisjoint(gone)


def test_keys_and_conflicts_answer_nothing_about_rows_that_are_hidden(ground: Ground) -> None:
    """No reader may write, so no constraint is ever asked for one; and no table refers to another."""
    with ground.as_superuser() as connection:
        foreign = connection.execute("SELECT conname FROM pg_constraint WHERE contype = 'f'").fetchall()
        hidden = ground.shown("register.item", list(range(1, 500))) - ground.shown("register.item", ground.gates)
    row = next(iter(hidden))

    assert foreign == []
    for number in (row[0], 10**9):
        with ground.as_role("diwan_reader", ground.gates) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
                connection.execute(
                    "INSERT INTO register.item VALUES(%s, 'KWT', %s, '', '', NULL, 0) ON CONFLICT DO NOTHING",
                    [number, row[2]],
                )
            assert str(refused.value) == "permission denied for table item"
