from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from diwan.desks.crisis.kinds import Alert, Area, Info, Pair, Resource
from diwan.desks.crisis.kinds.codes import (
    Category,
    Certainty,
    MsgType,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
)
from diwan.desks.crisis.parse import check, read_alert
from diwan.desks.crisis.parse.structure import shape
from diwan.desks.crisis.render import Entry, alert_json, atom_feed, cap_xml, geojson
from diwan.terms.errors import Malformed

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
dates = st.sampled_from(["2017-01-24T08:00:00+03:00", "2017-01-24T05:00:00-00:00", "2017-12-31T24:00:00+14:00"])
pairs = st.lists(st.builds(Pair, value_name=words, value=words), max_size=2).map(tuple)
maybe = st.none() | words
heights = st.none() | st.sampled_from(["0", "-5.5", "29000"])
areas = st.builds(
    Area,
    area_desc=words,
    polygon=st.lists(words, max_size=2).map(tuple),
    circle=st.lists(words, max_size=2).map(tuple),
    geocode=pairs,
    altitude=heights,
    ceiling=heights,
)
resources = st.builds(
    Resource,
    resource_desc=words,
    mime_type=words,
    size=st.none() | st.just("12"),
    uri=st.none() | st.just("a/b"),
    deref_uri=maybe,
    digest=maybe,
)
infos = st.builds(
    Info,
    language=st.sampled_from([None, "", "ar", "fr-FR"]),
    category=st.lists(st.sampled_from(Category), min_size=1, max_size=3).map(tuple),
    event=words,
    response_type=st.lists(st.sampled_from(ResponseType), max_size=2).map(tuple),
    urgency=st.sampled_from(Urgency),
    severity=st.sampled_from(Severity),
    certainty=st.sampled_from(Certainty),
    audience=maybe,
    event_code=pairs,
    effective=st.none() | dates,
    onset=st.none() | dates,
    expires=st.none() | dates,
    sender_name=maybe,
    headline=maybe,
    description=maybe,
    instruction=maybe,
    web=st.none() | st.just("https://centre.example/é?x=1#y"),
    contact=maybe,
    parameter=pairs,
    resource=st.lists(resources, max_size=2).map(tuple),
    area=st.lists(areas, max_size=2).map(tuple),
)
alerts = st.builds(
    Alert,
    identifier=words,
    sender=words,
    sent=dates,
    status=st.sampled_from(Status),
    msg_type=st.sampled_from(MsgType),
    source=maybe,
    scope=st.sampled_from(Scope),
    restriction=maybe,
    addresses=maybe,
    code=st.lists(words, max_size=2).map(tuple),
    note=maybe,
    references=maybe,
    incidents=maybe,
    info=st.lists(infos, max_size=2).map(tuple),
)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(alerts)
def test_an_alert_written_and_read_again_is_the_same_alert(alert: Alert) -> None:
    assert shape(etree.fromstring(cap_xml(alert))) == (alert, [])


@settings(max_examples=60, derandomize=True, deadline=None)
@given(alerts)
def test_what_is_written_fits_the_oasis_schema(schema: etree.XMLSchema, alert: Alert) -> None:
    schema.assertValid(etree.fromstring(cap_xml(alert)))


def test_the_specimen_written_anew_holds_the_same_values(oil: bytes) -> None:
    written = cap_xml(read_alert(oil))

    assert read_alert(written) == read_alert(oil)
    assert check(written) == ()


def test_markup_in_a_text_stays_text(oil: bytes) -> None:
    alert = read_alert(oil.replace(b"First report", b"&lt;/note>&lt;status>Test&lt;/status>"))

    assert read_alert(cap_xml(alert)).note == "</note><status>Test</status>"


def test_a_text_that_xml_cannot_carry_is_refused(oil: bytes) -> None:
    alert = read_alert(oil)
    broken = Alert(
        identifier="X",
        sender="s",
        sent=alert.sent,
        status=alert.status,
        msg_type=alert.msg_type,
        scope=alert.scope,
        note="a\x07b",
    )

    with pytest.raises(Malformed, match="Nothing was written"):
        cap_xml(broken)


def test_json_has_the_names_of_the_xml_and_arrays_where_elements_repeat(oil: bytes) -> None:
    told = alert_json(read_alert(oil))

    assert (told["msgType"], told["code"]) == ("Alert", ["diwan:1"])
    assert "references" not in told
    assert [info["language"] for info in told["info"]] == ["en", "fr", "ar"]
    first = told["info"][0]
    assert first["eventCode"] == [{"valueName": "OET", "value": "OET-131"}]
    assert first["resource"][0]["mimeType"] == "image/png"
    assert first["area"][0]["circle"] == ["29.25,48.75 12.5"]
    names = {etree.QName(node).localname for node in etree.fromstring(oil).iter()}
    assert keys_of(told) | {"alert"} == names


def keys_of(told: object) -> set[str]:
    if isinstance(told, dict):
        return set(told).union(*map(keys_of, told.values()))
    if isinstance(told, list):
        return set().union(*map(keys_of, told))
    return set()


def with_area(oil: bytes, old: str, new: str) -> Alert:
    return read_alert(oil.decode().replace(old, new, 1).encode())


POLYGON = "<polygon>29.0,48.5 29.5,48.5 29.5,49.0 29.0,49.0 29.0,48.5</polygon>"
CIRCLE = "<circle>29.25,48.75 12.5</circle>"


def test_a_map_gets_each_area_with_longitude_first_and_counter_clockwise(oil: bytes) -> None:
    drawn = geojson(read_alert(oil))

    assert (drawn["type"], drawn["hasGeometry"], len(drawn["features"])) == ("FeatureCollection", True, 3)
    ring = drawn["features"][0]["geometry"]["coordinates"][0][0]
    assert ring == [[48.5, 29.0], [49.0, 29.0], [49.0, 29.5], [48.5, 29.5], [48.5, 29.0]]
    assert drawn["features"][0]["properties"]["areaDesc"] == "Northern Gulf"


def test_a_circle_keeps_its_radius_in_every_direction(oil: bytes) -> None:
    alert = with_area(oil, POLYGON + "\n      " + CIRCLE, "<circle>60,10 100</circle>")

    (ring,) = geojson(alert)["features"][0]["geometry"]["coordinates"][0]

    assert len(ring) == 65
    assert ring[0] == ring[-1]
    distances = [distance(10, 60, lon, lat) for lon, lat in ring]
    assert max(abs(km - 100) for km in distances) < 1.5


def distance(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    a, b, c, d = map(math.radians, (lon1, lat1, lon2, lat2))
    return (
        2
        * 6371.0088
        * math.asin(math.sqrt(math.sin((d - b) / 2) ** 2 + math.cos(b) * math.cos(d) * math.sin((c - a) / 2) ** 2))
    )


def test_a_polygon_across_the_antimeridian_is_cut_in_two(oil: bytes) -> None:
    alert = with_area(oil, POLYGON + "\n      " + CIRCLE, "<polygon>10,179 12,179 12,-179 10,-179 10,179</polygon>")

    rings = [polygon[0] for polygon in geojson(alert)["features"][0]["geometry"]["coordinates"]]

    assert sorted(sorted({lon for lon, _ in ring}) for ring in rings) == [[-180.0, -179.0], [179.0, 180.0]]


def test_a_circle_across_the_antimeridian_stays_on_the_map(oil: bytes) -> None:
    alert = with_area(oil, POLYGON + "\n      " + CIRCLE, "<circle>0,-179.9 100</circle>")

    rings = [polygon[0] for polygon in geojson(alert)["features"][0]["geometry"]["coordinates"]]

    assert len(rings) == 2
    assert all(-180 <= lon <= 180 and ring[0] == ring[-1] for ring in rings for lon, _ in ring)


def test_an_alert_without_a_shape_is_on_the_list_and_says_so(oil: bytes) -> None:
    text = oil.decode().replace(POLYGON, "").replace(CIRCLE, "")

    drawn = geojson(read_alert(text.encode()))

    assert drawn["hasGeometry"] is False
    assert [(f["geometry"], f["properties"]["hasGeometry"]) for f in drawn["features"]] == [(None, False)] * 3


def test_real_alerts_are_drawn_within_the_world(shared: Path) -> None:
    for path in sorted((shared / "real").glob("*.cap")):
        data = path.read_bytes()
        if any(found.severity == "error" for found in check(data)):
            continue
        for feature in geojson(read_alert(data))["features"]:
            for polygon in (feature["geometry"] or {"coordinates": []})["coordinates"]:
                for lon, lat in polygon[0]:
                    assert -180 <= lon <= 180
                    assert -90 <= lat <= 90
                assert polygon[0][0] == polygon[0][-1]


def test_a_feed_links_every_entry_to_its_cap_document() -> None:
    at = 1_485_234_000_000_000
    entry = Entry(
        id="urn:diwan:KWT:9f86d081",
        title="Oil <sheen>",
        updated=at,
        author="Watch",
        href="https://centre.example/alerts/1",
        summary="S",
        language="en",
        categories=("Env",),
    )
    feed = etree.fromstring(atom_feed("Alerts", "https://centre.example/feed", at, [entry]))
    ns = {"a": "http://www.w3.org/2005/Atom"}

    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    assert feed.findtext("a:id", None, ns) == "https://centre.example/feed"
    assert feed.findtext("a:updated", None, ns) == "2017-01-24T05:00:00Z"
    (node,) = feed.findall("a:entry", ns)
    assert [etree.QName(child).localname for child in node] == [
        "id",
        "title",
        "updated",
        "author",
        "link",
        "category",
        "summary",
    ]
    assert node.findtext("a:title", None, ns) == "Oil <sheen>"
    link = node.find("a:link", ns)
    assert link is not None
    assert dict(link.attrib) == {
        "rel": "alternate",
        "type": "application/cap+xml",
        "href": "https://centre.example/alerts/1",
    }


def test_an_empty_feed_is_a_feed() -> None:
    feed = etree.fromstring(atom_feed("Alerts", "https://centre.example/feed", 0, []))

    assert [etree.QName(child).localname for child in feed] == ["id", "title", "updated", "link"]
