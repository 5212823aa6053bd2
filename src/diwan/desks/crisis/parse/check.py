"""The check: every rule of CAP 1.2 that a file breaks, by stable ids; nothing else decides what may be imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Final

import msgspec
from lxml import etree

from diwan.desks.crisis.kinds import CAP, Alert
from diwan.desks.crisis.parse.alert_rules import alert_findings
from diwan.desks.crisis.parse.document import LIMIT, Unreadable, tree_of
from diwan.desks.crisis.parse.finding import finding
from diwan.desks.crisis.parse.info_rules import info_findings
from diwan.desks.crisis.parse.structure import MOST, SIGNATURES, line_of, shape
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Weight

Profile = Callable[[Alert], Iterable[Finding]]
_VALUE: Final = f"{{{SIGNATURES}}}SignatureValue"
_SIGNATURE: Final = f"{{{SIGNATURES}}}Signature"


class Nonconforming(Malformed):
    """An alert with errors; `errors` are its findings, the text names every one."""

    def __init__(self, errors: tuple[Finding, ...]) -> None:
        """Put one error on a line, after what is now true."""
        super().__init__("This is not a conforming CAP 1.2 alert. Not registered.\n" + "\n".join(map(str, errors)))
        self.errors: Final = errors


class Checked(msgspec.Struct, frozen=True):
    """What one reading of a file gave: the alert (None where the structure fails), every finding, any signature."""

    alert: Alert | None
    findings: tuple[Finding, ...]
    signed: bool = False

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Return the findings for which the message does not conform."""
        return tuple(found for found in self.findings if found.severity is Weight.ERROR)


def check(data: bytes, *, limit: int = LIMIT, profile: Profile | None = None) -> tuple[Finding, ...]:
    """Return what a file breaks, at most 200 findings; nothing found means it conforms.

    An error before or in the structure (`xml.*`, `namespace`, `xsd.*`, `datetime.form`, `language.form`) ends the
    check. `profile` adds rules of its own after those of the standard; `diwan` is one. No bytes make it raise.
    """
    return examine(data, limit=limit, profile=profile).findings


def read_alert(data: bytes, *, limit: int = LIMIT) -> Alert:
    """Return the alert that a CAP 1.2 file holds.

    Raises:
        Nonconforming: the file has error findings; it is a Malformed.
    """
    checked = examine(data, limit=limit)
    if checked.alert is None or checked.errors:
        raise Nonconforming(checked.errors)
    return checked.alert


def examine(data: bytes, *, limit: int = LIMIT, profile: Profile | None = None) -> Checked:
    """Return alert and findings from one parse of the file."""
    try:
        root = tree_of(data, limit=limit)
    except Unreadable as unreadable:
        return Checked(None, (unreadable.finding,))
    if root.tag != f"{{{CAP}}}alert":
        return Checked(None, (finding("namespace", "/", f"the root is {str(root.tag)[:80]}, not a CAP 1.2 alert"),))
    alert, faults = shape(root)
    if alert is None:
        return Checked(None, tuple(faults))
    rules = chain(alert_findings(alert), info_findings(alert), _signature_findings(root))
    found = islice(chain(rules, profile(alert) if profile else ()), MOST)
    signed = root.find(_SIGNATURE) is not None
    return Checked(alert, tuple(_with_line(item, root) for item in found), signed)


def _signature_findings(root: etree._Element) -> Iterable[Finding]:
    for number, signature in enumerate(root.iterchildren(_SIGNATURE), 1):
        value = next(signature.iter(_VALUE), None)
        if value is None or not (value.text or "").strip():
            yield finding("signature.unverifiable", f"/alert/Signature[{number}]", "holds no signature value to check")


def _with_line(found: Finding, root: etree._Element) -> Finding:
    """Return the finding with the line of its element, or of the nearest one around it that is there."""
    node = root
    for step in found.path.split("/")[2:]:
        name, _, number = step.partition("[")
        tags = (f"{{{CAP}}}{name}", f"{{{SIGNATURES}}}{name}")
        nth = int(number[:-1]) - 1 if number else 0
        child = next(islice(node.iterchildren(*tags), nth, None), None)
        if child is None:
            break
        node = child
    return msgspec.structs.replace(found, line=line_of(node))
