"""What ends another item is never narrower than what it ends: or some would go on seeing it in force.

Source: the crisis desk's rule for a Cancel; it holds for every relation by which an item ends another.
"""

from __future__ import annotations

from collections.abc import Iterable

from diwan.registry.found import Standing
from diwan.registry.ink import Ink
from diwan.release.audience import covers
from diwan.release.decide import Rules, open_gates
from diwan.terms.errors import NotAllowed
from diwan.terms.gate import Gate
from diwan.terms.hand import Hand
from diwan.terms.item import ENDS, Draft
from diwan.terms.label import Label


def check_ending(ink: Ink, rules: Rules, hand: Hand, draft: Draft, label: Label) -> None:
    """Refuse a draft whose ending, or which as an ending, would not reach all readers of what is ended.

    Only items of its own originator end it or are ended by it, and only those that the hand may read are looked at.

    Raises:
        NotAllowed: the ending would be narrower than what it ends.
    """
    party = hand.reader.party
    pairs = []
    if any(link.relation in ENDS for link in draft.links):
        targets = (target for target, _ in _known_targets(ink, rules, hand, draft))
        pairs += [(label, target.label) for target in targets if target.ref.originator == party]
    already = ink.ended_already(draft.aliases, party, draft.world)
    pairs += [(ending.label, label) for ending in _known(ink, rules, hand, already)]
    _refuse_narrower(rules, pairs, "Nothing was entered.")


def _known_targets(ink: Ink, rules: Rules, hand: Hand, draft: Draft) -> Iterable[tuple[Standing, Gate]]:
    """Yield what a draft refers to and its hand may read, with the gate it stands behind."""
    for link in draft.links:
        for target in ink.holders(link.to):
            gate = ink.gate(target.gate)
            if target.world == draft.world and open_gates(hand.reader, {0: gate}, rules, ink.now()):
                yield target, gate


def check_relabel(ink: Ink, rules: Rules, hand: Hand, standing: Standing, label: Label) -> None:
    """Refuse a relabel that would leave an ending narrower than what it ends, on either side.

    Only items that the hand itself may read are looked at: the answer tells of no other.

    Raises:
        NotAllowed: relabel the other one first.
    """
    pairs = [(label, target.label) for target in _known(ink, rules, hand, ink.ends(standing))]
    pairs += [(ending.label, label) for ending in _known(ink, rules, hand, ink.ended_by(standing))]
    _refuse_narrower(rules, pairs, "Relabel what ends it first, as wide or wider. Nothing was changed.")


def _known(ink: Ink, rules: Rules, hand: Hand, found: Iterable[Standing]) -> list[Standing]:
    return [one for one in found if open_gates(hand.reader, {0: ink.gate(one.gate)}, rules, ink.now())]


def _refuse_narrower(rules: Rules, pairs: Iterable[tuple[Label, Label]], now_true: str) -> None:
    if not all(covers(ending, ended, rules) for ending, ended in pairs):
        raise NotAllowed(
            "What ends an item is never narrower than what it ends: some of its readers would go on seeing it in force."
            f" {now_true}"
        )
