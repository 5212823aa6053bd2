"""Whether a register in PostgreSQL stands as it should: shape, both walls, roles, and what a commit waits for.

The walls are compared, down to the last word, with those that this version lays: once more, empty and beside the
register, in a transaction that is undone.  So PostgreSQL itself spells both, and whatever was loosened differs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import psycopg

from diwan.registry.engines.postgres_wall import COLUMNS, HOUSE, OWNER, READER, TELLING, TOLD, VIEWS, WRITER, raised
from diwan.registry.shape import SHAPE, is_current
from diwan.terms.check import Check
from diwan.terms.errors import Refused

_ROLES: Final = (OWNER, WRITER, READER, HOUSE)
_OLDEST, _NEWEST = 15, 18
_BESIDE: Final = {"register": "diwan_check_register", "words": "diwan_check_words", VIEWS: "diwan_check_wall"}
"""Where the walls are laid to be compared, for each schema of theirs."""
_TABLES: Final = (*COLUMNS, "register.shape", "words.shape")
_Connection = psycopg.Connection[tuple[Any, ...]]
_Standing = Mapping[tuple[str, str], object]
"""What stands: by (part of the walls, name), whatever can be said of it."""


def check(conninfo: str, shapes: Callable[[], Iterable[tuple[str, str | None, int | None]]]) -> Iterator[Check]:
    """Look at the database where `conninfo` points; `shapes` are those of register and word index, by their titles."""
    refused = _refused(conninfo)
    said = "; ".join(f"{role}: {why}" for role, why in refused.items())
    yield Check("logins", not refused, said or "all four roles may log in")
    if WRITER in refused:
        return
    laid = set()
    for title, shape, works in shapes():
        laid.add(shape)
        yield _shape(title, shape, works)
    with psycopg.connect(conninfo, user=WRITER, autocommit=True) as here:
        yield from _server(here)
        yield _roles(here, "" if READER in refused else _open_from_the_start(conninfo))
    if laid == {SHAPE} and OWNER not in refused:
        yield from _walls(conninfo)
    elif None not in laid:
        why = "they are of another shape" if laid != {SHAPE} else f"{OWNER} may not log in"
        yield Check("walls", min(map(str, laid)) > SHAPE, f"not compared with those that this version lays: {why}")


def _refused(conninfo: str) -> dict[str, str]:
    refused = {}
    for role in _ROLES:
        try:
            psycopg.connect(conninfo, user=role).close()
        except psycopg.OperationalError as why:
            refused[role] = " ".join(str(why).split())
    return refused


def _shape(title: str, shape: str | None, works: int | None) -> Check:
    if shape is None:
        return Check(title, False, "not there: `diwan init --postgres` or `diwan restore --postgres` lays it")
    said = f"shape {shape}" + (f", which software of shape {works:04} and later works with" if works else "")
    try:
        if is_current(f"The {title}", shape, works):
            return Check(title, True, said)
    except Refused as refusal:
        return Check(title, False, str(refusal))
    return Check(title, False, f"{said}; this version of Diwan works with {SHAPE}: `diwan db upgrade` brings it there")


def _server(here: _Connection) -> Iterator[Check]:
    version = here.info.server_version // 10_000
    yield Check("version", _OLDEST <= version <= _NEWEST, f"PostgreSQL {version}; tested with {_OLDEST} to {_NEWEST}")
    encoding = _shown(here, "server_encoding")
    yield Check("encoding", encoding == "UTF8", encoding)
    for name, why in (
        ("fsync", "what was acknowledged may be lost or torn when the machine stops"),
        ("full_page_writes", "a page that was half written when the machine stopped cannot be mended"),
    ):
        value = _shown(here, name)
        yield Check(name, value == "on", value if value == "on" else f"{value}: {why}. Set it on")
    yield _commits(_shown(here, "synchronous_commit"), _shown(here, "synchronous_standby_names"))


def _commits(waits: str, standbys: str) -> Check:
    # The node sets it for its own connections; what the server has by default shows what others would get.
    if not standbys:
        return Check("commits", True, "wait for this server's disk; no standby is named, so its loss loses what is new")
    said = f"wait for standbys: {standbys}"
    if waits in ("on", "remote_apply"):
        return Check("commits", True, said)
    return Check("commits", True, f"{said}; the node waits for them though the server's default is {waits}")


def _shown(here: _Connection, name: str) -> str:
    (value,) = here.execute("SELECT current_setting(%s)", [name]).fetchone() or ("",)
    return str(value)


def _roles(here: _Connection, opened: str) -> Check:
    names = ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB", "REPLICATION")
    rows = here.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
        " WHERE rolname = ANY(%s)",
        [list(_ROLES)],
    ).fetchall()
    wrong = [f"{role} has {name}" for role, *flags in rows for name, flag in zip(names, flags, strict=True) if flag]
    wrong += [f"{role} is missing" for role in _ROLES if role not in {row[0] for row in rows}]
    joined = here.execute(
        "SELECT m.rolname, r.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member"
        " JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname = ANY(%s)",
        [list(_ROLES)],
    ).fetchall()
    wrong += [f"{member} is a member of {role}" for member, role in joined]
    wrong += [f"{READER} has gates before any are opened: diwan.gates is set at the server"] if opened else []
    said = f"{'; '.join(wrong)}: past the walls goes whoever has it" if wrong else "none passes the walls by"
    return Check("roles", not wrong, said)


def _open_from_the_start(conninfo: str) -> str:
    with psycopg.connect(conninfo, user=READER) as here:
        (gates,) = here.execute("SELECT current_setting('diwan.gates', true)").fetchone() or ("",)
        return str(gates or "")


def _walls(conninfo: str) -> Iterator[Check]:
    try:
        with psycopg.connect(conninfo, user=OWNER) as here:
            stands, wanted, strangers = _compared(here)
            here.rollback()
    except psycopg.Error as why:
        name = why.sqlstate or type(why).__name__
        yield Check("walls", False, f"not compared with those that this version lays: {name} from the server")
        return
    differ = _differing(stands, wanted)
    many = Counter(part for part, _ in wanted)
    yield _told("row security", differ["row security"], f"as this version lays it on {many['row security']} tables")
    yield _told("policies", differ["policies"], f"{many['policies']}, word for word as this version lays them")
    yield _told("views", differ["views"], f"{many['views']} in {VIEWS}, word for word as this version lays them")
    yield _told("rights", [*differ["rights"], *strangers], "readers write nothing, and read what they were given")


def _told(what: str, wrong: list[str], well: str) -> Check:
    anew = "`diwan db upgrade` raises the walls anew; what others were given or made is taken away by hand"
    return Check(what, not wrong, f"{'; '.join(wrong)}: {anew}" if wrong else well)


def _compared(here: _Connection) -> tuple[_Standing, _Standing, list[str]]:
    """Return the walls that stand, those that should, and what readers may reach that lies before both."""
    here.execute("SET LOCAL search_path = pg_catalog")
    here.execute("SET LOCAL lock_timeout = '5s'")
    stands = _standing(here, {name: name for name in _BESIDE})
    strangers = [said for query in _BEFORE_THE_WALLS for (said,) in here.execute(query, _LOOKED_AT)]
    _lay_beside(here, [table for table in _TABLES if _is_ours(stands.get(("row security", table)))])
    return stands, _standing(here, _BESIDE), sorted(strangers)


def _is_ours(facts: object) -> bool:
    return isinstance(facts, dict) and (facts["kind"], facts["owner"]) == ("r", OWNER)


def _lay_beside(here: _Connection, ours: Collection[str]) -> None:
    """Lay tables like those of the register, empty, and around them the walls of this version."""
    for real in ("register", "words"):
        here.execute(f"CREATE SCHEMA {_BESIDE[real]}")
    for table in _TABLES:
        # Of a table that is missing or another's only the name is known, and that it differs.
        columns = f"LIKE {table}" if table in ours else ", ".join(f"{name} int" for name in COLUMNS.get(table, ()))
        here.execute(f"CREATE TABLE {_beside(table)} ({columns})")
    for statement in raised():
        # What is laid is beside; what it asks of stays the register, so that both are spelled alike.
        head, mark, rest = re.split(r"( USING | AS (?=SELECT)|$)", statement, maxsplit=1)
        here.execute(_beside(head) + mark + rest)


def _beside(text: str) -> str:
    names = "|".join(_BESIDE)
    return re.sub(rf"\([^)]*\)|\b({names})\b", lambda found: _BESIDE[found[1]] if found[1] else found[0], text)


_GIVEN: Final = (
    "ARRAY(SELECT format('%%s to %%s%%s', a.privilege_type, coalesce(g.rolname, 'PUBLIC'),"
    " CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END)"
    " FROM aclexplode({0}) a LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE a.grantee <> {1} ORDER BY 1)"
)
"""Who was given what, but for the owner, who may do anything."""
_OF_TABLE: Final = "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY(%s)"
_RELATIONS: Final = (
    "SELECT n.nspname, c.relname, c.relkind::text, pg_get_userbyid(c.relowner), c.relrowsecurity,"
    " c.relforcerowsecurity, ARRAY(SELECT unnest(c.reloptions) ORDER BY 1),"
    " ARRAY(SELECT pg_get_ruledef(r.oid) FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),"
    " ARRAY(SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid),"
    " CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END, "
    + _GIVEN.format("coalesce(c.relacl, acldefault('r', c.relowner))", "c.relowner")
    + f" FROM pg_class c {_OF_TABLE} AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S')"
)
_OF_COLUMNS: Final = (
    "SELECT n.nspname, c.relname, a.attname, "
    + _GIVEN.format("a.attacl", "c.relowner")
    + f" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid {_OF_TABLE} AND a.attacl IS NOT NULL"
)
_POLICIES: Final = (
    "SELECT n.nspname, c.relname, p.polname, p.polcmd::text, p.polpermissive,"
    " ARRAY(SELECT coalesce(g.rolname, 'PUBLIC')::text FROM unnest(p.polroles) r LEFT JOIN pg_roles g ON g.oid = r"
    " ORDER BY 1), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)"
    f" FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid {_OF_TABLE}"
)
_SCHEMAS: Final = (
    "SELECT n.nspname, pg_get_userbyid(n.nspowner), "
    + _GIVEN.format("coalesce(n.nspacl, acldefault('n', n.nspowner))", "n.nspowner")
    + " FROM pg_namespace n WHERE n.nspname = ANY(%s)"
)


def _standing(here: _Connection, schemas: Mapping[str, str]) -> _Standing:
    """Return what stands in some schemas, under the names by which the register knows them."""
    named = {actual: real for real, actual in schemas.items()}
    where = [list(named)]
    found: dict[tuple[str, str], object] = {}
    for schema, name, kind, owner, *more, given in here.execute(_RELATIONS, where):
        part = "views" if named[schema] == VIEWS else "row security"
        found[part, f"{named[schema]}.{name}"] = {"kind": kind, "owner": owner, "more": more}
        found["rights", f"{named[schema]}.{name}"] = given
    for schema, name, column, given in here.execute(_OF_COLUMNS, where):
        found["rights", f"{named[schema]}.{name}.{column}"] = given
    for schema, name, policy, *facts in here.execute(_POLICIES, where):
        found["policies", f"{policy} on {named[schema]}.{name}"] = facts
    for schema, owner, given in here.execute(_SCHEMAS, where):
        found["rights", f"schema {named[schema]}"] = owner, given
    return {key: facts for key, facts in found.items() if facts != []}


def _differing(stands: _Standing, wanted: _Standing) -> dict[str, list[str]]:
    differ: dict[str, list[str]] = {part: [] for part in ("row security", "policies", "views", "rights")}
    for part, name in sorted(stands.keys() | wanted.keys()):
        if stands.get((part, name)) != wanted.get((part, name)):
            odd = "is missing" if (part, name) not in stands else "is not as this version lays it"
            differ[part].append(f"{name} {odd if (part, name) in wanted else 'is none of this version'}")
    return differ


_SYSTEM: Final = "('pg_catalog', 'information_schema')"
_READERS: Final = "unnest(%(readers)s::text[]) AS r(role)"
_BEFORE_THE_WALLS: Final = (
    "SELECT r.role || ' may read ' || n.nspname || '.' || c.relname FROM pg_class c"
    f" JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN {_READERS}"
    f" WHERE n.nspname NOT IN {_SYSTEM} AND n.nspname <> ALL(%(ours)s) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')"
    # Views of a shape before stay for software that still runs; the policies stand behind them too.
    " AND NOT (n.nspname ~ '^wall_[0-9]{4}$' AND c.relkind = 'v' AND pg_get_userbyid(c.relowner) = %(owner)s"
    " AND coalesce(c.reloptions @> '{security_invoker=true}', false))"
    " AND has_schema_privilege(r.role, n.oid, 'USAGE') AND has_any_column_privilege(r.role, c.oid, 'SELECT')",
    "SELECT r.role || ' may call ' || n.nspname || '.' || p.proname FROM pg_proc p"
    f" JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN {_READERS} WHERE n.nspname NOT IN {_SYSTEM}"
    " AND has_schema_privilege(r.role, n.oid, 'USAGE') AND has_function_privilege(r.role, p.oid, 'EXECUTE')",
    f"SELECT r.role || ' may read ' || c.relname FROM pg_class c CROSS JOIN {_READERS}"
    " WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname ~ %(telling)s"
    " AND has_table_privilege(r.role, c.oid, 'SELECT')",
    f"SELECT r.role || ' may call ' || p.proname FROM pg_proc p CROSS JOIN {_READERS}"
    " WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ %(told)s"
    " AND has_function_privilege(r.role, p.oid, 'EXECUTE')",
    f"SELECT r.role || ' may make things in the database' FROM {_READERS}"
    " WHERE has_database_privilege(r.role, current_database(), 'CREATE, TEMPORARY')"
    " OR EXISTS (SELECT FROM pg_namespace n WHERE has_schema_privilege(r.role, n.oid, 'CREATE'))",
    "SELECT 'everyone may ' || lower(a.privilege_type) || ' the database' FROM pg_database d,"
    " aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
    " WHERE d.datname = current_database() AND a.grantee = 0",
    "SELECT 'rights are given on whatever ' || pg_get_userbyid(defaclrole) || ' makes' FROM pg_default_acl",
)
"""What lies before readers and behind no wall: other views, functions, what counts rows, what they could make."""
_LOOKED_AT: Final = {
    "readers": [READER, HOUSE],
    "owner": OWNER,
    "ours": list(_BESIDE),
    "telling": TELLING,
    "told": TOLD,
}
