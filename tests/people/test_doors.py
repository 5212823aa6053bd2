"""The doors: sessions and tokens begin, last as long as they should, and end at once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Event, Thread
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher, extract_parameters

from diwan.people.accounts import Account, change_account, close_account, set_password
from diwan.people.doors import MINUTE, Doors
from diwan.people.passwords import Passwords
from diwan.people.throttle import TooSoon
from diwan.registry.accounts import write_ticket
from diwan.registry.book import Book
from diwan.terms.errors import NotAllowed, NotFound
from diwan.terms.hand import Role
from diwan.terms.reader import Clearance

Open = Callable[..., Account]
Log = Callable[[], list[dict[str, Any]]]

PASSWORD, WRONG = "correct horse battery", "wrong horse battery"
HERE, THERE = "192.0.2.1", "192.0.2.2"
DAY = 24 * 60 * MINUTE


def rows(book: Book, table: str) -> list[Any]:
    with book.own_pages() as pages:
        return pages.execute(f"SELECT * FROM {table}").fetchall()


def refusal(doors: Doors, name: str, password: str, address: str = HERE) -> str:
    with pytest.raises(NotAllowed) as refused:
        doors.sign_in(name, password, address)
    return str(refused.value)


def test_right_password_opens_a_session_that_is_known_again(doors: Doors, opened: Open) -> None:
    account = opened()

    who, secret = doors.sign_in("mariam", PASSWORD, HERE)

    assert who == account
    assert doors.who(secret) == account
    assert [doors.who(other) for other in ("", secret[:-1], secret + "x", "\ud800", account.id)] == [None] * 5


def test_every_session_has_its_own_secret_of_256_bits_kept_as_a_digest_alone(
    book: Book, doors: Doors, opened: Open
) -> None:
    opened()

    secrets = [doors.sign_in("mariam", PASSWORD, HERE)[1] for _ in range(3)]

    assert [len(secret) for secret in set(secrets)] == [43] * 3
    kept = repr(rows(book, "ticket"))
    assert kept.count("'session'") == 3
    assert not any(secret in kept for secret in secrets)


def test_unknown_name_wrong_password_and_closed_account_are_one_answer_after_the_same_work(
    book: Book, doors: Doors, opened: Open, hasher: Any
) -> None:
    opened()
    close_account(book, opened("closed"), by="console")
    hashed = hasher.hashed

    tries = [("mariam", WRONG), ("nobody", WRONG), ("closed", WRONG), ("closed", PASSWORD), ("مريم\ud800", WRONG)]
    answers = {refusal(doors, name, password) for name, password in tries}

    assert answers == {"The name and the password do not fit together. You are not signed in."}
    assert len(hasher.verified) == len(tries)
    assert {msgspec.structs.astuple(_cost(kept)) for kept in hasher.verified} == {(1, 8, 1)}
    assert hasher.hashed == hashed
    assert rows(book, "ticket") == []


class _Cost(msgspec.Struct, frozen=True):
    time: int
    memory: int
    lanes: int


def _cost(kept: str) -> _Cost:
    made = extract_parameters(kept)
    return _Cost(made.time_cost, made.memory_cost, made.parallelism)


def test_refusals_of_known_and_unknown_names_differ_in_the_log_by_digest_only(
    doors: Doors, opened: Open, log: Log
) -> None:
    account = opened()
    for name in ("mariam", "nobody"):
        refusal(doors, name, WRONG)

    known, unknown = log()[1:]
    assert known.pop("of") == [account.id]
    assert [len(said) for said in unknown.pop("of")] == [len(account.id)]
    assert msgspec.structs.astuple(_Said(**known))[1:] == msgspec.structs.astuple(_Said(**unknown))[1:]


class _Said(msgspec.Struct, frozen=True):
    at: int
    act: str
    by: str
    party: str
    address: str


def test_sign_out_ends_the_session_at_once_and_no_other(doors: Doors, opened: Open) -> None:
    account = opened()
    here, there = (doors.sign_in("mariam", PASSWORD, HERE)[1] for _ in range(2))
    assert doors.who(here) == account

    doors.sign_out(here)

    assert (doors.who(here), doors.who(there)) == (None, account)


def asked(book: Book, doors: Doors, secret: str) -> Account | None:
    """Return whose session it is, once it is written down that it was used."""
    account = doors.who(secret)
    book.write(lambda _: None)
    return account


def test_session_ends_half_an_hour_after_its_last_use(book: Book, doors: Doors, opened: Open, clock: Any) -> None:
    account = opened()
    _, secret = doors.sign_in("mariam", PASSWORD, HERE)

    clock.wait(minutes=29)
    assert asked(book, doors, secret) == account
    clock.wait(minutes=29)
    assert asked(book, doors, secret) == account
    clock.wait(minutes=30)
    assert doors.who(secret) is None


def test_session_ends_after_twelve_hours_however_much_it_is_used(
    book: Book, doors: Doors, opened: Open, clock: Any
) -> None:
    account = opened()
    _, secret = doors.sign_in("mariam", PASSWORD, HERE)

    seen = []
    for _ in range(13 * 6):
        clock.wait(minutes=10)
        seen.append(asked(book, doors, secret))

    assert seen == [account] * 71 + [None] * 7


def test_use_of_a_session_is_written_down_once_a_minute_at_most(
    book: Book, doors: Doors, opened: Open, clock: Any
) -> None:
    opened()
    _, secret = doors.sign_in("mariam", PASSWORD, HERE)

    seen = []
    for _ in range(18):
        clock.wait(seconds=10)
        asked(book, doors, secret)
        seen.append(rows(book, "ticket")[0])

    assert len(set(seen)) == 4


def test_who_comes_back_waits_for_nobody_who_writes(book: Book, doors: Doors, opened: Open, clock: Any) -> None:
    """That a session was used is noted after the answer, in the order of those who write."""
    account = opened()
    _, secret = doors.sign_in("mariam", PASSWORD, HERE)
    clock.wait(minutes=2)
    begun, end, at = Event(), Event(), clock()

    def write(_: object) -> None:
        begun.set()
        end.wait(20)

    writer = Thread(target=book.write, args=[write])
    writer.start()
    begun.wait(20)
    try:
        assert doors.who(secret) == account
        assert not end.is_set()
    finally:
        end.set()
        writer.join()
    book.write(lambda _: None)
    assert rows(book, "ticket")[0][6] > at


def test_sessions_that_are_over_are_cleared_away_at_the_next_sign_in(
    book: Book, doors: Doors, opened: Open, clock: Any
) -> None:
    account = opened()
    doors.sign_in("mariam", PASSWORD, HERE)
    doors.make_token(account, "feed", clock() + MINUTE, by=account.id)
    clock.wait(minutes=31)

    doors.sign_in("mariam", PASSWORD, HERE)

    assert sorted(row[1] for row in rows(book, "ticket")) == ["session", "token"]


def test_changed_clearance_and_role_hold_from_the_next_request_on(book: Book, doors: Doors, opened: Open) -> None:
    secret = Clearance("NATO-EXAMPLE", "SECRET")
    account = opened(clearances=[secret], roles=frozenset({Role.RELEASING_OFFICER}))
    _, session = doors.sign_in("mariam", PASSWORD, HERE)
    token = doors.make_token(account, "feed", book.clock() + DAY, by=account.id)
    assert [who.reader.clearances for who in (doors.who(session), doors.who(token)) if who] == [(secret,)] * 2

    change_account(book, msgspec.structs.replace(account, clearances=(), roles=frozenset()), by="console")

    after = [doors.who(session), doors.who(token)]
    assert [(who.reader.clearances, who.hand.roles) for who in after if who] == [((), frozenset())] * 2


def test_closed_account_is_out_at_once_with_its_sessions_and_tokens(book: Book, doors: Doors, opened: Open) -> None:
    account, other = opened(), opened("yusuf")
    secrets = [
        doors.sign_in("mariam", PASSWORD, HERE)[1],
        doors.make_token(account, "feed", book.clock() + DAY, by=account.id),
    ]
    _, others = doors.sign_in("yusuf", PASSWORD, HERE)
    assert [doors.who(secret) for secret in secrets] == [account, account]

    close_account(book, account, by="console")

    assert [doors.who(secret) for secret in secrets] == [None, None]
    assert [row[3] for row in rows(book, "ticket")] == [other.id]
    assert doors.who(others) == other
    with pytest.raises(NotAllowed, match="open account"):
        doors.make_token(account, "feed", book.clock() + DAY, by="console")


def test_ticket_that_outlived_its_account_opens_nothing(book: Book, doors: Doors, opened: Open) -> None:
    account = opened()
    token = doors.make_token(account, "feed", book.clock() + DAY, by=account.id)
    (ticket,) = doors.tokens(account)
    assert doors.who(token) == account
    close_account(book, account, by="console")

    book.write(lambda ink: write_ticket(ink.connection, ticket))

    assert doors.tokens(account) == [ticket]
    assert doors.who(token) is None


def test_account_closed_beside_a_running_node_is_out_at_its_next_request(
    book: Book, doors: Doors, opened: Open, register: str
) -> None:
    account = opened()
    _, secret = doors.sign_in("mariam", PASSWORD, HERE)
    assert doors.who(secret) == account

    console = Book(book.folder, postgres=register, clock=book.clock, synchronous="OFF")
    close_account(console, account, by="console")
    console.close()

    assert doors.who(secret) is None


def test_new_password_ends_what_the_old_one_opened(
    book: Book, passwords: Passwords, doors: Doors, opened: Open
) -> None:
    account = opened()
    _, before = doors.sign_in("mariam", PASSWORD, HERE)

    set_password(book, passwords, account, "another horse battery", by="console")

    assert doors.who(before) is None
    assert "do not fit" in refusal(doors, "mariam", PASSWORD)
    assert doors.sign_in("mariam", "another horse battery", HERE)[0] == account


def test_password_kept_under_lower_parameters_is_kept_anew_when_they_rise(book: Book, opened: Open, log: Log) -> None:
    account = opened()
    raised = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    doors = Doors(book, Passwords(raised), idle=30 * MINUTE, longest=DAY)

    refusal(doors, "mariam", WRONG)
    before = [_cost(row[3]) for row in rows(book, "account")]
    doors.sign_in("mariam", PASSWORD, HERE)

    assert before == [_Cost(1, 8, 1)]
    assert [_cost(row[3]) for row in rows(book, "account")] == [_Cost(2, 16, 1)]
    assert doors.sign_in("mariam", PASSWORD, HERE)[0] == account


class Meddling(PasswordHasher):
    """A hasher under which something else happens while a password is being checked."""

    __slots__ = ["meanwhile"]
    meanwhile: Callable[[], None]

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        fits = super().verify(hash, password)
        self.meanwhile()
        return fits


@pytest.mark.parametrize("rises", [False, True])
def test_account_closed_while_its_password_is_checked_is_not_let_in_and_stays_closed(
    book: Book, opened: Open, rises: bool
) -> None:
    account = opened()
    hasher = Meddling(time_cost=2 if rises else 1, memory_cost=8, parallelism=1)
    hasher.meanwhile = lambda: close_account(book, account, by="console")
    doors = Doors(book, Passwords(hasher), idle=30 * MINUTE, longest=DAY)

    assert "do not fit" in refusal(doors, "mariam", PASSWORD)

    assert rows(book, "ticket") == []
    assert [row[4] is None for row in rows(book, "account")] == [False]


def test_password_replaced_while_it_is_checked_lets_nobody_in(book: Book, passwords: Passwords, opened: Open) -> None:
    account = opened()
    hasher = Meddling(time_cost=1, memory_cost=8, parallelism=1)
    hasher.meanwhile = lambda: set_password(book, passwords, account, "another horse battery", by="console")
    doors = Doors(book, Passwords(hasher), idle=30 * MINUTE, longest=DAY)

    assert "do not fit" in refusal(doors, "mariam", PASSWORD)
    assert rows(book, "ticket") == []


def test_clearance_withdrawn_while_the_password_is_kept_anew_stays_withdrawn(book: Book, opened: Open) -> None:
    account = opened(clearances=[Clearance("NATO-EXAMPLE", "SECRET")])
    hasher = Meddling(time_cost=2, memory_cost=8, parallelism=1)
    withdrawn = msgspec.structs.replace(account, clearances=())
    hasher.meanwhile = lambda: change_account(book, withdrawn, by="console")
    doors = Doors(book, Passwords(hasher), idle=30 * MINUTE, longest=DAY)

    who, secret = doors.sign_in("mariam", PASSWORD, HERE)

    assert who == withdrawn
    assert doors.who(secret) == withdrawn


def test_token_serves_a_program_until_it_ends(doors: Doors, opened: Open, clock: Any) -> None:
    account = opened()
    token = doors.make_token(account, "SIEM feed", clock() + DAY, by=account.id)
    assert (token[:4], len(token)) == ("dwn_", 47)

    clock.wait(minutes=23 * 60)
    assert doors.who(token) == account
    clock.wait(minutes=60)
    assert doors.who(token) is None


def test_tokens_are_listed_by_what_they_are_for_and_never_as_themselves(
    book: Book, doors: Doors, opened: Open, clock: Any
) -> None:
    account, other = opened(), opened("yusuf")
    ends = clock() + DAY
    secrets = [doors.make_token(account, name, ends, by=account.id) for name in ("feed", "map")]
    doors.make_token(other, "other", ends, by=other.id)
    doors.sign_in("mariam", PASSWORD, HERE)

    held = doors.tokens(account)

    assert [(token.name, token.ends) for token in held] == [("feed", ends), ("map", ends)]
    assert not any(secret in repr(rows(book, "ticket")) + repr(held) for secret in secrets)


def test_revoked_token_is_worthless_at_once_and_no_other(doors: Doors, opened: Open, clock: Any) -> None:
    account = opened()
    feed, map_ = (doors.make_token(account, name, clock() + DAY, by=account.id) for name in ("feed", "map"))
    assert doors.who(feed) == account

    doors.revoke_token(doors.tokens(account)[0].id, by=account.id)

    assert (doors.who(feed), doors.who(map_)) == (None, account)
    assert [token.name for token in doors.tokens(account)] == ["map"]


def test_revoking_ends_no_session_and_signing_out_ends_no_token(book: Book, doors: Doors, opened: Open) -> None:
    account = opened()
    _, session = doors.sign_in("mariam", PASSWORD, HERE)
    (ticket,) = rows(book, "ticket")
    token = doors.make_token(account, "feed", book.clock() + DAY, by=account.id)

    with pytest.raises(NotFound):
        doors.revoke_token(ticket[2], by="console")
    doors.sign_out(token)

    assert [doors.who(session), doors.who(token)] == [account, account]


@pytest.mark.parametrize(("name", "ends"), [("", DAY), ("a\nb", DAY), ("\u202efeed", DAY), ("feed", -1)])
def test_token_with_a_past_end_or_a_name_that_cannot_be_shown_is_not_made(
    doors: Doors, opened: Open, clock: Any, name: str, ends: int
) -> None:
    account = opened()

    with pytest.raises(NotAllowed, match="None was made"):
        doors.make_token(account, name, clock() + ends, by=account.id)
    assert doors.tokens(account) == []


def test_sixth_try_after_five_wrong_ones_waits_even_with_the_right_password(
    doors: Doors, opened: Open, clock: Any, hasher: Any
) -> None:
    account = opened()
    for _ in range(5):
        refusal(doors, "mariam", WRONG)

    with pytest.raises(TooSoon) as early:
        doors.sign_in("mariam", PASSWORD, HERE)
    assert (early.value.seconds, len(hasher.verified)) == (1, 5)
    clock.wait(seconds=1)
    assert doors.sign_in("mariam", PASSWORD, HERE)[0] == account


def test_known_and_unknown_names_get_the_same_answers_however_often_they_are_tried(
    doors: Doors, opened: Open, clock: Any
) -> None:
    opened()

    answers: dict[str, list[str]] = {"mariam": [], "nobody": []}
    for name, heard in answers.items():
        for _ in range(12):
            heard.append(refusal(doors, name, WRONG))
            clock.wait(seconds=1)

    assert answers["mariam"] == answers["nobody"]
    assert len(set(answers["mariam"])) > 2


def test_one_who_guesses_makes_neither_another_name_nor_another_address_wait(doors: Doors, opened: Open) -> None:
    account, other = opened(), opened("yusuf")
    for _ in range(6):
        refusal(doors, "mariam", WRONG)
    assert "Too many" in refusal(doors, "mariam", PASSWORD)

    assert doors.sign_in("yusuf", PASSWORD, HERE)[0] == other
    assert doors.sign_in("mariam", PASSWORD, THERE)[0] == account


def test_one_who_got_in_has_five_tries_again(doors: Doors, opened: Open) -> None:
    opened()

    for _ in range(3):
        for _ in range(4):
            assert "do not fit" in refusal(doors, "mariam", WRONG)
        doors.sign_in("mariam", PASSWORD, HERE)

    assert len({refusal(doors, "mariam", WRONG) for _ in range(5)}) == 1
    assert "Too many" in refusal(doors, "mariam", PASSWORD)


def test_guesses_made_side_by_side_are_counted_before_they_are_looked_at(
    doors: Doors, opened: Open, hasher: Any
) -> None:
    opened()
    together = Barrier(12)

    def guess() -> None:
        together.wait()
        refusal(doors, "mariam", WRONG)

    guesses = [Thread(target=guess) for _ in range(12)]
    for one in guesses:
        one.start()
    for one in guesses:
        one.join()

    assert len(hasher.verified) == 5


def test_log_tells_every_coming_and_going_in_order(book: Book, doors: Doors, opened: Open, log: Log) -> None:
    account = opened()
    refusal(doors, "mariam", WRONG)
    _, secret = doors.sign_in("mariam", PASSWORD, HERE)
    doors.sign_out(secret)
    doors.sign_out(secret)
    doors.make_token(account, "feed", book.clock() + DAY, by=account.id)
    (token,) = doors.tokens(account)
    doors.revoke_token(token.id, by="admin-id")

    told = log()
    assert [(line["act"], line["by"], line["party"], line["of"][0]) for line in told] == [
        ("open account", "console", "KWT", account.id),
        ("sign-in refused", "", "", account.id),
        ("sign in", account.id, "KWT", account.id),
        ("sign out", account.id, "KWT", account.id),
        ("make token", account.id, "KWT", account.id),
        ("revoke token", "admin-id", "KWT", account.id),
    ]
    assert told[2]["of"] == told[3]["of"]
    assert told[4]["of"] == told[5]["of"] == [account.id, token.id]


def test_first_attempt_that_came_too_soon_is_in_the_log_and_no_number_of_others_fills_it(
    doors: Doors, opened: Open, clock: Any, log: Log
) -> None:
    opened()
    for _ in range(50):
        refusal(doors, "mariam", WRONG)

    assert [line["act"] for line in log()] == ["open account"] + ["sign-in refused"] * 6
    clock.wait(seconds=1)
    for _ in range(50):
        refusal(doors, "mariam", WRONG)

    assert [line["act"] for line in log()] == ["open account"] + ["sign-in refused"] * 8
    assert doors.refused == 100


def test_nothing_that_was_typed_and_no_secret_stands_in_the_log(
    book: Book, passwords: Passwords, doors: Doors, opened: Open, log: Log
) -> None:
    account = opened()
    typed = ["mariam", "typed.my.password", "Duty officer", PASSWORD, WRONG, "another horse battery", "SIEM", HERE]
    for name in typed[:2]:
        refusal(doors, name, WRONG)
    _, session = doors.sign_in("mariam", PASSWORD, HERE)
    token = doors.make_token(account, "SIEM", book.clock() + DAY, by=account.id)
    doors.sign_out(session)
    set_password(book, passwords, account, "another horse battery", by="console")
    close_account(book, account, by="console")

    written = repr(log())
    assert written.count("'act'") == 8
    assert [clear for clear in (*typed, session, token) if clear in written] == []


def test_same_unknown_name_is_recognised_within_a_run_and_cannot_be_looked_up_afterwards(
    book: Book, passwords: Passwords, doors: Doors, log: Log
) -> None:
    again = Doors(book, passwords, idle=30 * MINUTE, longest=DAY)
    for _ in range(2):
        refusal(doors, "nobody", WRONG)
    refusal(doors, "someone", WRONG)
    refusal(again, "nobody", WRONG)

    first, second, other, later = ((line["of"], line["address"]) for line in log())
    assert first == second
    assert (first[0] != other[0], first[1] == other[1]) == (True, True)
    assert (first[0] != later[0], first[1] != later[1]) == (True, True)
