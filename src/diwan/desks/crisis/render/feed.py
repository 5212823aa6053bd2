"""An Atom feed of alerts (RFC 4287), each entry with a link to the CAP document (OASIS CAP Feeds v1.0)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from lxml import etree

from diwan.desks.crisis.kinds import MEDIA_TYPE
from diwan.terms.time import Instant, iso

_ATOM: Final = "http://www.w3.org/2005/Atom"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One alert in a feed; `id` is an IRI that never changes, `updated` when this alert last changed."""

    id: str
    title: str
    updated: Instant
    author: str
    href: str
    summary: str | None = None
    language: str | None = None
    categories: tuple[str, ...] = ()


def atom_feed(title: str, self_url: str, updated: Instant, entries: Iterable[Entry]) -> bytes:
    """Return the feed as a UTF-8 document; its id is its own address, entries stand in the order given.

    `updated` is the caller's: it must not move when something changes that this feed's reader cannot see.
    """
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})  # type: ignore[dict-item]  # the stubs forget the default namespace
    _text(feed, "id", self_url)
    _text(feed, "title", title)
    _text(feed, "updated", iso(updated))
    etree.SubElement(feed, f"{{{_ATOM}}}link", rel="self", type="application/atom+xml", href=self_url)
    for entry in entries:
        _entry(etree.SubElement(feed, f"{{{_ATOM}}}entry"), entry)
    return etree.tostring(feed, encoding="UTF-8", xml_declaration=True)


def _entry(node: etree._Element, entry: Entry) -> None:
    if entry.language:
        node.set("{http://www.w3.org/XML/1998/namespace}lang", entry.language)
    _text(node, "id", entry.id)
    _text(node, "title", entry.title)
    _text(node, "updated", iso(entry.updated))
    _text(etree.SubElement(node, f"{{{_ATOM}}}author"), "name", entry.author)
    etree.SubElement(node, f"{{{_ATOM}}}link", rel="alternate", type=MEDIA_TYPE, href=entry.href)
    for category in entry.categories:
        etree.SubElement(node, f"{{{_ATOM}}}category", term=category)
    if entry.summary:
        _text(node, "summary", entry.summary)


def _text(node: etree._Element, name: str, text: str) -> None:
    etree.SubElement(node, f"{{{_ATOM}}}{name}").text = text
