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
# Control characters break lines, bidirectional overrides let one name be read as another.
_SHOWN: Final = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,100}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}", re.ASCII)
_json: Final = msgspec.json.Encoder(order="deterministic")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person's or a program's account; its id, name and party never change, and once closed it stays closed."""

    id: str
    name: str
    shown: str
    """How pages show it: an office or a name."""
    party: str
    clearances: tuple[Clearance, ...] = ()
    roles: frozenset[Role] = frozenset()
    language: str = "en"
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
    language: str = "en",
) -> Account:
    """Open an account and return it; `by` is the id of who does it.

    Raises:
        Refused: the name, shown name, party id or language is not of the form, or the password is too short or long.
        Conflict: the name is taken, be it by a closed account.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be an account's name: 2 to 64 of a-z, 0-9, dot, dash, underscore. Not opened.")
    if not is_party_id(party):
        raise Refused(f"{party!r} is not a party id. The account was not opened.")
    account = Account(
        id=book.chance.bytes(16).hex(),
        name=name,
        shown=shown,
        party=party,
        clearances=tuple(clearances),
        roles=frozenset(roles),
        language=language,
    )
    _check_shown(account)
    secret = passwords.hash(password)

    def job(ink: Ink) -> None:
        if account_by(ink.connection, name=name) is not None:
            raise Conflict(f"An account is named {name!r} already. Nothing was opened.")
        write_account(ink.connection, _row(account, secret))
        ink.log([line(ink, "open account", by, [account.id], party=party, **_rights(account))])

    book.write(job)
    return account


def change_account(book: Book, account: Account, *, by: str) -> None:
    """Write what changed of an account; it takes effect with its next request.

    Raises:
        NotFound: there is no such account.
        Refused: its name or party is another, or it is closed; nothing was changed.
    """
    _check_shown(account)

    def job(ink: Ink) -> None:
        row = _kept(ink, account)
        kept = account_of(row)
        if kept.closed is not None:
            raise Refused(f"The account {kept.name!r} is closed and stays so. Nothing was changed.")
        if (account.name, account.party, account.closed) != (kept.name, kept.party, kept.closed):
            raise Refused(
                f"The account {kept.name!r} keeps its name and its party, and is closed only by closing it."
                " Nothing was changed."
            )
        write_account(ink.connection, _row(account, row.secret))
        ink.log([line(ink, "change account", by, [account.id], party=kept.party, **_rights(account))])

    book.write(job)


def close_account(book: Book, account: Account, *, by: str) -> None:
    """Close an account: its sessions and tokens are worthless from now on; what it did stays on record.

    Raises:
        NotFound: there is no such account.
    """

    def job(ink: Ink) -> None:
        row = _kept(ink, account)
        if row.closed is None:
            write_account(ink.connection, msgspec.structs.replace(row, closed=ink.now()))
            drop_tickets(ink.connection, row.id)
            ink.log([line(ink, "close account", by, [row.id], party=account_of(row).party)])

    book.write(job)


def set_password(book: Book, passwords: Passwords, account: Account, password: str, *, by: str) -> None:
    """Give an account another password and end its sessions and tokens: whoever held the old one is out.

    Raises:
        NotFound: there is no such account.
        Refused: the password is too short or too long, or the account is closed; nothing was set.
    """
    secret = passwords.hash(password)

    def job(ink: Ink) -> None:
        row = _kept(ink, account)
        if row.closed is not None:
            raise Refused(f"The account {row.name!r} is closed and stays so. No password was set.")
        write_account(ink.connection, msgspec.structs.replace(row, secret=secret))
        drop_tickets(ink.connection, row.id)
        ink.log([line(ink, "set password", by, [row.id], party=account_of(row).party)])

    book.write(job)


def account_named(book: Book, name: str) -> Account | None:
    """Return the account of a name, open or closed, or None."""
    with book.own_pages() as pages:
        row = account_by(pages, name=name)
    return account_of(row) if row else None


def accounts(book: Book) -> list[Account]:
    """Return every account, open or closed, by name."""
    with book.own_pages() as pages:
        return [account_of(row) for row in all_accounts(pages)]


def account_of(row: AccountRow) -> Account:
    """Return an account as it is kept."""
    return msgspec.structs.replace(msgspec.json.decode(row.value, type=Account), closed=row.closed)


def is_shown(text: str) -> bool:
    """Return whether `text` can be shown as a name: 1 to 100 characters, none that breaks lines or turns direction."""
    return _SHOWN.fullmatch(text) is not None


def line(ink: Ink, act: str, by: str, of: Sequence[str], *, party: str, **more: object) -> bytes:
    """Return a line for the audit log: by whom, of which account, under random ids; `party` is that account's."""
    return _json.encode({"at": ink.now(), "act": act, "by": by, "party": party, "of": list(of), **more})


def _check_shown(account: Account) -> None:
    if not is_shown(account.shown):
        raise Refused(
            f"{account.shown!a} cannot be shown as a name: 1 to 100 characters, none that breaks a line or turns the"
            " direction of writing. Nothing was written."
        )
    if not _LANGUAGE.fullmatch(account.language):
        raise Refused(f"{account.language!a} is not a language code such as “ar”. Nothing was written.")


def _kept(ink: Ink, account: Account) -> AccountRow:
    # Read again under the write order: what the caller holds may have been changed or closed meanwhile.
    row = account_by(ink.connection, id=account.id)
    if row is None:
        raise NotFound
    return row


def _rights(account: Account) -> dict[str, list[str]]:
    held = [_json.encode(clearance).decode() for clearance in account.clearances]
    return {"clearances": held, "roles": sorted(account.roles)}


def _row(account: Account, secret: str) -> AccountRow:
    return AccountRow(account.id, account.name, _json.encode(account), secret, account.closed)
