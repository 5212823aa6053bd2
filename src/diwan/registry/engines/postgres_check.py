"""Whether a register in PostgreSQL stands as it should: shape, both walls, roles, and what a commit waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import psycopg

from diwan.registry.engines.lines import Found
from diwan.registry.engines.postgres_wall import HOUSE, OWNER, READER, VIEWS, WRITER, looked_for
from diwan.registry.shape import SHAPE, is_current
from diwan.terms.errors import Refused

_ROLES: Final = (OWNER, WRITER, READER, HOUSE)
_OLDEST, _NEWEST = 15, 18
_Connection = psycopg.Connection[tuple[Any, ...]]


def check(conninfo: str, shapes: Callable[[], Iterable[tuple[str, str | None, int | None]]]) -> Iterator[Found]:
    """Look at the database where `conninfo` points; `shapes` are those of register and word index, by their titles."""
    refused = _refused(conninfo)
    said = "; ".join(f"{role}: {why}" for role, why in refused.items())
    yield Found("logins", not refused, said or "all four roles may log in")
    if WRITER in refused:
        return
    laid = True
    for title, shape, works in shapes():
        laid &= shape is not None
        yield _shape(title, shape, works)
    with psycopg.connect(conninfo, user=WRITER, autocommit=True) as here:
        yield from _server(here)
        yield _roles(here)
        if laid:
            yield _forced(here)
            yield _policies(here)
            yield _views(here)
            yield _rights(here)


def _refused(conninfo: str) -> dict[str, str]:
    refused = {}
    for role in _ROLES:
        try:
            psycopg.connect(conninfo, user=role).close()
        except psycopg.OperationalError as why:
            refused[role] = " ".join(str(why).split())
    return refused


def _shape(title: str, shape: str | None, works: int | None) -> Found:
    if shape is None:
        return Found(title, False, "not there: `diwan init --postgres` or `diwan restore --postgres` lays it")
    said = f"shape {shape}" + (f", which software of shape {works:04} and later works with" if works else "")
    try:
        if is_current(f"The {title}", shape, works):
            return Found(title, True, said)
    except Refused as refusal:
        return Found(title, False, str(refusal))
    return Found(title, False, f"{said}; this version of Diwan works with {SHAPE}: `diwan db upgrade` brings it there")


def _server(here: _Connection) -> Iterator[Found]:
    version = here.info.server_version // 10_000
    yield Found("version", _OLDEST <= version <= _NEWEST, f"PostgreSQL {version}; tested with {_OLDEST} to {_NEWEST}")
    encoding = _shown(here, "server_encoding")
    yield Found("encoding", encoding == "UTF8", encoding)
    for name, why in (
        ("fsync", "what was acknowledged may be lost or torn when the machine stops"),
        ("full_page_writes", "a page that was half written when the machine stopped cannot be mended"),
    ):
        value = _shown(here, name)
        yield Found(name, value == "on", value if value == "on" else f"{value}: {why}. Set it on")
    yield _commits(_shown(here, "synchronous_commit"), _shown(here, "synchronous_standby_names"))


def _commits(waits: str, standbys: str) -> Found:
    # The node sets it for its own connections; what the server has by default shows what others would get.
    if not standbys:
        return Found("commits", True, "wait for this server's disk; no standby is named, so its loss loses what is new")
    said = f"wait for standbys: {standbys}"
    if waits in ("on", "remote_apply"):
        return Found("commits", True, said)
    return Found("commits", True, f"{said}; the node waits for them though the server's default is {waits}")


def _shown(here: _Connection, name: str) -> str:
    (value,) = here.execute("SELECT current_setting(%s)", [name]).fetchone() or ("",)
    return str(value)


def _roles(here: _Connection) -> Found:
    rows = here.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = ANY(%s)",
        [list(_ROLES)],
    ).fetchall()
    names = ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB")
    wrong = [f"{role} has {name}" for role, *flags in rows for name, flag in zip(names, flags, strict=True) if flag]
    wrong += [f"{role} is missing" for role in _ROLES if role not in {row[0] for row in rows}]
    joined = here.execute(
        "SELECT m.rolname, r.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member"
        " JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname = ANY(%s)",
        [list(_ROLES)],
    ).fetchall()
    wrong += [f"{member} is a member of {role}" for member, role in joined]
    said = f"{'; '.join(wrong)}: past the walls goes whoever has it" if wrong else "none passes the walls by"
    return Found("roles", not wrong, said)


def _forced(here: _Connection) -> Found:
    policies, _, _ = looked_for()
    rows = here.execute(
        "SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity, o.rolname"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner"
        " WHERE n.nspname IN ('register', 'words') AND c.relkind = 'r'"
    ).fetchall()
    held = {name: forced and owner == OWNER for name, forced, owner in rows}
    bare = sorted(name for name in policies if not held.get(name))
    said = (
        f"not enabled and forced, or not {OWNER}'s: {', '.join(bare)}" if bare else f"forced on {len(policies)} tables"
    )
    return Found("row security", not bare, said if not bare else f"{said}; `diwan db upgrade` raises the walls anew")


def _policies(here: _Connection) -> Found:
    wanted, filters, _ = looked_for()
    rows = here.execute(
        "SELECT schemaname || '.' || tablename, policyname, roles::text[], qual FROM pg_policies"
        " WHERE schemaname IN ('register', 'words')"
    ).fetchall()
    found: dict[str, set[str]] = {}
    wrong = []
    for table, name, roles, qual in rows:
        found.setdefault(table, set()).add(name)
        if roles != [f"diwan_{name}"]:
            wrong.append(f"{name} on {table} is for {', '.join(roles)}")
        if name == "reader" and table in filters and "diwan.gates" not in qual and "LIMIT 1" not in qual:
            wrong.append(f"{name} on {table} does not ask for a gate")
    for table, names in wanted.items():
        if found.get(table, set()) != names:
            odd = found.get(table, set()) ^ names
            wrong.append(f"{table} misses or has too many: {', '.join(sorted(odd))}")
    said = (
        f"{'; '.join(wrong)}: `diwan db upgrade` raises the walls anew" if wrong else f"{len(rows)}, as they should be"
    )
    return Found("policies", not wrong, said)


def _views(here: _Connection) -> Found:
    _, _, wanted = looked_for()
    rows = here.execute(
        "SELECT c.relname, coalesce(c.reloptions @> '{security_invoker=true}', false) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'v'",
        [VIEWS],
    ).fetchall()
    held = {name for name, invoker in rows if invoker}
    missing = sorted(wanted - held)
    said = (
        f"missing, or read with their owner's rights: {', '.join(missing)}" if missing else f"{len(wanted)} in {VIEWS}"
    )
    return Found("views", not missing, said)


def _rights(here: _Connection) -> Found:
    policies, _, _ = looked_for()
    wrong = []
    for role, name in ((READER, "reader"), (HOUSE, "house")):
        for table, held in policies.items():
            row = here.execute(
                "SELECT has_any_column_privilege(%(role)s, %(table)s, 'SELECT'),"
                " has_table_privilege(%(role)s, %(table)s, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')",
                {"role": role, "table": table},
            ).fetchone() or (False, False)
            if row[1]:
                wrong.append(f"{role} may change {table}")
            if row[0] and name not in held:
                wrong.append(f"{role} may read {table}")
    said = f"{'; '.join(wrong)}: `diwan db upgrade` takes them back" if wrong else "readers write nothing"
    return Found("rights", not wrong, said)
