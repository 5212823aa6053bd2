"""The only door for foreign XML: a bounded size, a known encoding, no DOCTYPE, and only then a parser.

What was looked at is what is parsed: bytes are decoded here, searched, and handed to the parser as UTF-8 whatever
their declaration says, so no encoding can show one text to us and another to the parser.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from lxml import etree

from diwan.desks.crisis.parse.finding import finding
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding

LIMIT: Final = 4_000_000
_MARKS: Final = 250_000
"""Bytes of one file; real alerts with embedded images stay under one million."""

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, None),
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIXTEEN: Final = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_DECLARED: Final = re.compile(rb"<\?xml\s[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._-]{1,40})[\"']")
_KNOWN: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "iso-8859-6": "iso-8859-6",
    "iso-8859-9": "iso-8859-9",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "windows-1252",
    "windows-1256": "windows-1256",
}
_DOCTYPE: Final = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def _parser(*, keep: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not keep,
        remove_pis=not keep,
        strip_cdata=not keep,
    )


_PARSER: Final = _parser(keep=False)
_KEEPING: Final = _parser(keep=True)


class Unreadable(Malformed):
    """The bytes did not become a tree; `finding` says by which rule."""

    def __init__(self, found: Finding) -> None:
        """Keep the one finding, for nothing after it was looked at."""
        super().__init__(str(found))
        self.finding: Final = found


def tree_of(data: bytes, *, limit: int = LIMIT, keep_comments: bool = False) -> etree._Element:
    """Return the root element of a document; comments and instructions are dropped unless `keep_comments`.

    Raises:
        Unreadable: larger than `limit` bytes, another encoding than the known ones, a DOCTYPE or an entity
            declaration anywhere (even quoted in a comment), or not well-formed XML. All are `xml.wellformed` but
            the last but one, `xml.doctype`.
    """
    if len(data) > limit:
        raise _broken(f"{len(data)} bytes, more than the {limit} this node reads; nothing was parsed")
    text = _text(data)
    if _DOCTYPE.search(text):
        raise Unreadable(finding("xml.doctype", "/", "a DOCTYPE is never read; nothing was parsed"))
    if max(text.count("<"), text.count("=")) > _MARKS:
        raise _broken(f"more than {_MARKS} elements or attributes; nothing was parsed")
    if "\0" in text:
        raise _broken("a NUL character, which XML does not know; nothing was parsed")
    try:
        return etree.fromstring(text.encode(), _KEEPING if keep_comments else _PARSER)
    except etree.XMLSyntaxError as refusal:
        raise _broken(refusal.msg or "not XML", refusal.lineno) from None
    except UnicodeEncodeError:
        raise _broken("half of a surrogate pair, which is no character; nothing was parsed") from None


def _text(data: bytes) -> str:
    encoding, start = _encoding(data)
    if encoding is None:
        raise _broken("not in an encoding this node reads (UTF-8, UTF-16, ASCII, ISO 8859, Windows 1252 and 1256)")
    try:
        return data[start:].decode(encoding)
    except UnicodeDecodeError as wrong:
        raise _broken(f"byte {start + wrong.start} is not {encoding}; nothing was parsed") from None


def _encoding(data: bytes) -> tuple[str | None, int]:
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name, len(bom)
    for start, name in _SIXTEEN:
        if data.startswith(start):
            return name, 0
    declared = _DECLARED.match(data)
    if declared:
        return _KNOWN.get(declared[1].decode("ascii").lower()), 0
    return "utf-8", 0


def _broken(message: str, line: int | None = None) -> Unreadable:
    found = finding("xml.wellformed", "/", message)
    return Unreadable(Finding(found.rule, found.severity, found.path, found.message, line or None))
