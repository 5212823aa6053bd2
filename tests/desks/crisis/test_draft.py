from __future__ import annotations

import msgspec
import pytest

from diwan.desks.crisis.kinds import LABEL, Brief, LabelClaim, MsgType, Scope, Severity, Status, instant_of
from diwan.desks.crisis.kinds.codes import Category, Certainty, Urgency
from diwan.desks.crisis.parse import parse, read_alert
from diwan.desks.crisis.parse.names import named_in
from diwan.terms.gate import World
from diwan.terms.item import Alias, Link, Part

NAMES = {
    "Kuwait": "KWT",
    "Koweït": "KWT",
    "الكويت": "KWT",
    "KWT": "KWT",
    "Saudi Arabia": "SAU",
    "Arabie saoudite": "SAU",
    "Qatar": "QAT",
    "قطر": "QAT",
    "ARE": "ARE",
    "Oman": "OMN",
}


def test_the_bytes_are_the_one_part_unchanged(oil: bytes) -> None:
    assert parse(oil, {}).parts == (Part("alert.xml", "application/cap+xml", oil),)


def test_a_draft_says_what_lists_search_and_correlation_need(oil: bytes) -> None:
    draft = parse(oil, NAMES)

    assert (draft.kind, draft.title, draft.author) == ("crisis.alert", "Oil sheen off Kuwait", "Regional Centre Watch")
    assert draft.aliases == (Alias("cap", "watch@centre.example,KW-2017-014,2017-01-24T08:00:00+03:00"),)
    assert draft.values == ("SPILL-7", "North Bay", "ISO3166-2=KW-AH")
    assert draft.names == ("KWT", "QAT", "SAU")
    assert set(draft.facets) == {
        ("status", "Actual"),
        ("msgType", "Alert"),
        ("sender", "watch@centre.example"),
        ("severity", "Moderate"),
        ("severity", "Severe"),
        ("urgency", "Expected"),
        ("certainty", "Likely"),
        ("language", "en"),
        ("language", "fr"),
        ("language", "ar"),
        ("category", "Infra"),
        ("category", "Env"),
        ("eventCode", "OET=OET-131"),
    }
    assert "Reduce intake and report sightings." in draft.text
    assert {"بقعة نفط قبالة الكويت وقطر", "Nord du Golfe", "Marée noire"} <= set(draft.text)


def test_a_brief_shows_an_alert_without_its_xml(oil: bytes) -> None:
    brief = msgspec.json.decode(parse(oil, {}).brief, type=Brief)

    assert brief == Brief(
        identifier="KW-2017-014",
        sender="watch@centre.example",
        sent="2017-01-24T08:00:00+03:00",
        sent_at=1_485_234_000_000_000,
        status=Status.ACTUAL,
        msg_type=MsgType.ALERT,
        scope=Scope.PUBLIC,
        headlines={
            "en": "Oil sheen off Kuwait",
            "fr": "Nappe d’huile au large du Koweït",
            "ar": "بقعة نفط قبالة الكويت وقطر",
        },
        event="Marée noire",
        severity=Severity.SEVERE,
        urgency=Urgency.EXPECTED,
        certainty=Certainty.LIKELY,
        categories=(Category.INFRA, Category.ENV),
        effective=instant_of("2017-01-24T08:00:00+03:00"),
        onset=instant_of("2017-01-24T09:00:00+03:00"),
        expires=instant_of("2017-01-24T22:00:00+03:00"),
        areas=("Northern Gulf", "Nord du Golfe", "شمال الخليج"),
        has_geometry=True,
        boxes=((48.5, 29.0, 49.0, 29.5),),
        outlines=(((48.5, 29.0), (48.5, 29.5), (49.0, 29.5), (49.0, 29.0), (48.5, 29.0)),),
        circles=((48.75, 29.25, 12.5),),
        incidents=("SPILL-7", "North Bay"),
        note="First report",
        languages=("en", "fr", "ar"),
        label_claim=LabelClaim(marking="UNCLASSIFIED"),
    )


def test_a_label_inside_the_alert_is_kept_as_a_claim_and_not_read(oil: bytes) -> None:
    parameter = f"<parameter><valueName>{LABEL}</valueName><value>&lt;label/> KWT</value></parameter><resource>"
    brief = msgspec.json.decode(parse(oil.replace(b"<resource>", parameter.encode()), {}).brief, type=Brief)

    assert brief.label_claim == LabelClaim(label="<label/> KWT", marking="UNCLASSIFIED")


def test_an_alert_with_one_open_ended_block_has_no_end(oil: bytes) -> None:
    text = oil.decode().replace("<expires>2017-01-24T20:00:00+03:00</expires>", "")

    assert msgspec.json.decode(parse(text.encode(), {}).brief, type=Brief).expires is None


def test_a_huge_outline_is_thinned_and_still_closed(oil: bytes) -> None:
    ring = (
        [f"{n / 1000:.3f},0" for n in range(5000)] + [f"{n / 1000:.3f},1" for n in reversed(range(5000))] + ["0.000,0"]
    )
    text = oil.decode().replace("29.0,48.5 29.5,48.5 29.5,49.0 29.0,49.0 29.0,48.5", " ".join(ring))

    (outline,) = msgspec.json.decode(parse(text.encode(), {}).brief, type=Brief).outlines

    assert len(outline) <= 65
    assert outline[0] == outline[-1] == (0.0, 0.0)


def test_a_box_across_the_antimeridian_is_narrow(oil: bytes) -> None:
    text = oil.decode().replace(
        "29.0,48.5 29.5,48.5 29.5,49.0 29.0,49.0 29.0,48.5", "10,179 12,179 12,-179 10,-179 10,179"
    )

    assert msgspec.json.decode(parse(text.encode(), {}).brief, type=Brief).boxes == ((179.0, 10.0, -179.0, 12.0),)


@pytest.mark.parametrize(
    ("status", "world"),
    [
        ("Actual", World.ACTUAL),
        ("Exercise", World.EXERCISE),
        ("System", World.TEST),
        ("Test", World.TEST),
        ("Draft", World.TEST),
    ],
)
def test_each_status_speaks_of_one_world(oil: bytes, status: str, world: World) -> None:
    assert parse(oil.replace(b"<status>Actual", f"<status>{status}".encode()), {}).world is world


@pytest.mark.parametrize(
    ("kind", "relation"),
    [
        ("Alert", "references"),
        ("Update", "updates"),
        ("Cancel", "cancels"),
        ("Ack", "acknowledges"),
        ("Error", "rejects"),
    ],
)
def test_references_become_links_named_after_the_message_type(oil: bytes, kind: str, relation: str) -> None:
    names = ["a,1,2017-01-24T07:00:00+03:00", "a,2,2017-01-24T06:00:00+03:00"]
    text = oil.decode().replace("<msgType>Alert", f"<msgType>{kind}")
    text = text.replace("<incidents>", f"<references>{' '.join(names)}\n</references><incidents>")

    assert parse(text.encode(), {}).links == tuple(Link(relation, Alias("cap", name)) for name in names)


def test_an_alert_without_information_is_called_by_type_and_identifier(oil: bytes) -> None:
    text = oil.decode()
    bare = text[: text.index("<info>")] + "</alert>"

    draft = parse(bare.encode(), {})

    assert (draft.title, draft.author) == ("Alert KW-2017-014", "watch@centre.example")


def test_every_element_is_read_and_order_kept(oil: bytes) -> None:
    alert = read_alert(oil)

    assert (alert.source, alert.code, alert.incidents) == ("Port control", ("diwan:1",), 'SPILL-7 "North Bay"')
    assert [info.language for info in alert.info] == ["en", "fr", "ar"]
    assert alert.info[0].resource[0].digest == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert str(alert.info[0].area[0].geocode[0]) == "ISO3166-2=KW-AH"
    assert (alert.info[0].area[0].altitude, alert.info[0].area[0].ceiling) == ("0", "100")


@pytest.mark.parametrize(
    ("text", "parties"),
    [
        ("Sheen off KUWAIT, kuwait", ("KWT",)),
        ("Kuwaiti waters", ()),
        ("au large du koweit", ("KWT",)),
        ("l'Arabie saoudite", ("SAU",)),
        ("Saudi\n Arabia and Qatar", ("QAT", "SAU")),
        ("Arabia Saudi", ()),
        ("في الكويت", ("KWT",)),
        ("للكويت ولقطر", ("KWT", "QAT")),
        ("وبالكُوَيت", ("KWT",)),
        ("قطرات ماء", ()),
        ("Romans and women", ()),
        ("the roads are closed", ()),
        ("released to ARE only", ("ARE",)),
        ("ALL ROADS ARE CLOSED", ()),
        ("QATAR ALERT", ("QAT",)),
    ],
)
def test_parties_are_named_by_whole_words_in_three_languages(text: str, parties: tuple[str, ...]) -> None:
    assert named_in([text], NAMES) == parties


def test_a_name_behind_hundreds_of_areas_is_still_found(oil: bytes) -> None:
    areas = "".join(f"<area><areaDesc>Sector {n}</areaDesc></area>" for n in range(600))
    last = "<area><areaDesc>Coast of Oman</areaDesc></area>"

    assert "OMN" in parse(oil.replace(b"</info>", f"{areas}{last}</info>".encode(), 1), NAMES).names
