"""Labels as a form offers and says them: one fieldset per policy, or a typed marking in place of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from diwan.house import House
from diwan.reading import Query, ReadingRoom, Released
from diwan.release.clauses import Level, Tag
from diwan.release.codes import party_id
from diwan.release.decide import Rules
from diwan.release.marking import parse_marking
from diwan.release.policy import Policy
from diwan.terms.errors import Unlabelled
from diwan.terms.label import Category, Handling, Label
from diwan.web.form import Form

Ticked = frozenset[tuple[str, str]]
"""What of a form is chosen: (field, value)."""

_NAMED: Final = ("originator", "party")
"""The facets under which items name parties."""


class Choice(msgspec.Struct, frozen=True):
    """What one policy offers at this node."""

    policy: Policy
    levels: tuple[Level, ...]
    parties: tuple[str, ...]

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that someone chooses; what is settled follows from the rest."""
        return tuple(tag for tag in self.policy.tags if not tag.settled)

    def values(self, tag: Tag) -> tuple[str, ...]:
        """Return the values that are offered for a tag: frameworks first, then parties."""
        frameworks = tuple(framework.id for framework in self.policy.frameworks)
        match tag.values:
            case "audience":
                return tuple(dict.fromkeys((*frameworks, *self.parties)))
            case "party":
                keepers = set(self.policy.keepers.values())
                return tuple(party for party in self.parties if party not in frameworks or party in keepers)
            case listed:
                return listed

    def more(self, tag: Tag, ticked: Ticked) -> list[str]:
        """Return what was said of a tag beyond what is offered."""
        name = f"{self.policy.id}:tag:{tag.name}"
        return sorted(value for field, value in ticked if field == name and value not in self.values(tag))

    @staticmethod
    def ticks(field: str, ticked: Ticked) -> list[str]:
        """Return what is chosen of a field."""
        return [value for name, value in ticked if name == field and value]

    @staticmethod
    def typed(ticked: Ticked) -> str:
        """Return the marking that was typed."""
        return next((value for name, value in ticked if name == "typed"), "")


def choices(house: House, room: ReadingRoom) -> tuple[Choice, ...]:
    """Return the policies under which this node takes items, up to its ceiling, with the parties this reader knows."""
    rules, parties = house.rules(), known_parties(house, room)
    found = []
    for height in house.settings.heights:
        policy = rules.policy(height.policy)
        if policy is not None:
            top = policy.ranks.get(height.classification, 0)
            found.append(Choice(policy, tuple(level for level in policy.levels if level.rank <= top), parties))
    return tuple(found)


def known_parties(house: House, room: ReadingRoom) -> tuple[str, ...]:
    """Return the parties that a reader can know of: their own, those the policies name, those their items name.

    A list to choose from is a read like any other: a party that only hidden items name is not on it.
    """
    named = {value.upper() for counts in room.facets(Query(), _NAMED).values() for value in counts}
    named.update(house.names(room.reader).values())
    keepers = {keeper for policy in house.rules().policies for keeper in policy.keepers.values()}
    frameworks = {framework for policy in house.rules().policies for framework in policy.keepers}
    return tuple(sorted((named | {room.reader.party}) - frameworks | keepers))


def label_of(form: Form, rules: Rules) -> Label:
    """Return the label that a form says.

    Raises:
        Malformed: the typed marking, or a party's id, is not understood.
        Unlabelled: nothing was chosen.
    """
    typed = form.one("typed").strip()
    if typed:
        return parse_marking(typed, rules.policies)
    policy = rules.policy(form.one("policy"))
    if policy is None:
        raise Unlabelled("No label is chosen, so nobody could read it. Nothing was entered.")
    at = f"{policy.id}:"
    said = {tag.name: _values(form, at, tag) for tag in policy.tags if not tag.settled}
    said = {name: values for name, values in said.items() if values}
    for tag in policy.tags:
        if tag.settled:
            beside = (value for value, others in tag.stands_with.items() if not said.keys().isdisjoint(others))
            said[tag.name] = (*tag.always, *beside)
    return Label(
        policy.id,
        form.one(f"{at}level") or policy.levels[0].name,
        tuple(Category(name, policy.by_tag[name].type, values) for name, values in said.items()),
        Handling(form.one(f"{at}tlp") or None, form.one(f"{at}pap") or None, not form.one(f"{at}kept")),
    )


def chosen(form: Form, rules: Rules, offered: Label) -> Label | None:
    """Return the label that a form says; None where it says none, or no other than the one it was shown with.

    A label may hold more than a form can say, such as what follows it one day: left alone, it is kept whole.

    Raises:
        Malformed: as of `label_of`.
    """
    if not form.one("policy") and not form.one("typed").strip():
        return None
    said = label_of(form, rules)
    return None if ticks_of(said) == ticks_of(offered) else said


class Partner(msgspec.Struct, frozen=True):
    """One party in a preview, and whether it would get the item."""

    party: str
    gets: bool


class Reached(msgspec.Struct, frozen=True):
    """Whom a label would reach, among the parties that a reader knows."""

    everyone: bool
    partners: tuple[Partner, ...]


def reached(house: House, room: ReadingRoom, label: Label) -> Reached:
    """Return whom a label would reach if the reader's party set it now, as far as they know the parties."""
    party = room.reader.party
    reach = house.preview(party, label)
    known = (one for one in known_parties(house, room) if one != party)
    return Reached(reach.world, tuple(Partner(one, reach.world or one in reach.parties) for one in known))


class Turn(msgspec.Struct, frozen=True):
    """What another label would change, by party; its originator, who keeps it in any case, is not among them."""

    loses: tuple[str, ...]
    gains: tuple[str, ...]
    keeps: tuple[str, ...]
    was_everyones: bool
    everyones: bool


def turned(house: House, room: ReadingRoom, item: Released, label: Label) -> Turn:
    """Return who would lose and who would gain an item if its originator, the reader's party, set `label` now.

    Among the parties that the reader knows, and those that it reaches now, which its originator is told anyway.
    """
    now, then = room.reach(item), house.preview(room.reader.party, label)
    known = sorted({*known_parties(house, room), *now.parties} - {room.reader.party})
    had = {one for one in known if now.world or one in now.parties}
    gets = {one for one in known if then.world or one in then.parties}
    return Turn(
        tuple(one for one in known if one in had - gets),
        tuple(one for one in known if one in gets - had),
        tuple(one for one in known if one in gets & had),
        now.world,
        then.world,
    )


def ticks_of(label: Label) -> Ticked:
    """Return what a form has chosen when it says `label`."""
    at = f"{label.policy}:"
    one = [("policy", label.policy), (f"{at}level", label.classification)]
    one += [
        (f"{at}{name}", token) for name, token in (("tlp", label.handling.tlp), ("pap", label.handling.pap)) if token
    ]
    one += [] if label.handling.pass_on else [(f"{at}kept", "yes")]
    return frozenset((*one, *((f"{at}tag:{c.tag}", value) for c in label.categories for value in c.values)))


def ticks_said(form: Form) -> Ticked:
    """Return what a form has chosen when it is shown again as it was sent."""
    return frozenset(
        (name.replace(":more:", ":tag:"), part) for name, value in form.fields for part in _split(name, value)
    )


def _values(form: Form, at: str, tag: Tag) -> tuple[str, ...]:
    ticked = form.all(f"{at}tag:{tag.name}")
    return (*ticked, *(party_id(word.upper()) for word in form.one(f"{at}more:{tag.name}").split()))


def _split(name: str, value: str) -> Iterable[str]:
    return value.upper().split() if ":more:" in name else (value,)
