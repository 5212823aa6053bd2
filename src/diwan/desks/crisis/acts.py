"""What is done at the crisis desk: opening what was handed in, and issuing an edition for wider readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

import msgspec
from cryptography.x509 import load_pem_x509_certificate

from diwan.desk import Act, Deed, Signed
from diwan.desks.crisis.kinds import MEDIA_TYPE, Alert, Brief, MsgType, instant_of
from diwan.desks.crisis.parse import check, drafts_in, parse, read_alert, verify
from diwan.desks.crisis.render import ack, alert_edition, cancel, cap_xml, error
from diwan.reading import ReadingRoom, Released
from diwan.terms.finding import Finding, Reject
from diwan.terms.item import Draft
from diwan.terms.time import Instant


class _Sent(TypedDict):
    sender: str
    sent: Instant


_brief: Final = msgspec.json.Decoder(Brief)


def open_file(data: bytes, file: str, names: Mapping[str, str]) -> Iterable[Draft | Reject]:
    """Yield the draft or the reject of every alert in a CAP file, a feed or an EDXL-DE distribution."""
    return drafts_in(data, file, names)


def findings(data: bytes) -> tuple[Finding, ...]:
    """Return everything that is wrong with a CAP 1.2 message."""
    return check(data)


def edition(update: Draft, ident: str) -> Draft:
    """Return an Update as an Alert of its own, for readers who may not know that there was one before it.

    Its identifier is random: one made from the Update would confirm guesses of what the Update refers to.
    """
    alert = read_alert(update.parts[0].data)
    issued = alert_edition(alert, identifier=f"E-{ident}", sent=instant_of(alert.sent) or 0)
    return msgspec.structs.replace(parse(cap_xml(issued), {}), parent=update.parent)


def proofs(data: bytes, pinned: Mapping[str, bytes], at: Instant) -> tuple[Signed, ...]:
    """Return what the XML signatures of an alert say, by the certificates pinned for its originator."""
    keys = {name: load_pem_x509_certificate(pem) for name, pem in pinned.items()}
    return tuple(Signed(verdict.outcome, verdict.key, verdict.why) for verdict in verify(data, keys, at))


def _acknowledgement(_: ReadingRoom, item: Released, deed: Deed) -> Draft:
    note = deed.note or None
    return _under(item, ack(_brief_of(item), identifier=f"ACK-{deed.ident}", note=note, **_from(deed)))


def _rejection(_: ReadingRoom, item: Released, deed: Deed) -> Draft:
    return _under(item, error(_brief_of(item), identifier=f"ERR-{deed.ident}", note=deed.note, **_from(deed)))


def _cancellation(room: ReadingRoom, item: Released, deed: Deed) -> Draft:
    data = next(part.data for part in room.parts(item) if part.media_type == MEDIA_TYPE)
    ended = cancel(read_alert(data), identifier=f"CANCEL-{deed.ident}", sent=deed.now, note=deed.note)
    return parse(cap_xml(ended), {})


def _from(deed: Deed) -> _Sent:
    return {"sender": f"watch@{deed.party.lower()}.diwan.invalid", "sent": deed.now}


def _brief_of(item: Released) -> Brief:
    return _brief.decode(item.brief)


def _under(item: Released, answer: Alert) -> Draft:
    return msgspec.structs.replace(parse(cap_xml(answer), {}), parent=item.ref)


def _others_alert(room: ReadingRoom, item: Released) -> bool:
    answerable = _brief_of(item).msg_type in (MsgType.ALERT, MsgType.UPDATE)
    return answerable and item.ref.originator != room.reader.party


def _own_alert(room: ReadingRoom, item: Released) -> bool:
    cancellable = _brief_of(item).msg_type in (MsgType.ALERT, MsgType.UPDATE)
    return cancellable and item.ref.originator == room.reader.party


def _to_its_readers(_: Released) -> tuple[str, ...]:
    return ()


def _to_originator(item: Released) -> tuple[str, ...]:
    return (item.ref.originator,)


ACTS: Final = (
    Act("acknowledge", "Acknowledge", False, _others_alert, _acknowledgement, _to_originator),
    Act("reject", "Reject, with a reason", True, _others_alert, _rejection, _to_originator),
    Act("cancel", "Cancel it, with a reason", True, _own_alert, _cancellation, _to_its_readers),
)
