"""The graph around one object, one or two steps far, of what is released and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from diwan.desks.cyber.kinds.stix import Brief
from diwan.desks.cyber.pages.briefs import Named, brief_of
from diwan.desks.cyber.pages.relations import RELATIONSHIP, Tie, ties_of
from diwan.desks.cyber.render.graph import Edge, Node, Word, draw
from diwan.reading import ReadingRoom, Released

NODES: Final = 60
FIRST: Final = 24
"""Objects drawn one step away at most."""
_NEXT: Final = 12
_LINKS: Final = 20

Picture = Callable[..., str]
"""Draws it: (base, title, about, rtl, word) → SVG."""


def picture(room: ReadingRoom, item: Released, brief: Brief, near: tuple[Tie, ...], named: Named) -> Picture | None:
    """Return what draws the graph around an item in the reader's language; None where there is nothing beside it."""
    held = {brief.id: item} if item.kind != RELATIONSHIP else {}
    edges: set[Edge] = set()
    if item.kind == RELATIONSHIP:
        ends = {ident: found for ident in (brief.source, brief.target) if (found := named(ident)) is not None}
        held |= ends
        edges.add(Edge(brief.relation, brief.source, brief.target))
        near = ()
        further = tuple(ends.values())
    else:
        _add(near, held, edges, FIRST)
        further = tuple(one for ident, one in held.items() if ident != brief.id)
    if len(held) < NODES // 2:
        for other in further[:_NEXT]:
            _add(ties_of(room, other, named, _LINKS, _LINKS), held, edges, 6)
    if len(held) < 2:
        return None
    return lambda base, title, about, rtl, word: _drawn(held, edges, brief.id, base, title, about, word, rtl=rtl)


def _add(near: tuple[Tie, ...], held: dict[str, Released], edges: set[Edge], most: int) -> None:
    added = 0
    for tie in near:
        if tie.other is None or (tie.other_id not in held and (added >= most or len(held) >= NODES)):
            continue
        added += tie.other_id not in held
        held.setdefault(tie.other_id, tie.other)
        edges.add(Edge(tie.relation, tie.start, tie.end))


def _drawn(
    held: dict[str, Released], edges: set[Edge], focus: str, base: str, title: str, about: str, word: Word, *, rtl: bool
) -> str:
    nodes = [_node(ident, item, base) for ident, item in held.items()]
    lines = sorted(edges, key=lambda edge: (edge.start, edge.end, edge.relation))
    return draw(nodes, lines, title=title, about=about, focus=focus, rtl=rtl, word=word).decode()


def _node(ident: str, item: Released, base: str) -> Node:
    brief = brief_of(item)
    address = f"{base}/items/{quote(item.ref.originator)}/{quote(item.ref.id)}"
    marking = item.label.handling.tlp or item.label.classification
    return Node(ident, brief.type if brief else item.kind, item.title, address, marking)
