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
from diwan.terms.label import Label, pack


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
        ink.check_open()
        rules = office.book.rules_within(ink)
        standing = _readable(ink, rules, hand, ref)
        ink.log_change(audit_line(ink, "recall", hand, withdraw(ink, standing)))

    office.book.write(job)
    office.journalled()


def withdraw(ink: Ink, standing: Standing) -> list[str]:
    """End where an item and everything under it stands, and what it states; return them as the audit log names them."""
    gone = ink.recall(standing)
    for one in gone:
        ink.state_membership(one.item, one.ref.originator, None)
    return [digest(one.ref) for one in gone]


def put(
    office: Office,
    ink: Ink,
    standing: Standing,
    draft: Draft,
    terms: str,
    label: Label,
    *,
    same_parts: bool,
) -> int:
    """Write a new revision of a standing item, signed anew, and return its gate; with `same_parts` over the same bytes.

    Raises:
        Conflict: behind that gate its originator has another item of one of its names; nothing was written.
    """
    gate = gate_for(World(standing.world), standing.ref.originator, label, _parent_gate(ink, standing))
    number = ink.gate_number(gate)
    _refuse_twin(ink, standing, draft, number)
    places = ink.places(standing, number)
    at = places.position
    rev = next_rev(standing.rev, ink.fact("generation"), at)
    unsealed = Unsealed(Item(draft, standing.ref, label), rev, at, tuple(ink.chance.bytes(SALT) for _ in draft.parts))
    batch, (sealed,) = seal([unsealed], office.signers[standing.ref.originator])
    written = Written(unsealed.item, number, rev, sealed, terms, standing.parent)
    ink.revise(standing, written, ink.batch_number(batch), places, same_parts=same_parts)
    return number


def _revise(
    office: Office, hand: Hand, new: Draft | None, ref: Ref, label: Label | None, against: Refused | None
) -> None:
    check_hand(office, hand, ref.originator)

    def job(ink: Ink) -> None:
        ink.check_open()
        rules = office.book.rules_within(ink)
        if label is not None:
            check_label(office, rules, hand, label)
        standing = _readable(ink, rules, hand, ref)
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
        number = put(office, ink, standing, draft, terms, label or standing.label, same_parts=new is None)
        if new is not None and draft.world is World.ACTUAL:
            ink.state_membership(standing.item, ref.originator, draft.membership)
        if label is not None:
            under = pack(label).hex()
            ink.log_change(audit_line(ink, "relabel", hand, [digest(ref)], gate=number, label=under))
        else:
            ink.log([audit_line(ink, "rectify", hand, [digest(ref)], gate=number)])

    office.book.write(job)
    if label is not None:
        office.journalled()


def _no_wider(label: Label, standing: Label, rules: Rules) -> bool:
    return covers(standing, label, rules) and no_freer(label, standing.handling) == label


def _revised(ink: Ink, standing: Standing, new: Draft | None) -> tuple[Draft, str]:
    if new is None:
        return ink.stored_draft(standing)
    # A correction says what the item says; what it stands under is not its to change.
    parent = ink.ref_of(standing.parent) if standing.parent is not None else None
    return msgspec.structs.replace(new, parent=parent), terms_of(new, standing.ref.originator)


def _readable(ink: Ink, rules: Rules, hand: Hand, ref: Ref) -> Standing:
    standing = ink.standing(ref)
    if not open_gates(hand.reader, {0: ink.gate(standing.gate)}, rules, ink.now()):
        raise NotFound
    return standing


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
