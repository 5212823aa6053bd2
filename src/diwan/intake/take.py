"""Taking: drafts are labelled, sealed and entered, each whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from diwan.intake.beyond import Beyond, Notice, settle
from diwan.intake.ending import check_ending
from diwan.intake.neighbours import Neighbours
from diwan.intake.office import (
    Edition,
    Office,
    audit_line,
    check_hand,
    check_label,
    gate_for,
    no_freer,
    text_fault,
)
from diwan.registry.chain import digest
from diwan.registry.ink import Ink, Written
from diwan.registry.words import terms_of
from diwan.release.decide import Rules, keeper_of, open_gates
from diwan.sealing.envelope import SALT, Unsealed, seal
from diwan.sealing.header import next_rev
from diwan.terms.errors import Conflict, Duplicate, Malformed, NotAllowed, NotFound, Refused
from diwan.terms.gate import Gate, World
from diwan.terms.hand import Hand
from diwan.terms.item import ENDS, Alias, Draft, Item, Ref
from diwan.terms.label import Handling, Label
from diwan.terms.time import Instant

_CHANCE: Final = 10
"""Bytes of a reference that are random; before them stand six of milliseconds, so that one index grows at its end."""

_DEEPEST: Final = 32
"""So many stand over an item at most: whoever relabels or recalls the first of them moves all the others."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What became of a draft: the items entered (two where an edition was issued), and what the hand should know."""

    refs: tuple[Ref, ...]
    notices: tuple[Notice, ...] = ()
    narrowed: bool = False
    """Whether what it says of itself made the label stricter than the one that was chosen."""


class _Ready(msgspec.Struct, frozen=True, gc=False):
    draft: Draft
    label: Label
    gate: Gate
    number: int
    parent: int | None
    of: int
    """Which of the drafts handed in this belongs to."""


def take(
    office: Office,
    hand: Hand,
    draft: Draft,
    label: Label,
    *,
    originator: str,
    beyond: Beyond = Beyond.WARN,
    editions: Mapping[str, Edition] | None = None,
) -> Taken:
    """Enter one draft under `label` in the name of `originator`; durable when this returns.

    Raises:
        Refused: with the reason; nothing was entered.
    """
    labelled = [(draft, label)]
    (outcome,) = take_all(office, hand, labelled, originator=originator, beyond=beyond, editions=editions)
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def take_all(
    office: Office,
    hand: Hand,
    labelled: Sequence[tuple[Draft, Label]],
    *,
    originator: str,
    beyond: Beyond = Beyond.WARN,
    editions: Mapping[str, Edition] | None = None,
) -> list[Taken | Refused]:
    """Enter many drafts, each under its label, in one transaction, and say of each what became of it, in order.

    A draft that is refused does not hold up the others.

    Raises:
        Refused: the hand or one of the labels is not good; nothing was entered.
    """
    check_hand(office, hand, originator)

    def job(ink: Ink) -> list[Taken | Refused]:
        ink.check_open()
        # The rules of this very transaction decide: what was true before it may have been changed by the one before.
        rules = office.book.rules_within(ink)
        for label in {label for _, label in labelled}:
            check_label(office, rules, hand, label)
        return _Taking(office, ink, rules, hand, originator).run(labelled, beyond, editions or {})

    return office.book.write(job)


class _Taking:
    """One transaction's worth of taking."""

    def __init__(self, office: Office, ink: Ink, rules: Rules, hand: Hand, originator: str) -> None:
        self._office = office
        self._ink = ink
        self._rules = rules
        self._hand = hand
        self._originator = originator
        self._gates: dict[tuple[object, ...], tuple[int, Gate, int | None]] = {}
        self._labels: dict[tuple[Label, Handling], Label] = {}
        self._sound: set[Label] = set()
        self._named: dict[tuple[Alias, int, str | bytes], Draft] = {}

    def run(
        self,
        labelled: Sequence[tuple[Draft, Label]],
        beyond: Beyond,
        editions: Mapping[str, Edition],
    ) -> list[Taken | Refused]:
        outcomes: list[Taken | Refused] = []
        ready: list[_Ready] = []
        faults = [text_fault(draft) for draft, _ in labelled]
        sound = [draft for (draft, _), fault in zip(labelled, faults, strict=True) if fault is None]
        near = Neighbours(self._ink, self._rules, self._hand, sound)
        for number, (draft, label) in enumerate(labelled):
            try:
                if (fault := faults[number]) is not None:
                    raise fault
                self._refuse_other_way(near, draft)
                chosen, label = label, self._no_freer(label, draft.handling)
                settled = settle(
                    self._ink, self._rules, near, self._originator, draft, label, beyond, editions.get(draft.kind)
                )
                for issued, under in settled.drafts:
                    if under != label:
                        self._check(under)
                    if near.may_be_ended(issued) or any(link.relation in ENDS for link in issued.links):
                        check_ending(self._ink, self._rules, self._hand, issued, under)
                ready += self._prepare_all(near, settled.drafts, number)
                outcomes.append(Taken((), (*settled.notices, *self._claim(draft)), label != chosen))
            except Refused as refusal:
                outcomes.append(refusal)
        refs = self._enter(ready)
        for one, ref in zip(ready, refs, strict=True):
            outcome = outcomes[one.of]
            assert isinstance(outcome, Taken)  # noqa: S101 -- what is ready was not refused
            outcomes[one.of] = msgspec.structs.replace(outcome, refs=(*outcome.refs, ref))
        return outcomes

    def _no_freer(self, label: Label, said: Handling) -> Label:
        """Return `label`, as strict as what the text itself says may be done with it."""
        if (label, said) not in self._labels:
            narrowed = no_freer(label, said)
            if narrowed != label:
                self._check(narrowed)
            self._labels[label, said] = narrowed
        return self._labels[label, said]

    def _check(self, label: Label) -> None:
        """Refuse a label that was made here and by which nobody could read, as one that was chosen would be."""
        if label not in self._sound:
            check_label(self._office, self._rules, self._hand, label)
            self._sound.add(label)

    def _claim(self, draft: Draft) -> tuple[Notice, ...]:
        if draft.membership is None or counts(self._rules, self._originator, draft):
            return ()
        return (Notice("It is a claim: only the keeper that the policies name lets a membership open anything."),)

    def _prepare_all(self, near: Neighbours, issued: Sequence[tuple[Draft, Label]], of: int) -> list[_Ready]:
        both = [self._prepare(near, draft, label, of) for draft, label in issued]
        for one in both:
            self._named.update(((a, one.number, _edge(one.draft)), one.draft) for a in one.draft.aliases)
        return both

    def _prepare(self, near: Neighbours, draft: Draft, label: Label, of: int) -> _Ready:
        number, gate, parent = self._gate(draft, label)
        for alias in draft.aliases:
            self._refuse_second(draft, alias, number)
            held = near.holder(alias, number, self._originator, draft.version)
            if held is None:
                continue
            there, same = held
            if same or [part.data for _, part in self._ink.parts(there.revision)] == [p.data for p in draft.parts]:
                alike = "saying the same" if draft.version else "byte for byte"
                raise Duplicate(f"{alias.value} is already registered under this label, {alike}. Nothing was added.")
            raise Conflict(
                f"{alias.value} is already registered under this label with other content: a standard's id names one"
                " thing. Nothing was entered; rectify the item that is there, or give this one its own id."
            )
        return _Ready(draft, label, gate, number, parent, of)

    def _refuse_other_way(self, near: Neighbours, draft: Draft) -> None:
        """Refuse what came by a certain way where the originator has it from elsewhere, under whatever label."""
        others = list(near.from_elsewhere(draft, self._originator))
        for name, other in others:
            held = self._ink.alias_holder(name, other.gate, self._originator, draft.version)
            if held is not None:
                kind = Duplicate if held[1] else Conflict
                raise kind(f"{name.value} is here in this version already, from elsewhere. Nothing was entered.")
        if others:
            name, _ = others[0]
            raise NotAllowed(
                f"{name.value} is here from elsewhere, as {self._originator}'s own word: no other version of it comes"
                " this way. Nothing was entered; what speaks for others needs a party of its own."
            )

    def _refuse_second(self, draft: Draft, alias: Alias, gate: int) -> None:
        first = self._named.get((alias, gate, _edge(draft)))
        if first is None:
            return
        same = _says(first) == _says(draft)
        kind = Duplicate if same else Conflict
        raise kind(
            f"{alias.scheme}:{alias.value} stands twice in what was handed in; the first was entered, this one was not."
        )

    def _gate(self, draft: Draft, label: Label) -> tuple[int, Gate, int | None]:
        key = (draft.world, label, draft.parent)
        if key not in self._gates:
            parent = None
            above: Gate | None = None
            if draft.parent is not None:
                standing = self._ink.standing(draft.parent)
                above = self._ink.gate(standing.gate)
                if not open_gates(self._hand.reader, {0: above}, self._rules, self._ink.now()):
                    raise NotFound
                if above.world != draft.world:
                    raise Malformed("An answer is of the world of what it stands under. Nothing was entered.")
                if self._ink.depth(standing) >= _DEEPEST:
                    raise Malformed(
                        f"What stands under another item does so at most {_DEEPEST} deep. Nothing was entered; let it"
                        " stand under one further up."
                    )
                parent = standing.item
            gate = gate_for(draft.world, self._originator, label, above)
            self._gates[key] = (self._ink.gate_number(gate), gate, parent)
        return self._gates[key]

    def _enter(self, ready: Sequence[_Ready]) -> list[Ref]:
        if not ready:
            return []
        ink, signer = self._ink, self._office.signers[self._originator]
        by_gate: dict[int, list[int]] = {}
        for place, one in enumerate(ready):
            by_gate.setdefault(one.number, []).append(place)
        # What stands behind one gate lies at a sample of the instants, in order: whoever may not read the rest learns
        # nothing of it.  Every time that a reader is told of an item is that of its own instant, never of the batch.
        instants = ink.positions([len(places) for places in by_gate.values()])
        salts = iter(_cut(ink.chance.bytes(SALT * sum(len(one.draft.parts) for one in ready)), SALT))
        idents = iter(_cut(ink.chance.bytes(_CHANCE * len(ready)), _CHANCE))
        refs: dict[int, Ref] = {}
        entries: list[tuple[int, int, Written, int]] = []
        for places, given in zip(by_gate.values(), instants, strict=True):
            unsealed = [self._unsealed(ready[p], at, next(idents), salts) for p, at in zip(places, given, strict=True)]
            batch, sealed = seal(unsealed, signer)
            number = ink.batch_number(batch)
            for p, closed, proof in zip(places, unsealed, sealed, strict=True):
                refs[p] = closed.item.ref
                terms = terms_of(closed.item.draft, self._originator)
                entry = Written(closed.item, ready[p].number, closed.revision, proof, terms, ready[p].parent)
                entries.append((closed.at, p, entry, number))
        entries.sort()
        first = ink.next_item()
        ink.enter([entry for _, _, entry, _ in entries], [batch for *_, batch in entries], [at for at, *_ in entries])
        for item, (_, p, _, _) in enumerate(entries, first):
            if ready[p].draft.membership is not None and ready[p].draft.world is World.ACTUAL:
                ink.state_membership(item, self._originator, ready[p].draft.membership)
        ink.log(
            [
                audit_line(ink, "enter", self._hand, [digest(refs[p]) for p in places], gate=number)
                for number, places in by_gate.items()
            ]
        )
        return [refs[p] for p in range(len(ready))]

    def _unsealed(self, one: _Ready, at: Instant, chance: bytes, salts: Iterator[bytes]) -> Unsealed:
        """Return a draft as it is to be sealed, at its own instant."""
        ref = Ref(self._originator, f"{at // 1000:012x}{chance.hex()}")
        rev = next_rev(None, self._ink.fact("generation"), at)
        return Unsealed(Item(one.draft, ref, one.label), rev, at, tuple(islice(salts, len(one.draft.parts))))


def _cut(drawn: bytes, size: int) -> list[bytes]:
    return [drawn[at : at + size] for at in range(0, len(drawn), size)]


def _edge(draft: Draft) -> str | bytes:
    """Return what keeps an item apart from others of the same name: its version, or what it says where it has none."""
    return "" if draft.version is None else draft.version.at or draft.version.content


def _says(draft: Draft) -> object:
    return draft.version.content if draft.version else [part.data for part in draft.parts]


def counts(rules: Rules, originator: str, draft: Draft) -> bool:
    """Return whether a draft states a membership that opens gates: the keeper's word, in the actual world."""
    said = draft.membership
    return said is not None and draft.world is World.ACTUAL and keeper_of(rules.policies, said.framework) == originator
