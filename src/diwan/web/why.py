"""Why a reader may read: for each label that admitted them, which of its clauses meets what of theirs, in words.

The decision was made in `release`; this only tells of it, and of nobody but the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec
from babel.dates import format_date

from diwan.release.clauses import ANYONE
from diwan.release.decide import Rules, in_force, member_of
from diwan.release.policy import Policy
from diwan.terms.gate import Stand
from diwan.terms.label import Category, CategoryType, Label
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant, day
from diwan.web.language import Say


class Reason(msgspec.Struct, frozen=True):
    """One label that admitted the reader, who set it, and what of it met what of theirs."""

    originator: str
    label: Label
    clauses: tuple[str, ...]


class _Teller(msgspec.Struct, frozen=True):
    """Everything a sentence may be about."""

    reader: Reader
    rules: Rules
    on: date
    say: Say
    locale: str


def reasons(stands: Iterable[Stand], reader: Reader, rules: Rules, now: Instant, say: Say, locale: str) -> list[Reason]:
    """Return why each of `stands` admitted the reader; `say` and `locale` are those of the language to tell it in."""
    teller = _Teller(reader, rules, day(now), say, locale)
    return [
        Reason(stand.originator, stand.label, tuple(_clauses(teller, stand.originator, in_force(stand.label, now))))
        for stand in stands
    ]


def _clauses(teller: _Teller, originator: str, label: Label) -> Iterator[str]:
    _, reader = teller.say, teller.reader
    policy = teller.rules.policy(label.policy)
    if policy is None:
        return
    if policy.is_world(label):
        yield _(
            "%(token)s with no audience named: %(policy)s releases it to everyone.",
            token=label.handling.tlp,
            policy=policy.id,
        )
    elif reader.party == originator:
        yield _("%(party)s set it: an originator is of the audience of its own items.", party=reader.party)
    else:
        for category in label.categories:
            if category.type is CategoryType.PERMISSIVE:
                yield from _audience(teller, category, policy)
    yield _cleared(teller, label, policy)


def _audience(teller: _Teller, category: Category, policy: Policy) -> Iterator[str]:
    _, reader = teller.say, teller.reader
    held_by, tag = policy.by_tag[category.tag].held_by, _(category.tag)
    holders = {held_by.get(value, value) for value in category.values}
    if ANYONE in holders:
        return
    if reader.party in holders:
        yield _("%(tag)s names %(party)s, your party.", tag=tag, party=reader.party)
        return
    joined = member_of(reader.party, teller.rules.memberships, teller.on) & policy.keepers.keys()
    for framework in sorted(holders & joined):
        said = {"tag": tag, "framework": framework, "party": reader.party, "keeper": policy.keepers[framework]}
        since = _since(teller, framework)
        if since is None:
            yield _("%(tag)s names %(framework)s; %(party)s is a member, its keeper %(keeper)s states.", **said)
        else:
            text = format_date(since, "d MMM y", locale=teller.locale)
            yield _(
                "%(tag)s names %(framework)s; %(party)s is a member since %(since)s, its keeper %(keeper)s states.",
                since=text,
                **said,
            )


def _since(teller: _Teller, framework: str) -> date | None:
    held = (m for m in teller.rules.memberships if (m.framework, m.party) == (framework, teller.reader.party))
    return max((m.since for m in held if m.since is not None and m.holds(teller.on)), default=None)


def _cleared(teller: _Teller, label: Label, policy: Policy) -> str:
    _ = teller.say
    needed = {(c.tag, value) for c in label.categories if c.type is CategoryType.RESTRICTIVE for value in c.values}
    if label.classification == policy.open_level and not needed:
        return _("%(policy)s asks for no clearance at this level.", policy=policy.id)
    held = next((one for one in teller.reader.clearances if _meets(one, label, policy, needed, teller.on)), None)
    level = held.classification if held else label.classification
    if not needed:
        return _("Your clearance under %(policy)s reaches %(level)s.", policy=policy.id, level=level)
    caveats = ", ".join(value for _tag, value in sorted(needed))
    return _(
        "Your clearance under %(policy)s reaches %(level)s with %(caveats)s.",
        policy=policy.id,
        level=level,
        caveats=caveats,
    )


def _meets(held: Clearance, label: Label, policy: Policy, needed: set[tuple[str, str]], on: date) -> bool:
    high_enough = policy.ranks.get(held.classification, -1) >= policy.ranks[label.classification]
    valid = held.policy == policy.id and (held.until is None or on < held.until)
    return valid and high_enough and needed <= set(held.caveats)
