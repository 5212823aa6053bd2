"""What is done at the desk: sightings and false positives as items of their own, reports as MISP events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pymisp import MISPEvent

from diwan.desk import Act
from diwan.desks.cyber.acts import ACTS_BY_KIND, event_of_report
from diwan.desks.cyber.kinds.local import Audiences, Local
from diwan.desks.cyber.kinds.misp import Member
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE, SCOS, SDOS
from diwan.desks.cyber.parse.rules import check_object
from diwan.house import House
from diwan.reading import Released
from diwan.terms.errors import Malformed, NotAllowed, NotFound
from diwan.terms.hand import Hand
from diwan.terms.item import Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader

T1, T2 = "2017-01-20T08:00:00.000Z", "2017-01-21T08:00:00.000Z"
LOCAL = Local(
    Audiences(
        community="ICI",
        members=(
            Member("KWT", "Example CERT of Kuwait", "5f0d0050-7a11-4c3e-9b1d-000000000050"),
            Member("QAT", "Example CERT of Qatar", "5f0d0051-7a11-4c3e-9b1d-000000000051"),
        ),
    )
)
Hands = Callable[..., Hand]
Labels = Callable[..., Label]
Readers = Callable[..., Reader]


def ident(kind: str, number: int) -> str:
    return f"{kind}--{UUID(int=number, version=4)}"


def indicator(number: int, value: str, **more: Any) -> dict[str, Any]:
    head = {"type": "indicator", "spec_version": "2.1", "id": ident("indicator", number), "created": T1, "modified": T1}
    pattern = f"[domain-name:value = '{value}']"
    return {**head, "name": f"Beacon {number}", "pattern": pattern, "pattern_type": "stix", "valid_from": T1, **more}


def report(*refs: str, **more: Any) -> dict[str, Any]:
    head = {"type": "report", "spec_version": "2.1", "id": ident("report", 99), "created": T1, "modified": T1}
    return {**head, "name": "Phishing against port operators", "published": T1, "object_refs": refs, **more}


def enter(house: House, hand: Hand, said: dict[str, Any], label: Label) -> Ref:
    draft = house.draft(MEDIA_TYPE, msgspec.json.encode(said))
    return house.take(hand, draft, label, originator=hand.reader.party).refs[0]


def act(name: str) -> Act:
    return next(one for one in ACTS_BY_KIND["cyber.indicator"] if one.name == name)


def done(house: House, hand: Hand, ref: Ref, name: str, note: str = "") -> Released:
    room = house.room(hand.reader)
    (made,) = house.act(hand, room.get(ref), act(name), note).refs
    return room.get(made)


def said_by(house: House, reader: Reader, item: Released) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(house.room(reader).parts(item)[0].data)
    return told


def test_every_domain_object_can_be_sighted_and_nothing_else() -> None:
    assert ACTS_BY_KIND.keys() == {f"cyber.{kind}" for kind in SDOS}
    assert not ACTS_BY_KIND.keys() & {f"cyber.{kind}" for kind in (*SCOS, "relationship", "sighting", "custom")}
    assert [(one.name, one.needs_note) for one in ACTS_BY_KIND["cyber.malware"]] == [
        ("sighting", False),
        ("false-positive", True),
    ]


def test_a_sighting_is_an_object_of_its_own_under_what_was_seen_for_whoever_reads_that(
    house: House, clock: Any, hand: Hands, amber: Labels, reader: Readers
) -> None:
    ref = enter(house, hand("KWT"), indicator(1, "pilots.example"), amber("QAT", "BHR"))

    item = done(house, hand("QAT"), ref, "sighting", " At the gateway of the harbour office \u202e ")

    said = said_by(house, reader("BHR"), item)
    assert said == {
        "type": "sighting",
        "spec_version": "2.1",
        "id": said["id"],
        "created": said["created"],
        "modified": said["created"],
        "sighting_of_ref": ident("indicator", 1),
        "count": 1,
        "last_seen": said["created"],
        "description": "At the gateway of the harbour office \u202e",
    }
    assert UUID(said["id"].removeprefix("sighting--")).version == 4
    assert check_object(said) == ()
    room = house.room(reader("BHR"))
    assert (item.ref.originator, item.kind, item.label) == ("QAT", "cyber.sighting", amber("KWT", "QAT", "BHR"))
    assert [child.ref for child in room.children(room.get(ref))] == [item.ref]
    assert [(relation, one.ref) for relation, one in room.linked_from(room.get(ref))] == [("sighting_of", item.ref)]
    assert house.room(reader("JOR")).count() == 0


def test_each_sighting_has_an_id_of_its_own(house: House, hand: Hands, amber: Labels, reader: Readers) -> None:
    ref = enter(house, hand("KWT"), indicator(1, "pilots.example"), amber("QAT"))

    items = [done(house, hand("QAT"), ref, "sighting") for _ in range(3)]

    assert len({said_by(house, reader("QAT"), item)["id"] for item in items}) == 3
    assert "description" not in said_by(house, reader("QAT"), items[0])


def test_a_false_positive_is_an_opinion_with_its_reason(
    house: House, hand: Hands, amber: Labels, reader: Readers
) -> None:
    ref = enter(house, hand("KWT"), indicator(1, "pilots.example"), amber("QAT"))

    item = done(house, hand("QAT"), ref, "false-positive", "The pilots' own portal")
    with pytest.raises(Malformed, match=r"needs a reason in its note\. Nothing was entered"):
        done(house, hand("QAT"), ref, "false-positive", "  ")

    said = said_by(house, reader("KWT"), item)
    assert said == {
        "type": "opinion",
        "spec_version": "2.1",
        "id": said["id"],
        "created": said["created"],
        "modified": said["created"],
        "opinion": "strongly-disagree",
        "object_refs": [ident("indicator", 1)],
        "labels": ["false-positive"],
        "explanation": "The pilots' own portal",
    }
    assert check_object(said) == ()
    assert (item.ref.originator, item.label) == ("QAT", amber("KWT", "QAT"))


def test_an_answer_to_what_is_for_its_originator_and_one_party_stays_between_them(
    house: House, hand: Hands, amber: Labels, reader: Readers
) -> None:
    ref = enter(house, hand("KWT"), indicator(1, "pilots.example"), amber("QAT"))
    item = done(house, hand("QAT"), ref, "sighting")

    house.relabel(hand("KWT"), ref, amber("QAT", "BHR"))

    # It stands behind its own label too: whoever gains the indicator gains no answer that was not for them.
    seen = {party: house.room(reader(party)).count("cyber.sighting") for party in ("KWT", "QAT", "BHR")}
    assert seen == {"KWT": 1, "QAT": 1, "BHR": 0}
    house.relabel(hand("KWT"), ref, amber("BHR"))
    assert house.room(reader("KWT")).count("cyber.sighting") == 1
    with pytest.raises(NotFound):
        house.room(reader("QAT")).get(item.ref)


def loaded(data: bytes) -> MISPEvent:
    event = MISPEvent()
    event.load(json.loads(data))
    return event


def exported(house: House, reader: Reader, ref: Ref) -> MISPEvent:
    room = house.room(reader)
    return loaded(event_of_report(room, room.get(ref), LOCAL))


def values(event: MISPEvent) -> list[str]:
    return sorted(str(one.value) for one in event.attributes)


def test_a_report_is_an_event_of_what_it_holds_under_its_own_label(
    house: House, hand: Hands, amber: Labels, belong: Callable[..., None]
) -> None:
    belong("ICI", "QAT")
    kwt = hand("KWT")
    enter(house, kwt, indicator(1, "first.example"), amber("ICI"))
    enter(house, kwt, indicator(2, "second.example"), amber(tlp="TLP:CLEAR"))
    enter(house, kwt, indicator(3, "narrower.example"), amber("QAT"))
    enter(house, kwt, indicator(4, "aside.example"), amber("ICI"))
    ref = enter(house, kwt, report(*(ident("indicator", n) for n in (1, 2, 3, 5))), amber("ICI"))

    event = exported(house, Reader("a Qatari", "QAT"), ref)

    assert (event.info, str(event.distribution), event.orgc.name) == (
        "Phishing against port operators", "1", "Example CERT of Kuwait"
    )  # fmt: skip
    assert values(event) == ["first.example", "second.example"]
    assert [tag.name for tag in event.tags] == ["tlp:amber"]


def test_the_newest_version_of_what_a_report_holds_is_exported_and_its_own_originators_first(
    house: House, hand: Hands, amber: Labels, reader: Readers
) -> None:
    kwt, clear = hand("KWT"), amber(tlp="TLP:CLEAR")
    enter(house, kwt, indicator(1, "new.example", modified=T2), clear)
    enter(house, kwt, indicator(1, "old.example"), clear)
    enter(house, hand("QAT"), indicator(1, "other.example", modified="2017-01-22T08:00:00.000Z"), clear)
    ref = enter(house, kwt, report(ident("indicator", 1)), clear)

    assert values(exported(house, reader("QAT"), ref)) == ["new.example"]


def test_what_another_originator_entered_under_the_same_words_is_for_other_readers_and_left_out(
    house: House, hand: Hands, amber: Labels, reader: Readers
) -> None:
    ref = enter(house, hand("KWT"), report(ident("indicator", 1), ident("indicator", 2)), amber("QAT"))
    enter(house, hand("KWT"), indicator(1, "ours.example"), amber("QAT"))
    enter(house, hand("BHR"), indicator(2, "theirs.example"), amber("QAT"))
    assert house.room(reader("QAT")).count() == 3

    # "Releasable to QAT" by Bahrain is for Bahrain and Qatar; the event would be for Kuwait and Qatar.
    assert values(exported(house, reader("QAT"), ref)) == ["ours.example"]


def test_what_is_no_report_or_has_a_label_that_misp_cannot_say_is_not_exported(
    house: House, hand: Hands, amber: Labels, reader: Readers
) -> None:
    one = enter(house, hand("KWT"), indicator(1, "ours.example"), amber("QAT"))
    ref = enter(house, hand("KWT"), report(ident("indicator", 1)), amber("JOR"))

    with pytest.raises(NotFound):
        exported(house, reader("QAT"), one)
    with pytest.raises(NotAllowed, match=r"MISP cannot say this label\..*Nothing was exported"):
        exported(house, reader("JOR"), ref)
