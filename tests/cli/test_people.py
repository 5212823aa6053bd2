from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diwan.house import House
from diwan.people.accounts import account_named
from diwan.terms.errors import NotAllowed
from diwan.terms.hand import Role
from diwan.terms.reader import Clearance

Run = Callable[..., Any]


def add(diwan: Run, node: Path, *words: str) -> str:
    """Open the account `qatar` and return its password."""
    opened = diwan("user", "add", "qatar", "--party", "QAT", *words, "--node", node)
    assert opened.code == 0, opened.err
    assert opened.err == "Account qatar is open. Its password, shown this once:\n"
    return str(opened.out.strip())


def signs_in(node: Path, password: str) -> bool:
    house = House(node)
    try:
        account, _ = house.doors.sign_in("qatar", password, "")
    except NotAllowed:
        return False
    finally:
        house.close()
    return account.name == "qatar"


def test_an_account_signs_in_with_the_password_that_was_printed(diwan: Run, node: Path) -> None:
    password = add(diwan, node, "--shown", "Duty officer, Qatar", "--role", "duty officer")

    assert signs_in(node, password)
    assert not signs_in(node, password + "x")
    assert re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", password)
    assert diwan("user", "list", "--json", "--node", node).told == [
        {
            "name": "qatar",
            "shown": "Duty officer, Qatar",
            "party": "QAT",
            "roles": "duty officer",
            "cleared": "",
            "open": "yes",
        }
    ]


def test_a_closed_account_is_not_said_to_be_changed(diwan: Run, node: Path) -> None:
    add(diwan, node)
    diwan("user", "close", "qatar", "--node", node)

    refused = diwan("user", "change", "qatar", "--role", "administrator", "--node", node)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "Refused. The account 'qatar' is closed and stays so. Nothing was changed.\n"


def test_a_new_password_ends_the_old_one(diwan: Run, node: Path) -> None:
    first = add(diwan, node)

    second = diwan("user", "password", "qatar", "--node", node).out.strip()

    assert re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", second)

    assert not signs_in(node, first)
    assert signs_in(node, second)


def test_a_change_replaces_what_is_given_and_leaves_the_rest(diwan: Run, node: Path) -> None:
    add(diwan, node, "--role", "duty officer", "--clearance", "NATO-EXAMPLE:SECRET")

    assert diwan("user", "change", "qatar", "--role", "releasing officer", "--node", node).code == 0

    house = House(node)
    account = house.doors.who(house.doors.make_token(_named(house), "t", house.clock() + 1_000_000_000, by=""))
    house.close()
    assert account is not None
    assert account.roles == {Role.RELEASING_OFFICER}
    assert account.clearances == (Clearance("NATO-EXAMPLE", "SECRET"),)


def test_a_closed_account_lets_nobody_in(diwan: Run, node: Path) -> None:
    password = add(diwan, node)

    closed = diwan("user", "close", "qatar", "--node", node)

    assert (closed.code, closed.err) == (0, "qatar is closed.\n")
    assert not signs_in(node, password)
    assert diwan("user", "list", "--json", "--node", node).told[0]["open"] == "no"


def test_a_token_opens_the_door_until_it_is_revoked(diwan: Run, node: Path) -> None:
    add(diwan, node)
    secret = diwan("token", "add", "qatar", "feed reader", "--days", "2", "--node", node).out.strip()
    (held,) = diwan("token", "list", "qatar", "--json", "--node", node).told

    assert _who(node, secret) == "qatar"
    assert (held["name"], secret.startswith("dwn_"), secret in str(held)) == ("feed reader", True, False)
    assert held["id"] in diwan("token", "list", "qatar", "--node", node).out
    assert diwan("token", "revoke", held["id"], "--node", node).code == 0
    assert _who(node, secret) is None
    assert diwan("token", "list", "qatar", "--json", "--node", node).told == []
    again = diwan("token", "revoke", held["id"], "--node", node)
    assert (again.code, again.err) == (2, f"Refused. No token here has the id '{held['id']}'. Nothing was done.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "add", "Qatar!", "--party", "QAT"), "cannot be an account's name"),
        (("user", "add", "jordan", "--party", "Jordan"), "is not a party id"),
        (("user", "add", "qatar", "--party", "QAT"), "An account is named 'qatar' already."),
        (("user", "add", "jordan", "--party", "JOR", "--shown", "a\u202eb"), "cannot be shown as a name"),
        (("user", "add", "jordan", "--party", "JOR", "--clearance", "NATO:SECRET"), "is not POLICY:CLASSIFICATION"),
        (("user", "change", "nobody", "--role", "duty officer"), "No account here is named 'nobody'."),
        (("user", "close", "nobody"), "No account here is named 'nobody'."),
        (("user", "password", "nobody"), "No account here is named 'nobody'."),
        (("token", "add", "nobody", "feed"), "No account here is named 'nobody'."),
        (("token", "add", "qatar", "a\nb"), "A token's name has 1 to 100 characters"),
        (("token", "list", "nobody"), "No account here is named 'nobody'."),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    diwan: Run, node: Path, words: tuple[str, ...], said: str
) -> None:
    add(diwan, node)
    before = diwan("user", "list", "--json", "--node", node).told

    refused = diwan(*words, "--node", node)

    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert refused.err.startswith("Refused. ")
    assert "\u202e" not in refused.err
    assert diwan("user", "list", "--json", "--node", node).told == before
    assert diwan("token", "list", "qatar", "--json", "--node", node).told == []


def _named(house: House) -> Any:
    return account_named(house.book, "qatar")


def _who(node: Path, secret: str) -> str | None:
    house = House(node)
    account = house.doors.who(secret)
    house.close()
    return account.name if account else None
