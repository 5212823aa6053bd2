"""A composed alert as CAP 1.2 XML; what came in signed is never written anew, its bytes go out as they came."""

from __future__ import annotations

from typing import Any

import msgspec
from lxml import etree

from diwan.desks.crisis.kinds import CAP, Alert
from diwan.desks.crisis.kinds.alert import slots
from diwan.terms.errors import Malformed


def cap_xml(alert: Alert) -> bytes:
    """Return the alert as a UTF-8 document, elements in the order of the standard; absent ones are left out.

    Raises:
        Malformed: a text holds a control character, which XML cannot carry.
    """
    root = etree.Element(f"{{{CAP}}}alert", nsmap={None: CAP})  # type: ignore[dict-item]  # the stubs forget the default namespace
    try:
        _fill(root, alert)
    except ValueError as impossible:
        raise Malformed(f"CAP alert {alert.identifier!r}: {impossible}. Nothing was written.") from None
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _fill(node: etree._Element, struct: msgspec.Struct) -> None:
    for slot in slots(type(struct)):
        value: Any = getattr(struct, slot.field)
        for one in value if slot.many else () if value is None else (value,):
            child = etree.SubElement(node, f"{{{CAP}}}{slot.element}")
            if isinstance(one, msgspec.Struct):
                _fill(child, one)
            else:
                child.text = one
