"""The office of intake: what it needs to take anything, and the checks every taking starts with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from diwan.registry.book import Book
from diwan.registry.ink import Ink
from diwan.registry.journal import Journal
from diwan.release.ceiling import Ceiling, reasons
from diwan.release.decide import Rules, admits
from diwan.release.tlp import PAP, TLP, strictest
from diwan.sealing.keys import Signer
from diwan.terms.errors import Malformed, NotAllowed, Unlabelled
from diwan.terms.gate import Gate, Stand, World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft
from diwan.terms.label import Handling, Label

_audit = msgspec.json.Encoder(order="deterministic")
_FREE: Final = Handling()
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")


class Office(msgspec.Struct, frozen=True):
    """The register, the keys of the parties hosted here, and what may be entered at all."""

    book: Book
    signers: Mapping[str, Signer]
    node_ceiling: Ceiling
    role_ceilings: Mapping[Role, Ceiling]
    journal: Journal | None = None
    """Where recalls and relabels are written down off the node, before anyone is told that they were made."""

    def journalled(self) -> None:
        """Write down off the node what was just changed.

        Raises:
            Unjournalled: it could not be; the change stands.
        """
        if self.journal is not None:
            self.journal.keep_up()


def check_hand(office: Office, hand: Hand, originator: str) -> None:
    """Refuse a hand that may not enter in the name of `originator`.

    Raises:
        NotAllowed: another party's name, a role that enters nothing, or a party whose key is not kept here.
    """
    if hand.reader.party != originator:
        raise NotAllowed(
            f"You enter in the name of {hand.reader.party}, not of {originator}: an originator answers for its own"
            " items only. Nothing was entered."
        )
    if not hand.roles & office.role_ceilings.keys():
        raise NotAllowed("None of your roles enters items at this node. Nothing was entered.")
    if originator not in office.signers:
        raise NotAllowed(f"{originator} is not hosted at this node: its key is not here. Nothing was entered.")


def check_label(office: Office, rules: Rules, hand: Hand, label: Label) -> None:
    """Refuse a label that is at fault, above a ceiling, or beyond what the hand itself may read.

    Raises:
        Unlabelled: the policy finds fault with the label, so nobody could read the item.
        NotAllowed: a ceiling, or the hand's own clearance, is below the label.
    """
    policy = rules.policy(label.policy)
    if policy is None:
        raise Unlabelled(f"No policy {label.policy!r} is installed at this node. Nothing was entered.")
    if faults := policy.faults(label):
        said = any("nobody could read it" in fault for fault in faults)
        ending = "Nothing was entered." if said else "Nobody could read it, so nothing was entered."
        raise Unlabelled(f"{' '.join(faults)} {ending}")
    if above := reasons(label, [office.node_ceiling], rules):
        raise NotAllowed(f"{' '.join(above)} Nothing was entered.")
    ceilings = [office.role_ceilings[role] for role in sorted(hand.roles) if role in office.role_ceilings]
    if not any(not reasons(label, [ceiling], rules) for ceiling in ceilings):
        raise NotAllowed(f"{' '.join(reasons(label, ceilings[:1], rules))} Nothing was entered.")
    if not admits(hand.reader, Stand(hand.reader.party, label), rules, office.book.clock()):
        raise NotAllowed("Your clearance does not reach this label: one enters what one may read. Nothing was entered.")


def no_freer(label: Label, said: Handling) -> Label:
    """Return `label` with its TLP and PAP as strict as `said`; the audience stays as it is."""
    if said == _FREE:
        return label
    handling = label.handling
    both = Handling(
        tlp=strictest((handling.tlp, said.tlp), TLP),
        pap=strictest((handling.pap, said.pap), PAP),
        pass_on=handling.pass_on and said.pass_on,
    )
    return label if both == handling else msgspec.structs.replace(label, handling=both)


def text_fault(draft: Draft) -> Malformed | None:
    """Return why a draft cannot be written down: NUL, which not every engine holds, or half of a surrogate pair."""
    text = "\n".join(_texts(draft))
    if not ("\0" in text if text.isascii() else _NO_TEXT.search(text)):
        return None
    return Malformed("A text in it holds NUL or half of a surrogate pair, which is no character. Nothing was entered.")


def _texts(draft: Draft) -> list[str]:
    texts = [draft.kind, draft.title, draft.author or "", *draft.text, *draft.values, *draft.names]
    for facet in draft.facets:
        texts += facet
    for alias in draft.aliases:
        texts += (alias.scheme, alias.value)
    for link in draft.links:
        texts += (link.relation, link.to.scheme, link.to.value)
    for part in draft.parts:
        texts += (part.name, part.media_type)
    if draft.version is not None:
        texts += (draft.version.at, draft.version.written)
    return texts


def gate_for(world: World, originator: str, label: Label, parent: Gate | None) -> Gate:
    """Return the gate of an item: its own label, and everything its parent stands behind."""
    return Gate(world, (Stand(originator, label), *(parent.stands if parent else ())))


def audit_line(ink: Ink, act: str, hand: Hand, about: Sequence[str], **more: str | int) -> bytes:
    """Return a line for the audit log: when, who, what; objects as salted digests, no title and no text."""
    line = {"at": ink.now(), "act": act, "by": hand.reader.id, "party": hand.reader.party, "of": list(about), **more}
    return _audit.encode(line)


Edition = Callable[[Draft, str], Draft]
"""Makes of a draft one for readers who may not know what it refers to, under a random name that tells nothing."""
