from __future__ import annotations

import json
from pathlib import Path

import pytest

from diwan.desks.crisis.parse import RULES, check, diwan
from diwan.terms.finding import Weight

FOREIGN = "<x xmlns='urn:x'/>"
DS = "<ds:{0} xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/>"
POLYGON = "29.0,48.5 29.5,48.5 29.5,49.0 29.0,49.0 29.0,48.5"
REFERENCE = "watch@centre.example,KW-2017-013,2017-01-24T07:00:00+03:00"

# rule, what is replaced in the specimen, by what, where it must be found.  Each breaks this rule and no other.
BROKEN = [
    ("xml.doctype", "<alert ", "<!DOCTYPE alert><alert ", "/"),
    ("xml.wellformed", "</alert>", "", "/"),
    ("namespace", "cap:1.2", "cap:1.3", "/"),
    ("xsd.required", "<scope>Public</scope>", "", "/alert/scope"),
    ("xsd.required", "<event>Marée noire</event>", "", "/alert/info[2]/event"),
    ("xsd.required", "<valueName>OET</valueName>", "", "/alert/info[1]/eventCode/valueName"),
    ("xsd.order", "<status>", "<source>x</source><status>", "/alert/status"),
    ("xsd.order", "<event>Oil spill</event>", "<event>a</event><event>b</event>", "/alert/info[1]/event[2]"),
    ("xsd.order", "<note>", "<polygon>x</polygon><note>", "/alert/polygon"),
    ("xsd.order", "<note>", DS.format("Signature") + "<note>", "/alert/note"),
    ("xsd.unknown", "<note>", FOREIGN + "<note>", "/alert/x"),
    ("xsd.unknown", "First report", "First <b>report</b>", "/alert/note/b"),
    ("xsd.enum", "Moderate", "moderate", "/alert/info[1]/severity"),
    ("xsd.enum", "<status>Actual", "<status>Actual ", "/alert/status"),
    ("xsd.enum", "<category>Env", "<category>Cyber", "/alert/info[1]/category[2]"),
    ("xsd.other", "<event>Oil", "<event kind='x'>Oil", "/alert/info[1]/event"),
    ("xsd.other", "<code>", "loose text<code>", "/alert/scope"),
    ("xsd.other", "<size>1024", "<size>1 kB", "/alert/info[1]/resource[1]/size"),
    ("xsd.other", "<altitude>0", "<altitude>sea level", "/alert/info[1]/area[1]/altitude"),
    ("xsd.other", "https://centre.example/alerts/14", "https://[x", "/alert/info[1]/web"),
    ("datetime.form", "<sent>2017-01-24T08:00:00+03:00", "<sent>2017-01-24T08:00:00Z", "/alert/sent"),
    ("datetime.form", "<sent>2017-01-24T08:00:00+03:00", "<sent>2017-02-30T08:00:00+03:00", "/alert/sent"),
    ("datetime.form", "<sent>2017-01-24T08:00:00+03:00", "<sent>0001-01-01T08:00:00+14:00", "/alert/sent"),
    ("language.form", "<language>fr", "<language>fr_FR", "/alert/info[2]/language"),
    ("identifier.chars", "KW-2017-014", "KW 2017", "/alert/identifier"),
    ("identifier.chars", "KW-2017-014", "KW-\u202e410-7102", "/alert/identifier"),
    ("identifier.empty", "KW-2017-014", " ", "/alert/identifier"),
    ("sender.chars", "<sender>watch@centre.example", "<sender>a,b", "/alert/sender"),
    ("sender.chars", "<sender>watch@centre.example", "<sender>a\u2066b", "/alert/sender"),
    ("sender.empty", "<sender>watch@centre.example", "<sender>", "/alert/sender"),
    ("scope.private_needs_addresses", "<scope>Public", "<scope>Private", "/alert/addresses"),
    ("scope.restricted_needs_restriction", "<scope>Public", "<scope>Restricted", "/alert/restriction"),
    ("scope.restriction_only_restricted", "<code>", "<restriction>x</restriction><code>", "/alert/restriction"),
    ("references.required", "<msgType>Alert", "<msgType>Update", "/alert/references"),
    ("references.form", "<incidents>", "<references>KW-2017-013</references><incidents>", "/alert/references"),
    ("references.form", "<incidents>", "<references>a,b,2017-01-01</references><incidents>", "/alert/references"),
    ("references.form", "<incidents>", "<references/><incidents>", "/alert/references"),
    (
        "references.self",
        "<incidents>",
        f"<references>{REFERENCE.replace('013', '014')}</references><incidents>",
        "/alert/references",
    ),
    (
        "references.postdated",
        "<incidents>",
        f"<references>{REFERENCE.replace('T07', 'T10')}</references><incidents>",
        "/alert/references",
    ),
    ("addresses.quotes", "<code>", '<addresses>"Mission of</addresses><code>', "/alert/addresses"),
    ("datetime.utc_minus0000", "08:00:00+03:00</sent>", "05:00:00+00:00</sent>", "/alert/sent"),
    ("signature.unverifiable", "</alert>", DS.format("Signature") + "</alert>", "/alert/Signature[1]"),
    ("web.absolute", "https://centre.example/alerts/14", "alerts/14", "/alert/info[1]/web"),
    ("resource.mimetype", "image/png", "png", "/alert/info[1]/resource[1]/mimeType"),
    (
        "resource.relative_uri_needs_deref",
        "<uri>https://centre.example/",
        "<uri>",
        "/alert/info[1]/resource[1]/uri",
    ),
    (
        "resource.deref_base64",
        "<digest>",
        "<derefUri>=not base 64=</derefUri><digest>",
        "/alert/info[1]/resource[1]/derefUri",
    ),
    ("info.category_mismatch", "<category>Env</category>\n    <event>Mar", "<event>Mar", "/alert/info[2]/category"),
    ("responseType.assess_public", "Monitor", "Assess", "/alert/info[1]/responseType"),
    ("expires.missing", "<expires>2017-01-24T20:00:00+03:00</expires>", "", "/alert/info[1]/expires"),
    ("expires.order", "24T20:00:00", "23T20:00:00", "/alert/info[1]/expires"),
    ("expires.before_onset", "24T20:00:00", "24T08:30:00", "/alert/info[1]/expires"),
    ("headline.160", "Oil sheen off Kuwait", "x" * 161, "/alert/info[1]/headline"),
    ("text.html", "Sheen 6 km", "&lt;b&gt;Sheen&lt;/b&gt; 6 km", "/alert/info[1]/description"),
    ("text.html", "<event>Oil", "<event>&amp;nbsp;Oil", "/alert/info[1]/event"),
    ("language.same_text", "Nappe d’huile au large du Koweït", "Oil sheen off Kuwait", "/alert/info[2]/headline"),
    ("polygon.form", POLYGON, "29.0 48.5", "/alert/info[1]/area[1]/polygon"),
    ("polygon.form", POLYGON, "", "/alert/info[1]/area[1]/polygon"),
    ("polygon.form", POLYGON, "٢٩,48 29,49 30,49 ٢٩,48", "/alert/info[1]/area[1]/polygon"),
    ("polygon.min4", POLYGON, "29,48 29,49 29,48", "/alert/info[1]/area[1]/polygon"),
    ("polygon.closed", POLYGON, "29,48 29,49 30,49 30,48", "/alert/info[1]/area[1]/polygon"),
    ("polygon.range", POLYGON, "29,48 29,49 91,49 29,48", "/alert/info[1]/area[1]/polygon"),
    ("polygon.self_intersection", POLYGON, "0,0 1,1 0,1 1,0 0,0", "/alert/info[1]/area[1]/polygon"),
    ("polygon.self_intersection", POLYGON, "0,179 1,-179 0,-179 1,179 0,179", "/alert/info[1]/area[1]/polygon"),
    ("circle.form", "29.25,48.75 12.5", "29.25,48.75", "/alert/info[1]/area[1]/circle"),
    ("circle.form", "29.25,48.75 12.5", "29.25,48.75 -1", "/alert/info[1]/area[1]/circle"),
    ("circle.range", "29.25,48.75 12.5", "29.25,181 12.5", "/alert/info[1]/area[1]/circle"),
    ("circle.zero", "29.25,48.75 12.5", "29.25,48.75 0.0", "/alert/info[1]/area[1]/circle"),
    ("area.ceiling_needs_altitude", "<altitude>0</altitude>", "", "/alert/info[1]/area[1]/ceiling"),
    ("area.ceiling_range", "<altitude>0", "<altitude>500", "/alert/info[1]/area[1]/ceiling"),
]
# Those that one replacement cannot bring about alone.
WHOLE = {
    "exercise.note": "<status>Exercise</status><msgType>Cancel</msgType><scope>Public</scope>{ref}",
    "error.note": "<status>Actual</status><msgType>Error</msgType><scope>Public</scope>{ref}",
    "info.missing": "<status>Actual</status><msgType>Update</msgType><scope>Public</scope>{ref}",
    "area.missing": "<status>Actual</status><msgType>Alert</msgType><scope>Public</scope>{info}",
    "area.geometry": "<status>Actual</status><msgType>Alert</msgType><scope>Public</scope>{place}",
}
INFO = (
    "<category>Met</category><event>Storm</event><urgency>Past</urgency><severity>Minor</severity>"
    "<certainty>Observed</certainty><expires>2017-01-24T20:00:00+03:00</expires>"
)
PARTS = {
    "ref": f"<references>{REFERENCE}</references>",
    "info": f"<info>{INFO}</info>",
    "place": f"<info>{INFO}<area><areaDesc>Here</areaDesc></area></info>",
}
HEAD = (
    '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>KW-2017-014</identifier>'
    "<sender>watch@centre.example</sender><sent>2017-01-24T08:00:00+03:00</sent>"
)


def rules(data: bytes) -> list[str]:
    return sorted({found.rule for found in check(data)})


def test_every_vector_breaks_exactly_its_rules(shared: Path) -> None:
    expected = json.loads((shared / "vectors" / "expected.json").read_text())

    told = {name: rules((shared / "vectors" / f"{name}.xml").read_bytes()) for name in expected}

    assert told == {name: sorted(said["rules"]) for name, said in expected.items()}
    assert len(told) == 56


def test_errors_and_warnings_of_the_vectors_weigh_as_they_say(shared: Path) -> None:
    expected = json.loads((shared / "vectors" / "expected.json").read_text())

    for name, said in expected.items():
        found = check((shared / "vectors" / f"{name}.xml").read_bytes())
        heaviest = "error" if any(f.severity is Weight.ERROR for f in found) else "warning" if found else "valid"
        assert (name, heaviest) == (name, said["level"])


def test_the_specimen_breaks_no_rule(oil: bytes) -> None:
    assert check(oil) == ()


@pytest.mark.parametrize(("rule", "old", "new", "path"), BROKEN)
def test_one_fault_breaks_one_rule_at_one_place(oil: bytes, rule: str, old: str, new: str, path: str) -> None:
    text = oil.decode()
    assert old in text

    found = check(text.replace(old, new, 1).encode())

    assert [(f.rule, f.path) for f in found] == [(rule, path)]


@pytest.mark.parametrize("rule", WHOLE)
def test_one_omission_breaks_one_rule(rule: str) -> None:
    assert rules(f"{HEAD}{WHOLE[rule].format(**PARTS)}</alert>".encode()) == [rule]


def test_every_rule_of_the_standard_is_broken_by_some_specimen_here() -> None:
    ours = {rule for rule in RULES if not rule.startswith("diwan.")}

    assert ours == {rule for rule, *_ in BROKEN} | set(WHOLE)


def test_a_structure_error_ends_the_check(oil: bytes) -> None:
    text = oil.decode().replace("KW-2017-014", "a b").replace("<severity>Moderate", "<severity>Bad")

    assert rules(text.encode()) == ["xsd.enum"]


def test_all_structure_errors_are_told_at_once(oil: bytes) -> None:
    text = (
        oil.decode()
        .replace("Moderate", "Bad")
        .replace("<scope>Public</scope>", "")
        .replace("<language>fr", "<language>!")
    )

    found = [(f.rule, f.path) for f in check(text.encode())]

    assert found == [
        ("xsd.enum", "/alert/info[1]/severity"),
        ("language.form", "/alert/info[2]/language"),
        ("xsd.required", "/alert/scope"),
    ]


def test_a_finding_tells_its_line(oil: bytes) -> None:
    text = oil.decode().replace("29.25,48.75 12.5", "29.25", 1)
    line = next(n for n, content in enumerate(text.splitlines(), 1) if "<circle>29.25</circle>" in content)

    assert [f.line for f in check(text.encode())] == [line]


def test_an_empty_references_element_is_an_error_on_an_update_and_a_warning_on_an_alert(oil: bytes) -> None:
    alert = oil.decode().replace("<incidents>", "<references> </references><incidents>")
    update = alert.replace("<msgType>Alert", "<msgType>Update")

    assert [(f.rule, f.severity) for f in check(alert.encode())] == [("references.form", Weight.WARNING)]
    assert [(f.rule, f.severity) for f in check(update.encode())] == [("references.form", Weight.ERROR)]


def test_a_polygon_across_the_antimeridian_does_not_cross_itself(oil: bytes) -> None:
    text = oil.decode().replace(POLYGON, "10,179 12,179 12,-179 10,-179 10,179")

    assert check(text.encode()) == ()


def test_what_real_senders_write_and_the_standard_allows_is_allowed(oil: bytes) -> None:
    text = oil.decode()
    for old, new in (
        ("image/png", "Image/PNG"),
        ("image/png", "text/html; charset=utf-8"),
        ("<language>en</language>", ""),
        ("<language>en</language>", "<language/>"),
        ("<code>", "<restriction/><addresses/><code>"),
        ("2017-01-24T20:00:00+03:00</expires>", " 2017-01-24T24:00:00+03:00\n</expires>"),
        ("Public", "<![CDATA[Public]]>"),
        ("First report", "First <!-- and last --> report"),
    ):
        assert (new, check(text.replace(old, new, 1).encode())) == (new, ())


def test_the_house_profile_is_asked_for_and_only_warns(oil: bytes) -> None:
    text = oil.decode().replace("<status>Actual", "<status>Exercise").replace("<note>First report</note>", "")
    text = text.replace("<language>ar", "<language>de").replace("<expires>2017-01-24T20:00:00+03:00</expires>", "")

    asked = {(f.rule, f.path) for f in check(text.encode(), profile=diwan)} - {
        (f.rule, f.path) for f in check(text.encode())
    }

    assert asked == {
        ("diwan.expires", "/alert/info[1]/expires"),
        ("diwan.label", "/alert/info[1]/parameter"),
        ("diwan.label", "/alert/info[2]/parameter"),
        ("diwan.label", "/alert/info[3]/parameter"),
        ("diwan.languages", "/alert/info"),
        ("diwan.exercise_id", "/alert/note"),
    }
    assert {RULES[rule] for rule, _ in asked} == {Weight.WARNING}
