"""Accounts: what they may be called, what changes of them, and what never does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest

from diwan.people.accounts import Account, account_named, accounts, change_account, close_account, set_password
from diwan.people.doors import Doors
from diwan.people.passwords import Passwords
from diwan.registry.book import Book
from diwan.terms.errors import Conflict, NotAllowed, NotFound, Refused
from diwan.terms.hand import Hand, Role
from diwan.terms.reader import Clearance, Reader

Open = Callable[..., Account]
Log = Callable[[], list[dict[str, Any]]]

SECRET = Clearance("NATO-EXAMPLE", "SECRET", (("Additional Sensitivity", "CRYPTO"),), date(2018, 1, 1))
PASSWORD = "correct horse battery"


def test_account_is_read_again_as_it_was_opened(book: Book, opened: Open) -> None:
    roles = frozenset({Role.DUTY_OFFICER, Role.PRIVACY_OFFICER})
    made = opened(shown="ضابط مناوب", clearances=[SECRET], roles=roles, language="ar")

    assert account_named(book, "mariam") == made
    assert (made.shown, made.party, made.clearances, made.roles) == ("ضابط مناوب", "KWT", (SECRET,), roles)
    assert (made.language, made.closed, len(bytes.fromhex(made.id))) == ("ar", None, 16)
    assert account_named(book, "yusuf") is None


def test_accounts_are_listed_by_name_closed_ones_too(book: Book, opened: Open) -> None:
    for name in ("yusuf", "mariam", "ali"):
        opened(name)
    close_account(book, opened("hamad"), by="console")

    assert [(a.name, a.closed is None) for a in accounts(book)] == [
        ("ali", True),
        ("hamad", False),
        ("mariam", True),
        ("yusuf", True),
    ]


@pytest.mark.parametrize(
    "name", ["", "a", "Mariam", "mariam al-sabah", "مريم", "m\u0430riam", ".hidden", "-rf", "x" * 65]
)
def test_name_that_is_not_plain_lower_ascii_is_refused(book: Book, opened: Open, name: str) -> None:
    with pytest.raises(Refused, match="2 to 64 of a-z"):
        opened(name)

    assert accounts(book) == []


@pytest.mark.parametrize("name", ["qa", "duty.officer-1_kwt", "0x", "x" * 64])
def test_name_within_the_form_is_taken(book: Book, opened: Open, name: str) -> None:
    opened(name)

    assert [account.name for account in accounts(book)] == [name]


@pytest.mark.parametrize(
    "shown", ["", "  ", "a\nb", "Duty\u202ereciffo", "\u2067officer", "\u2028", "\ud800", "x" * 101]
)
def test_shown_name_that_breaks_a_line_or_turns_direction_is_refused(book: Book, opened: Open, shown: str) -> None:
    with pytest.raises(Refused, match="cannot be shown as a name"):
        opened(shown=shown)

    assert accounts(book) == []


@pytest.mark.parametrize(("wrong", "said"), [({"party": "Kuwait"}, "not a party id"), ({"language": "a"}, "language")])
def test_party_or_language_not_of_the_form_is_refused(
    book: Book, opened: Open, wrong: dict[str, str], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        opened(**wrong)

    assert accounts(book) == []


def test_name_stays_taken_when_its_account_is_closed(book: Book, opened: Open) -> None:
    first = opened()
    close_account(book, first, by="console")

    with pytest.raises(Conflict, match="'mariam' already"):
        opened()
    assert [account.id for account in accounts(book)] == [first.id]


def test_administrator_reads_exactly_what_anyone_of_the_same_party_and_clearance_reads(opened: Open) -> None:
    plain = opened("plain", clearances=[SECRET])
    chief = opened("chief", clearances=[SECRET], roles=frozenset(Role))

    assert msgspec.structs.replace(chief.reader, id=plain.id) == plain.reader
    assert msgspec.to_builtins(chief.reader).keys() == {"id", "party", "clearances"}
    assert chief.hand == Hand(Reader(chief.id, "KWT", (SECRET,)), frozenset(Role))


def test_change_writes_clearances_and_roles_and_leaves_the_password(book: Book, opened: Open, doors: Doors) -> None:
    account = opened(clearances=[SECRET])
    changed = msgspec.structs.replace(account, clearances=(), roles=frozenset({Role.ADMINISTRATOR}), shown="Archive")

    change_account(book, changed, by="console")

    assert account_named(book, "mariam") == changed
    assert doors.sign_in("mariam", PASSWORD, "192.0.2.1")[0] == changed


@pytest.mark.parametrize("other", [{"name": "yusuf"}, {"party": "QAT"}, {"closed": 1}])
def test_change_of_name_or_party_is_refused_and_closing_is_not_a_change(
    book: Book, opened: Open, other: dict[str, Any]
) -> None:
    account = opened()

    with pytest.raises(Refused, match="keeps its name and its party"):
        change_account(book, msgspec.structs.replace(account, **other), by="console")
    assert accounts(book) == [account]


def test_account_closed_meanwhile_is_not_opened_again_by_a_change_or_a_password(
    book: Book, passwords: Passwords, opened: Open, doors: Doors
) -> None:
    as_it_was = opened()
    close_account(book, as_it_was, by="console")

    with pytest.raises(Refused, match="Nothing was changed"):
        change_account(book, as_it_was, by="console")
    with pytest.raises(Refused, match="closed and stays so"):
        set_password(book, passwords, as_it_was, "another horse battery", by="console")
    with pytest.raises(NotAllowed):
        doors.sign_in("mariam", PASSWORD, "192.0.2.1")
    assert [account.closed is None for account in accounts(book)] == [False]


def test_new_password_keeps_what_was_changed_meanwhile(book: Book, passwords: Passwords, opened: Open) -> None:
    as_it_was = opened(clearances=[SECRET])
    change_account(book, msgspec.structs.replace(as_it_was, clearances=()), by="console")

    set_password(book, passwords, as_it_was, "another horse battery", by="console")

    assert [account.clearances for account in accounts(book)] == [()]


def test_closing_twice_is_closing_once(book: Book, opened: Open, log: Log) -> None:
    account = opened()

    close_account(book, account, by="console")
    first = accounts(book)
    close_account(book, account, by="console")

    assert accounts(book) == first
    assert [said["act"] for said in log()] == ["open account", "close account"]


def test_account_that_was_never_opened_cannot_be_changed_closed_or_given_a_password(
    book: Book, passwords: Passwords, opened: Open
) -> None:
    nobody = msgspec.structs.replace(opened(), id="00" * 16, name="yusuf")

    with pytest.raises(NotFound):
        change_account(book, nobody, by="console")
    with pytest.raises(NotFound):
        close_account(book, nobody, by="console")
    with pytest.raises(NotFound):
        set_password(book, passwords, nobody, PASSWORD, by="console")
    assert [account.name for account in accounts(book)] == ["mariam"]


def test_log_says_who_gave_which_rights_and_names_nobody(book: Book, opened: Open, log: Log) -> None:
    account = opened(clearances=[Clearance("NATO-EXAMPLE", "SECRET")], roles=frozenset({Role.DUTY_OFFICER}))
    change_account(book, msgspec.structs.replace(account, clearances=()), by="admin-id")

    first, second = ({name: said for name, said in line.items() if name != "at"} for line in log())
    held = msgspec.json.encode(Clearance("NATO-EXAMPLE", "SECRET"), order="deterministic").decode()
    about = {"party": "KWT", "of": [account.id], "roles": ["duty officer"]}
    assert first == {"act": "open account", "by": "console", "clearances": [held], **about}
    assert second == {"act": "change account", "by": "admin-id", "clearances": [], **about}
