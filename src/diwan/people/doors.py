"""The doors: signing in, staying in, tokens for programs; a secret is given out once and kept as a digest."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

import msgspec

from diwan.people.accounts import Account, account_of, line
from diwan.people.passwords import Passwords
from diwan.people.throttle import Throttle
from diwan.registry.accounts import (
    Sort,
    Ticket,
    account_by,
    drop_ticket,
    see_ticket,
    ticket_of,
    tickets_of,
    write_account,
    write_ticket,
)
from diwan.registry.book import Book
from diwan.registry.ink import Ink
from diwan.terms.errors import NotAllowed, NotFound
from diwan.terms.time import Instant

MINUTE: Final = 60_000_000
TOKEN: Final = "dwn_"  # noqa: S105 -- a prefix by which scanners know a leaked token
_SECRET: Final = 32


class Doors:
    """Lets people and programs in, and knows them again."""

    def __init__(self, book: Book, passwords: Passwords, *, idle: Instant, longest: Instant) -> None:
        """Sessions end after `idle` microseconds without a request, and after `longest` in any case."""
        self._book = book
        self._passwords = passwords
        self._throttle = Throttle()
        self._idle = idle
        self._longest = longest

    def sign_in(self, name: str, password: str, address: str) -> tuple[Account, str]:
        """Return the account and the secret of a new session.

        Raises:
            NotAllowed: unknown name, wrong password or closed account (one answer for all), or too many attempts.
        """
        now = self._book.clock()
        self._throttle.check(name, address, now)
        with self._book.own_pages() as pages:
            row = account_by(pages, name=name)
        known = row is not None and row.closed is None
        right = self._passwords.check(row.secret if row and known else None, password)
        if row is None or not right:
            self._throttle.wrong(name, address, now)
            tried = sha256(name.encode()).hexdigest()[:16]
            self._book.write(lambda ink: ink.log([line(ink, "sign-in refused", "", tried)]))
            raise NotAllowed("The name and the password do not fit together. You are not signed in.")
        self._throttle.right(name, address)
        account = account_of(row)
        renewed = self._passwords.hash(password) if self._passwords.outdated(row.secret) else None

        def job(ink: Ink) -> str:
            if renewed is not None:
                write_account(ink.connection, msgspec.structs.replace(row, secret=renewed))
            secret = self._ticket(ink, account, "session", "", ink.now() + self._longest)
            ink.log([line(ink, "sign in", account.id, account.id)])
            return secret

        return account, self._book.write(job)

    def who(self, secret: str) -> Account | None:
        """Return whose session or token this is, or None; the account is read anew each time."""
        digest = _digest(secret)
        now = self._book.clock()
        with self._book.own_pages() as pages:
            ticket = ticket_of(pages, digest)
            row = account_by(pages, id=ticket.account) if ticket else None
        if ticket is None or row is None or row.closed is not None or now >= ticket.ends:
            return None
        if ticket.sort == "session" and now >= ticket.seen + self._idle:
            return None
        if now >= ticket.seen + MINUTE:
            self._book.write(lambda ink: see_ticket(ink.connection, digest, now))
        return account_of(row)

    def sign_out(self, secret: str) -> None:
        """End a session; unknown secrets are passed over."""

        def job(ink: Ink) -> None:
            ended = drop_ticket(ink.connection, digest=_digest(secret))
            if ended is not None:
                ink.log([line(ink, "sign out", ended.account, ended.account)])

        self._book.write(job)

    def make_token(self, account: Account, name: str, ends: Instant, *, by: str) -> str:
        """Return a new API token of an account, given out this once.

        Raises:
            NotAllowed: the account is closed, or `ends` lies in the past.
        """
        if account.closed is not None or ends <= self._book.clock():
            raise NotAllowed("A token needs an open account and an end in the future. None was made.")

        def job(ink: Ink) -> str:
            secret = self._ticket(ink, account, "token", name, ends)
            ink.log([line(ink, "make token", by, account.id)])
            return secret

        return self._book.write(job)

    def tokens(self, account: Account) -> list[Ticket]:
        """Return an account's tokens; what they are is not kept, only that they are."""
        with self._book.own_pages() as pages:
            return tickets_of(pages, account.id, "token")

    def revoke_token(self, id: str, *, by: str) -> None:
        """Make a token worthless from now on.

        Raises:
            NotFound: there is no such token.
        """

        def job(ink: Ink) -> None:
            ended = drop_ticket(ink.connection, id=id)
            if ended is None:
                raise NotFound
            ink.log([line(ink, "revoke token", by, ended.account)])

        self._book.write(job)

    def _ticket(self, ink: Ink, account: Account, sort: Sort, name: str, ends: Instant) -> str:
        secret = urlsafe_b64encode(ink.chance.bytes(_SECRET)).rstrip(b"=").decode()
        secret = TOKEN + secret if sort == "token" else secret
        now = ink.now()
        write_ticket(
            ink.connection,
            Ticket(_digest(secret), sort, ink.chance.bytes(8).hex(), account.id, name, now, now, ends),
        )
        return secret


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
