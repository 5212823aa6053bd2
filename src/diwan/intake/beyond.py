"""What a text names beyond its audience is settled here: warn, refuse, narrow, or issue an edition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from diwan.intake.neighbours import WORLD, Neighbours, labels_of
from diwan.intake.office import Edition, no_freer
from diwan.registry.ink import Ink
from diwan.release.audience import audience, known_parties, only_for
from diwan.release.combine import combine
from diwan.release.decide import Rules
from diwan.terms.errors import NotAllowed
from diwan.terms.gate import Gate, Stand
from diwan.terms.item import Draft, Link
from diwan.terms.label import Label


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
    near: Neighbours,
    party: str,
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
    notices = tuple(_named_parties(rules, ink, draft, Stand(party, label)))
    targets = _narrower_targets(near, draft, label)
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
    targets: Sequence[Gate],
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


def _narrower_targets(near: Neighbours, draft: Draft, label: Label) -> list[tuple[Gate, tuple[str, ...]]]:
    compared = ((gate, near.outside(label, number, gate)) for number, gate in near.targets(draft))
    return [(gate, outside) for gate, outside in compared if outside]


def _narrow(rules: Rules, label: Label, gates: Iterable[Gate]) -> Label:
    narrowed = combine([label, *labels_of(gates)], rules)
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
