from __future__ import annotations

import time

import pytest

from diwan.desks.crisis.parse import check, drafts_in, parse
from diwan.terms.errors import Malformed
from diwan.terms.finding import Reject

POLYGON = "29.0,48.5 29.5,48.5 29.5,49.0 29.0,49.0 29.0,48.5"
CLOSE = b"</references><incidents>"
LAUGHS = (
    "<!DOCTYPE a [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]>"
)


def told(data: bytes) -> list[str]:
    return [found.rule for found in check(data)]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp500", "utf-7"]
)
def test_a_doctype_never_reaches_a_parser_in_any_encoding(oil: bytes, encoding: str) -> None:
    text = oil.decode().replace("UTF-8", encoding.removesuffix("-sig")).replace("<alert ", LAUGHS + "<alert ", 1)
    text = text.replace("Oil spill", "&j;").replace("’", "'")
    data = text.encode("ascii", "ignore").decode().encode(encoding)

    (rule,) = told(data)

    assert rule == (
        "xml.doctype" if encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be") else "xml.wellformed"
    )


def test_a_doctype_is_refused_wherever_it_hides(oil: bytes) -> None:
    for hiding in ("<!-- <!DOCTYPE a> -->", "<?x <!doctype a>?>", "<!DOCTYPE\n alert SYSTEM 'file:///etc/passwd'>"):
        assert told(oil.replace(b"<alert ", hiding.encode() + b"<alert ", 1)) == ["xml.doctype"]


@pytest.mark.parametrize(
    ("declared", "actual"), [("UTF-16", "utf-16"), ("ISO-8859-1", "iso-8859-1"), ("windows-1256", "cp1256")]
)
def test_a_known_encoding_is_read_as_declared(oil: bytes, declared: str, actual: str) -> None:
    text = oil.decode().replace("UTF-8", declared)
    data = text.encode(actual, "xmlcharrefreplace")

    assert told(data) == []
    assert parse(data, {}).title == "Oil sheen off Kuwait"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<",
        b"\xff\xfe",
        b"\xff\xfe<",
        b"not xml at all",
        b"<?xml version='1.0' encoding='EBCDIC-CP-US'?><alert/>",
        b"\x4c\x6f\xa7\x94",
        b"<alert>\xff</alert>",
        b"<alert>\0</alert>",
        b"<alert/>\0\0<!DOCTYPE",
        b"<alert>&unknown;</alert>",
        b"<alert>&#0;</alert>",
        "<alert>\ud800</alert>".encode("utf-16-le", "surrogatepass"),
    ],
)
def test_no_bytes_make_the_check_raise(data: bytes) -> None:
    assert [rule for rule in told(data) if rule not in ("xml.wellformed", "xml.doctype")] == []
    assert told(data) != []
    assert [type(come) for come in drafts_in(data, "x", {})] == [Reject]


def test_a_file_over_the_limit_is_not_parsed(oil: bytes) -> None:
    (found,) = check(oil, limit=100)

    assert found.rule == "xml.wellformed"
    assert f"{len(oil)} bytes, more than the 100" in found.message


def test_depth_breadth_and_length_are_answered_in_bounded_time(oil: bytes) -> None:
    start, end = oil.split(b"</scope>")
    many = b"29.0,48.5 29.5,48.5 " * 20_000
    zigzag = " ".join(f"{n % 2},{n * 170 / 100_000:.5f}" for n in range(100_000)).encode()
    hostile = {
        "deep": (b"<a>" * 100_000 + b"</a>" * 100_000, "xml.wellformed"),
        "deep alert": (start + b"</scope>" + b"<note>" * 100_000 + end, "xml.wellformed"),
        "strangers": (start + b"</scope>" + b"<x/>" * 100_000 + end, "xsd.unknown"),
        "same faults": (start + b"</scope>" + b"<code k=''/>" * 100_000 + end, "xsd.other"),
        "late faults": (start + b"</scope>" + b"<code/>" * 100_000 + b"<code k=''/>" * 300 + end, "xsd.other"),
        "attributes": (b"<alert " + b" ".join(b"a%d=''" % n for n in range(100_000)) + b"/>", "namespace"),
        "tags in text": (oil.replace(b"Sheen", b"&lt;a" * 300_000), ""),
        "entities in text": (oil.replace(b"Sheen", b"&amp;" * 300_000), ""),
        "references": (oil.replace(b"<incidents>", b"<references>" + b"a,b,c " * 300_000 + CLOSE), "references.form"),
        "commas": (oil.replace(b"<incidents>", b"<references>" + b"," * 1_000_000 + CLOSE), "references.form"),
        "quotes": (oil.replace(b"SPILL-7", b'"' * 500_001), ""),
        "one knot": (oil.replace(POLYGON.encode(), many + many[:9]), ""),
        "zigzag": (oil.replace(POLYGON.encode(), zigzag + b" 0,0.00000"), ""),
        "digits": (oil.replace(b"<altitude>0", b"<altitude>" + b"9" * 500_000), "area.ceiling_range"),
        "polygons": (oil.replace(b"<polygon>", b"<polygon>0,0 1,1</polygon>" * 100_000 + b"<polygon>"), "polygon.min4"),
    }
    for name, (data, rule) in hostile.items():
        began = time.perf_counter()

        found = check(data)
        come = list(drafts_in(data, name, {"Kuwait": "KWT"}))

        assert (name, {f.rule for f in found}) == (name, {rule} - {""})
        assert len(found) <= 200
        assert len(come) == 1
        assert (name, time.perf_counter() - began < 5) == (name, True)


def test_a_refusal_lists_every_error(oil: bytes) -> None:
    text = oil.decode().replace("KW-2017-014", "a b").replace("<size>1024", "<size>10")

    with pytest.raises(Malformed, match=r"Not registered\.\nidentifier\.chars at /alert/identifier, line 3"):
        parse(text.replace("29.25,48.75 12.5", "x").encode(), {})
