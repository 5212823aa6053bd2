"""A graph of relationships as an SVG picture that can be read aloud and followed by keyboard, without any style."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from lxml import etree

from diwan.desks.cyber.kinds.defang import TURNING

MOST: Final = 300
"""Nodes in a picture; more are counted in its description, not drawn."""
_SVG: Final = "http://www.w3.org/2000/svg"
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 200, 44, 110, 22, 24
_ROWS: Final = 14
"""Nodes above one another before a layer takes another column."""
_LABEL: Final = 26
_LONGEST: Final = 40
_LABELLED: Final = 60
"""Edges up to which the relations are written beside their lines; beyond, they are in the lines' titles only."""
_LETTER: Final = 5.6
"""About how wide a letter is in the size that relations are written in; a line of them is twice as high."""
_ALONG: Final = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
"""Shares of a line at which its relation may be written; without room at any, it is in the title of the line only."""
_NO_CLASS: Final = re.compile(r"[^a-z0-9]+")
_HREF: Final = re.compile(r"(?:https?://|/(?!/))[^\s\x00-\x20\"<>\\]*", re.ASCII)

Point = tuple[float, float]
Word = Callable[[str, str], str]
"""What a code is called in the reader's language: (`type` or `relation`, code) → word."""


def _as_coded(field: str, code: str) -> str:
    return code


class Node(msgspec.Struct, frozen=True):
    """One object."""

    id: str
    kind: str
    """Its STIX type; becomes the class `kind-malware`."""
    label: str
    href: str = ""
    """Its page: a path of this node, or http and https; anything else is not linked."""
    marking: str = ""


class Edge(msgspec.Struct, frozen=True):
    """One relationship, from one object to another."""

    relation: str
    start: str
    end: str


class _Box(msgspec.Struct, frozen=True):
    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def draw(
    nodes: Sequence[Node],
    edges: Iterable[Edge],
    *,
    title: str,
    about: str,
    focus: str | None = None,
    rtl: bool = False,
    word: Word = _as_coded,
    prefix: str = "graph",
) -> bytes:
    """Return the graph as SVG bytes: the same graph is always the same picture.

    Layers go from `focus` (or the best connected object) by the number of steps; with `rtl` they go from right to
    left. Edges to an object that is not among `nodes` are left out, and nothing tells of them. `title` and `about`
    are the picture's name and description in the reader's language, in which `word` says types and relations; ids
    begin with `prefix`, so that two pictures can stand on one page. Colours are presentation
    attributes, which any style sheet overrides.

    Source: SVG 1.1, 5.4 (title and desc) and 10.7 (direction).
    """
    held = {node.id: node for node in nodes}
    lines = sorted({edge for edge in edges if edge.start in held and edge.end in held}, key=_edge_key)
    near = _neighbours(held, lines)
    order = _layers(near, focus if focus in held else None)
    shown, left = _cut(order)
    places = _places(_untangled(shown, near), rtl)
    drawn = [edge for edge in lines if edge.start in places and edge.end in places]
    return _picture(held, places, drawn, title, f"{about} (+{left})" if left else about, prefix, word)


def _edge_key(edge: Edge) -> tuple[str, str, str]:
    return edge.start, edge.end, edge.relation


def _neighbours(held: Mapping[str, Node], edges: Iterable[Edge]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {name: [] for name in sorted(held)}
    for edge in edges:
        if edge.start != edge.end:
            near[edge.start].append(edge.end)
            near[edge.end].append(edge.start)
    return near


def _layers(near: Mapping[str, list[str]], focus: str | None) -> list[list[str]]:
    """Return the objects by steps from the focus; what is not connected to it follows from its own best connected."""
    left = set(near)
    starts = deque(sorted(near, key=lambda name: (name != focus, -len(near[name]), name)))
    layers: list[list[str]] = []
    while starts:
        start = starts.popleft()
        if start not in left:
            continue
        layer = [start]
        left.discard(start)
        depth = 0
        while layer:
            if depth == len(layers):
                layers.append([])
            layers[depth] += layer
            depth += 1
            following = sorted({name for one in layer for name in near[one]} & left)
            left.difference_update(following)
            layer = following
    return layers


def _cut(layers: list[list[str]]) -> tuple[list[list[str]], int]:
    shown: list[list[str]] = []
    room = MOST
    for layer in layers:
        shown.append(layer[:room])
        room -= len(shown[-1])
    return [layer for layer in shown if layer], sum(map(len, layers)) - (MOST - room)


def _untangled(layers: list[list[str]], near: Mapping[str, list[str]]) -> list[list[str]]:
    """Return each layer ordered by the middle of its neighbours' places, four times there and back."""
    order = [list(layer) for layer in layers]
    rank = {name: at / max(len(layer), 1) for layer in order for at, name in enumerate(layer)}
    for turn in range(8):
        for layer in order if turn % 2 == 0 else reversed(order):
            middle = {one: sum(rank.get(name, 0.5) for name in near[one]) / max(len(near[one]), 1) for one in layer}
            layer.sort(key=lambda one: (middle[one], one))
            rank.update({name: at / max(len(layer), 1) for at, name in enumerate(layer)})
    return order


def _places(layers: list[list[str]], rtl: bool) -> dict[str, Point]:
    columns = [layer[at : at + _ROWS] for layer in layers for at in range(0, len(layer), _ROWS)]
    tallest = max(map(len, columns), default=0)
    places = {}
    for across, column in enumerate(reversed(columns) if rtl else columns):
        top = _MARGIN + (tallest - len(column)) * (_HEIGHT + _DOWN) / 2
        for down, name in enumerate(column):
            places[name] = (float(_MARGIN + across * (_WIDTH + _ACROSS)), top + down * (_HEIGHT + _DOWN))
    return places


def _picture(
    held: Mapping[str, Node],
    places: Mapping[str, Point],
    edges: list[Edge],
    title: str,
    about: str,
    prefix: str,
    word: Word,
) -> bytes:
    width = max((x for x, _ in places.values()), default=0) + _WIDTH + _MARGIN
    height = max((y for _, y in places.values()), default=0) + _HEIGHT + _MARGIN
    name = _class(prefix)
    root = etree.Element(f"{{{_SVG}}}svg", nsmap={None: _SVG})  # type: ignore[dict-item]  # the stubs forget the default namespace
    names = {"class": "graph", "role": "group", "aria-labelledby": f"{name}-title", "aria-describedby": f"{name}-about"}
    _set(root, viewBox=f"0 0 {width:g} {height:g}", width=f"{width:g}", height=f"{height:g}", **names)
    _add(root, "title", title, id=f"{name}-title")
    _add(root, "desc", about, id=f"{name}-about")
    tip = _add(_add(root, "defs"), "marker", id=f"{name}-tip", viewBox="0 0 8 8", refX="8", refY="4")
    _set(tip, markerWidth="8", markerHeight="8", orient="auto")
    _add(tip, "path", d="M0 0L8 4L0 8Z", fill="#5b6770", **{"class": "tip"})
    taken = [_Box(*place, place[0] + _WIDTH, place[1] + _HEIGHT) for place in places.values()]
    lines = [(edge, _draw_edge(root, edge, held, places, f"url(#{name}-tip)", word)) for edge in edges]
    # Above all lines and on a ground of their own; each line's title says the same to whoever has the picture read.
    ground = {"aria-hidden": "true", "stroke": "#ffffff", "stroke-width": "3", "paint-order": "stroke"}
    words = _add(root, "g", **{"class": "words"}, **ground)
    for edge, along in lines if len(edges) <= _LABELLED else ():
        relation = _short(word("relation", edge.relation), _LONGEST)
        if (middle := _free(along, relation, taken)) is not None:
            _write(words, relation, middle, "10", "relation")
    for one, place in places.items():
        _draw_node(root, held[one], place, word)
    told: bytes = etree.tostring(root, encoding="utf-8")
    return told


def _draw_edge(
    root: etree._Element,
    edge: Edge,
    held: Mapping[str, Node],
    places: Mapping[str, Point],
    tip: str,
    word: Word,
) -> list[Point]:
    """Draw a line and return where its relation may be written."""
    group = _add(root, "g", **{"class": f"edge relation-{_class(edge.relation)}"})
    relation = word("relation", edge.relation)
    _add(group, "title", f"{held[edge.start].label} — {relation} — {held[edge.end].label}")
    start, end = _centre(places[edge.start]), _centre(places[edge.end])
    if edge.start == edge.end:
        x, y = start[0], start[1] - _HEIGHT / 2
        line = f"M{x - 30:g} {y:g}C{x - 30:g} {y - 24:g} {x + 30:g} {y - 24:g} {x + 30:g} {y:g}"
        along = [(x, y - 10)]
    else:
        (ax, ay), (bx, by) = _border(start, end), _border(end, start)
        line = f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}"
        along = [(ax + (bx - ax) * share, ay + (by - ay) * share - 4) for share in _ALONG]
    _add(group, "path", d=line, fill="none", stroke="#5b6770", **{"marker-end": tip})
    return along


def _free(along: list[Point], text: str, taken: list[_Box]) -> Point | None:
    """Return the first place at which a text covers nothing that is `taken`, and take it."""
    wide, high = len(text) * _LETTER / 2, _LETTER
    for x, y in along:
        box = _Box(x - wide, y - high - 4, x + wide, y + high - 4)
        if not any(box.covers(other) for other in taken):
            taken.append(box)
            return x, y
    return None


def _draw_node(root: etree._Element, node: Node, place: Point, word: Word) -> None:
    kind = word("type", node.kind)
    inside = _add(root, "a", href=node.href) if _HREF.fullmatch(node.href) else root
    group = _add(inside, "g", **{"class": f"node kind-{_class(node.kind)}"})
    _add(group, "title", " — ".join(part for part in (node.label, kind, node.marking) if part))
    box = {"width": f"{_WIDTH}", "height": f"{_HEIGHT}", "rx": "6", "fill": "#ffffff", "stroke": "#27343c"}
    _add(group, "rect", x=f"{place[0]:g}", y=f"{place[1]:g}", **box)
    x, y = _centre(place)
    _write(group, _short(node.label or node.id), (x, y - 3), "13", "label")
    _write(group, " · ".join(part for part in (kind, node.marking) if part), (x, y + 14), "10", "kind")


def _write(parent: etree._Element, text: str, at: Point, size: str, sort: str) -> None:
    """Write a text centred on a place; one that begins in a right-to-left script runs from right to left."""
    way = "rtl" if _runs_left(text) else "ltr"
    shape = {"font-size": size, "text-anchor": "middle", "fill": "#27343c", "class": sort, "direction": way}
    _add(
        parent, "text", _short(text, _LONGEST), x=f"{at[0]:.1f}", y=f"{at[1]:.1f}", **shape, **{"unicode-bidi": "embed"}
    )


def _runs_left(text: str) -> bool:
    """Return whether the first strong letter is written from right to left (UAX 9, rules P2 and P3)."""
    strong = (way for way in map(unicodedata.bidirectional, text) if way in ("L", "R", "AL"))
    return next(strong, "L") != "L"


def _centre(place: Point) -> Point:
    return place[0] + _WIDTH / 2, place[1] + _HEIGHT / 2


def _border(start: Point, end: Point) -> Point:
    """Return where the line from one box's centre to another leaves the first box."""
    across, down = end[0] - start[0], end[1] - start[1]
    share = min(
        _WIDTH / 2 / abs(across) if across else float("inf"),
        _HEIGHT / 2 / abs(down) if down else float("inf"),
        0.5,
    )
    return start[0] + across * share, start[1] + down * share


def _short(text: str, longest: int = _LABEL) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _class(text: str) -> str:
    return _NO_CLASS.sub("-", text.lower()).strip("-")[:60] or "other"


def _plain(text: str) -> str:
    """Return a text without what XML forbids and without marks that turn the writing: a label must not pose."""
    kept = (sign for sign in text[:1000] if ord(sign) not in TURNING)
    return "".join(sign if sign.isprintable() else " " for sign in kept)


def _add(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{_SVG}}}{tag}")
    child.text = _plain(text) or None
    _set(child, **attributes)
    return child


def _set(element: etree._Element, **attributes: str) -> None:
    for name, value in attributes.items():
        element.set(name, value)
