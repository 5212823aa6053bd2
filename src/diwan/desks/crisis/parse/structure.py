"""Structure: the tree of an alert against the shape of CAP 1.2 (its XML Schema, section 3.4), read in the same walk."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import EnumMeta
from functools import cache
from itertools import islice
from typing import Any, Final

import msgspec
from lxml import etree

from diwan.desks.crisis.kinds import CAP, Alert, Area, Info, Pair, Resource, instant_of
from diwan.desks.crisis.kinds.alert import Slot, slots
from diwan.desks.crisis.parse.finding import finding
from diwan.terms.finding import Finding

MOST: Final = 200
"""Findings told of one file; naming a place costs a walk along its siblings, so a hostile file is not told more."""
SIGNATURES: Final = "http://www.w3.org/2000/09/xmldsig#"
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTS: Final = frozenset((f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"))
_CAP: Final = f"{{{CAP}}}"
_DS: Final = f"{{{SIGNATURES}}}"
_KNOWN: Final = frozenset(
    ["alert", *(slot.element for struct in (Alert, Info, Resource, Area, Pair) for slot in slots(struct))]
)
_TAG: Final = re.compile(r"[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_DECIMAL: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
# RFC 3986, appendix B.
_URI: Final = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_AUTHORITY: Final = re.compile(r"(?:[^\[\]@]*@)?(?:\[[0-9A-Fa-fvV:.]+\]|[^\[\]:@]*)(?::[0-9]{0,9})?")
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def shape(root: etree._Element) -> tuple[Alert | None, list[Finding]]:
    """Return the alert, or None and every structure error; what one element hides does not hide the next one's."""
    faults: list[Finding] = []
    alert = _struct(root, Alert, faults)
    return (alert if not faults else None), faults


def path_of(element: etree._Element) -> str:
    """Return where an element stands: `/alert/info[1]/area[2]/polygon`, numbered where it may repeat or does."""
    steps = []
    node: etree._Element | None = element
    while node is not None:
        name = etree.QName(node).localname
        # Beyond ten thousand the number stands still, for counting is work; the line says which one.
        before = sum(1 for _ in islice(node.itersiblings(node.tag, preceding=True), 9_999))
        many = before or name in ("info", "area", "resource") or next(node.itersiblings(node.tag), None) is not None
        steps.append(f"{name}[{before + 1}]" if many and node.getparent() is not None else name)
        node = node.getparent()
    return "/" + "/".join(reversed(steps))


def line_of(element: etree._Element) -> int:
    """Return the line of the file on which an element's start tag ends, from 1."""
    line: Any = element.sourceline  # the stubs say "..." where lxml gives a number
    return int(line or 1)


@cache
def _places(of: type[msgspec.Struct]) -> dict[str, tuple[int, Slot]]:
    return {_CAP + slot.element: (at, slot) for at, slot in enumerate(slots(of))}


def _struct(node: etree._Element, of: type[msgspec.Struct], faults: list[Finding]) -> Any:
    places = _places(of)
    values: dict[str, Any] = {}
    last, signed, ordered = -1, False, True
    _bare(node, faults)
    if node.text and not node.text.isspace():
        _fault(faults, "xsd.other", node, "text between elements")
    for child in node:
        if child.tail and not child.tail.isspace():
            _fault(faults, "xsd.other", child, "text between elements")
        if of is Alert and child.tag.startswith(_DS):
            signed = True
            continue
        place = places.get(child.tag)
        if place is None:
            _stranger(child, faults)
            continue
        at, slot = place
        if ordered and (signed or at < last or (at == last and not slot.many)):
            # Told once per parent: after one element out of place, every next one may look so too.
            ordered = False
            _fault(faults, "xsd.order", child, "out of the fixed order, or once too often")
        last = max(at, last)
        value = _value(child, slot, faults)
        if slot.many:
            values.setdefault(slot.field, []).append(value)
        else:
            values[slot.field] = value
    for slot in slots(of):
        if slot.required and slot.field not in values:
            path = f"{path_of(node)}/{slot.element}"
            if len(faults) < MOST:
                faults.append(_at(finding("xsd.required", path, "must be there and is missing"), node))
    if faults:
        return None
    return of(**{name: tuple(v) if type(v) is list else v for name, v in values.items()})


def _value(node: etree._Element, slot: Slot, faults: list[Finding]) -> Any:
    if issubclass(slot.holds, msgspec.Struct):
        return _struct(node, slot.holds, faults)
    if len(node):
        _stranger(node[0], faults)
    _bare(node, faults)
    text = node.text or ""
    if isinstance(slot.holds, EnumMeta):
        try:
            return slot.holds(text)
        except ValueError:
            return _fault(faults, "xsd.enum", node, f"{text[:40]!r} is not one of {', '.join(slot.holds)}")
    if slot.element not in _FORMS:
        return text
    rule, fits, asks = _FORMS[slot.element]
    # The schema's types for these collapse white space; strings keep it.
    text = text.strip(" \t\r\n")
    return text if fits(text) else _fault(faults, rule, node, f"{text[:60]!r}; CAP 1.2 asks for {asks}")


def _stranger(child: etree._Element, faults: list[Finding]) -> None:
    name = etree.QName(child)
    if name.namespace == CAP and name.localname in _KNOWN:
        _fault(faults, "xsd.order", child, "does not stand here")
    else:
        _fault(faults, "xsd.unknown", child, "CAP 1.2 knows no such element here")


def _bare(node: etree._Element, faults: list[Finding]) -> None:
    if node.attrib and not _HINTS.issuperset(node.attrib):
        _fault(faults, "xsd.other", node, "CAP 1.2 elements carry no attributes")


def _uri(text: str) -> bool:
    found = _URI.fullmatch(text)
    if not found or _ESCAPE.search(text):
        return False
    scheme, authority, path, query, fragment = found.groups()
    if (
        any(mark in part for part in (path, query or "", fragment or "") for mark in "[]")
        or "#" in (fragment or "")[1:]
    ):
        return False
    if scheme is None and authority is None and ":" in path.split("/", 1)[0]:
        return False
    return (scheme is None or bool(_SCHEME.fullmatch(scheme))) and (
        authority is None or bool(_AUTHORITY.fullmatch(authority))
    )


def _fault(faults: list[Finding], rule: str, node: etree._Element, message: str) -> None:
    if len(faults) < MOST:
        faults.append(_at(finding(rule, path_of(node), message), node))


def _at(found: Finding, node: etree._Element) -> Finding:
    return Finding(found.rule, found.severity, found.path, found.message, line_of(node))


_Form = tuple[str, Callable[[str], object], str]
_DATE: Final[_Form] = ("datetime.form", lambda text: instant_of(text) is not None, "a real YYYY-MM-DDThh:mm:ss±hh:mm")
_HEIGHT: Final[_Form] = ("xsd.other", _DECIMAL.fullmatch, "a decimal number")
_REFERENCE: Final[_Form] = ("xsd.other", _uri, "a URI")
_FORMS: Final[dict[str, _Form]] = {
    "sent": _DATE,
    "effective": _DATE,
    "onset": _DATE,
    "expires": _DATE,
    # An empty element takes the default of the schema, en-US.
    "language": ("language.form", lambda text: not text or _TAG.fullmatch(text), "an RFC 3066 tag such as ar-KW"),
    "web": _REFERENCE,
    "uri": _REFERENCE,
    "size": ("xsd.other", _INTEGER.fullmatch, "a whole number of bytes"),
    "altitude": _HEIGHT,
    "ceiling": _HEIGHT,
}
