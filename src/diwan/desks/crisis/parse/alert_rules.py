"""Rules of the alert element: what the text of CAP 1.2, section 3.2.1, asks beyond the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from diwan.desks.crisis.kinds import Alert, MsgType, Scope, Status, instant_of
from diwan.desks.crisis.parse.finding import finding
from diwan.terms.finding import Finding, Weight

# Bidirectional overrides would let one identifier be read as another.
_NAME: Final = re.compile(r"[^\s,<&\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+")
_REFERENCE: Final = re.compile(r"([^\s,<&]+),([^\s,<&]+),([^\s,<&]+)")


def alert_findings(alert: Alert) -> Iterator[Finding]:
    """Yield what the alert element breaks; information blocks and signatures are looked at elsewhere."""
    yield from _name("identifier", alert.identifier)
    yield from _name("sender", alert.sender)
    yield from _scope(alert)
    yield from _notes(alert)
    yield from _references(alert)
    yield from utc("/alert/sent", alert.sent)
    if not alert.info and alert.msg_type in (MsgType.ALERT, MsgType.UPDATE):
        yield finding("info.missing", "/alert/info", f"an {alert.msg_type} without information tells nobody anything")


def utc(path: str, text: str) -> Iterator[Finding]:
    """Yield the warning on `+00:00`: CAP 1.2, section 3.3.2, writes UTC as `-00:00`."""
    if text.endswith("+00:00"):
        yield finding("datetime.utc_minus0000", path, "UTC is written -00:00")


def _name(element: str, text: str) -> Iterator[Finding]:
    if not text.strip():
        yield finding(f"{element}.empty", f"/alert/{element}", "is empty")
    elif not _NAME.fullmatch(text):
        asks = "holds a space, a comma, < or &, or a control that turns the reading direction"
        yield finding(f"{element}.chars", f"/alert/{element}", f"{text[:60]!r} {asks}")


def _scope(alert: Alert) -> Iterator[Finding]:
    restriction = (alert.restriction or "").strip()
    if alert.scope is Scope.PRIVATE and not (alert.addresses or "").strip():
        yield finding("scope.private_needs_addresses", "/alert/addresses", "a Private alert names its addressees")
    if alert.scope is Scope.RESTRICTED and not restriction:
        yield finding("scope.restricted_needs_restriction", "/alert/restriction", "a Restricted alert says to whom")
    if alert.scope is not Scope.RESTRICTED and restriction:
        text = f"only a Restricted alert has a restriction, this one is {alert.scope}"
        yield finding("scope.restriction_only_restricted", "/alert/restriction", text)
    if (alert.addresses or "").count('"') % 2:
        yield finding("addresses.quotes", "/alert/addresses", "a double quote is not closed")


def _notes(alert: Alert) -> Iterator[Finding]:
    if (alert.note or "").strip():
        return
    if alert.status is Status.EXERCISE:
        yield finding("exercise.note", "/alert/note", "should name the exercise")
    if alert.msg_type is MsgType.ERROR:
        yield finding("error.note", "/alert/note", "should say why the message is rejected")


def _references(alert: Alert) -> Iterator[Finding]:
    path = "/alert/references"
    needed = alert.msg_type is not MsgType.ALERT
    if alert.references is None:
        if needed:
            yield finding("references.required", path, f"{alert.msg_type} says which messages it is about")
        return
    words = alert.references.split()
    if not words:
        empty = finding("references.form", path, "is empty")
        yield empty if needed else msgspec.structs.replace(empty, severity=Weight.WARNING)
    sent = instant_of(alert.sent)
    for word in words:
        found = _REFERENCE.fullmatch(word)
        at = instant_of(found[3]) if found else None
        if not found or at is None or sent is None:
            yield finding("references.form", path, f"{word[:80]!r} is not sender,identifier,sent")
            continue
        if (found[1], found[2]) == (alert.sender, alert.identifier):
            yield finding("references.self", path, "an alert does not reference itself")
        if at > sent:
            yield finding("references.postdated", path, f"{word[:80]!r} was sent after this message")
