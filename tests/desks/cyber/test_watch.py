from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from diwan.desks.cyber.kinds.stix import MEDIA_TYPE, written_ms
from diwan.desks.cyber.kinds.warning import Match, WarningList, Warnings
from diwan.desks.cyber.watch import bundle_of, events_of, watched_of
from diwan.house import House
from diwan.reading import Query
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label
from diwan.terms.reader import Reader

DAY = 86_400_000_000
IDENT = str(UUID(int=1 << 76 | 1 << 63, version=4))
Enter = Callable[..., dict[str, Any]]


def indicator(clock: Any, value: str, *, age: int = 1, **more: object) -> dict[str, Any]:
    at = written_ms(clock.now - age * DAY)
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid4()}",
        "created": at,
        "modified": at,
        "name": f"Beacon to {value}",
        "pattern": f"[domain-name:value = '{value}']",
        "pattern_type": "stix",
        "valid_from": at,
        **more,
    }


def enter(house: House, hand: Hand, said: dict[str, Any], label: Label) -> dict[str, Any]:
    draft = house.draft(MEDIA_TYPE, msgspec.json.encode(said))
    house.take(hand, draft, label, originator=hand.reader.party)
    return said


def doubt(clock: Any, of: dict[str, Any]) -> dict[str, Any]:
    at = written_ms(clock.now)
    said = {"opinion": "strongly-disagree", "object_refs": [of["id"]], "labels": ["false-positive"]}
    head = {"type": "opinion", "spec_version": "2.1", "id": f"opinion--{uuid4()}", "created": at, "modified": at}
    return {**head, **said}


def watched(house: House, reader: Reader, warnings: Warnings | None = None) -> list[tuple[str, str, int]]:
    found = watched_of(house.room(reader), house.clock(), warnings)
    return sorted((one.observable.key, one.marking, one.score) for one in found)


def test_what_is_watched_is_released_valid_and_of_values_that_match_alone(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    kwt, to_qat = hand("KWT"), amber("QAT")
    both = "[domain-name:value = 'a.test.example' AND domain-name:value = 'b.test.example']"
    enter(house, kwt, indicator(clock, "fresh.example", confidence=80, age=9), to_qat)
    enter(house, kwt, indicator(clock, "hidden.example"), amber("BHR"))
    enter(house, kwt, indicator(clock, "old.example", age=91), to_qat)
    enter(house, kwt, indicator(clock, "ended.example", age=3, valid_until=written_ms(clock.now - DAY)), to_qat)
    enter(house, kwt, indicator(clock, "early.example", age=-2), to_qat)
    enter(house, kwt, indicator(clock, "revoked.example", revoked=True), to_qat)
    enter(house, kwt, indicator(clock, "both.example", pattern=both), to_qat)

    assert watched(house, reader("QAT")) == [("domain:fresh.example", "TLP:AMBER", 72)]
    assert [key for key, _, _ in watched(house, reader("BHR"))] == ["domain:hidden.example"]
    assert watched(house, reader("JOR")) == []


def test_a_newer_version_of_the_originator_replaces_what_is_watched(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    first = enter(house, hand("KWT"), indicator(clock, "first.example", age=2), amber("QAT"))
    pattern = "[domain-name:value = 'second.example']"
    enter(house, hand("KWT"), {**first, "modified": written_ms(clock.now), "pattern": pattern}, amber("QAT"))

    assert [key for key, _, _ in watched(house, reader("QAT"))] == ["domain:second.example"]


def test_one_doubt_of_the_reader_or_the_originator_is_enough_and_of_others_it_takes_two(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    said = enter(house, hand("KWT"), indicator(clock, "seen.example"), amber("QAT", "BHR", "JOR"))
    enter(house, hand("BHR"), doubt(clock, said), amber("QAT", "JOR"))

    assert [key for key, _, _ in watched(house, reader("QAT"))] == ["domain:seen.example"]
    assert watched(house, reader("BHR")) == []

    enter(house, hand("JOR"), doubt(clock, said), amber("QAT"))
    assert watched(house, reader("QAT")) == []
    # Bahrain's doubt alone is released to Kuwait's readers: none of it.
    assert [key for key, _, _ in watched(house, reader("KWT"))] == ["domain:seen.example"]


def test_what_stands_on_a_warning_list_is_watched_only_when_no_list_is_asked(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    enter(house, hand("KWT"), indicator(clock, "www.example.net"), amber("QAT"))
    enter(house, hand("KWT"), indicator(clock, "beacon.example"), amber("QAT"))
    lists = Warnings([WarningList("Everyday names", Match.HOSTNAME, ("example.net",))])

    assert [key for key, _, _ in watched(house, reader("QAT"), lists)] == ["domain:beacon.example"]
    assert [key for key, _, _ in watched(house, reader("QAT"))] == ["domain:beacon.example", "domain:www.example.net"]


def test_a_bundle_holds_the_exact_bytes_of_what_is_released_and_nothing_else(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    shown = enter(house, hand("KWT"), indicator(clock, "shown.example"), amber("QAT"))
    enter(house, hand("KWT"), indicator(clock, "hidden.example"), amber("BHR"))

    whole = b"".join(bundle_of(house.room(reader("QAT")), ident=IDENT))
    none = b"".join(bundle_of(house.room(reader("QAT")), Query(words="nobody"), ident=IDENT))

    assert msgspec.json.encode(shown) in whole
    assert msgspec.json.decode(whole) == {"type": "bundle", "id": f"bundle--{IDENT}", "objects": [shown]}
    assert msgspec.json.decode(none) == {"type": "bundle", "id": f"bundle--{IDENT}"}


def event(uuid: str, info: str, at: int, *attributes: dict[str, Any]) -> bytes:
    said = {"uuid": uuid, "info": info, "date": "2017-01-20", "timestamp": str(at), "threat_level_id": "1"}
    orgc = {"name": "Example Team", "uuid": "5f0f0c5a-0000-4000-8000-000000000001"}
    return msgspec.json.encode({"Event": {**said, "analysis": "0", "Orgc": orgc, "Attribute": attributes}})


def test_events_come_in_their_newest_edit_with_values_for_detection(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label]
) -> None:
    uuid, at = str(uuid4()), clock.now // 1_000_000
    value = {"category": "Network activity", "type": "domain", "value": "beacon.example", "uuid": str(uuid4())}
    named = {"category": "Payload delivery", "type": "filename|md5", "value": f"setup.exe|{'ab' * 16}"}
    old = event(uuid, "First", at - 60, {**value, "to_ids": True})
    new = event(uuid, "Second", at, {**value, "to_ids": False}, {**named, "uuid": str(uuid4()), "to_ids": True})
    hidden = event(str(uuid4()), "Hidden", at)
    for data, label in ((old, amber("QAT")), (new, amber("QAT")), (hidden, amber("BHR"))):
        draft: Draft = house.draft("application/vnd.misp+json", data)
        house.take(hand("KWT"), draft, label, originator="KWT")

    found = list(events_of(house.room(reader("QAT"))))

    assert [(brief.uuid, brief.info, data) for brief, data in found] == [(uuid, "Second", new)]
    assert [key for key, _, _ in watched(house, reader("QAT"))] == [f"md5:{'ab' * 16}"]


def said_of(clock: Any, attribute: str, kind: str, by: str = "", **more: Any) -> dict[str, Any]:
    at = written_ms(clock.now)
    about = {"sighting_of_ref": attribute} if kind == "sighting" else {"object_refs": [attribute]}
    head = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid4()}", "created": at, "modified": at}
    return {**head, **about, **({"created_by_ref": f"identity--{by}"} if by else {}), **more}


OVER = {"opinion": "neutral", "labels": ["expiration"]}
DOUBT = {"opinion": "strongly-disagree", "labels": ["false-positive"]}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ([("QAT", "", DOUBT)], True),
        ([("QAT", str(uuid4()), DOUBT), ("QAT", str(uuid4()), DOUBT)], True),
        ([("KWT", str(uuid4()), DOUBT)], True),
        ([("KWT", str(uuid4()), DOUBT), ("KWT", str(uuid4()), DOUBT)], False),
        ([("KWT", "", DOUBT)], False),
        ([("QAT", "", OVER)], True),
        ([("KWT", "", OVER)], False),
    ],
    ids=["one other", "one other in two names", "one at theirs", "two at theirs", "own", "over for another", "over"],
)
def test_what_is_said_of_an_attribute_by_items_of_their_own_counts_as_in_its_event(
    house: House, clock: Any, hand: Callable[..., Hand], reader: Callable[..., Reader], amber: Callable[..., Label],
    said: list[tuple[str, str, dict[str, Any]]], left: bool,
) -> None:  # fmt: skip
    attribute = {"category": "Network activity", "type": "domain", "value": "beacon.example", "uuid": str(uuid4())}
    data = event(str(uuid4()), "Beacons", clock.now // 1_000_000 - 60, {**attribute, "to_ids": True})
    house.take(hand("KWT"), house.draft("application/vnd.misp+json", data), amber("QAT", "BHR"), originator="KWT")
    assert watched(house, reader("BHR")) != []

    for party, by, more in said:
        told = said_of(clock, f"indicator--{attribute['uuid']}", "opinion", by, **more)
        enter(house, hand(party), told, amber("KWT", "QAT", "BHR"))

    assert bool(watched(house, reader("BHR"))) is left
