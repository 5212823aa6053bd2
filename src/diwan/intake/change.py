"""Changing what stands: relabel, rectify and recall, each by the originator alone."""

from __future__ import annotations

import msgspec

from diwan.intake.ending import check_ending, check_relabel
from diwan.intake.office import Office, audit_line, check_hand, check_label, gate_for, no_freer, text_fault
from diwan.registry.chain import digest
from diwan.registry.found import Standing
from diwan.registry.ink import Ink, Written
from diwan.registry.words import terms_of
from diwan.release.audience import covers
from diwan.release.decide import Rules, open_gates
from diwan.sealing.envelope import SALT, Unsealed, seal
from diwan.sealing.header import next_rev
from diwan.terms.errors import Conflict, Malformed, NotFound, Refused
from diwan.terms.gate import Gate, World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Item, Ref
from diwan.terms.label import Label


def relabel(office: Office, hand: Hand, ref: Ref, label: Label, against: Refused | None = None) -> None:
    """Put an item, and what stands under it, behind a new label: a new revision over the same bytes.

    Those who lose it get a retraction, those who gain it see it as new; nobody else is told anything but the new
    label. `against` says why the item's own text speaks against the label; one that is no wider than what stands is
    taken all the same.

    Raises:
        NotFound: the item is unknown, or not released to the hand.
        Refused: the hand, the label or the new audience is not good; nothing was changed.
    """
    _revise(office, hand, None, ref, label, against)


def rectify(office: Office, hand: Hand, draft: Draft, ref: Ref, against: Refused | None = None) -> None:
    """Replace what an item says; what it said before stays readable as its history, behind both labels.

    `against` says why the new text speaks against the label that stands.

    Raises:
        NotFound: the item is unknown, or not released to the hand.
        Refused: the hand may not, or the draft is of another kind or world; nothing was changed.
    """
    _revise(office, hand, draft, ref, None, against)


def recall(office: Office, hand: Hand, ref: Ref) -> None:
    """Take an item back, with everything that stands under it; whoever could read it gets a retraction.

    Raises:
        NotFound: the item is unknown, or not released to the hand.
        NotAllowed: the hand may not act for the originator.
    """
    check_hand(office, hand, ref.originator)

    def job(ink: Ink) -> None:
        rules = ink.rules(office.book.rules())
        standing, _ = _readable(ink, rules, hand, ref)
        gone = ink.recall(standing)
        for one in gone:
            ink.state_membership(one.item, one.ref.originator, None)
        ink.log([audit_line(ink, "recall", hand, [digest(one.ref) for one in gone])])

    office.book.write(job)


def _revise(
    office: Office, hand: Hand, new: Draft | None, ref: Ref, label: Label | None, against: Refused | None
) -> None:
    check_hand(office, hand, ref.originator)

    def job(ink: Ink) -> None:
        rules = ink.rules(office.book.rules())
        if label is not None:
            check_label(office, rules, hand, label)
        standing, gate = _readable(ink, rules, hand, ref)
        draft, terms = _revised(ink, standing, new)
        if (fault := text_fault(draft)) is not None:
            raise fault
        if (draft.kind, draft.world) != (standing.kind, standing.world):
            raise Malformed("A revision stays of the same kind and in the same world. Nothing was changed.")
        if against is not None and not (label is not None and _no_wider(label, standing.label, rules)):
            raise against
        if label is not None:
            check_relabel(ink, rules, hand, standing, label)
        if new is not None:
            check_ending(ink, rules, hand, draft, standing.label)
        under = label or standing.label
        parent = _parent_gate(ink, standing)
        behind = gate_for(World(standing.world), ref.originator, under, parent)
        number = ink.gate_number(behind)
        _refuse_twin(ink, standing, draft, number)
        rev = next_rev(standing.rev, ink.fact("generation"), ink.now())
        unsealed = Unsealed(Item(draft, ref, under), rev, tuple(ink.chance.bytes(SALT) for _ in draft.parts))
        batch, (sealed,) = seal([unsealed], office.signers[ref.originator], ink.now())
        written = Written(unsealed.item, number, rev, sealed, terms, standing.parent)
        ink.revise(standing, written, ink.batch_number(batch), same_parts=new is None)
        if behind != gate:
            ink.descend(standing.item, behind)
        if new is not None and draft.world is World.ACTUAL:
            ink.state_membership(standing.item, ref.originator, draft.membership)
        ink.log([audit_line(ink, "rectify" if new else "relabel", hand, [digest(ref)], gate=number)])

    office.book.write(job)


def _no_wider(label: Label, standing: Label, rules: Rules) -> bool:
    return covers(standing, label, rules) and no_freer(label, standing.handling) == label


def _revised(ink: Ink, standing: Standing, new: Draft | None) -> tuple[Draft, tuple[str, ...]]:
    if new is None:
        return ink.stored_draft(standing)
    # A correction says what the item says; what it stands under is not its to change.
    parent = ink.ref_of(standing.parent) if standing.parent is not None else None
    return msgspec.structs.replace(new, parent=parent), terms_of(new, standing.ref.originator)


def _readable(ink: Ink, rules: Rules, hand: Hand, ref: Ref) -> tuple[Standing, Gate]:
    standing = ink.standing(ref)
    gate = ink.gate(standing.gate)
    if not open_gates(hand.reader, {0: gate}, rules, ink.now()):
        raise NotFound
    return standing, gate


def _parent_gate(ink: Ink, standing: Standing) -> Gate | None:
    if standing.parent is None:
        return None
    above = ink.standing_of(standing.parent)
    return ink.gate(above.gate) if above else None


def _refuse_twin(ink: Ink, standing: Standing, draft: Draft, gate: int) -> None:
    for alias in draft.aliases:
        held = ink.alias_holder(alias, gate, standing.ref.originator, draft.version)
        if held is not None and held[0].item != standing.item:
            raise Conflict(
                f"You already have another item named {alias.value} under that label: a standard's id names one"
                " thing. Nothing was changed."
            )
