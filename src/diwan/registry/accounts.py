"""Accounts and tickets in the register: who may come in, and by what secret."""

from __future__ import annotations

from typing import Literal

import msgspec

from diwan.registry.engines.lines import Asked
from diwan.terms.time import Instant

Sort = Literal["session", "token", "certificate"]


class AccountRow(msgspec.Struct, frozen=True):
    """An account as it is kept; `value` is its own JSON, `secret` the password's argon2 string."""

    id: str
    name: str
    value: bytes
    secret: str
    closed: Instant | None


class Ticket(msgspec.Struct, frozen=True):
    """What a secret handed out stands for; only its digest is kept."""

    digest: bytes
    sort: Sort
    id: str
    account: str
    name: str
    made: Instant
    seen: Instant
    ends: Instant


def write_account(connection: Asked, row: AccountRow) -> None:
    """Write an account, new or changed."""
    connection.execute(
        "INSERT INTO account(id, name, value, secret, closed) VALUES(?,?,?,?,?)"
        " ON CONFLICT(id) DO UPDATE SET value=excluded.value, secret=excluded.secret, closed=excluded.closed",
        [row.id, row.name, row.value, row.secret, row.closed],
    )


def account_by(connection: Asked, *, name: str | None = None, id: str | None = None) -> AccountRow | None:
    """Return the account of a name or an id, or None."""
    column, value = ("name", name) if id is None else ("id", id)
    row = connection.execute(
        f"SELECT id, name, value, secret, closed FROM account WHERE {column}=?", [value]
    ).fetchone()
    return AccountRow(*row) if row else None


def all_accounts(connection: Asked) -> list[AccountRow]:
    """Return every account by name."""
    rows = connection.execute("SELECT id, name, value, secret, closed FROM account ORDER BY name")
    return [AccountRow(*row) for row in rows]


def write_ticket(connection: Asked, ticket: Ticket) -> None:
    """Write a ticket."""
    connection.execute("INSERT INTO ticket VALUES(?,?,?,?,?,?,?,?)", list(msgspec.structs.astuple(ticket)))


def ticket_of(connection: Asked, digest: bytes) -> Ticket | None:
    """Return the ticket of a secret's digest, or None."""
    row = connection.execute("SELECT * FROM ticket WHERE digest=?", [digest]).fetchone()
    return Ticket(*row) if row else None


def holder_of(connection: Asked, digest: bytes) -> tuple[Ticket, AccountRow] | None:
    """Return the ticket of a secret's digest and the account that it stands for, or None."""
    row = connection.execute(
        "SELECT t.digest, t.sort, t.id, t.account, t.name, t.made, t.seen, t.ends, a.id, a.name, a.value, a.secret,"
        " a.closed FROM ticket t JOIN account a ON a.id=t.account WHERE t.digest=?",
        [digest],
    ).fetchone()
    return (Ticket(*row[:8]), AccountRow(*row[8:])) if row else None


def tickets_of(connection: Asked, account: str, sort: Sort) -> list[Ticket]:
    """Return an account's tickets of one sort, oldest first."""
    rows = connection.execute("SELECT * FROM ticket WHERE account=? AND sort=? ORDER BY made, id", [account, sort])
    return [Ticket(*row) for row in rows]


def see_ticket(connection: Asked, digest: bytes, at: Instant) -> None:
    """Note when a ticket was last used."""
    connection.execute("UPDATE ticket SET seen=? WHERE digest=?", [at, digest])


def drop_ticket(connection: Asked, sort: Sort, *, digest: bytes | None = None, id: str | None = None) -> Ticket | None:
    """Take a ticket of one sort away, by its secret's digest or by its own id; return what it was."""
    column, value = ("digest", digest) if id is None else ("id", id)
    row = connection.execute(f"DELETE FROM ticket WHERE sort=? AND {column}=? RETURNING *", [sort, value]).fetchone()
    return Ticket(*row) if row else None


def drop_tickets(connection: Asked, account: str) -> None:
    """Take away every ticket of an account."""
    connection.execute("DELETE FROM ticket WHERE account=?", [account])


def drop_ended(connection: Asked, account: str, now: Instant, idle: Instant) -> None:
    """Take away an account's sessions that are over at `now`, or were not used for `idle`."""
    connection.execute(
        "DELETE FROM ticket WHERE sort='session' AND account=? AND (ends<=? OR seen<=?)", [account, now, now - idle]
    )
