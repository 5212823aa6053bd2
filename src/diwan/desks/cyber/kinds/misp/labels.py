"""MISP's distribution levels and sharing groups on one side, a label on the other; neither way widens an audience."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn
from uuid import UUID, uuid5

import msgspec

from diwan.desks.cyber.kinds.misp.event import INHERIT, Claims, Group, Org
from diwan.desks.cyber.kinds.misp.marks import PAP, TLP, pap_of, stricter, tags_of, tlp_of
from diwan.desks.cyber.kinds.misp.sharing import Known, Sharing
from diwan.terms.errors import NotAllowed, Unlabelled
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label, Succession

POLICY: Final = "TLP"
LEVEL: Final = "UNCLASSIFIED"
ONLY: Final = "Only"
GROUPS: Final = UUID("5b1d3b0e-8f0a-5c55-9d0c-0d9f6f2f9c11")
"""The name space of sharing groups made from an audience: the same parties are the same group again."""
_TOLD: Final = 20

_Audience = dict[str, frozenset[str]]
"""Permissive values by tag; a reader needs one of each. Empty: everyone."""


def label_of(claims: Claims, sharing: Sharing, chosen: Label | None = None) -> Label:
    """Return the label that MISP's claims mean here: never wider than them, and never wider than `chosen`.

    The strictest of the tags' and the chosen TLP and PAP tokens stands. A chosen label that names no audience gives
    its tokens alone. A label made here may be passed as `chosen` again, so that several claims hold together.

    Raises:
        NotAllowed: the audience is not known here, or nobody would be left; the text says which names are unknown.
        Unlabelled: neither tag nor chosen label gives a TLP token, or neither names an audience.

    Source: MISP core format, 2.2.1.14 and 2.3.2.7; the policy file tlp.toml.
    """
    _check_chosen(chosen)
    told = chosen.handling if chosen else Handling()
    tagged = tlp_of(claims.tags)
    tlp = stricter(tagged, told.tlp)
    if tlp is None:
        raise Unlabelled("The event has no tlp: tag and no label was chosen. Policy TLP asks for one. Not entered.")
    asked = _audience(claims, sharing, world=(tagged or tlp) == TLP[0])
    picked = _audience_of(chosen) if chosen else None
    if asked is None and picked is None:
        raise Unlabelled("The event does not say who it is for, and no label was chosen. Nothing was entered.")
    audience = picked if asked is None else asked if picked is None else _both(asked, picked, sharing)
    if not audience and tlp != TLP[0]:
        raise Unlabelled("The chosen label names no audience, and only TLP:CLEAR means everyone. Nothing was entered.")
    return Label(
        policy=POLICY,
        classification=LEVEL,
        categories=_categories(audience or {}, chosen),
        handling=Handling(tlp=tlp, pap=stricter(pap_of(claims.tags), told.pap, PAP), pass_on=told.pass_on),
        review_at=chosen.review_at if chosen else None,
        succession=_succession(claims, sharing, chosen),
    )


def label_of_all(claims: Iterable[Claims], sharing: Sharing, chosen: Label | None = None) -> Label:
    """Return a label under which all of the claims hold, the event's own first.

    Where a part's audience is not known here, or has nobody in common with the others, the whole is the originator's
    alone; the event's own claims are never guessed at.

    Raises:
        NotAllowed, Unlabelled: see `label_of`, for the first of the claims.
    """
    first, *parts = claims
    label = label_of(first, sharing, chosen)
    for part in parts:
        said = msgspec.structs.replace(part, distribution=None) if part.distribution == INHERIT else part
        try:
            label = label_of(said, sharing, label)
        except (NotAllowed, Unlabelled):
            label = label_of(Claims(0, tags=part.tags), sharing, label)
    return label


def distribution_of(label: Label, sharing: Sharing) -> Claims:
    """Return how MISP says a label, for an event that goes out now; a later succession is not said.

    Raises:
        NotAllowed: MISP has no way to say this label, by policy, level, caveat, passing on, or audience.
    """
    _check_sayable(label)
    tags = tags_of(label.handling.tlp, label.handling.pap)
    audience = _audience_of(label)
    if not audience:
        return Claims(3, tags=tags) if label.handling.tlp == TLP[0] else _refuse("It names no audience")
    if len(audience) > 1:
        _refuse("Two audiences that must both hold are not one distribution")
    ((tag, values),) = audience.items()
    others = values - {sharing.own}
    if not others:
        return Claims(0, tags=tags)
    # Under "Only" an id is a party, even where a framework goes by the same one.
    community = {sharing.community} - {"", sharing.own} if tag == RELEASABLE_TO else set()
    if community and others == community:
        return Claims(1, tags=tags)
    if community and others == community | set(sharing.connected) - {sharing.own}:
        return Claims(2, tags=tags)
    return Claims(4, _group(others, sharing), tags)


def _check_chosen(chosen: Label | None) -> None:
    if chosen is not None and (chosen.policy, chosen.classification) != (POLICY, LEVEL):
        raise NotAllowed("MISP events are labelled under policy TLP; the chosen label is under another. Not entered.")


def _check_sayable(label: Label) -> None:
    if (label.policy, label.classification) != (POLICY, LEVEL):
        _refuse("Its policy or classification is not TLP's")
    if any(one.tag not in (RELEASABLE_TO, ONLY) or one.type != CategoryType.PERMISSIVE for one in label.categories):
        _refuse("It has a caveat or tag that is no audience")
    if label.handling.tlp not in TLP:
        _refuse("It has no TLP token")
    if not label.handling.pass_on:
        _refuse("It may not be passed on, which only a TLP token could say there")


def _refuse(why: str) -> NoReturn:
    raise NotAllowed(f"MISP cannot say this label. {why}. Nothing was exported.")


def _audience(claims: Claims, sharing: Sharing, *, world: bool) -> _Audience | None:
    match claims.distribution:
        case None:
            return None
        case 0:
            return {ONLY: frozenset({sharing.own})}
        case 1:
            return _communities((sharing.community,), "This community")
        case 2:
            return _communities((sharing.community, *sharing.connected), "Connected communities")
        case 3:
            return {} if world else _communities(sharing.everyone, "All communities, without TLP:CLEAR,")
        case 4 if claims.group is not None:
            return {ONLY: _parties(claims.group, sharing)}
        case 4:
            raise NotAllowed("Distribution 4 names a sharing group, and the event carries none. Nothing was entered.")
        case _:
            raise NotAllowed("An event's distribution is 0 to 4; 5 is for what stands in one. Nothing was entered.")


def _communities(values: Iterable[str], said: str) -> _Audience:
    frameworks = frozenset(filter(None, values))
    if not frameworks:
        raise NotAllowed(f"{said} is no framework at this node, by its MISP settings. Nothing was entered.")
    return {RELEASABLE_TO: frameworks}


def _parties(group: Group, sharing: Sharing) -> frozenset[str]:
    known = next((one for one in sharing.groups if _is(one, group)), None)
    told = {org: sharing.party(org) for org in group.organisations}
    unknown = sorted(_plain(org.name or org.uuid) for org, party in told.items() if party is None)
    if unknown:
        more = f" and {len(unknown) - _TOLD} more" if len(unknown) > _TOLD else ""
        names = ", ".join(unknown[:_TOLD])
        raise NotAllowed(f"The sharing group names organisations unknown here: {names}{more}. Nothing was entered.")
    listed = frozenset(party for party in told.values() if party)
    parties = frozenset(known.parties) & (listed or frozenset(known.parties)) if known else listed
    if not parties:
        raise NotAllowed("The sharing group is not known here, or has nobody in it. Nothing was entered.")
    return parties


def _is(known: Known, group: Group) -> bool:
    return known.uuid == group.uuid if group.uuid else bool(group.name) and known.name == group.name


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:80])


def _audience_of(label: Label) -> _Audience:
    return {one.tag: frozenset(one.values) for one in label.categories if one.type == CategoryType.PERMISSIVE}


def _both(one: _Audience, other: _Audience, sharing: Sharing) -> _Audience:
    alone = frozenset({sharing.own})
    if any(values <= alone for values in (*one.values(), *other.values())):
        # The originator is of every audience of its own, so this is what any other audience has in common with it.
        return {ONLY: alone}
    both = dict(one)
    for tag, values in other.items():
        both |= _meet(both, tag, values, sharing) if tag in both else {tag: values}
    return both


def _meet(both: _Audience, tag: str, values: frozenset[str], sharing: Sharing) -> _Audience:
    """Return two demands of one tag as one: what both name, or a framework and, of it, some parties only."""
    if shared := both[tag] & values:
        return {tag: shared}
    sides = sorted((both[tag], values), key=sharing.are_parties)
    if ONLY not in both and [sharing.are_parties(side) for side in sides] == [False, True]:
        return {tag: sides[0], ONLY: sides[1]}
    raise NotAllowed("What the event says and the label chosen have no named audience in common. Nothing was entered.")


def _categories(audience: _Audience, chosen: Label | None) -> tuple[Category, ...]:
    named = (Category(tag, CategoryType.PERMISSIVE, tuple(values)) for tag, values in audience.items())
    return (*named, *(_kept(chosen) if chosen else ()))


def _kept(label: Label) -> tuple[Category, ...]:
    return tuple(one for one in label.categories if one.type != CategoryType.PERMISSIVE)


def _succession(claims: Claims, sharing: Sharing, chosen: Label | None) -> Succession | None:
    if chosen is None or chosen.succession is None:
        return None
    return Succession(chosen.succession.at, label_of(claims, sharing, chosen.succession.label))


def _group(others: frozenset[str], sharing: Sharing) -> Group:
    for known in sharing.groups:
        if frozenset(known.parties) - {sharing.own} == others:
            return Group(known.uuid, known.name, _orgs(frozenset(known.parties), sharing) or ())
    orgs = _orgs(others | {sharing.own}, sharing) if sharing.are_parties(others) else None
    if orgs is None:
        _refuse("Its audience is no community, no known sharing group, and not only parties with an organisation there")
    name = "Releasable to " + ", ".join(sorted(others | {sharing.own}))
    return Group(str(uuid5(GROUPS, name)), name, orgs)


def _orgs(parties: frozenset[str], sharing: Sharing) -> tuple[Org, ...] | None:
    orgs = [sharing.org(party) for party in sorted(parties)]
    return None if None in orgs else tuple(org for org in orgs if org is not None)
