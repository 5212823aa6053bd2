"""What a text names beyond its audience is settled here: warn, refuse, narrow, or issue an edition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from diwan.intake.office import Edition, no_freer
from diwan.registry.ink import Ink, Standing
from diwan.release.audience import Audience, audience, known_parties, only_for
from diwan.release.combine import combine
from diwan.release.decide import Rules, open_gates
from diwan.terms.errors import NotAllowed
from diwan.terms.gate import Gate, Stand
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Link
from diwan.terms.label import RELEASABLE_TO, Label

WORLD: Final = "WORLD"
"""Stands for everyone where parties are listed; where everyone is released to, nobody can be left out by name."""


class Beyond(StrEnum):
    """What to do when a draft refers to items that part of its audience may not know."""

    WARN = "warn"
    REFUSE = "refuse"
    NARROW = "narrow"
    EDITION = "edition"


class Notice(msgspec.Struct, frozen=True):
    """Something the hand should know about what was just entered."""

    text: str
    parties: tuple[str, ...] = ()


class Settled(msgspec.Struct, frozen=True):
    """The drafts to enter with their labels, and what to tell the hand."""

    drafts: tuple[tuple[Draft, Label], ...]
    notices: tuple[Notice, ...] = ()


def settle(
    ink: Ink,
    rules: Rules,
    hand: Hand,
    draft: Draft,
    label: Label,
    beyond: Beyond,
    edition: Edition | None,
) -> Settled:
    """Decide what becomes of a draft that names more than its audience may know.

    Only items that the hand itself may read are looked at: the answer tells of no other.

    Raises:
        NotAllowed: `beyond` says refuse, or narrowing leaves nobody, or the desk makes no editions of such drafts.
    """
    notices = tuple(_named_parties(rules, ink, draft, Stand(hand.reader.party, label)))
    targets = _narrower_targets(ink, rules, hand, draft, label)
    inner = no_freer(label, draft.within)
    if inner != label:
        return _settle_part(
            ink, rules, draft, label, inner, [target for target, _ in targets], beyond, edition, notices
        )
    if not targets:
        return Settled(((draft, label),), notices)
    outside = sorted({party for _, parties in targets for party in parties})
    said = f"It refers to {len(targets)} item(s) that {', '.join(outside)} may not know."
    match beyond:
        case Beyond.WARN:
            return Settled(((draft, label),), (*notices, Notice(said, tuple(outside))))
        case Beyond.REFUSE:
            raise NotAllowed(f"{said} Nothing was entered.")
        case Beyond.NARROW:
            narrowed = _narrow(rules, label, [target for target, _ in targets])
            notice = Notice(f"{said} Its label was narrowed to those who know them.", tuple(outside))
            return Settled(((draft, narrowed),), (*notices, notice))
        case Beyond.EDITION:
            if edition is None:
                raise NotAllowed(f"{said} This desk makes no editions of it. Nothing was entered.")
            narrowed = _narrow(rules, label, [target for target, _ in targets])
            issued = edition(draft, ink.chance.bytes(16).hex())
            issued = msgspec.structs.replace(
                issued, links=(*issued.links, *(Link("edition of", alias) for alias in draft.aliases))
            )
            notice = Notice(f"{said} They get an edition of their own.", tuple(outside))
            wider = None if WORLD in outside else only_for(label, outside, rules)
            return Settled(((draft, narrowed), (issued, wider or label)), (*notices, notice))


def _settle_part(
    ink: Ink,
    rules: Rules,
    draft: Draft,
    label: Label,
    inner: Label,
    targets: Sequence[Standing],
    beyond: Beyond,
    edition: Edition | None,
    notices: tuple[Notice, ...],
) -> Settled:
    """Decide what becomes of a draft of which a part is marked more strictly than its label: bytes go whole or never.

    Raises:
        NotAllowed: `beyond` says refuse, or the desk makes no editions of such drafts.
    """
    marked = " and ".join(token for token in (draft.within.tlp, draft.within.pap) if token)
    said = f"A part of it is marked {marked}, more strictly than its label."
    whole = _narrow(rules, inner, targets) if targets and beyond is not Beyond.WARN else inner
    match beyond:
        case Beyond.WARN:
            return Settled(((draft, label),), (*notices, Notice(said)))
        case Beyond.REFUSE:
            raise NotAllowed(f"{said} Nothing was entered.")
        case Beyond.NARROW:
            return Settled(((draft, whole),), (*notices, Notice(f"{said} Its label was narrowed to that.")))
        case Beyond.EDITION:
            if edition is None:
                raise NotAllowed(f"{said} This desk makes no editions of it. Nothing was entered.")
            issued = edition(draft, ink.chance.bytes(16).hex())
            notice = Notice(f"{said} The rest is an edition of its own, under the label.")
            return Settled(((draft, whole), (issued, label)), (*notices, notice))


def _narrower_targets(
    ink: Ink, rules: Rules, hand: Hand, draft: Draft, label: Label
) -> list[tuple[Standing, tuple[str, ...]]]:
    if not draft.links:
        return []
    now = ink.now()
    found = []
    for target, gate in known_targets(ink, rules, hand, draft):
        parties = known_parties(rules, [label, *(stand.label for stand in gate.stands)])
        mine = audience(Stand(hand.reader.party, label), parties, rules, now)
        outside = _outside(label, mine, _reach(gate, parties, rules, now))
        if outside:
            found.append((target, outside))
    return found


def known_targets(ink: Ink, rules: Rules, hand: Hand, draft: Draft) -> Iterable[tuple[Standing, Gate]]:
    """Yield what a draft refers to and its hand may read, with the gate it stands behind."""
    for link in draft.links:
        for target in ink.holders(link.to):
            gate = ink.gate(target.gate)
            if target.world == draft.world and open_gates(hand.reader, {0: gate}, rules, ink.now()):
                yield target, gate


def _reach(gate: Gate, parties: Iterable[str], rules: Rules, now: int) -> Audience:
    each = [audience(stand, parties, rules, now) for stand in gate.stands]
    return Audience(all(one.world for one in each), frozenset.intersection(*(one.parties for one in each)))


def _outside(label: Label, mine: Audience, theirs: Audience) -> tuple[str, ...]:
    """Return who may not know a target: parties that the label names itself, or else the frameworks it names.

    A party that the label reaches through a framework is not named, and of everyone nobody is: that a party belongs,
    or is known here at all, may be a statement that the hand may not read.
    """
    if mine.world and not theirs.world:
        return (WORLD,)
    outside = frozenset() if theirs.world else mine.parties - theirs.parties
    named = {value for category in label.categories if category.tag == RELEASABLE_TO for value in category.values}
    through = named - mine.parties if outside - named else frozenset[str]()
    return tuple(sorted((outside & named) | through))


def _narrow(rules: Rules, label: Label, targets: Iterable[Standing]) -> Label:
    narrowed = combine([label, *(target.label for target in targets)], rules)
    if narrowed is None:
        raise NotAllowed(
            "The label and those of the items it refers to have no common audience, so nobody could read it."
            " Nothing was entered."
        )
    return narrowed


def _named_parties(rules: Rules, ink: Ink, draft: Draft, stand: Stand) -> Iterable[Notice]:
    if not draft.names:
        return
    reached = audience(stand, (*known_parties(rules, [stand.label]), *draft.names), rules, ink.now())
    named = tuple(sorted(set(draft.names) - reached.parties))
    if named and not reached.world:
        yield Notice(f"The text names {', '.join(named)}, outside its audience.", named)
