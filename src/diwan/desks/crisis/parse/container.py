"""Files that hold alerts: a plain CAP file of any version, an Atom or RSS feed, or EDXL-DE 1.0, with alerts inside.

An embedded alert is cut out as a document of its own: same elements, texts, attributes, comments and prefixes, in
UTF-8, with the namespaces that were in scope. White space, and so a signature made before embedding, survives; the
spelling of attributes and entities may not. The container itself is kept too, by whoever registers what came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from lxml import etree

from diwan.desks.crisis.kinds import CAP
from diwan.desks.crisis.parse.check import Nonconforming
from diwan.desks.crisis.parse.document import LIMIT, Unreadable, tree_of
from diwan.desks.crisis.parse.draft import parse
from diwan.desks.crisis.parse.edition import VERSIONS, parse_edition
from diwan.desks.crisis.parse.finding import finding
from diwan.desks.crisis.parse.structure import line_of
from diwan.terms.finding import Finding, Reject
from diwan.terms.item import Draft

ALERTS: Final = 5_000
"""Alerts taken from one container; a national feed of a bad day holds some hundred."""
_HOLDERS: Final = frozenset(
    (
        "{http://www.w3.org/2005/Atom}feed",
        "{http://www.w3.org/2005/Atom}entry",
        "rss",
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF",
        "{urn:oasis:names:tc:emergency:EDXL:DE:1.0}EDXLDistribution",
    )
)
_ALERTS: Final = tuple(f"{{{namespace}}}alert" for namespace in (CAP, *VERSIONS))


class Found(msgspec.Struct, frozen=True):
    """One alert in a file: where, from which line, its own bytes, and the version of CAP that it speaks."""

    file: str
    where: str
    line: int
    data: bytes
    version: str


def alerts_in(data: bytes, file: str, *, limit: int = LIMIT) -> Iterator[Found | Reject]:
    """Yield every alert in a file, unchecked; `file` names it in what comes back, its content decides what it is.

    A file that is a single alert comes back byte for byte. A feed that only links to alerts yields nothing.
    """
    try:
        root = tree_of(data, limit=limit, keep_comments=True)
    except Unreadable as unreadable:
        yield Reject(file, "/", (unreadable.finding,))
        return
    if root.tag in _ALERTS:
        yield Found(file, "/alert", 1, data, _version(root))
        return
    if root.tag not in _HOLDERS:
        text = f"the root is {str(root.tag)[:80]}: neither CAP, Atom, RSS nor EDXL-DE 1.0"
        yield Reject(file, "/", (finding("namespace", "/", text),))
        return
    yield from _embedded(root, file)


def drafts_in(data: bytes, file: str, names: Mapping[str, str], *, limit: int = LIMIT) -> Iterator[Draft | Reject]:
    """Yield a draft for every alert in a file that conforms, and a reject with all its errors for every other."""
    for found in alerts_in(data, file, limit=limit):
        yield found if isinstance(found, Reject) else _draft(found, names, limit)


def _draft(found: Found, names: Mapping[str, str], limit: int) -> Draft | Reject:
    # Namespaces in scope make the cut-out longer than it was inside.
    room = 2 * limit
    plain = found.version == "1.2"
    try:
        return (parse if plain else parse_edition)(found.data, names, limit=room)
    except Nonconforming as refused:
        return Reject(found.file, found.where, tuple(_moved(item, found, plain=plain) for item in refused.errors))


def _moved(item: Finding, found: Found, *, plain: bool) -> Finding:
    """Return the finding with its line in the file; an edition has no lines there, so its alert's own is told."""
    return msgspec.structs.replace(item, line=found.line - 1 + (item.line or 1) if plain else found.line)


def _embedded(root: etree._Element, file: str) -> Iterator[Found | Reject]:
    holder = etree.QName(root).localname
    number = 0
    for alert in root.iter(*_ALERTS):
        if next(alert.iterancestors(*_ALERTS), None) is not None:
            continue
        number += 1
        where = f"/{holder}//alert[{number}]"
        if number > ALERTS:
            text = f"more than {ALERTS} alerts in one file; from this one on they were not taken"
            yield Reject(file, where, (finding("xml.wellformed", where, text),))
            return
        # The declaration goes before the alert without a line of its own, so that lines can be told of the file.
        body = b'<?xml version="1.0" encoding="UTF-8"?>' + etree.tostring(alert, encoding="UTF-8", with_tail=False)
        yield Found(file, where, line_of(alert), body, _version(alert))


def _version(alert: etree._Element) -> str:
    return VERSIONS.get(etree.QName(alert).namespace or "", "1.2")
