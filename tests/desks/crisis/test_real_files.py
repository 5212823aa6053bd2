from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from lxml import etree

from diwan.desks.crisis.parse import Found, alerts_in, check, drafts_in
from diwan.terms.finding import Reject
from diwan.terms.item import Draft

STRUCTURE = ("xsd.", "datetime.form", "language.form")

# What comes of every real file: per alert in it, `ok`, `edition` (from CAP 1.0 or 1.1) or the rules that refuse it.
TOLD = {
    "43b080713727.cap": ["ok"],
    "KAR0-0306112239-SW.cap": ["edition"],
    "amber.atom": ["edition"],
    "amber.rss": [],
    "australia.cap": ["ok"],
    "bushfire.edxlde": ["ok"] * 7,
    "bushfire_invalid.edxlde": ["ok", "xsd.required", "xsd.enum", "ok", "ok", "ok", "ok"],
    "bushfire_valid.edxlde": ["ok"] * 7,
    "canada.cap": ["ok"],
    "canada_errors.cap": ["references.form"],
    "canada_signed.atom": ["ok"],
    "canada_signed.cap": ["ok"],
    "earthquake-iso8859-1.cap": ["ok"],
    "earthquake.atom": ["edition"],
    "earthquake.cap": ["edition"],
    "earthquake_index.atom": [],
    "earthquake_signed.cap": ["edition"],
    "empty_weather_index.atom": [],
    "invalid.cap": ["xsd.required"],
    "invalid.rss": [],
    "invalid_element.atom": [],
    "no_entries.atom": ["xsd.order xsd.unknown"],
    "no_id.atom": [],
    "no_link.atom": [],
    "no_optional_fields.cap": ["edition"],
    "no_title.atom": [],
    "noaa_errors.cap": ["xsd.enum"],
    "ny_index.rss": [],
    "thunderstorm.cap": ["ok"],
    "wcatwc-warning.cap": ["ok"],
    "weather.atom": ["edition"],
    "weather.cap": ["edition"],
    "weather_index.atom": [],
    "weather_invalid.atom": ["identifier.chars"],
    "xee.atom": ["xml.doctype"],
    "xee.cap": ["xml.doctype"],
}


def outcome(come: Draft | Reject) -> str:
    if isinstance(come, Reject):
        return " ".join(sorted({found.rule for found in come.findings}))
    return "edition" if len(come.parts) == 2 else "ok"


@pytest.mark.parametrize("name", TOLD)
def test_every_real_file_is_taken_or_refused_by_the_rules_told_here(shared: Path, name: str) -> None:
    data = (shared / "real" / name).read_bytes()

    assert [outcome(come) for come in drafts_in(data, name, {})] == TOLD[name]


def test_the_table_names_every_real_file(shared: Path) -> None:
    there = {path.name for path in (shared / "real").iterdir() if path.suffix in {".cap", ".atom", ".rss", ".edxlde"}}

    assert there == set(TOLD)


def test_seven_real_alerts_are_faulty_apart_from_those_with_a_doctype() -> None:
    told = [word for words in TOLD.values() for word in words]

    assert len([word for word in told if word not in ("ok", "edition", "xml.doctype")]) == 7


def test_a_plain_file_goes_through_byte_for_byte(shared: Path) -> None:
    for name in ("canada_signed.cap", "earthquake-iso8859-1.cap", "thunderstorm.cap", "australia.cap"):
        data = (shared / "real" / name).read_bytes()

        (draft,) = drafts_in(data, name, {})

        assert isinstance(draft, Draft)
        assert [(part.name, part.media_type, part.data) for part in draft.parts] == [
            ("alert.xml", "application/cap+xml", data)
        ]


def test_an_edition_keeps_the_original_beside_it(shared: Path) -> None:
    data = (shared / "real" / "earthquake_signed.cap").read_bytes()

    (draft,) = drafts_in(data, "earthquake_signed.cap", {})

    assert isinstance(draft, Draft)
    assert draft.parts[1].data == data
    assert [found for found in check(draft.parts[0].data) if found.severity == "error"] == []


def test_every_edition_of_a_real_file_fits_the_oasis_schema(shared: Path, schema: etree.XMLSchema) -> None:
    editions = 0
    for name in (name for name, told in TOLD.items() if "edition" in told):
        for draft in drafts_in((shared / "real" / name).read_bytes(), name, {}):
            assert isinstance(draft, Draft)
            schema.assertValid(etree.fromstring(draft.parts[0].data))
            editions += 1
    assert editions == 8


def test_a_faulty_alert_inside_a_container_is_told_with_its_line_in_the_file(shared: Path) -> None:
    data = (shared / "real" / "bushfire_invalid.edxlde").read_bytes()
    line = next(n for n, text in enumerate(data.decode().splitlines(), 1) if "Foobar" in text)

    rejects = [come for come in drafts_in(data, "bushfire_invalid.edxlde", {}) if isinstance(come, Reject)]

    assert rejects[1].where == "/EDXLDistribution//alert[3]"
    assert [(found.rule, found.line) for found in rejects[1].findings] == [("xsd.enum", line)]


def corpus(shared: Path) -> list[bytes]:
    files = [path.read_bytes() for path in sorted((shared / "vectors").glob("*.xml"))]
    for name in TOLD:
        found = alerts_in((shared / "real" / name).read_bytes(), name)
        files += [one.data for one in found if isinstance(one, Found) and one.version == "1.2"]
    return files


def agrees(data: bytes, schema: etree.XMLSchema) -> bool:
    found = check(data)
    if any(f.rule in ("xml.doctype", "xml.wellformed", "namespace") for f in found):
        return True
    ours = not any(f.rule.startswith(STRUCTURE) for f in found)
    return ours == bool(schema.validate(etree.fromstring(data)))


def test_structure_verdicts_agree_with_the_oasis_schema(shared: Path, schema: etree.XMLSchema) -> None:
    files = corpus(shared)

    assert len(files) > 80
    assert [data for data in files if not agrees(data, schema)] == []


def mutated(data: bytes, chance: random.Random) -> bytes:
    root = etree.fromstring(data)
    nodes = [node for node in root.iter() if isinstance(node.tag, str)]
    node, other = chance.choice(nodes[1:]), chance.choice(nodes)
    match chance.randrange(8):
        case 0:
            node.getparent().remove(node)
        case 1:
            other.append(etree.fromstring(etree.tostring(node, with_tail=False)))
        case 2:
            node.addnext(etree.fromstring(etree.tostring(node)))
        case 3:
            node.text = chance.choice(["", " ", "Actual", "en", "e_n", "-5", "5.0", "x y", "2017-01-24T08:00:00+03:00"])
        case 4:
            node.text = re.sub(r"\d", lambda _: str(chance.randrange(10)), node.text or "9")
        case 5:
            node.tag = chance.choice([other.tag, "x", "{urn:x}event"])
        case 6:
            node.set("kind", "x")
        case _:
            node.tail = chance.choice([" ", "loose"])
    return etree.tostring(root)


def test_structure_verdicts_agree_with_the_oasis_schema_on_six_hundred_mutations(
    shared: Path, schema: etree.XMLSchema
) -> None:
    chance = random.Random(17)
    files = [data for data in corpus(shared) if b"DOCTYPE" not in data and check(data)[:1] == ()]
    altered = [mutated(chance.choice(files), chance) for _ in range(600)]

    assert [data for data in altered if not agrees(data, schema)] == []
    assert 100 < sum(bool(schema.validate(etree.fromstring(data))) for data in altered) < 500
