"""The pages of the desk for readers of different shares: all they tell rests on what is released."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from lxml import etree
from msgspec.structs import replace

from diwan.desk import Request
from diwan.desks.cyber.kinds.aging import State
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE
from diwan.desks.cyber.pages.board import board
from diwan.desks.cyber.pages.collections import collection_view, collections
from diwan.desks.cyber.pages.event import event_view
from diwan.desks.cyber.pages.look_up import SHOWN, VALUES, look_up
from diwan.desks.cyber.pages.object import object_view
from diwan.desks.cyber.pages.pattern_text import pattern_text
from diwan.house import House
from diwan.reading import Query, ReadingRoom
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

SPACE = UUID("5f6c0e4e-93c5-4d3b-9b0f-1f3c1b3a9d11")
AT = "2017-01-20T08:00:00.000Z"
SPECIMENS = Path(__file__).parents[2] / "specimens" / "cyber" / "vnd.misp+json"
SVG = {"s": "http://www.w3.org/2000/svg"}
Enter = Callable[..., Ref]
Room = Callable[[str], ReadingRoom]


def ident(kind: str, name: str) -> str:
    return f"{kind}--{UUID(bytes=uuid5(SPACE, name).bytes, version=4)}"


def indicator(name: str, pattern: str, **more: object) -> dict[str, object]:
    return made("indicator", name, pattern=pattern, pattern_type="stix", valid_from="2017-01-20T08:00:00Z", **more)


def made(kind: str, name: str, **more: object) -> dict[str, object]:
    named = {} if kind in ("relationship", "sighting", "opinion") else {"name": name}
    head = {"type": kind, "spec_version": "2.1", "id": ident(kind, name), "created": AT, "modified": AT}
    return {**head, **named, **more}


def relation(name: str, source: dict[str, object], word: str, target: dict[str, object]) -> dict[str, object]:
    return made("relationship", name, source_ref=source["id"], relationship_type=word, target_ref=target["id"])


@pytest.fixture
def enter(house: House, hand: Callable[..., Hand], amber: Callable[..., Label]) -> Enter:
    def make(said: dict[str, object], *releasable_to: str, by: str = "KWT", media_type: str = MEDIA_TYPE) -> Ref:
        draft = house.draft(media_type, json.dumps(said).encode())
        return house.take(hand(by), draft, amber(*releasable_to), originator=by).refs[0]

    return make


@pytest.fixture
def room(house: House, reader: Callable[..., Reader]) -> Room:
    return lambda party: house.room(reader(party))


PAGE = indicator("page", "[domain-name:value = 'port-login.example']", confidence=80)
LOADER = made("malware", "loader", is_family=False)
ACTOR = made("threat-actor", "actor")


def test_relations_are_told_in_both_directions_and_an_end_that_is_not_released_by_its_id_alone(
    enter: Enter, room: Room
) -> None:
    loader = enter(LOADER, "QAT", "BHR")
    enter(PAGE, "QAT", "BHR")
    enter(ACTOR, "BHR")
    enter(relation("r1", PAGE, "indicates", LOADER), "QAT", "BHR")
    enter(relation("r2", ACTOR, "uses", LOADER), "QAT", "BHR")

    def told(party: str) -> set[tuple[object, ...]]:
        view = object_view(room(party), room(party).get(loader))
        return {(t.relation, t.outward, t.other.title if t.other else None, t.other_id) for t in view["ties"]}  # type: ignore[attr-defined]

    shared = ("indicates", False, "page", PAGE["id"])
    assert told("BHR") == {shared, ("uses", False, "actor", ACTOR["id"])}
    assert told("QAT") == {shared, ("uses", False, None, ACTOR["id"])}


def test_the_picture_draws_what_is_released_up_to_two_steps_away(enter: Enter, room: Room) -> None:
    page = enter(PAGE, "QAT", "BHR")
    enter(LOADER, "QAT", "BHR")
    enter(ACTOR, "BHR")
    enter(relation("r1", PAGE, "indicates", LOADER), "QAT", "BHR")
    enter(relation("r2", ACTOR, "uses", LOADER), "QAT", "BHR")

    def drawn(party: str, base: str = "") -> tuple[set[str], set[str]]:
        draw = object_view(room(party), room(party).get(page))["picture"]
        root = etree.fromstring(draw(base, "Around", "Nearest", False, lambda _, code: code))  # type: ignore[operator]
        nodes = {(t.text or "").partition(" — ")[0] for t in root.iterfind(".//s:a/s:g/s:title", SVG)}
        return nodes, {str(a.get("href")).partition("items/")[0] for a in root.iterfind(".//s:a", SVG)}

    assert drawn("BHR") == ({"page", "loader", "actor"}, {"/"})
    assert drawn("QAT", "/exercise") == ({"page", "loader"}, {"/exercise/"})


def test_an_author_who_is_not_released_is_answered_like_one_who_never_was(enter: Enter, room: Room) -> None:
    author = made("identity", "Harbour Watch", identity_class="organization")
    enter(author, "BHR")
    known = enter({**LOADER, "created_by_ref": author["id"]}, "QAT", "BHR")
    never = enter(
        {**made("malware", "other", is_family=False), "created_by_ref": ident("identity", "never")}, "QAT", "BHR"
    )

    def said(party: str, ref: Ref) -> object:
        found = object_view(room(party), room(party).get(ref))["writer"]
        return found and found.title  # type: ignore[attr-defined]

    assert said("BHR", known) == "Harbour Watch"
    assert said("QAT", known) is None
    assert said("QAT", never) is None


def test_sightings_and_doubts_count_for_those_who_may_know_of_them(enter: Enter, room: Room) -> None:
    page = enter(PAGE, "QAT", "BHR", "JOR")
    enter(made("sighting", "s1", sighting_of_ref=PAGE["id"], count=4, last_seen=AT), "BHR", "JOR", by="KWT")
    for by in ("ARE", "JOR"):
        doubt = made("opinion", f"o{by}", opinion="strongly-disagree", object_refs=[PAGE["id"]])
        enter({**doubt, "labels": ["false-positive"]}, "BHR", by=by)

    def told(party: str) -> tuple[object, ...]:
        view = object_view(room(party), room(party).get(page))
        return view["counts"], view["age"].score, view["age"].state  # type: ignore[attr-defined]

    assert told("QAT") == ((0, 0), 76, State.FRESH)
    assert told("JOR") == ((4, 1), 76, State.FRESH)
    assert told("BHR") == ((4, 2), 38, State.FRESH)


def test_the_board_counts_types_and_tells_the_newest_sightings_of_what_is_released(enter: Enter, room: Room) -> None:
    enter(PAGE, "QAT", "BHR")
    enter(LOADER, "BHR")
    enter(made("sighting", "s1", sighting_of_ref=PAGE["id"], count=2, last_seen=AT), "QAT", "BHR")

    def told(party: str, **query: str) -> tuple[object, ...]:
        view = board(room(party), Request(query=query))
        said = [(one.about.title, one.word.count) for one in view["said"]]  # type: ignore[attr-defined]
        return dict(view["kinds"]), [one.title for one in view["items"]], said, dict(view["states"])  # type: ignore[call-overload, attr-defined]

    sighting = ("sighting of indicator", [("page", 2)])
    assert told("QAT") == (
        {"cyber.indicator": 1, "cyber.sighting": 1},
        [sighting[0], "page"],
        sighting[1],
        {State.FRESH: 1},
    )
    assert told("BHR", kind="cyber.malware")[:2] == (
        {"cyber.indicator": 1, "cyber.malware": 1, "cyber.sighting": 1},
        ["loader"],
    )
    assert told("QAT", kind="cyber.malware")[1] == []
    assert told("BHR", q="loader", originator="KWT")[1] == ["loader"]
    assert told("BHR", originator="QAT")[1] == []


def test_what_is_pasted_is_refanged_found_and_said_not_to_be_known(enter: Enter, room: Room) -> None:
    enter(PAGE, "QAT")
    enter(made("sighting", "s1", sighting_of_ref=PAGE["id"], count=3, last_seen=AT), "QAT")
    text = "Seen hxxps://port-login[.]example/a, port-login[.]example\n203[.]0[.]113[.]9\nport-login.example\nT1059.003"

    found = look_up(room("QAT"), Request(pairs=(("values", text),), query={"values": text}))["found"]

    assert [(row.shown, row.sighted, [hit.item.title for hit in row.hits]) for row in found.rows] == [  # type: ignore[attr-defined]
        ("port-login[.]example", 3, ["page"])
    ]
    assert [(row.kind, row.shown) for row in found.unknown] == [  # type: ignore[attr-defined]
        ("url", "hxxps://port-login[.]example/a"),
        ("ipv4", "203[.]0[.]113[.]9"),
        ("attack", "T1059.003"),
    ]
    assert (found.values, found.known, found.listed, found.cut) == (4, 1, 3, False)  # type: ignore[attr-defined]


def test_a_look_up_answers_alike_for_what_is_hidden_and_what_was_never_there(enter: Enter, room: Room) -> None:
    enter(PAGE, "BHR")
    asked = Request(pairs=(("values", "port-login.example"),))

    seen = look_up(room("BHR"), asked)["found"]
    hidden = look_up(room("QAT"), asked)["found"]
    never = look_up(room("QAT"), Request(pairs=(("values", "port-other.example"),)))["found"]

    assert seen.known == 1  # type: ignore[attr-defined]
    assert hidden.unknown[0].hits == never.unknown[0].hits == ()  # type: ignore[attr-defined]
    assert (hidden.known, len(hidden.unknown)) == (never.known, len(never.unknown)) == (0, 1)  # type: ignore[attr-defined]


def test_a_look_up_of_more_than_it_reads_says_so_and_counts_what_it_read(enter: Enter, room: Room) -> None:
    enter(PAGE, "QAT")
    text = "\n".join(["port-login.example", *(f"host{number}.example" for number in range(VALUES + 5))])

    found = look_up(room("QAT"), Request(pairs=(("file", text),)))["found"]

    assert (found.values, found.known, found.cut) == (VALUES, 1, True)  # type: ignore[attr-defined]
    assert (len(found.rows), len(found.unknown)) == (1, SHOWN)  # type: ignore[attr-defined]


def test_a_collection_previews_what_this_reader_would_get_of_it(enter: Enter, room: Room) -> None:
    enter(PAGE, "QAT", "BHR")
    enter(indicator("other", "[domain-name:value = 'b.example']"), "BHR")
    enter(LOADER, "QAT", "BHR")
    said = {"id": ident("x", "c").partition("--")[2], "title": "Indicators", "types": ["indicator"]}
    ref = enter(said, "QAT", "BHR", media_type="application/vnd.diwan.collection+json")

    def number(party: str) -> object:
        return collection_view(room(party), room(party).get(ref))["number"]

    assert (number("BHR"), number("QAT")) == (2, 1)


def test_collections_are_listed_with_the_addresses_at_which_their_server_has_them(
    house: House, enter: Enter, room: Room
) -> None:
    said = {"id": ident("x", "c").partition("--")[2], "title": "Indicators"}
    enter(said, "QAT", media_type="application/vnd.diwan.collection+json")
    request = Request(base="https://node.example", keeper=house.settings.keeper)

    def listed(party: str) -> list[tuple[str, str]]:
        view = collections(room(party), request)
        return [(row.said.title, row.path.partition("collections/")[2]) for row in view["rows"]]  # type: ignore[attr-defined]

    whole = ("Everything released to you", listed("BHR")[0][1])
    assert listed("QAT") == [whole, ("Indicators", f"{said['id']}/")]
    assert listed("BHR") == [whole]
    assert collections(room("QAT"), request)["root"] == "https://node.example/taxii2/root/"


def test_an_event_is_shown_with_its_attributes_in_a_writing_that_is_no_link(enter: Enter, room: Room) -> None:
    said = json.loads((SPECIMENS / "phishing.json").read_bytes())
    ref = enter(said, "QAT", media_type="application/vnd.misp+json")

    view = event_view(room("QAT"), room("QAT").get(ref))
    rows = [*view["rows"], *(row for _, inside in view["objects"] for row in inside)]  # type: ignore[misc, attr-defined]

    assert [row.shown for row in view["rows"]] == ["pilots[.]example", "invoice\\u202efdp.exe"]  # type: ignore[attr-defined]
    assert len(rows) == view["shown"] == view["count"].attributes  # type: ignore[attr-defined]
    assert [row.shown for row in rows if "http" in row.shown or "\u202e" in row.shown] == []


def test_an_event_tells_what_was_sighted_of_it_since_as_far_as_that_is_released(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], enter: Enter, room: Room
) -> None:
    said = json.loads((SPECIMENS / "phishing.json").read_bytes())
    ref = enter(said, "QAT", "BHR", media_type="application/vnd.misp+json")
    about = f"indicator--{said['Event']['Attribute'][0]['uuid']}"
    for name, label in (("s1", amber("QAT", "BHR")), ("s2", amber("QAT"))):
        sighting = made("sighting", name, sighting_of_ref=about, last_seen=AT, count=1)
        draft = house.draft(MEDIA_TYPE, json.dumps(sighting).encode())
        house.take(hand("KWT"), replace(draft, parent=ref), label, originator="KWT")

    seen = {
        party: [row.seen for row in event_view(room(party), room(party).get(ref))["rows"]]  # type: ignore[attr-defined]
        for party in ("QAT", "BHR")
    }
    told = {party: [one.about.ref for one in board(room(party), Request())["said"]] for party in ("QAT", "BHR")}  # type: ignore[attr-defined]

    assert seen == {"QAT": [2, 0], "BHR": [1, 0]}
    assert told == {"QAT": [ref, ref], "BHR": [ref]}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[domain-name:value = 'a.example']", "[ domain-name:value = 'a[.]example' ]"),
        (
            "[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2') AND (file:size > 10 OR NOT EXISTS file:name)]",
            "[\n  ipv4-addr:value IN ('192[.]0[.]2[.]1', '192[.]0[.]2[.]2')\n  AND (\n    file:size > 10\n"
            "    OR NOT EXISTS file:name\n  )\n]",
        ),
        (
            "([url:value = 'http://a.example/x'] FOLLOWEDBY [mutex:name = 'm']) WITHIN 60 SECONDS",
            "[ url:value = 'hxxp://a[.]example/x' ]\nFOLLOWEDBY\n[ mutex:name = 'm' ]\n  WITHIN 60 SECONDS",
        ),
        ("[mutex:name = 'a\u202eb' OR x:y = 'c\u202ed']", "[\n  mutex:name = 'a\\u202eb'\n  OR x:y = 'c\\u202ed'\n]"),
        ("title: a sigma rule", None),
    ],
)
def test_a_pattern_is_shown_line_by_line_with_its_observables_defanged(written: str, shown: str | None) -> None:
    assert pattern_text(written) == shown


def test_every_item_that_is_listed_by_the_walk_can_be_shown(enter: Enter, room: Room) -> None:
    for said in (PAGE, LOADER, ACTOR, relation("r1", PAGE, "indicates", LOADER)):
        enter(said, "QAT")

    shown = [object_view(room("QAT"), item)["brief"].id for item in room("QAT").walk(Query())]  # type: ignore[attr-defined]

    assert set(shown) == {said["id"] for said in (PAGE, LOADER, ACTOR, relation("r1", PAGE, "indicates", LOADER))}
    assert len(shown) == 4
