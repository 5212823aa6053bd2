"""CAP 1.0 and 1.1 become a CAP 1.2 edition: a new document for the same message, with the original kept beside it.

What changes: namespace; element order; times with Z or fractions get whole seconds and an offset; empty optional
elements go; `name=value` texts of 1.0 become pairs; `Very Likely` becomes Likely; a missing category is Other and a
missing MIME type application/octet-stream, as the newer standard asks for one (CAP 1.2, appendix B, change history).
A signature covers the original only and stays there. Identifier, sender and time stay, so references still meet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from lxml import etree

from diwan.desks.crisis.kinds import CAP, MEDIA_TYPE, Alert, Info, Pair, Resource
from diwan.desks.crisis.kinds.alert import Slot, slots
from diwan.desks.crisis.parse.document import LIMIT, tree_of
from diwan.desks.crisis.parse.draft import NAME, ORIGINAL, derive
from diwan.terms.errors import Malformed
from diwan.terms.item import Draft, Part

VERSIONS: Final = {
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
    "http://www.incident.com/cap/1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.0": "1.0",
}
_DATES: Final = ("sent", "effective", "onset", "expires")
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,12})?(Z|[-+]\d\d:\d\d)", re.ASCII)
_ASKED: Final[dict[tuple[type[msgspec.Struct], str], str]] = {
    (Info, "category"): "Other",
    (Resource, "mimeType"): "application/octet-stream",
}


def parse_edition(data: bytes, names: Mapping[str, str], *, limit: int = LIMIT) -> Draft:
    """Return the draft of a CAP 1.0 or 1.1 message: its CAP 1.2 edition first, then the original bytes.

    Raises:
        Malformed: not such a message, or its edition has error findings.
    """
    edition, version = upgrade(data, limit=limit)
    parts = (Part(NAME, MEDIA_TYPE, edition), Part(ORIGINAL, "application/xml", data))
    return derive(parts, names, version=version, limit=2 * limit)


def upgrade(data: bytes, *, limit: int = LIMIT) -> tuple[bytes, str]:
    """Return the CAP 1.2 edition of an older message and the version it came in; it may still break rules.

    Raises:
        Malformed: the bytes are not a CAP 1.0 or 1.1 message.
    """
    root = tree_of(data, limit=limit)
    name = etree.QName(root)
    version = VERSIONS.get(name.namespace or "")
    if version is None or name.localname != "alert":
        raise Malformed("The root is not a CAP 1.0 or 1.1 alert, so there is no edition to make. Not registered.")
    edition = etree.Element(f"{{{CAP}}}alert", nsmap={None: CAP})  # type: ignore[dict-item]  # the stubs forget the default namespace
    _fill(edition, root, Alert, f"{{{name.namespace}}}")
    return etree.tostring(edition, encoding="UTF-8", xml_declaration=True), version


def _fill(new: etree._Element, old: etree._Element, of: type[msgspec.Struct], namespace: str) -> None:
    for slot in slots(of):
        for child in old.iterchildren(namespace + slot.element):
            _copy(new, child, slot, namespace)
        asked = _ASKED.get((of, slot.element))
        if asked and new.find(f"{{{CAP}}}{slot.element}") is None:
            etree.SubElement(new, f"{{{CAP}}}{slot.element}").text = asked


def _copy(new: etree._Element, child: etree._Element, slot: Slot, namespace: str) -> None:
    text = (child.text or "").strip()
    if not len(child) and not text and not slot.required:
        return
    made = etree.SubElement(new, f"{{{CAP}}}{slot.element}")
    if slot.holds is Pair and not len(child):
        for part, value in zip(("valueName", "value"), text.partition("=")[::2], strict=True):
            etree.SubElement(made, f"{{{CAP}}}{part}").text = value
    elif issubclass(slot.holds, msgspec.Struct):
        _fill(made, child, slot.holds, namespace)
    else:
        made.text = _newer(slot.element, text, child.text or "")


def _newer(element: str, text: str, raw: str) -> str:
    if element == "certainty" and text == "Very Likely":
        return "Likely"
    found = _DATE.fullmatch(text) if element in _DATES else None
    if found:
        return found[1] + ("-00:00" if found[2] == "Z" else found[2])
    return raw if element in ("description", "instruction") else text
