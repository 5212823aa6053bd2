"""Bounds: what a text says of its own audience binds its label, when it is entered and whenever either is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from diwan.desk import Narrow
from diwan.intake.office import no_freer
from diwan.reading import Released
from diwan.release.marking import marking
from diwan.terms.errors import NotAllowed, NotFound, Refused
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label

if TYPE_CHECKING:
    from diwan.house.node import House


def narrowing(house: House, hand: Hand, originator: str) -> Narrow:
    """Return what holds the drafts of one batch to what they say of themselves, each by its desk and in its world.

    Raises, when it is called:
        Refused: what a draft says of its audience cannot be held to here; nothing was entered.
    """
    made: dict[tuple[str, World], Narrow] = {}

    def narrow(draft: Draft, label: Label) -> tuple[Draft, Label]:
        desk = house.desk_of(draft.kind)
        if desk.narrows is None:
            return draft, label
        key = desk.name, draft.world
        if key not in made:
            room = house.room(hand.reader, draft.world)
            made[key] = desk.narrows(room, house.local.get(desk.name), originator)
        return made[key](draft, label)

    return narrow


def against_label(house: House, hand: Hand, ref: Ref, label: Label) -> Refused | None:
    """Return why `label` is wider than what an item of the hand's party says of itself, or None where it is not."""
    stands = _standing(house, hand, ref)
    return _against(house, hand, stands[1], label) if stands else None


def against_text(house: House, hand: Hand, ref: Ref, draft: Draft) -> Refused | None:
    """Return why the label under which an item of the hand's party stands is wider than what `draft` says, or None."""
    stands = _standing(house, hand, ref)
    return _against(house, hand, draft, stands[0].label) if stands else None


def _standing(house: House, hand: Hand, ref: Ref) -> tuple[Released, Draft] | None:
    """Return an item of the hand's party, with its parts as a draft; None where there is none to see."""
    for world in World if hand.reader.party == ref.originator else ():
        room = house.room(hand.reader, world)
        try:
            item = room.get(ref)
        except NotFound:
            continue
        return item, Draft(kind=item.kind, title=item.title, parts=room.parts(item), world=world)
    return None


def _against(house: House, hand: Hand, draft: Draft, label: Label) -> Refused | None:
    """Return why a label is wider than what a draft says of itself, or None where it is not."""
    part, parses = draft.parts[0], house.desk_of(draft.kind).parses
    try:
        read = parses[part.media_type](part.data, {}) if part.media_type in parses else draft
        said, narrowed = narrowing(house, hand, hand.reader.party)(replace(read, world=draft.world), label)
    except Refused as refusal:
        return refusal
    bound = no_freer(narrowed, said.handling)
    if bound == label:
        return None
    policy = house.rules().policy(bound.policy)
    told = f" that allows no more than {marking(bound, policy)}" if policy is not None and policy.valid(bound) else ""
    return NotAllowed(f"A label is never freer than what the item says of itself{told}. Nothing was changed.")
