"""The doors: signing in, staying in, tokens for programs; a secret is given out once and kept as a digest."""

from __future__ import annotations

import logging
import threading
from base64 import urlsafe_b64encode
from concurrent.futures import Future
from hashlib import blake2b, sha256
from typing import Final

import msgspec

from diwan.people.accounts import Account, account_of, is_shown, line
from diwan.people.passwords import Passwords
from diwan.people.throttle import Throttle, TooSoon
from diwan.registry.accounts import (
    AccountRow,
    Sort,
    Ticket,
    account_by,
    drop_ended,
    drop_ticket,
    holder_of,
    see_ticket,
    ticket_of,
    tickets_of,
    write_account,
    write_ticket,
)
from diwan.registry.book import Book
from diwan.registry.ink import Ink
from diwan.terms.errors import Conflict, NotAllowed, NotFound
from diwan.terms.time import Instant

_log: Final = logging.getLogger(__name__)
MINUTE: Final = 60_000_000
_REMEMBERED: Final = 5 * MINUTE
_MOST_REMEMBERED: Final = 4096
TOKEN: Final = "dwn_"  # noqa: S105 -- a prefix by which scanners know a leaked token
_SECRET: Final = 32


_CERTIFICATE: Final = "certificate sha256 "
"""Stands before a fingerprint, so that no bearer token and no session can be spelt like one."""


class _Remembered(msgspec.Struct, frozen=True):
    """That a name and a password were found right, with what was kept of the password then."""

    account: str
    secret: str
    until: Instant


class Doors:
    """Lets people and programs in, and knows them again."""

    def __init__(self, book: Book, passwords: Passwords, *, idle: Instant, longest: Instant) -> None:
        """Sessions end after `idle` microseconds without a request, and after `longest` in any case.

        Use is noted once a minute at most, so a session may end up to a minute before its time, never after it; and
        sooner where it could not be noted, as on a full disk.
        """
        self._book = book
        self._passwords = passwords
        self._throttle = Throttle()
        self._idle = idle
        self._longest = longest
        # What was typed as a name may be a password: the log keeps it under a key that dies with this process.
        self._key = book.chance.bytes(_SECRET)
        self._remembered: dict[bytes, _Remembered] = {}
        self._remembering = threading.Lock()
        self._noting: set[bytes] = set()
        self.refused = 0
        """Attempts to sign in that were refused since this process began."""

    def sign_in(self, name: str, password: str, address: str) -> tuple[Account, str]:
        """Return the account and the secret of a new session.

        Raises:
            TooSoon: too many attempts at this name from this address.
            NotAllowed: unknown name, wrong password or closed account: one answer for all, after the same work.
        """
        attempt, tried = self._begin(name, address)
        let_in = self._right(name, password)
        renewed = self._passwords.hash(password) if let_in and self._passwords.outdated(let_in.secret) else None

        def job(ink: Ink) -> tuple[Account, str] | None:
            opened = self._enter(ink, let_in, renewed) if let_in else None
            if opened is None:
                self._refuse(ink, tried, address)
            return opened

        opened = self._book.write(job)
        if opened is None:
            raise NotAllowed("The name and the password do not fit together. You are not signed in.")
        self._throttle.right(attempt)
        return opened

    def who(self, secret: str, *, only: Sort | None = None) -> Account | None:
        """Return whose session or token this is, or None; the account is read anew each time.

        That it was used is noted, and nobody waits for that: not who reads while others write, or while a disk is full.
        """
        digest = _digest(secret)
        now = self._book.clock()
        with self._book.own_pages() as pages:
            held = holder_of(pages, digest)
        if held is None:
            return None
        ticket, row = held
        if row.closed is not None or now >= ticket.ends:
            return None
        # A fingerprint is no secret: it counts only where a proxy vouches for the certificate.
        if ticket.sort != only and (only is not None or ticket.sort == "certificate"):
            return None
        if ticket.sort == "session" and now >= ticket.seen + self._idle:
            return None
        if now >= ticket.seen + min(MINUTE, self._idle // 2):
            self._note_use(digest, now)
        return account_of(row)

    def _note_use(self, digest: bytes, now: Instant) -> None:
        def noted(ended: Future[None]) -> None:
            self._noting.discard(digest)
            if (failure := ended.exception()) is not None:
                _log.warning("That a session or token was used could not be noted: %s.", type(failure).__name__)

        if digest not in self._noting:
            self._noting.add(digest)
            self._book.note(lambda ink: see_ticket(ink.connection, digest, now)).add_done_callback(noted)

    def by_password(self, name: str, password: str, address: str) -> Account | None:
        """Return the account of a name and a password that come with every request (RFC 7617), or None.

        The password is hashed once, then known again for five minutes by a keyed digest that dies with this process.

        Raises:
            TooSoon: too many attempts at this name from this address.
        """
        return self.known_by(name, password) or self._first_time(name, password, address, self._blend(name, password))

    def _blend(self, name: str, password: str) -> bytes:
        return blake2b(f"{name}\0{password}".encode("utf-8", "surrogatepass"), key=self._key).digest()

    def known_by(self, name: str, password: str) -> Account | None:
        """Return the account of a name and a password that were found right within the last minutes, or None.

        Whether the account is open and its password still this one is looked at each time.
        """
        digest, now = self._blend(name, password), self._book.clock()
        known = self._remembered.get(digest)
        if known is not None and known.until - _REMEMBERED <= now < known.until:
            with self._book.own_pages() as pages:
                row = account_by(pages, id=known.account)
            if row is not None and row.closed is None and row.secret == known.secret:
                return account_of(row)
        with self._remembering:
            self._remembered.pop(digest, None)
        return None

    def _first_time(self, name: str, password: str, address: str, digest: bytes) -> Account | None:
        attempt, tried = self._begin(name, address)
        right = self._right(name, password)
        if right is None:
            self._book.write(lambda ink: self._refuse(ink, tried, address))
            return None
        self._throttle.right(attempt)
        account = account_of(right)
        self._book.write(lambda ink: ink.log([line(ink, "password", right.id, [right.id], party=account.party)]))
        known = _Remembered(right.id, right.secret, self._book.clock() + _REMEMBERED)
        with self._remembering:
            if len(self._remembered) >= _MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[digest] = known
        return account

    def _begin(self, name: str, address: str) -> tuple[bytes, str]:
        row = self._named(name)
        tried = row.id if row else self._blur(name)
        attempt = self._blur(f"{address}\n{name}").encode()
        try:
            self._throttle.begin(attempt, self._book.clock())
        except TooSoon as early:
            if early.first:
                self._book.write(lambda ink: self._refuse(ink, tried, address))
            else:
                self._count_refused()
            raise
        return attempt, tried

    def _right(self, name: str, password: str) -> AccountRow | None:
        row = self._named(name)
        known = row if row is not None and row.closed is None else None
        return known if self._passwords.check(known.secret if known else None, password) else None

    def by_certificate(self, fingerprint: str) -> Account | None:
        """Return the open account that a client certificate was noted for, by its SHA-256 in hexadecimal, or None."""
        return self.who(_CERTIFICATE + fingerprint, only="certificate")

    def note_certificate(self, account: Account, name: str, fingerprint: str, ends: Instant, *, by: str) -> None:
        """Let whoever holds the key of a client certificate act for an account until `ends`.

        Raises:
            NotAllowed: the account is closed, `ends` lies in the past, or `name` cannot be shown.
            Conflict: the certificate was noted already.
        """
        self._hand_out(account, "certificate", name, ends, by=by, secret=_CERTIFICATE + fingerprint)

    def sign_out(self, secret: str) -> None:
        """End a session; unknown secrets are passed over."""

        def job(ink: Ink) -> None:
            ended = drop_ticket(ink.connection, "session", digest=_digest(secret))
            if ended is not None:
                of = _party_of(ink, ended.account)
                ink.log([line(ink, "sign out", ended.account, [ended.account, ended.id], party=of)])

        self._book.write(job)

    def make_token(self, account: Account, name: str, ends: Instant, *, by: str) -> str:
        """Return a new API token of an account, given out this once; `name` says what it is for.

        Raises:
            NotAllowed: the account is closed, `ends` lies in the past, or `name` cannot be shown.
        """
        return self._hand_out(account, "token", name, ends, by=by)

    def _hand_out(
        self, account: Account, sort: Sort, name: str, ends: Instant, *, by: str, secret: str | None = None
    ) -> str:
        if not is_shown(name):
            raise NotAllowed(f"A {sort}'s name has 1 to 100 characters, none that breaks a line. None was made.")

        def job(ink: Ink) -> str:
            row = account_by(ink.connection, id=account.id)
            if row is None or row.closed is not None or ends <= ink.now():
                raise NotAllowed(f"A {sort} needs an open account and an end in the future. None was made.")
            if secret is not None and ticket_of(ink.connection, _digest(secret)) is not None:
                raise Conflict("This certificate is noted already. Nothing was changed.")
            ticket, made = self._ticket(ink, row.id, sort, name, ends, secret)
            ink.log([line(ink, f"make {sort}", by, [row.id, ticket.id], party=account_of(row).party)])
            return made

        return self._book.write(job)

    def tokens(self, account: Account) -> list[Ticket]:
        """Return an account's tokens, then the certificates noted for it; what they are is not kept."""
        with self._book.own_pages() as pages:
            return [*tickets_of(pages, account.id, "token"), *tickets_of(pages, account.id, "certificate")]

    def revoke_token(self, id: str, *, by: str) -> None:
        """Make a token, or a certificate that was noted, worthless from now on.

        Raises:
            NotFound: there is no such token.
        """

        def job(ink: Ink) -> None:
            ended = drop_ticket(ink.connection, "token", id=id) or drop_ticket(ink.connection, "certificate", id=id)
            if ended is None:
                raise NotFound
            of = _party_of(ink, ended.account)
            ink.log([line(ink, f"revoke {ended.sort}", by, [ended.account, ended.id], party=of)])

        self._book.write(job)

    def _named(self, name: str) -> AccountRow | None:
        # No account's name is anything but ASCII, and half a surrogate pair would stop the engine.
        if not name.isascii():
            return None
        with self._book.own_pages() as pages:
            return account_by(pages, name=name)

    def _enter(self, ink: Ink, checked: AccountRow, renewed: str | None) -> tuple[Account, str] | None:
        # While the password was being checked, the account may have been closed or given another one.
        row = account_by(ink.connection, id=checked.id)
        if row is None or row.closed is not None or row.secret != checked.secret:
            return None
        if renewed is not None:
            write_account(ink.connection, msgspec.structs.replace(row, secret=renewed))
        now, account = ink.now(), account_of(row)
        drop_ended(ink.connection, account.id, now, self._idle)
        ticket, secret = self._ticket(ink, account.id, "session", "", now + self._longest)
        ink.log([line(ink, "sign in", account.id, [account.id, ticket.id], party=account.party)])
        return account, secret

    def _refuse(self, ink: Ink, tried: str, address: str) -> None:
        self._count_refused()
        ink.log([line(ink, "sign-in refused", "", [tried], party="", address=self._blur(address))])

    def _count_refused(self) -> None:
        with self._remembering:
            self.refused += 1

    def _blur(self, text: str) -> str:
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).hexdigest()

    def _ticket(
        self, ink: Ink, account: str, sort: Sort, name: str, ends: Instant, known: str | None = None
    ) -> tuple[Ticket, str]:
        drawn = urlsafe_b64encode(ink.chance.bytes(_SECRET)).rstrip(b"=").decode()
        secret = known or (TOKEN + drawn if sort == "token" else drawn)
        now = ink.now()
        ticket = Ticket(_digest(secret), sort, ink.chance.bytes(16).hex(), account, name, now, now, ends)
        write_ticket(ink.connection, ticket)
        return ticket, secret


def _party_of(ink: Ink, account: str) -> str:
    row = account_by(ink.connection, id=account)
    return account_of(row).party if row else ""


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
