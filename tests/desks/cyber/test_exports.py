"""What is taken away as files: of what is released to the reader, as it came, in forms that other tools read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
import stix2  # type: ignore[import-untyped] # brings no types
from pymisp import MISPEvent

from diwan.desk import Request, Response
from diwan.desks.cyber.kinds.collection import MEDIA_TYPE as COLLECTION
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.misp import MEDIA_TYPE as MISP
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE as STIX
from diwan.desks.cyber.kinds.warning import Warnings
from diwan.desks.cyber.render.indicators import FORMATS
from diwan.desks.cyber.routes.exports import ROUTES
from diwan.house import House
from diwan.terms.errors import NotFound
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

T1, T2 = "2017-01-20T08:00:00.000Z", "2017-01-21T08:00:00.000Z"
BYTES, REPORT = "/cyber/{originator}/{id}.json", "/cyber/{originator}/{id}.misp"
BUNDLE, LISTS = "/cyber/export/bundle.json", "/cyber/export/indicators/{format}"
MANIFEST, HASHES, EVENT = "/cyber/misp/manifest.json", "/cyber/misp/hashes.csv", "/cyber/misp/{uuid}.json"
Hands = Callable[..., Hand]
Labels = Callable[..., Label]
Enter = Callable[..., Ref]


@pytest.fixture
def enter(house: House, hand: Hands, amber: Labels) -> Enter:
    """Enter bytes or a value as Kuwait, for Qatar unless another label is said."""

    def make(said: Any, label: Label | None = None, media_type: str = STIX) -> Ref:
        data = said if isinstance(said, bytes) else msgspec.json.encode(said)
        draft = house.draft(media_type, data)
        return house.take(hand("KWT"), draft, label or amber("QAT"), originator="KWT").refs[0]

    return make


def ask(house: House, path: str, party: str = "QAT", query: dict[str, str] | None = None, **parts: str) -> Response:
    """Return what a route answers a reader of a party, whose id no answer depends on."""
    route = next(route for route in ROUTES if route.path == path)
    room = house.room(Reader(f"reader of {party}", party))
    # What is fictitious stands on the lists of reserved names that the desk brings along.
    local = Local(warnings=Warnings([])) if path == LISTS else house.local["cyber"]
    return route.handler(room, Request(path=parts, query=query or {}, local=local))


def indicator(number: int, value: str, **more: Any) -> dict[str, Any]:
    ident = f"indicator--{UUID(int=number, version=4)}"
    head = {"type": "indicator", "spec_version": "2.1", "id": ident, "created": T1, "modified": T1}
    pattern = f"[domain-name:value = '{value}']"
    return {**head, "name": f"Beacon {number}", "pattern": pattern, "pattern_type": "stix", "valid_from": T1, **more}


def event(number: int, at: int, *values: tuple[str, str], info: str = "Phishing", **more: Any) -> dict[str, Any]:
    attributes = [
        {"uuid": str(UUID(int=1000 * number + place, version=4)), "type": kind, "category": "Network activity",
         "value": value, "to_ids": True, "timestamp": str(at)}
        for place, (kind, value) in enumerate(values)
    ]  # fmt: skip
    head = {"uuid": str(UUID(int=number, version=4)), "info": info, "date": "2017-01-20", "timestamp": str(at)}
    orgc = {"name": "Example CERT", "uuid": "5f0d0102-7a11-4c3e-9b1d-000000000102"}
    rest = {"threat_level_id": "1", "analysis": "2", "published": True, "Orgc": orgc, "Attribute": attributes}
    return {**head, **rest, "Tag": [{"name": "tlp:amber"}], **more}


def test_bytes_of_an_object_event_or_collection_are_answered_as_they_came(house: House, enter: Enter) -> None:
    spaced = json.dumps(indicator(1, "pilots.example"), indent=3).encode() + b"\n"
    shelf = b'{"id": "5f0d0202-7a11-4c3e-9b1d-000000000202",\n "title": "Pilots"}'
    handed = [
        (spaced, STIX),
        (b'{"Event": ' + msgspec.json.encode(event(2, 1484899200)) + b"}", MISP),
        (shelf, COLLECTION),
    ]
    refs = [enter(data, None, kind) for data, kind in handed]

    answers = [ask(house, BYTES, originator=ref.originator, id=ref.id) for ref in refs]

    assert [(answer.body, answer.media_type) for answer in answers] == handed


@pytest.mark.parametrize("path", [BYTES, REPORT])
def test_what_is_not_released_unknown_or_of_another_desk_is_one_answer(
    house: House, enter: Enter, note: Callable[..., Any], hand: Hands, amber: Labels, path: str
) -> None:
    hidden = enter(indicator(1, "pilots.example"), amber("BHR"))
    alert = house.take(hand("KWT"), note("oil"), amber("QAT"), originator="KWT").refs[0]
    idents = [hidden.id, alert.id, "0" * 32, "", "x" * 32, hidden.id.upper(), f"{hidden.id}0"]

    said = set()
    for ident in idents:
        with pytest.raises(NotFound) as refusal:
            ask(house, path, originator="KWT", id=ident)
        said.add(str(refusal.value))

    assert said == {str(NotFound())}


def test_a_bundle_is_read_by_other_software_and_is_the_same_for_the_same_reader(
    house: House, enter: Enter, amber: Labels
) -> None:
    shown = [indicator(1, "first.example"), indicator(2, "second.example", modified=T2)]
    for said in shown:
        enter(said)
    enter(indicator(2, "older.example"))
    empty = ask(house, BUNDLE, "BHR")
    enter(indicator(3, "hidden.example"), amber("BHR"))

    first, again = ask(house, BUNDLE), ask(house, BUNDLE)
    other = ask(house, BUNDLE, "BHR")

    assert first == again
    assert (first.media_type, first.headers["content-disposition"]) == (
        STIX, "attachment; filename*=UTF-8''diwan-bundle.json"
    )  # fmt: skip
    assert json.loads(first.body)["objects"] == shown
    assert [one["id"] for one in stix2.parse(first.body.decode()).objects] == [one["id"] for one in shown]
    assert [one["name"] for one in json.loads(other.body)["objects"]] == ["Beacon 3"]
    assert "objects" not in json.loads(empty.body)
    assert len({json.loads(one.body)["id"] for one in (first, other, empty)}) == 3


def test_a_bundle_holds_what_its_query_asks_for(house: House, enter: Enter) -> None:
    enter(
        indicator(1, "first.example", object_marking_refs=["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"])
    )
    enter({"type": "identity", "spec_version": "2.1", "id": f"identity--{UUID(int=2, version=4)}", "created": T1,
           "modified": T1, "name": "Harbour office", "identity_class": "organization"})  # fmt: skip
    asked: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["Beacon 1", "Harbour office"]),
        ({"type": "identity"}, ["Harbour office"]),
        ({"tlp": "TLP:RED"}, ["Beacon 1"]),
        ({"tlp": "TLP:RED", "type": "identity"}, []),
        ({"q": "harbour"}, ["Harbour office"]),
        ({"originator": "KWT"}, ["Beacon 1", "Harbour office"]),
        ({"originator": "QAT"}, []),
        ({"originator": "", "type": "", "q": ""}, ["Beacon 1", "Harbour office"]),
    ]

    found = [json.loads(ask(house, BUNDLE, query=query).body).get("objects", []) for query, _ in asked]

    assert [[one["name"] for one in each] for each in found] == [names for _, names in asked]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_form_of_list_holds_what_is_released_and_its_name_and_type(
    house: House, enter: Enter, amber: Labels, name: str
) -> None:
    enter(indicator(1, "pilots.example"))
    enter(indicator(2, "hidden.example"), amber("BHR"))
    enter(indicator(3, "expired.example", valid_until=T2))

    answer = ask(house, LISTS, format=name)

    form = FORMATS[name]
    assert (answer.media_type, answer.headers["content-disposition"]) == (
        form.media_type, f"attachment; filename*=UTF-8''{form.file}"
    )  # fmt: skip
    text = answer.body.decode()
    assert [one for one in ("hidden.example", "expired.example") if one in text] == []
    holds = not name.startswith(("plain-", "suricata-")) or name == "plain-domain"
    assert ("pilots.example" in text) == holds


@pytest.mark.parametrize("name", ["", "nothing", "../suricata", "Suricata"])
def test_a_form_that_is_not_known_is_not_found(house: House, name: str) -> None:
    with pytest.raises(NotFound):
        ask(house, LISTS, format=name)


def test_a_misp_feed_is_of_the_newest_edits_that_are_released_and_is_loaded_by_pymisp(
    house: House, enter: Enter, amber: Labels
) -> None:
    old = {"Event": event(1, 1484899200, ("domain", "old.example"))}
    new = {"Event": event(1, 1484985600, ("domain", "new.example"), ("ip-dst|port", "192.0.2.7|8080"))}
    bare = event(2, 1484899200, ("md5", "ab" * 16), info="Bare")
    hidden = {"Event": event(3, 1484899200, ("domain", "hidden.example"))}
    for said, label in ((new, None), (old, None), (bare, None), (hidden, amber("BHR"))):
        enter(said, label, MISP)

    manifest = json.loads(ask(house, MANIFEST).body)
    loaded = {}
    for uuid in manifest:
        answer = ask(house, EVENT, uuid=uuid)
        loaded[uuid] = MISPEvent()
        loaded[uuid].load(json.loads(answer.body))
        assert answer.media_type == "application/json"

    assert {uuid: (line["info"], line["timestamp"]) for uuid, line in manifest.items()} == {
        new["Event"]["uuid"]: ("Phishing", 1484985600),
        bare["uuid"]: ("Bare", 1484899200),
    }
    assert [[one.value for one in each.attributes] for each in loaded.values()] == [
        ["new.example", "192.0.2.7|8080"], ["ab" * 16]
    ]  # fmt: skip
    assert json.loads(ask(house, EVENT, uuid=new["Event"]["uuid"]).body) == new
    lines = ask(house, HASHES).body.decode().splitlines()
    values = [("new.example", 1), ("192.0.2.7", 1), ("8080", 1), ("ab" * 16, 2)]
    assert sorted(lines) == sorted(
        f"{hashlib.md5(value.encode()).hexdigest()},{UUID(int=number, version=4)}" for value, number in values
    )


def test_another_partys_event_of_the_same_uuid_does_not_take_the_place_of_the_first_ones(
    house: House, enter: Enter, hand: Hands, amber: Labels
) -> None:
    first = {"Event": event(1, 1484899200, ("domain", "told.example"))}
    newer = {"Event": event(1, 1484985600, ("domain", "told-anew.example"))}
    twin = {"Event": event(1, 4000000000, ("domain", "harmless.example"))}
    enter(first, amber("QAT", "BHR"), MISP)
    house.take(hand("BHR"), house.draft(MISP, msgspec.json.encode(twin)), amber("QAT"), originator="BHR")
    enter(newer, amber("QAT", "BHR"), MISP)

    (line,) = json.loads(ask(house, MANIFEST).body).values()
    uuid = newer["Event"]["uuid"]
    assert line["timestamp"] == 1484985600
    assert json.loads(ask(house, EVENT, uuid=uuid).body) == newer
    (said,) = ask(house, HASHES).body.decode().splitlines()
    assert said == f"{hashlib.md5(b'told-anew.example').hexdigest()},{uuid}"


def test_an_event_that_is_hidden_unknown_or_no_event_is_not_in_the_feed(
    house: House, enter: Enter, amber: Labels
) -> None:
    hidden = event(3, 1484899200)
    enter({"Event": hidden}, amber("BHR"), MISP)

    assert json.loads(ask(house, MANIFEST).body) == {}
    assert ask(house, HASHES).body == b""
    for uuid in (hidden["uuid"], str(UUID(int=9, version=4)), "", "../manifest"):
        with pytest.raises(NotFound):
            ask(house, EVENT, uuid=uuid)
    assert json.loads(ask(house, EVENT, "BHR", uuid=hidden["uuid"]).body) == {"Event": hidden}


def test_a_report_is_answered_as_an_event(house: House, enter: Enter, amber: Labels) -> None:
    clear = amber(tlp="TLP:CLEAR")
    enter(indicator(1, "pilots.example"), clear)
    head = {"type": "report", "spec_version": "2.1", "id": f"report--{UUID(int=7, version=4)}", "created": T1}
    more = {"modified": T1, "published": T1, "name": "Pilots", "object_refs": [indicator(1, "")["id"]]}
    ref = enter(head | more, clear)

    answer = ask(house, REPORT, originator="KWT", id=ref.id)

    loaded = MISPEvent()
    loaded.load(json.loads(answer.body))
    assert (answer.media_type, loaded.info) == (MISP, "Pilots")
    assert [one.value for one in loaded.attributes] == ["pilots.example"]
