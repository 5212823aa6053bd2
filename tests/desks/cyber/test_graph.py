from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from diwan.desks.cyber.render.graph import MOST, Edge, Node, draw

NS = {"s": "http://www.w3.org/2000/svg"}
NODES = [
    Node("a", "threat-actor", "Sand <Viper>", "/i/a", "TLP:AMBER"),
    Node("b", "malware", "شبكة 203.0.113.9", "https://node.example/i/b"),
    Node("c", "indicator", "Hash é", "javascript:alert(1)"),
]
EDGES = [Edge("uses", "a", "b"), Edge("indicates", "c", "b"), Edge("targets", "a", "hidden")]


def drawn(data: bytes) -> etree._Element:
    return etree.fromstring(data)


def texts(root: etree._Element, path: str) -> list[str]:
    return ["".join(found.itertext()) for found in root.iterfind(path, NS)]


def test_a_picture_has_a_name_a_description_links_and_titles() -> None:
    root = drawn(draw(NODES, EDGES, title="What is known", about="Three objects"))

    assert (root.get("aria-labelledby"), root.get("aria-describedby")) == ("graph-title", "graph-about")
    assert texts(root, "s:title") == ["What is known"]
    assert texts(root, "s:desc") == ["Three objects"]
    assert sorted(found.get("href", "") for found in root.iterfind(".//s:a", NS)) == [
        "/i/a",
        "https://node.example/i/b",
    ]
    assert sorted(texts(root, ".//s:g/s:title")) == [
        "Hash é — indicates — شبكة 203.0.113.9",
        "Hash é — indicator",
        "Sand <Viper> — threat-actor — TLP:AMBER",
        "Sand <Viper> — uses — شبكة 203.0.113.9",
        "شبكة 203.0.113.9 — malware",
    ]


def test_types_and_relations_are_said_in_the_words_of_the_reader() -> None:
    words = {("type", "malware"): "maliciel", ("relation", "uses"): "utilise"}

    root = drawn(draw(NODES, EDGES, title="t", about="a", word=lambda field, code: words.get((field, code), code)))

    assert sorted(texts(root, ".//s:text[@class='kind']")) == ["indicator", "maliciel", "threat-actor · TLP:AMBER"]
    assert sorted(texts(root, ".//s:text[@class='relation']")) == ["indicates", "utilise"]
    assert "Sand <Viper> — utilise — شبكة 203.0.113.9" in texts(root, ".//s:g/s:title")
    assert {found.get("class") for found in root.iterfind(".//s:g", NS)} >= {"node kind-malware", "edge relation-uses"}


def test_an_edge_to_what_is_not_there_leaves_no_trace() -> None:
    with_hidden = draw(NODES, EDGES, title="t", about="a")

    assert with_hidden == draw(NODES, EDGES[:2], title="t", about="a")


def test_the_same_graph_is_the_same_picture_in_whatever_order_it_is_told() -> None:
    told = draw(NODES, EDGES, title="t", about="a", focus="b")

    assert draw(NODES[::-1], EDGES[::-1], title="t", about="a", focus="b") == told


def test_labels_run_the_way_of_their_first_letter() -> None:
    root = drawn(draw(NODES, [], title="t", about="a"))

    ways = {
        "".join(found.itertext()): found.get("direction") for found in root.iterfind(".//s:text[@class='label']", NS)
    }
    assert ways == {"Sand <Viper>": "ltr", "شبكة 203.0.113.9": "rtl", "Hash é": "ltr"}


def test_from_right_to_left_the_focus_stands_on_the_right() -> None:
    def across(rtl: bool) -> list[float]:
        root = drawn(draw(NODES[:2], EDGES, title="t", about="a", focus="a", rtl=rtl))
        return [float(found.get("x", "")) for found in root.iterfind(".//s:rect", NS)]

    left, right = sorted(across(False))
    assert across(False) == [left, right]
    first_is_actor = drawn(draw(NODES[:2], EDGES, title="t", about="a", focus="a", rtl=True))
    actor = first_is_actor.find(".//s:g[@class='node kind-threat-actor']/s:rect", NS)
    assert actor is not None
    assert float(actor.get("x", "")) == right


@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8)), max_size=5)
)
def test_whatever_a_label_says_the_picture_has_no_script_no_style_and_no_turning_mark(
    told: list[tuple[str, str, str, str]],
) -> None:
    hostile = '<script>alert(1)</script>" onload="x" \u202e\x1b\ud800'
    nodes = [Node(one, two, three + hostile, four + hostile, hostile) for one, two, three, four in told]
    edges = [Edge(three + hostile, one, one) for one, _, three, _ in told]

    data = draw(nodes, edges, title=hostile, about=hostile, prefix=hostile)

    tags = {etree.QName(found).localname for found in drawn(data).iter()}
    names = {name for found in drawn(data).iter() for name in found.attrib}
    assert tags <= {"svg", "title", "desc", "defs", "marker", "path", "g", "a", "rect", "text"}
    assert not {name for name in names if str(name).startswith("on") or name == "style"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", data.decode())


def test_boxes_never_overlap() -> None:
    chance = random.Random(7)
    nodes = [Node(f"n{at}", "malware", f"Node {at}") for at in range(80)]
    edges = [Edge("uses", f"n{chance.randrange(80)}", f"n{chance.randrange(80)}") for _ in range(160)]

    root = drawn(draw(nodes, edges, title="t", about="a"))

    boxes = [(float(box.get("x", "")), float(box.get("y", ""))) for box in root.iterfind(".//s:rect", NS)]
    width, height = (float(part) for part in root.get("viewBox", "").split()[2:])
    assert len(boxes) == 80
    assert all(
        abs(ax - bx) >= 200 or abs(ay - by) >= 44 for at, (ax, ay) in enumerate(boxes) for bx, by in boxes[at + 1 :]
    )
    assert all(0 <= x <= width - 200 and 0 <= y <= height - 44 for x, y in boxes)


def test_what_is_written_beside_lines_covers_no_box_and_nothing_else_that_is_written() -> None:
    nodes = [Node(f"n{at}", "malware", f"Node {at}") for at in range(20)]
    edges = [Edge(relation, f"n{at % 4}", f"n{at}") for at in range(4, 20) for relation in ("uses", "attributed-to")]
    edges += [Edge("related-to", f"n{at}", f"n{at}") for at in range(4)]

    root = drawn(draw(nodes, edges, title="t", about="a"))

    boxes = [box_of(found, 200, 44) for found in root.iterfind(".//s:rect", NS)]
    words = [
        (x - 2.8 * len(text), y - 9.6, x + 2.8 * len(text), y + 1.6)
        for found in root.iterfind(".//s:text[@class='relation']", NS)
        for x, y, text in [(float(found.get("x", "")), float(found.get("y", "")), found.text or "")]
    ]
    assert len(edges) // 2 < len(words) <= len(edges)
    assert not any(cover(one, other) for at, one in enumerate(words) for other in (*words[at + 1 :], *boxes))
    assert sum("attributed-to" in title for title in texts(root, ".//s:g/s:title")) == 16


def box_of(found: etree._Element, width: float, height: float) -> tuple[float, float, float, float]:
    x, y = float(found.get("x", "")), float(found.get("y", ""))
    return x, y, x + width, y + height


def cover(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_more_nodes_than_fit_are_counted_not_drawn() -> None:
    nodes = [Node(f"n{at}", "malware", "x") for at in range(MOST + 7)]

    root = drawn(draw(nodes, [], title="t", about="Many"))

    assert len(root.findall(".//s:rect", NS)) == MOST
    assert texts(root, "s:desc") == ["Many (+7)"]


@pytest.mark.parametrize("edges", [0, 900, 5000])
def test_three_hundred_nodes_are_drawn_at_once(edges: int) -> None:
    chance = random.Random(1)
    nodes = [Node(f"n{at}", "malware", f"Node {at}") for at in range(MOST)]
    told = [Edge("uses", f"n{chance.randrange(MOST)}", f"n{chance.randrange(MOST)}") for _ in range(edges)]

    begun = time.process_time()
    draw(nodes, told, title="t", about="a")

    # 0.05 s for 900 edges where it was written.
    assert time.process_time() - begun < 1.5


def test_an_empty_graph_is_an_empty_picture() -> None:
    root = drawn(draw([], [], title="t", about="a"))

    assert root.findall(".//s:rect", NS) == []
