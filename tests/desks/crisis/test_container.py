from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from lxml import etree

from diwan.desks.crisis.kinds import Brief
from diwan.desks.crisis.parse import (
    Found,
    alerts_in,
    check,
    drafts_in,
    parse,
    parse_edition,
    read_alert,
    upgrade,
)
from diwan.terms.errors import Malformed
from diwan.terms.finding import Reject
from diwan.terms.item import Draft, Part

Specimen = Callable[[str], bytes]


def body(data: bytes) -> bytes:
    return data.split(b"?>", 1)[1].strip()


def atom(*alerts: bytes) -> bytes:
    entries = b"".join(
        b"<entry>\n<title>x</title><content type='text/xml'>\n" + alert + b"</content></entry>\n" for alert in alerts
    )
    return b"<feed xmlns='http://www.w3.org/2005/Atom' xmlns:geo='urn:geo'>\n" + entries + b"</feed>"


def rss(*alerts: bytes) -> bytes:
    return b"<rss version='2.0'><channel>" + b"".join(b"<item>" + a + b"</item>" for a in alerts) + b"</channel></rss>"


def envelope(*alerts: bytes) -> bytes:
    de = "urn:oasis:names:tc:emergency:EDXL:DE:1.0"
    objects = b"".join(
        b"<de:contentObject><de:xmlContent><de:embeddedXMLContent>"
        + alert
        + b"</de:embeddedXMLContent></de:xmlContent></de:contentObject>"
        for alert in alerts
    )
    return f"<de:EDXLDistribution xmlns:de='{de}'>".encode() + objects + b"</de:EDXLDistribution>"


@pytest.mark.parametrize("wrap", [atom, rss, envelope])
def test_embedded_alerts_are_cut_out_as_they_are(oil: bytes, specimen: Specimen, wrap: Callable[..., bytes]) -> None:
    found = list(alerts_in(wrap(body(oil), body(specimen("old11.xml"))), "in.xml"))

    assert [(one.version, type(one)) for one in found if isinstance(one, Found)] == [("1.2", Found), ("1.1", Found)]
    assert isinstance(found[0], Found)
    assert read_alert(found[0].data) == read_alert(oil)
    assert found[0].where.endswith("//alert[1]")


def test_the_text_of_an_embedded_alert_keeps_its_white_space_and_comments(oil: bytes) -> None:
    inside = body(oil).replace(b"First report", b"First\n  report <!-- as told -->")

    (found,) = alerts_in(atom(inside), "in.atom")

    assert isinstance(found, Found)
    plain, cut = (
        etree.tostring(etree.fromstring(data), method="c14n", exclusive=True) for data in (inside, found.data)
    )
    assert plain == cut


def test_every_fault_in_a_feed_is_told_with_file_place_line_and_rule(oil: bytes) -> None:
    faulty = body(oil).replace(b"<severity>Moderate", b"<severity>Bad")
    feed = atom(body(oil), faulty)
    line = next(n for n, text in enumerate(feed.splitlines(), 1) if b"Bad" in text)

    drafts = list(drafts_in(feed, "gulf.atom", {}))

    assert isinstance(drafts[0], Draft)
    assert isinstance(drafts[1], Reject)
    assert (drafts[1].file, drafts[1].where) == ("gulf.atom", "/feed//alert[2]")
    assert [(f.rule, f.path, f.line) for f in drafts[1].findings] == [("xsd.enum", "/alert/info[1]/severity", line)]


def test_an_alert_inside_an_alert_is_not_a_second_one(oil: bytes) -> None:
    nested = body(oil).replace(b"</alert>", body(oil) + b"</alert>")

    assert len(list(alerts_in(atom(nested), "in.atom"))) == 1


def test_a_feed_that_only_links_holds_nothing() -> None:
    assert list(alerts_in(atom(b""), "in.atom")) == []


def test_xml_of_another_kind_is_rejected_by_its_root() -> None:
    (reject,) = alerts_in(b"<html/>", "page.html")

    assert isinstance(reject, Reject)
    assert [f.rule for f in reject.findings] == ["namespace"]


def test_an_old_message_becomes_an_edition_with_the_original_beside_it(specimen: Specimen) -> None:
    data = specimen("old11.xml")

    draft = parse_edition(data, {})

    assert draft.parts[1] == Part("original.xml", "application/xml", data)
    assert [f.rule for f in check(data)] == ["namespace"]
    assert [f.rule for f in check(draft.parts[0].data)] == []
    brief = msgspec.json.decode(draft.brief, type=Brief)
    assert (brief.cap_version, brief.sent) == ("1.1", "2009-05-01T06:00:00-00:00")
    assert brief.references == ("ops@gulf.example,QA-2009-2,2009-05-01T05:00:00-00:00",)
    assert read_alert(draft.parts[0].data).info[0].resource[0].mime_type == "application/octet-stream"


def test_cap_1_0_gets_pairs_a_category_and_the_new_order_and_loses_its_password(specimen: Specimen) -> None:
    edition, version = upgrade(specimen("old10.xml"))

    alert = read_alert(edition)
    assert version == "1.0"
    assert b"hunter2" not in edition
    assert [str(code) for code in alert.info[0].event_code] == ["SAME=CIV"]
    assert (alert.info[0].category, alert.info[0].certainty) == (("Other",), "Likely")
    assert check(edition) == ()


def test_an_edition_of_a_faulty_old_message_is_refused(specimen: Specimen) -> None:
    data = specimen("old11.xml").replace(b"<severity>Severe", b"<severity>")

    (reject,) = drafts_in(data, "old.cap", {})

    assert isinstance(reject, Reject)
    assert [f.rule for f in reject.findings] == ["xsd.enum"]
    with pytest.raises(Malformed, match=r"xsd\.enum"):
        parse_edition(data, {})


def test_only_an_old_message_has_an_edition(oil: bytes) -> None:
    with pytest.raises(Malformed, match=r"not a CAP 1\.0 or 1\.1 alert"):
        upgrade(oil)
    with pytest.raises(Malformed, match="namespace"):
        parse(b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.1'/>", {})
