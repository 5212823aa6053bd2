"""Beginning the demo: a fresh node is filled with the article's network, alerts around it, and who may sign in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from diwan.demo.content import Account, Demo, Post, alerts, posts, statements, told
from diwan.desks.network.kinds import MEDIA_TYPE
from diwan.house import House
from diwan.people.accounts import account_named, open_account, set_password
from diwan.people.passwords import legible
from diwan.release.marking import parse_marking
from diwan.terms.errors import Duplicate
from diwan.terms.hand import Hand, Role
from diwan.terms.label import Label
from diwan.terms.reader import Clearance, Reader

CAP: Final = "application/cap+xml"
_POLICY: Final = "NATO-EXAMPLE"
_BEGUN: Final = "demo-begun"
_BY: Final = "demo"


def begin_demo(house: House) -> Demo:
    """Fill a fresh node with the demo, and return the accounts with their passwords, which are told this once.

    A node in whose folder the demo has begun is left as it is: what was relabelled or recalled there stays so.
    Where beginning was cut short, what is there already is not entered again.
    """
    mark = house.folder / _BEGUN
    if mark.exists():
        return Demo()
    for said in statements():
        for statement in said.statements:
            _enter(house, MEDIA_TYPE, msgspec.json.encode(statement), by=said.by, label=_label(house, said.label))
    names = house.names(_releasing(house.settings.keeper).reader)
    for alert in alerts():
        _enter(house, CAP, alert.data, by=alert.by, label=_label(house, alert.label), names=names)
    for one in told():
        _enter(house, one.media_type, one.data, by=one.by, label=_label(house, one.label))
    accounts = tuple(_open(house, post) for post in posts())
    mark.touch()
    return Demo(accounts)


def _enter(
    house: House, media_type: str, data: bytes, *, by: str, label: Label, names: Mapping[str, str] | None = None
) -> None:
    draft = house.draft(media_type, data, names)
    try:
        house.take(_releasing(by), draft, label, originator=by)
    except Duplicate:
        return  # a beginning that was cut short had entered it


def _open(house: House, post: Post) -> Account:
    password = legible(house.chance.bytes(10))
    already = account_named(house.book, post.name)
    if already is not None:  # opened by a beginning that was cut short, which told nobody the password
        set_password(house.book, house.passwords, already, password, by=_BY)
    else:
        open_account(
            house.book,
            house.passwords,
            name=post.name,
            shown=post.shown,
            party=post.party,
            password=password,
            by=_BY,
            clearances=(Clearance(_POLICY, post.clearance),) if post.clearance else (),
            roles=post.roles,
        )
    return Account(post.name, post.shown, post.party, post.roles, password)


def _releasing(party: str) -> Hand:
    clearance = Clearance(_POLICY, "RESTRICTED")
    return Hand(
        Reader(f"{_BY}: releasing officer of {party}", party, (clearance,)), frozenset({Role.RELEASING_OFFICER})
    )


def _label(house: House, marking: str) -> Label:
    return parse_marking(marking, house.rules().policies)
