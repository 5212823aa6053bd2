"""Messages that answer or follow an alert, as new alerts: Ack, Error, Update, Cancel, an edition, a label put in.

Identifier and time are the caller's, for chance and the clock are passed in; every message keeps the status of the
alert it is about, so an exercise is acknowledged in the exercise.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from diwan.desks.crisis.kinds import LABEL, MARKING, Alert, Brief, Info, MsgType, Pair, Scope, alias, written
from diwan.terms.errors import Unlabelled
from diwan.terms.time import Instant


def ack(of: Brief, *, identifier: str, sender: str, sent: Instant, note: str | None = None) -> Alert:
    """Return the acknowledgement of an alert, addressed to its sender alone; without a note it keeps the alert's."""
    return _answer(of, MsgType.ACK, identifier=identifier, sender=sender, sent=sent, note=note or of.note)


def error(of: Brief, *, identifier: str, sender: str, sent: Instant, note: str) -> Alert:
    """Return the rejection of an alert, addressed to its sender alone; `note` says why."""
    return _answer(of, MsgType.ERROR, identifier=identifier, sender=sender, sent=sent, note=note)


def update(of: Alert, *, identifier: str, sent: Instant, info: tuple[Info, ...], note: str | None = None) -> Alert:
    """Return an Update with new information blocks.

    It references the alert and all that one referenced, so that a reader who missed the middle still sees the first
    superseded.
    """
    return _follow(of, MsgType.UPDATE, identifier=identifier, sent=sent, info=info, note=note)


def cancel(of: Alert, *, identifier: str, sent: Instant, info: tuple[Info, ...] = (), note: str | None = None) -> Alert:
    """Return a Cancel of an alert and of all that it referenced; `note` says why."""
    return _follow(of, MsgType.CANCEL, identifier=identifier, sent=sent, info=info, note=note)


def alert_edition(of: Alert, *, identifier: str, sent: Instant) -> Alert:
    """Return an Update as an Alert of its own, for readers who may not know that there was one before it."""
    return replace(of, identifier=identifier, sent=written(sent), msg_type=MsgType.ALERT, references=None)


def with_label(alert: Alert, label_xml: str, marking: str) -> Alert:
    """Return the alert with label and marking as parameters of every information block, replacing earlier ones.

    An alert without information blocks has no place for parameters and comes back as it is.
    """
    said = (Pair(value_name=LABEL, value=label_xml), Pair(value_name=MARKING, value=marking))
    return replace(alert, info=tuple(replace(info, parameter=(*_others(info), *said)) for info in alert.info))


def scope_for(world_audience: bool, parties: Sequence[str]) -> tuple[Scope, str | None, str | None]:
    """Return scope, restriction and addresses that render an audience; the label decides, this only says it in CAP.

    Raises:
        Unlabelled: the audience is empty, so there is nobody to write to.
    """
    if world_audience:
        return Scope.PUBLIC, None, None
    if not parties:
        raise Unlabelled("The audience is empty: nobody could read this alert. Nothing was written.")
    return Scope.RESTRICTED, "Releasable to " + ", ".join(sorted(parties)), None


def _answer(of: Brief, kind: MsgType, *, identifier: str, sender: str, sent: Instant, note: str | None) -> Alert:
    return Alert(
        identifier=identifier,
        sender=sender,
        sent=written(sent),
        status=of.status,
        msg_type=kind,
        scope=Scope.PRIVATE,
        addresses=of.sender,
        note=note,
        references=of.name,
    )


def _follow(
    of: Alert, kind: MsgType, *, identifier: str, sent: Instant, info: tuple[Info, ...], note: str | None
) -> Alert:
    named = (*(of.references or "").split(), alias(of.sender, of.identifier, of.sent).value)
    return replace(
        of,
        identifier=identifier,
        sent=written(sent),
        msg_type=kind,
        note=note or of.note,
        references=" ".join(dict.fromkeys(named)),
        info=info,
    )


def _others(info: Info) -> tuple[Pair, ...]:
    return tuple(pair for pair in info.parameter if pair.value_name not in (LABEL, MARKING))
