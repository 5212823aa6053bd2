"""What is done at the crisis desk: opening what was handed in, and issuing an edition for wider readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from diwan.desks.crisis.kinds import instant_of
from diwan.desks.crisis.parse import check, drafts_in, parse, read_alert
from diwan.desks.crisis.render import alert_edition, cap_xml
from diwan.terms.finding import Finding, Reject
from diwan.terms.item import Draft


def open_file(data: bytes, file: str, names: Mapping[str, str]) -> Iterable[Draft | Reject]:
    """Yield the draft or the reject of every alert in a CAP file, a feed or an EDXL-DE distribution."""
    return drafts_in(data, file, names)


def findings(data: bytes) -> tuple[Finding, ...]:
    """Return everything that is wrong with a CAP 1.2 message."""
    return check(data)


def edition(update: Draft) -> Draft:
    """Return an Update as an Alert of its own, for readers who may not know that there was one before it.

    Its identifier is made from the Update's whole text, so that it is the same however often it is issued and tells
    nobody the name of what came before.
    """
    data = update.parts[0].data
    alert = read_alert(data)
    issued = alert_edition(alert, identifier=f"E-{sha256(data).hexdigest()[:24]}", sent=instant_of(alert.sent) or 0)
    draft = parse(cap_xml(issued), {})
    return msgspec.structs.replace(draft, parent=update.parent)
