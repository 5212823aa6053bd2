"""ADatP-4774 XML: the round trip, and everything that is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from diwan.release.marking import parse_marking
from diwan.release.policy import Policy
from diwan.release.stanag4774 import NAMESPACE, from_xml, to_xml
from diwan.terms.errors import Malformed
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession
from diwan.terms.time import instant

CREATED = instant(datetime(2017, 1, 24, 8, tzinfo=UTC))
SPECIMEN = f"""<?xml version="1.0" encoding="UTF-8"?>
<s:originatorConfidentialityLabel xmlns:s="{NAMESPACE}" ReviewDateTime="2018-01-24T11:00:00+03:00">
  <s:ConfidentialityInformation>
    <s:PolicyIdentifier>Nato-Example</s:PolicyIdentifier>
    <s:Classification>unclassified</s:Classification>
    <s:Category Type="PERMISSIVE" TagName="CONTEXT">
      <s:GenericValue>nato</s:GenericValue><s:GenericValue>RELEASABLE</s:GenericValue>
    </s:Category>
    <s:Category Type="PERMISSIVE" TagName="Releasable To"><s:GenericValue>BAH</s:GenericValue></s:Category>
  </s:ConfidentialityInformation>
  <s:OriginatorID IDType="rfc822Name">registry@example.org</s:OriginatorID>
  <s:CreationDateTime>2017-01-24T08:00:00Z</s:CreationDateTime>
</s:originatorConfidentialityLabel>
"""


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_label_written_and_read_is_the_same_label(
    data: st.DataObject, policies: dict[str, Policy], legal_labels: Callable[[Policy], st.SearchStrategy[Label]]
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    label = data.draw(legal_labels(policy))

    written = to_xml(label, created=CREATED, originator="KWT", policy=policy)

    assert from_xml(written, list(policies.values())) == label


def test_label_is_written_in_the_order_and_words_of_the_standard(policies: dict[str, Policy]) -> None:
    known = list(policies.values())
    low, high = parse_marking("TLP:CLEAR", known), parse_marking("TLP:RED // KWT ONLY // Not to be passed on", known)
    label = msgspec.structs.replace(high, review_at=CREATED + 1, succession=Succession(CREATED + 2_000_000, low))

    root = etree.fromstring(to_xml(label, created=CREATED, originator="KWT", policy=policies["TLP"]))

    q = f"{{{NAMESPACE}}}"
    assert root.tag == f"{q}originatorConfidentialityLabel"
    assert dict(root.attrib) == {"ReviewDateTime": "2017-01-24T08:00:00.000001Z"}
    assert [child.tag.removeprefix(q) for child in root] == [
        "ConfidentialityInformation",
        "OriginatorID",
        "CreationDateTime",
        "SuccessionHandling",
    ]
    information = root[0]
    assert information.findtext(f"{q}PolicyIdentifier") == "TLP"
    assert information[0].get("URI") == "urn:diwan:policy:tlp"
    assert [(dict(c.attrib), [v.text for v in c]) for c in information.findall(f"{q}Category")] == [
        ({"Type": "PERMISSIVE", "TagName": "Only"}, ["KWT"]),
        ({"Type": "INFORMATIVE", "TagName": "TLP", "URI": "urn:diwan:handling"}, ["TLP:RED"]),
        ({"Type": "INFORMATIVE", "TagName": "Passing On", "URI": "urn:diwan:handling"}, ["No"]),
    ]
    assert (root[1].get("IDType"), root[1].text) == ("uniformResourceIdentifier", "urn:diwan:party:KWT")
    assert root[2].text == "2017-01-24T08:00:00Z"
    assert root[3].findtext(f"{q}SuccessionDateTime") == "2017-01-24T08:00:02Z"
    assert root[3].find(f"{q}SuccessorConfidentialityLabel/{q}CreationDateTime") is not None


def test_others_spelling_is_read_as_the_policy_spells_it(policies: dict[str, Policy]) -> None:
    P = CategoryType.PERMISSIVE

    assert from_xml(SPECIMEN.encode(), list(policies.values())) == Label(
        "NATO-EXAMPLE",
        "UNCLASSIFIED",
        (Category("Context", P, ("NATO", "Releasable")), Category("Releasable To", P, ("BHR",))),
        review_at=instant(datetime(2018, 1, 24, 8, tzinfo=UTC)),
    )


def test_unknown_words_are_read_as_they_are_and_found_invalid(policies: dict[str, Policy]) -> None:
    spoilt = SPECIMEN.replace("unclassified", "ultra").replace("CONTEXT", "Circle")

    label = from_xml(spoilt.encode(), list(policies.values()))

    assert (label.classification, label.categories[0].tag) == ("ultra", "Circle")
    assert not policies["NATO-EXAMPLE"].valid(label)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<s:originator", "<!DOCTYPE x><s:originator", "it has a DOCTYPE"),
        ("originatorConf", "alternativeConf", "is not an originator's label"),
        (NAMESPACE, NAMESPACE[:-1] + "9", "is not an originator's label"),
        ("Nato-Example", "Elsewhere", "no policy “Elsewhere”"),
        ("<s:PolicyIdentifier>", '<s:PolicyIdentifier URI="urn:oid:1.2">', "with URI urn:oid:1.2 is installed"),
        ("<s:Classification>unclassified</s:Classification>", "", "<Classification> is missing or out of place"),
        ("<s:CreationDateTime>2017-01-24T08:00:00Z</s:CreationDateTime>", "", "<CreationDateTime> is missing"),
        ("T08:00:00Z<", "T08:00:00<", "is not a date and time with an offset"),
        ("2017-01-24T08:00:00Z<", "2017-02-30T08:00:00Z<", "is not a date and time"),
        ("2018-01-24", "W", "is not a date and time with an offset"),
        ("</s:Classification>", "</s:Classification><s:PrivacyMark>x</s:PrivacyMark>", "PrivacyMark is not kept here"),
        ("</s:ConfidentialityI", '<x xmlns="urn:x"/></s:ConfidentialityI', "{urn:x}x is not kept here"),
        ("<s:GenericValue>BAH</s:GenericValue>", "<s:IntegerValue>7</s:IntegerValue>", "IntegerValue is not kept here"),
        ("BAH", "B<i/>AH", "holds elements where text belongs"),
        ('Type="PERMISSIVE" TagName="Releasable To"', 'Type="HOPEFUL" TagName="x"', "“HOPEFUL” is not a category type"),
        ('TagName="Releasable To"', 'TagName="Releasable To" Weight="1"', "attribute Weight is not kept here"),
        ('TagName="Releasable To"', 'TagName="TLP" URI="urn:diwan:handling"', "of type PERMISSIVE is unknown"),
        ("BAH", "&wide;", "not XML"),
        ("</s:originatorConfidentialityLabel>", "", "not XML"),
    ],
)
def test_what_cannot_be_kept_is_refused(old: str, new: str, reason: str, policies: dict[str, Policy]) -> None:
    assert old in SPECIMEN

    with pytest.raises(Malformed, match="Not read") as refused:
        from_xml(SPECIMEN.replace(old, new).encode(), list(policies.values()))

    assert reason in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7", "cp037"])
def test_doctype_in_another_encoding_reaches_no_parser(encoding: str, policies: dict[str, Policy]) -> None:
    hidden = SPECIMEN.replace("UTF-8", encoding).replace("<s:orig", '<!DOCTYPE é [<!ENTITY w "BAH">]><s:orig')

    with pytest.raises(Malformed, match="Not read"):
        from_xml(hidden.encode(encoding), list(policies.values()))


def test_comment_inside_a_value_does_not_cut_it_short(policies: dict[str, Policy]) -> None:
    label = from_xml(SPECIMEN.replace("BAH", "KW<!-- -->T").encode(), list(policies.values()))

    assert label.categories[1].values == ("KWT",)


def test_bytes_beyond_any_label_are_refused_unread(policies: dict[str, Policy]) -> None:
    with pytest.raises(Malformed, match="are more than"):
        from_xml(SPECIMEN.encode() + b" " * 300_000, list(policies.values()))


@pytest.mark.parametrize(
    "handling",
    [
        '<s:Category Type="INFORMATIVE" TagName="TLP" URI="urn:diwan:handling"/>',
        '<s:Category Type="INFORMATIVE" TagName="Passing On" URI="urn:diwan:handling">'
        "<s:GenericValue>Yes</s:GenericValue></s:Category>",
        '<s:Category Type="INFORMATIVE" TagName="Speed" URI="urn:diwan:handling">'
        "<s:GenericValue>Fast</s:GenericValue></s:Category>",
    ],
)
def test_handling_that_is_not_understood_is_refused(handling: str, policies: dict[str, Policy]) -> None:
    spoilt = SPECIMEN.replace("</s:ConfidentialityI", handling + "</s:ConfidentialityI")

    with pytest.raises(Malformed, match="handling"):
        from_xml(spoilt.encode(), list(policies.values()))


def test_invalid_label_is_not_written(policies: dict[str, Policy]) -> None:
    with pytest.raises(Malformed, match="was not written"):
        to_xml(
            Label("TLP", "UNCLASSIFIED", (), Handling("TLP:RED")), created=1, originator="KWT", policy=policies["TLP"]
        )
