"""`diwan db check` compares both walls, word for word, with those that this version lays: what was loosened is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
import pytest

from diwan.house import House
from diwan.registry.engines.postgres import Postgres
from diwan.registry.engines.postgres_wall import _POLICY, _VIEW, VIEWS, _open
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from tampering import Tamper

Do = Callable[..., Any]
FILTERED: Final = {view: text for view, text in _VIEW.items() if "get_bit" in text}
COLUMNS: Final = ("gate", "number", "s.gate", "r.gate", "a.gate")


def wrong(register: str) -> dict[str, str]:
    """Return what is told to be wrong, but for what the server of the tests leaves out on purpose."""
    engine = Postgres(register)
    try:
        return {one.what: one.said for one in engine.check() if not one.well and one.what not in _OF_THE_SERVER}
    finally:
        engine.close()


_OF_THE_SERVER: Final = ("fsync", "full_page_writes")


@pytest.fixture
def do(tamper: Tamper) -> Iterator[Do]:
    """Do something past every wall, as the database's superuser."""
    with tamper() as bare:
        yield bare.connection.execute


def with_filter(select: str, loosened: Callable[[str], str]) -> str:
    for column in COLUMNS:
        select = select.replace(_open(column), loosened(_open(column)))
    return select


# Every policy of readers, loosened -----------------------------------------------------------------------------------

ALTERED: Final[dict[str, Callable[[str], str]]] = {
    "or true": lambda asked: f"({asked}) OR true",
    "or true, in front": lambda asked: f"true OR ({asked})",
    "nothing but true": lambda asked: "true",
    "or where no gates are given": lambda asked: (
        f"({asked}) OR coalesce(current_setting('diwan.gates', true), '') = ''"
    ),
    "or for one who asks": lambda asked: f"({asked}) OR current_user = 'diwan_reader'",
    "or in a transaction that says so": lambda asked: f"({asked}) OR current_setting('diwan.all', true) = 'on'",
    "known or not": lambda asked: f"({asked}) IS NOT NULL",
    "or by the clock": lambda asked: f"({asked}) OR extract(hour FROM now()) = 3",
    "of another setting": lambda asked: asked.replace("diwan.gates", "diwan.gate") if "diwan" in asked else "false",
    "past the end of the bitmap": lambda asked: asked.replace("ELSE false", "ELSE true").replace(", false)", ", true)"),
    "the other way round": lambda asked: f"NOT ({asked})",
    "by a function of someone's": lambda asked: f"public.seen({asked})",
}


@pytest.mark.parametrize("way", ALTERED)
def test_every_policy_that_asks_for_something_else_is_named(register: str, do: Do, way: str) -> None:
    do("CREATE FUNCTION public.seen(boolean) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
    for table, asked in _POLICY.items():
        do(f"ALTER POLICY reader ON {table} USING ({ALTERED[way](asked)})")

    told = wrong(register)

    assert told.keys() == {"policies"}
    assert set(re.findall(r"reader on (\S+) is not as this version lays it", told["policies"])) == _POLICY.keys()


MADE_ANEW: Final = {
    "for everyone": "ALTER POLICY reader ON {0} TO PUBLIC",
    "for the house too": "ALTER POLICY reader ON {0} TO diwan_reader, diwan_house",
    "gone": "DROP POLICY reader ON {0}",
    "for all that can be done": "DROP POLICY reader ON {0}; CREATE POLICY reader ON {0} TO diwan_reader USING ({1})",
    "only where another allows it": "DROP POLICY reader ON {0};"
    " CREATE POLICY reader ON {0} AS RESTRICTIVE FOR SELECT TO diwan_reader USING ({1})",
    "another beside it": "CREATE POLICY more ON {0} FOR SELECT TO diwan_reader USING (true)",
    "one for the house": "CREATE POLICY house_too ON {0} FOR SELECT TO diwan_house USING (true)",
    "under another name": "ALTER POLICY reader ON {0} RENAME TO reading",
    "the writer's for readers": "ALTER POLICY writer ON {0} TO diwan_writer, diwan_reader",
}


@pytest.mark.parametrize("way", MADE_ANEW)
def test_every_policy_that_is_for_others_or_not_alone_is_named(register: str, do: Do, way: str) -> None:
    for table, asked in _POLICY.items():
        do(MADE_ANEW[way].format(table, asked))

    told = wrong(register)

    assert told.keys() == {"policies"}
    assert set(re.findall(r"\S+ on (\S+) is ", told["policies"])) == _POLICY.keys()


# Every view, loosened ------------------------------------------------------------------------------------------------

ASKED_ANEW: Final[dict[str, Callable[[str], str]]] = {
    "without its filter": lambda select: with_filter(select, lambda _: "true"),
    "or true": lambda select: with_filter(select, lambda asked: f"({asked} OR true)"),
    "or where no gates are given": lambda select: with_filter(
        select, lambda asked: f"({asked} OR current_setting('diwan.gates', true) IS NULL)"
    ),
    "past the end of the bitmap": lambda select: with_filter(
        select, lambda asked: asked.replace("ELSE false", "ELSE true")
    ),
    "all that is hidden beside": lambda select: f"{select} UNION ALL {with_filter(select, lambda _: 'true')}",
    "one column more": lambda select: f"SELECT x.*, (SELECT count(*) FROM register.stand) AS more FROM ({select}) x",
}
ALTERED_VIEWS: Final = {
    "with its owner's rights": "ALTER VIEW {0} SET (security_invoker = false)",
    "with its owner's rights, unsaid": "ALTER VIEW {0} RESET (security_invoker)",
    "the superuser's": "ALTER VIEW {0} OWNER TO postgres",
    "the writer's": "ALTER VIEW {0} OWNER TO diwan_writer",
    "under another name": "ALTER VIEW {0} RENAME TO {1}_renamed",
    "gone": "DROP VIEW {0}",
    "a table in its place": "DROP VIEW {0}; CREATE TABLE {0} AS SELECT 1 AS gate;"
    " ALTER TABLE {0} OWNER TO diwan_owner; GRANT SELECT ON {0} TO diwan_reader",
    "a rule more": "CREATE RULE more AS ON INSERT TO {0} DO INSTEAD NOTHING",
}


@pytest.mark.parametrize("way", ASKED_ANEW)
def test_every_view_that_asks_for_something_else_is_named(register: str, do: Do, way: str) -> None:
    for view, select in FILTERED.items():
        do(f"CREATE OR REPLACE VIEW {VIEWS}.{view} WITH (security_invoker = true) AS {ASKED_ANEW[way](select)}")

    told = wrong(register)

    assert told.keys() == {"views"}
    assert set(re.findall(r"wall_\d+\.(\w+) is not as this version lays it", told["views"])) == FILTERED.keys()


@pytest.mark.parametrize("way", ALTERED_VIEWS)
def test_every_view_with_other_rights_or_in_another_shape_is_named(register: str, do: Do, way: str) -> None:
    for view in _VIEW:
        do(ALTERED_VIEWS[way].format(f"{VIEWS}.{view}", view))

    told = wrong(register)

    assert told.keys() - {"rights"} == {"views"}
    assert set(re.findall(r"wall_\d+\.(\w+) is (?:not as|missing)", told["views"])) == _VIEW.keys()


# The rest ------------------------------------------------------------------------------------------------------------

LOOSENED: Final = {
    "row security": (
        "ALTER TABLE register.part NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE register.account NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE register.part DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE words.posting_by_time DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE register.stand OWNER TO diwan_reader",
        "ALTER TABLE register.account OWNER TO postgres",
        "CREATE TABLE register.copy AS SELECT * FROM register.part",
        "CREATE FUNCTION public.told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER told AFTER INSERT ON register.part FOR EACH ROW EXECUTE FUNCTION public.told()",
        "CREATE RULE told AS ON INSERT TO register.part DO ALSO NOTIFY told",
    ),
    "policies": (
        "ALTER POLICY writer ON register.part USING (false)",
        "ALTER POLICY writer ON register.stand WITH CHECK (gate > 0)",
        "ALTER POLICY reader ON register.state USING (name <> 'shut')",
        "ALTER POLICY house ON register.account TO diwan_house, diwan_reader",
        "CREATE POLICY reader ON register.account FOR SELECT TO diwan_reader USING (true)",
    ),
    "rights": (
        "GRANT UPDATE ON register.head TO diwan_reader",
        "GRANT UPDATE (entries) ON register.head TO diwan_reader",
        "GRANT SELECT ON register.stand TO diwan_reader",
        "GRANT SELECT (ctid) ON register.stand TO diwan_reader",
        "GRANT SELECT ON register.account TO diwan_reader",
        "GRANT SELECT (name) ON register.account TO diwan_reader",
        "GRANT SELECT ON register.part TO diwan_house",
        "GRANT SELECT ON register.part TO PUBLIC",
        "GRANT SELECT ON register.part TO pg_monitor",
        "GRANT SELECT ON register.part TO diwan_writer WITH GRANT OPTION",
        "GRANT TRUNCATE ON register.part TO diwan_writer",
        "REVOKE SELECT ON register.part FROM diwan_writer",
        "GRANT USAGE ON SCHEMA register TO PUBLIC",
        "GRANT CREATE ON SCHEMA register TO diwan_reader",
        f"GRANT SELECT ON {VIEWS}.text TO PUBLIC",
        f"GRANT USAGE ON SCHEMA {VIEWS} TO diwan_house",
        f"ALTER SCHEMA {VIEWS} OWNER TO diwan_reader",
        "ALTER DEFAULT PRIVILEGES FOR ROLE diwan_owner GRANT SELECT ON TABLES TO diwan_reader",
        "GRANT USAGE ON SCHEMA public TO diwan_reader; CREATE VIEW public.parts AS SELECT * FROM register.part;"
        " GRANT SELECT ON public.parts TO diwan_reader",
        "GRANT USAGE ON SCHEMA public TO PUBLIC; CREATE FUNCTION public.parts() RETURNS SETOF register.part"
        " LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM register.part'",
        "CREATE SCHEMA wall_0002; GRANT USAGE ON SCHEMA wall_0002 TO diwan_reader; CREATE VIEW wall_0002.bytes AS"
        " SELECT * FROM register.part; GRANT SELECT ON wall_0002.bytes TO diwan_reader",
        "GRANT SELECT ON pg_class TO diwan_reader",
        "GRANT SELECT ON pg_stats TO PUBLIC",
        "GRANT EXECUTE ON FUNCTION pg_relation_size(regclass, text) TO diwan_house",
        "GRANT ALL ON SCHEMA public TO diwan_reader",
    ),
    "roles": (
        "ALTER ROLE diwan_reader IN DATABASE {0} SET diwan.gates = 'ff'",
        "ALTER DATABASE {0} SET diwan.gates TO 'ff'",
    ),
}


@pytest.mark.parametrize(("what", "done"), [(what, one) for what, some in LOOSENED.items() for one in some])
def test_whatever_else_is_loosened_is_told(register: str, do: Do, what: str, done: str) -> None:
    do(done.format(psycopg.conninfo.conninfo_to_dict(register)["dbname"]))

    assert what in wrong(register)


def test_nothing_is_told_of_a_register_that_was_laid_filled_and_upgraded(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]
) -> None:
    house.take(hand("KWT"), note("one"), amber("QAT"), originator="KWT")
    assert [item.title for item in house.room(hand("QAT").reader).page().items] == ["one"]

    before = wrong(house.settings.postgres)
    engine = Postgres(house.settings.postgres)
    engine.upgrade()
    engine.close()

    assert (before, wrong(house.settings.postgres)) == ({}, {})


def test_what_an_upgrade_raises_anew_is_well_again(register: str, do: Do) -> None:
    for table in _POLICY:
        do(f"ALTER POLICY reader ON {table} USING (true)")
    for view, select in FILTERED.items():
        do(f"CREATE OR REPLACE VIEW {VIEWS}.{view} AS {with_filter(select, lambda _: 'true')}")
    do("GRANT ALL ON register.part TO diwan_reader; ALTER TABLE register.part NO FORCE ROW LEVEL SECURITY")
    assert wrong(register).keys() == {"row security", "policies", "views", "rights"}

    engine = Postgres(register)
    engine.upgrade()
    engine.close()

    assert wrong(register) == {}


def test_a_register_is_compared_while_others_read_and_write_and_nothing_stays_of_it(register: str, do: Do) -> None:
    everything = "SELECT oid, relname, relacl::text FROM pg_class ORDER BY oid"
    before = do(everything).fetchall()
    engine = Postgres(register)
    with closing(engine.whole()) as reading, closing(engine.writing()) as writing:
        reading.snapshot()
        reading.execute("SELECT count(*) FROM stand").fetchall()
        writing.begin()
        writing.execute("INSERT INTO policy VALUES('one', '')")
        writing.execute("UPDATE state SET value=value WHERE name='rules'")

        assert wrong(register) == {}

        writing.rollback()
        reading.rollback()
    engine.close()
    assert do(everything).fetchall() == before


@pytest.mark.parametrize(
    "done",
    [
        "DROP TABLE register.mention CASCADE",
        "CREATE SCHEMA diwan_check_wall",
        "REVOKE CREATE ON DATABASE {0} FROM diwan_owner; ALTER DATABASE {0} OWNER TO postgres",
    ],
)
def test_walls_that_cannot_be_compared_are_not_told_to_be_well(register: str, do: Do, done: str) -> None:
    do(done.format(psycopg.conninfo.conninfo_to_dict(register)["dbname"]))

    assert re.search("not compared with those that this version lays", wrong(register)["walls"])


@pytest.mark.parametrize(("shape", "well"), [("0002", False), ("0004", True)])
def test_walls_of_another_shape_are_those_of_another_version_to_compare(
    register: str, do: Do, shape: str, well: bool
) -> None:
    do(f"UPDATE register.shape SET version_num = '{shape}'; UPDATE words.shape SET version_num = '{shape}'")

    engine = Postgres(register)
    found = {one.what: one for one in engine.check()}
    engine.close()

    assert (found["walls"].well, "they are of another shape" in found["walls"].said) == (well, True)
    assert "policies" not in found
