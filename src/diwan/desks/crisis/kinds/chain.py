"""The fold: Alert, Update, Cancel, Ack and Error messages become what is in force now, for one reader's own view.

Rules (CAP 1.2, section 3.2.1, msgType and references; where the standard is silent, this desk):

* An Update ends the alerts and updates that it references. A Cancel ends what it references and whatever those had
  become by then: who cancels the first message of a chain cancels its updates too, sent before the Cancel.
* What is ended does not come back when its successor is cancelled or expires.
* An Update of a cancelled alert stands: it is a message in its own right.
* Ack and Error attach to what they reference and end nothing.
* A message acts on earlier messages only, so references that run in a circle end nothing twice.
* Only the originator of a message ends it. The sender is a claim that anyone can copy: where only the sender agrees,
  the message stays in force and is shown as contested (`by_sender=True` believes the sender).
* Worlds do not touch: an exercise Cancel ends no actual alert.

What the reader cannot see does not exist here: a chain whose middle is missing folds as the two chains it seems to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from diwan.desks.crisis.kinds.alert import world
from diwan.desks.crisis.kinds.brief import Brief
from diwan.desks.crisis.kinds.codes import MsgType, Severity
from diwan.desks.crisis.kinds.dates import instant_of
from diwan.terms.gate import World
from diwan.terms.item import Ref
from diwan.terms.time import Instant


class State(StrEnum):
    """Where an alert or update stands now."""

    IN_FORCE = "in force"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One alert or update, where it stands, and what others said to it."""

    ref: Ref
    brief: Brief
    state: State
    ended_by: Ref | None = None
    """The Update or Cancel that ended it."""
    contested_by: tuple[Ref, ...] = ()
    """Updates and Cancels under the same sender's name from another originator; they end nothing."""
    acknowledged_by: tuple[Ref, ...] = ()
    rejected_by: tuple[Ref, ...] = ()


class _Message(msgspec.Struct, frozen=True):
    ref: Ref
    brief: Brief

    @property
    def rank(self) -> tuple[Instant, bool, bool, Ref]:
        """Order in time; within one second an Alert comes before Updates, and a Cancel last."""
        kind = self.brief.msg_type
        return self.brief.sent_at, kind is not MsgType.ALERT, kind is MsgType.CANCEL, self.ref


_Key = tuple[World, str, str, Instant | None]
_Ends = dict[Ref, tuple[State, _Message]]
_ACTS: Final = (MsgType.UPDATE, MsgType.CANCEL)


def in_force(told: Iterable[tuple[Ref, Brief]], now: Instant, *, by_sender: bool = False) -> tuple[Course, ...]:
    """Return the alerts and updates in force at `now`, gravest first, then newest; see `courses`."""
    live = [course for course in courses(told, now, by_sender=by_sender) if course.state is State.IN_FORCE]
    grades = [*Severity, None]
    return tuple(sorted(live, key=lambda course: (grades.index(course.brief.severity), -course.brief.sent_at)))


def courses(told: Iterable[tuple[Ref, Brief]], now: Instant, *, by_sender: bool = False) -> tuple[Course, ...]:
    """Return where every alert and update stands at `now`, oldest first.

    `told` may come in any order and may be any part of the whole. Time grows with the number of references, and for
    each Cancel with the length of the chain it ends.
    """
    messages = sorted({ref: _Message(ref, brief) for ref, brief in told}.values(), key=lambda m: m.rank)
    copies = defaultdict(list)
    for message in messages:
        copies[_key(message)].append(message)
    ends: _Ends = {}
    voices: dict[tuple[Ref, MsgType | None], list[Ref]] = defaultdict(list)
    heirs: dict[Ref, list[_Message]] = defaultdict(list)
    for message in messages:
        for target in _targets(message, copies):
            kind = message.brief.msg_type
            if kind not in _ACTS:
                voices[target.ref, kind].append(message.ref)
            elif not _may_end(message, target, by_sender=by_sender):
                voices[target.ref, None].append(message.ref)
            elif kind is MsgType.UPDATE:
                heirs[target.ref].append(message)
                ends.setdefault(target.ref, (State.SUPERSEDED, message))
            else:
                _cancel(target, message, heirs, ends)
    return tuple(
        Course(
            ref=message.ref,
            brief=message.brief,
            state=_state(message, ends, now),
            ended_by=ends[message.ref][1].ref if message.ref in ends else None,
            contested_by=tuple(voices[message.ref, None]),
            acknowledged_by=tuple(voices[message.ref, MsgType.ACK]),
            rejected_by=tuple(voices[message.ref, MsgType.ERROR]),
        )
        for message in messages
        if message.brief.msg_type in (MsgType.ALERT, MsgType.UPDATE)
    )


def _key(message: _Message) -> _Key:
    brief = message.brief
    return world(brief.status), brief.sender, brief.identifier, brief.sent_at


def _targets(message: _Message, copies: dict[_Key, list[_Message]]) -> Iterable[_Message]:
    """Yield the alerts and updates that a message references and may act on, however their time is written."""
    if message.brief.msg_type is MsgType.ALERT:
        return
    here = world(message.brief.status)
    keys = dict.fromkeys((here, *_reference(text)) for text in message.brief.references)
    for key in keys:
        for target in copies.get(key, ()):
            if target.brief.msg_type not in (MsgType.ALERT, MsgType.UPDATE):
                continue
            # An acknowledgement comes from another clock, which may be slow; it ends nothing, so its time is no matter.
            if message.brief.msg_type not in _ACTS or target.rank < message.rank:
                yield target


def _reference(text: str) -> tuple[str, str, Instant | None]:
    sender, _, rest = text.partition(",")
    identifier, _, sent = rest.partition(",")
    return sender, identifier, instant_of(sent)


def _may_end(act: _Message, target: _Message, *, by_sender: bool) -> bool:
    same_sender = act.brief.sender == target.brief.sender
    return act.ref.originator == target.ref.originator or (by_sender and same_sender)


def _cancel(target: _Message, cancel: _Message, heirs: dict[Ref, list[_Message]], ends: _Ends) -> None:
    """End a message and all it had become; messages come in order of time, so every heir is an earlier one."""
    waiting, met = [target], {target.ref}
    while waiting:
        message = waiting.pop()
        if message.ref not in ends or ends[message.ref][0] is not State.CANCELLED:
            ends[message.ref] = (State.CANCELLED, cancel)
        unmet = [heir for heir in heirs[message.ref] if heir.ref not in met]
        met.update(heir.ref for heir in unmet)
        waiting.extend(unmet)


def _state(message: _Message, ends: _Ends, now: Instant) -> State:
    if message.ref in ends:
        return ends[message.ref][0]
    expires = message.brief.expires
    return State.EXPIRED if expires is not None and expires <= now else State.IN_FORCE
