"""Accounts: who a person is to this node, which party they read for, what they are cleared for, what they do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from diwan.people.passwords import Passwords
from diwan.registry.accounts import AccountRow, account_by, all_accounts, drop_tickets, write_account
from diwan.registry.book import Book
from diwan.registry.ink import Ink
from diwan.release.codes import is_party_id
from diwan.terms.errors import Conflict, NotFound, Refused
from diwan.terms.hand import Hand, Role
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}", re.ASCII)
_json: Final = msgspec.json.Encoder(order="deterministic")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person's or a program's account."""

    id: str
    name: str
    shown: str
    """How pages show it: an office or a name."""
    party: str
    clearances: tuple[Clearance, ...] = ()
    roles: frozenset[Role] = frozenset()
    closed: Instant | None = None

    @property
    def reader(self) -> Reader:
        """As whom the account reads; its roles have no part in it."""
        return Reader(self.id, self.party, self.clearances)

    @property
    def hand(self) -> Hand:
        """As whom the account acts."""
        return Hand(self.reader, self.roles)


def open_account(
    book: Book,
    passwords: Passwords,
    *,
    name: str,
    shown: str,
    party: str,
    password: str,
    by: str,
    clearances: Sequence[Clearance] = (),
    roles: frozenset[Role] = frozenset(),
) -> Account:
    """Open an account and return it.

    Raises:
        Refused: the name or the party id is not of the form, or the password is too short.
        Conflict: the name is taken.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be an account's name: 2 to 64 of a-z, 0-9, dot, dash, underscore. Not opened.")
    if not is_party_id(party):
        raise Refused(f"{party!r} is not a party id. The account was not opened.")
    secret = passwords.hash(password)
    account = Account(
        id=book.chance.bytes(16).hex(),
        name=name,
        shown=shown,
        party=party,
        clearances=tuple(clearances),
        roles=frozenset(roles),
    )

    def job(ink: Ink) -> None:
        if account_by(ink.connection, name=name) is not None:
            raise Conflict(f"An account is named {name!r} already. Nothing was opened.")
        write_account(ink.connection, _row(account, secret))
        ink.log([line(ink, "open account", by, account.id, party=party, roles=sorted(roles))])

    book.write(job)
    return account


def change_account(book: Book, account: Account, *, by: str) -> None:
    """Write what changed of an account; it takes effect with its next request.

    Raises:
        NotFound: there is no such account.
    """

    def job(ink: Ink) -> None:
        row = account_by(ink.connection, id=account.id)
        if row is None:
            raise NotFound
        write_account(ink.connection, _row(account, row.secret))
        if account.closed is not None:
            drop_tickets(ink.connection, account.id)
        ink.log([line(ink, "change account", by, account.id, party=account.party, roles=sorted(account.roles))])

    book.write(job)


def close_account(book: Book, account: Account, *, by: str) -> None:
    """Close an account: its sessions and tokens are worthless from now on; what it did stays on record."""
    change_account(book, msgspec.structs.replace(account, closed=book.clock()), by=by)


def set_password(book: Book, passwords: Passwords, account: Account, password: str, *, by: str) -> None:
    """Give an account another password and end its sessions.

    Raises:
        Refused: the password is too short or too long.
    """
    secret = passwords.hash(password)

    def job(ink: Ink) -> None:
        write_account(ink.connection, _row(account, secret))
        drop_tickets(ink.connection, account.id)
        ink.log([line(ink, "set password", by, account.id)])

    book.write(job)


def account_named(book: Book, name: str) -> Account | None:
    """Return the account of a name, or None."""
    with book.own_pages() as pages:
        row = account_by(pages, name=name)
    return account_of(row) if row else None


def accounts(book: Book) -> list[Account]:
    """Return every account, by name."""
    with book.own_pages() as pages:
        return [account_of(row) for row in all_accounts(pages)]


def account_of(row: AccountRow) -> Account:
    """Return an account as it is kept."""
    return msgspec.structs.replace(msgspec.json.decode(row.value, type=Account), closed=row.closed)


def line(ink: Ink, act: str, by: str, of: str, **more: object) -> bytes:
    """Return a line for the audit log about an account, named by its random id."""
    return _json.encode({"at": ink.now(), "act": act, "by": by, "of": [of], **more})


def _row(account: Account, secret: str) -> AccountRow:
    return AccountRow(account.id, account.name, _json.encode(account), secret, account.closed)
