"""`diwan user` and `diwan token`: who may come in at this node."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate

from diwan.cli.opening import HERE, Node, opened
from diwan.cli.showing import Json, say, show
from diwan.house import House
from diwan.people.accounts import Account, account_named, accounts, change_account, close_account, open_account
from diwan.people.accounts import set_password as give_password
from diwan.people.passwords import legible
from diwan.terms.errors import NotFound, Refused
from diwan.terms.hand import Role
from diwan.terms.reader import Clearance
from diwan.terms.time import instant, iso

BY = "console"
Name = Annotated[str, typer.Argument(help="The account's name: a-z, 0-9, dot, dash, underscore.")]
Roles = Annotated[list[Role] | None, typer.Option("--role", help="May be given several times; opens no gate.")]
Clearances = Annotated[
    list[str] | None, typer.Option("--clearance", help="POLICY:CLASSIFICATION, e.g. NATO-EXAMPLE:RESTRICTED.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this part."""
    _users(app)
    _tokens(app)


def _users(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Accounts of this node.")
    app.add_typer(group, name="user")

    @group.command("add")
    def add(
        name: Name,
        party: Annotated[str, typer.Option(help="The party they read for, e.g. KWT.")],
        shown: Annotated[str, typer.Option(help="How pages show them.")] = "",
        role: Roles = None,
        clearance: Clearances = None,
        node: Node = HERE,
    ) -> None:
        """Open an account with a generated password, printed once."""
        with opened(node) as house:
            password = legible(secrets.token_bytes(10))
            open_account(
                house.book,
                house.passwords,
                name=name,
                shown=shown or name,
                party=party,
                password=password,
                by=BY,
                clearances=_clearances(house, clearance),
                roles=frozenset(role or ()),
            )
        say(f"Account {name} is open. Its password, shown this once:")
        typer.echo(password)

    @group.command("list")
    def list_accounts(node: Node = HERE, as_json: Json = False) -> None:
        """List the accounts."""
        with opened(node) as house:
            show(
                map(_row, accounts(house.book)), ["name", "shown", "party", "roles", "cleared", "open"], as_json=as_json
            )

    @group.command("change")
    def change(name: Name, role: Roles = None, clearance: Clearances = None, node: Node = HERE) -> None:
        """Change an account's roles or clearances; what is given replaces what was."""
        with opened(node) as house:
            account = _account(house, name)
            roles = account.roles if role is None else frozenset(role)
            held = account.clearances if clearance is None else _clearances(house, clearance)
            change_account(house.book, msgspec.structs.replace(account, roles=roles, clearances=held), by=BY)
        say(f"{name} is changed; it takes effect with its next request.")

    @group.command("close")
    def close(name: Name, node: Node = HERE) -> None:
        """Close an account: its sessions and tokens end now, what it did stays on record."""
        with opened(node) as house:
            close_account(house.book, _account(house, name), by=BY)
        say(f"{name} is closed.")

    @group.command("password")
    def password(name: Name, node: Node = HERE) -> None:
        """Give an account a new generated password, printed once; its sessions end."""
        with opened(node) as house:
            new = legible(secrets.token_bytes(10))
            give_password(house.book, house.passwords, _account(house, name), new, by=BY)
        say(f"{name} has a new password, shown this once:")
        typer.echo(new)


def _tokens(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="API tokens of accounts.")
    app.add_typer(group, name="token")

    @group.command("add")
    def add_token(
        account: Annotated[str, typer.Argument(help="The account it reads and acts for.")],
        name: Annotated[str, typer.Argument(help="What it is for.")],
        days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 90,
        node: Node = HERE,
    ) -> None:
        """Make a token, printed once."""
        with opened(node) as house:
            ends = house.clock() + timedelta(days=days) // timedelta(microseconds=1)
            secret = house.doors.make_token(_account(house, account), name, ends, by=BY)
        say(f"A token for {account}, shown this once:")
        typer.echo(secret)

    @group.command("certificate")
    def note_certificate(
        account: Annotated[str, typer.Argument(help="The account that whoever holds its key acts for.")],
        name: Annotated[str, typer.Argument(help="What it is for.")],
        pem: Annotated[Path, typer.Option("--pem", exists=True, dir_okay=False, help="The certificate, PEM.")],
        days: Annotated[int, typer.Option(min=1, help="How long it counts.")] = 90,
        node: Node = HERE,
        as_json: Json = False,
    ) -> None:
        """Note a client certificate, by its SHA-256; it counts where the proxy vouches that its key was shown."""
        read = _certificate(pem)
        with opened(node) as house:
            lasts = house.clock() + timedelta(days=days) // timedelta(microseconds=1)
            ends = min(lasts, instant(read.not_valid_after_utc))
            fingerprint = read.fingerprint(SHA256()).hex()
            house.doors.note_certificate(_account(house, account), name, fingerprint, ends, by=BY)
        row = {"account": account, "name": name, "sha256": fingerprint, "ends": iso(ends)}
        show([row], ["account", "name", "sha256", "ends"], as_json=as_json)

    @group.command("list")
    def list_tokens(
        account: Annotated[str, typer.Argument(help="Whose.")], node: Node = HERE, as_json: Json = False
    ) -> None:
        """List an account's tokens and certificates; never what they are."""
        with opened(node) as house:
            held = house.doors.tokens(_account(house, account))
            rows = [
                {"id": t.id, "sort": t.sort, "name": t.name, "made": iso(t.made), "ends": iso(t.ends)} for t in held
            ]
            show(rows, ["id", "sort", "name", "made", "ends"], as_json=as_json)

    @group.command("revoke")
    def revoke(id: Annotated[str, typer.Argument(help="Its id, from `token list`.")], node: Node = HERE) -> None:
        """Make a token, or a certificate that was noted, worthless now."""
        with opened(node) as house:
            try:
                house.doors.revoke_token(id, by=BY)
            except NotFound:
                raise Refused(f"No token here has the id {id!r}. Nothing was done.") from None
        say("It is revoked.")


def _certificate(file: Path) -> Certificate:
    try:
        return load_pem_x509_certificate(file.read_bytes())
    except ValueError:
        raise Refused(f"{file} is no certificate in PEM. Nothing was done.") from None


def _account(house: House, name: str) -> Account:
    account = account_named(house.book, name)
    if account is None:
        raise Refused(f"No account here is named {name!r}. Nothing was done.")
    return account


def _clearances(house: House, given: list[str] | None) -> tuple[Clearance, ...]:
    held = []
    for text in given or ():
        policy_id, _, classification = text.partition(":")
        policy = house.rules().policy(policy_id)
        if policy is None or classification not in policy.ranks:
            raise Refused(f"{text!r} is not POLICY:CLASSIFICATION of a policy installed here. Nothing was done.")
        held.append(Clearance(policy_id, classification))
    return tuple(held)


def _row(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "shown": account.shown,
        "party": account.party,
        "roles": ", ".join(sorted(account.roles)),
        "cleared": ", ".join(f"{held.policy}:{held.classification}" for held in account.clearances),
        "open": "no" if account.closed else "yes",
    }
