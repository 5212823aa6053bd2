"""Passwords that come with every request, and client certificates: hashed once, worthless at once when they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from diwan.people.accounts import Account, change_account, close_account, set_password
from diwan.people.doors import MINUTE, Doors
from diwan.people.passwords import Passwords
from diwan.people.throttle import FREE, TooSoon
from diwan.registry.book import Book
from diwan.terms.errors import Conflict, NotAllowed, NotFound
from diwan.terms.hand import Role

Open = Callable[..., Account]
Log = Callable[[], list[dict[str, Any]]]

PASSWORD, WRONG, NEXT = "correct horse battery", "wrong horse battery", "another horse battery"
HERE, THERE = "192.0.2.1", "192.0.2.2"
PRINT, OTHER = "ab" * 32, "cd" * 32
DAY = 24 * 60 * MINUTE


def test_a_password_is_worked_on_once_and_known_again_for_five_minutes(
    doors: Doors, opened: Open, hasher: Any, clock: Any
) -> None:
    account = opened()

    found = [doors.by_password("mariam", PASSWORD, place) for place in (HERE, THERE, HERE)]
    once = len(hasher.verified)
    clock.wait(minutes=4)
    found.append(doors.by_password("mariam", PASSWORD, HERE))
    still = len(hasher.verified)
    clock.wait(minutes=2)
    found.append(doors.by_password("mariam", PASSWORD, HERE))

    assert found == [account] * 5
    assert (once, still, len(hasher.verified)) == (1, 1, 2)


def test_clock_that_was_set_back_makes_a_password_be_worked_on_again(
    doors: Doors, opened: Open, hasher: Any, clock: Any
) -> None:
    opened()
    doors.by_password("mariam", PASSWORD, HERE)
    clock.wait(minutes=-60)

    assert doors.by_password("mariam", PASSWORD, HERE) is not None
    assert len(hasher.verified) == 2


def test_only_the_very_name_and_password_are_known_again(doors: Doors, opened: Open, hasher: Any) -> None:
    opened()
    opened("mariam0")
    doors.by_password("mariam", PASSWORD, HERE)

    tried = [("mariam", WRONG), ("mariam0", PASSWORD), ("Mariam", PASSWORD), ("mariam", f"{PASSWORD}\0"), ("", "")]
    found = [account.name if account else None for account in (doors.by_password(*one, HERE) for one in tried)]

    assert found == [None, "mariam0", None, None, None]
    assert len(hasher.verified) == 1 + len(tried)


@pytest.mark.parametrize("shift", [1, -1])
def test_a_name_and_a_password_are_not_known_by_their_letters_alone(doors: Doors, opened: Open, shift: int) -> None:
    opened("mariam")
    opened("mariamc")
    doors.by_password("mariam", PASSWORD, HERE)

    assert doors.by_password("mariamc" if shift > 0 else "maria", PASSWORD[1:], HERE) is None


def test_password_change_takes_effect_at_once(book: Book, doors: Doors, passwords: Passwords, opened: Open) -> None:
    account = opened()
    doors.by_password("mariam", PASSWORD, HERE)

    set_password(book, passwords, account, NEXT, by="console")

    assert doors.by_password("mariam", PASSWORD, HERE) is None
    assert doors.by_password("mariam", NEXT, HERE) == account


def test_closing_takes_effect_at_once(book: Book, doors: Doors, opened: Open) -> None:
    account = opened()
    doors.by_password("mariam", PASSWORD, HERE)

    close_account(book, account, by="console")

    assert doors.by_password("mariam", PASSWORD, HERE) is None


def test_roles_are_those_of_the_moment_though_the_password_is_known(book: Book, doors: Doors, opened: Open) -> None:
    account = opened(roles=frozenset({Role.DUTY_OFFICER}))
    doors.by_password("mariam", PASSWORD, HERE)

    change_account(book, msgspec.structs.replace(account, roles=frozenset()), by="console")

    found = doors.by_password("mariam", PASSWORD, HERE)
    assert found is not None
    assert found.roles == frozenset()


def test_unknown_closed_and_wrong_are_the_same_answer_after_the_same_work(
    book: Book, doors: Doors, opened: Open, hasher: Any
) -> None:
    opened()
    close_account(book, opened("closed"), by="console")
    tried = [("mariam", WRONG), ("nobody", PASSWORD), ("closed", PASSWORD), ("نورة", PASSWORD), ("\ud800", "\udfff")]

    found = []
    for one in tried:
        before = len(hasher.verified)
        found.append((doors.by_password(*one, HERE), len(hasher.verified) - before))

    assert found == [(None, 1)] * len(tried)


@pytest.mark.parametrize("name", ["mariam", "nobody"])
def test_guesses_make_the_next_wait_from_this_address_and_what_is_known_does_not(
    doors: Doors, opened: Open, hasher: Any, name: str
) -> None:
    opened()
    known = doors.by_password("mariam", PASSWORD, HERE)

    for _ in range(FREE):
        assert doors.by_password(name, WRONG, HERE) is None
    before = len(hasher.verified)
    with pytest.raises(TooSoon, match="Too many wrong attempts"):
        doors.by_password(name, WRONG, HERE)
    with pytest.raises(TooSoon):
        doors.by_password(name, "a third one", HERE)

    assert len(hasher.verified) == before
    assert doors.by_password("mariam", PASSWORD, HERE) == known is not None
    assert doors.by_password(name, WRONG, THERE) is None


def test_the_log_tells_of_the_first_time_and_of_refusals_and_keeps_nothing_that_was_typed(
    doors: Doors, opened: Open, log: Log
) -> None:
    account = opened()
    before = len(log())

    for name, password in (("mariam", PASSWORD), ("mariam", PASSWORD), ("mariam", WRONG), (WRONG, PASSWORD)):
        doors.by_password(name, password, HERE)

    told = log()[before:]
    assert [(line["act"], line["by"]) for line in told] == [
        ("password", account.id), ("sign-in refused", ""), ("sign-in refused", "")
    ]  # fmt: skip
    assert not any(typed in str(told) for typed in (PASSWORD, WRONG, HERE))


def test_a_certificate_lets_its_account_in_by_its_fingerprint_alone(
    book: Book, doors: Doors, opened: Open, clock: Any
) -> None:
    account = opened()
    doors.note_certificate(account, "taxii client", PRINT, clock.now + DAY, by="console")

    assert doors.by_certificate(PRINT) == account
    assert [doors.by_certificate(one) for one in (OTHER, PRINT.upper(), "", "a")] == [None] * 4

    close_account(book, account, by="console")
    assert doors.by_certificate(PRINT) is None


def test_a_fingerprint_is_no_token_no_session_and_no_password(doors: Doors, opened: Open, clock: Any) -> None:
    account = opened()
    doors.note_certificate(account, "taxii client", PRINT, clock.now + DAY, by="console")

    spelt = (PRINT, f"certificate sha256 {PRINT}", f"Certificate SHA256 {PRINT}")
    assert [doors.who(one) for one in spelt] == [None] * 3
    assert [doors.who(one, only="token") for one in spelt] == [None] * 3
    assert [doors.who(one, only="session") for one in spelt] == [None] * 3
    assert doors.by_password("mariam", PRINT, HERE) is None


def test_a_token_or_session_is_no_certificate_and_each_is_what_it_is(doors: Doors, opened: Open, clock: Any) -> None:
    account = opened()
    token = doors.make_token(account, "taxii", clock.now + DAY, by="console")
    _, session = doors.sign_in("mariam", PASSWORD, HERE)

    assert [doors.by_certificate(one) for one in (token, session)] == [None, None]
    assert [doors.who(token, only="token"), doors.who(session, only="token")] == [account, None]
    assert [doors.who(token, only="session"), doors.who(session, only="session")] == [None, account]


def test_a_certificate_ends_is_noted_once_and_is_worthless_when_it_is_revoked(
    doors: Doors, opened: Open, clock: Any, log: Log
) -> None:
    account, other = opened(), opened("noura")
    doors.note_certificate(account, "first", PRINT, clock.now + DAY, by="console")
    with pytest.raises(Conflict, match="noted already"):
        doors.note_certificate(other, "second", PRINT, clock.now + DAY, by="console")
    with pytest.raises(NotAllowed, match="an end in the future"):
        doors.note_certificate(other, "late", OTHER, clock.now - 1, by="console")
    doors.note_certificate(other, "second", OTHER, clock.now + DAY, by="console")

    (ticket,) = doors.tokens(account)
    doors.revoke_token(ticket.id, by="console")
    with pytest.raises(NotFound):
        doors.revoke_token(ticket.id, by="console")

    assert (doors.by_certificate(PRINT), doors.by_certificate(OTHER)) == (None, other)
    clock.wait(minutes=24 * 60 + 1)
    assert doors.by_certificate(OTHER) is None
    acts = [line["act"] for line in log() if "certificate" in line["act"]]
    assert acts == ["make certificate", "make certificate", "revoke certificate"]
