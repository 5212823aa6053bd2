from __future__ import annotations

import json
import time
from typing import Any

import pytest

from diwan.desks.cyber.kinds.observable import Observable, observable
from diwan.desks.cyber.kinds.warning import BUILT_IN, Match, WarningList, Warnings
from diwan.desks.cyber.parse.warning_list import ends_soon, read_list
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Weight


def written(match: str, entries: Any, *types: str, name: str = "Ours") -> bytes:
    told = {"name": name, "type": match, "version": 3, "description": "", "list": entries}
    return json.dumps(told | ({"matching_attributes": list(types)} if types else {})).encode()


def seen(kind: str, value: str) -> Observable:
    told = observable(kind, value)
    assert told is not None
    return told


def test_a_list_is_read_with_what_had_to_be_left_out() -> None:
    data = written("cidr", ["198.51.100.7/24", "nonsense", "2001:db8::1"], "ip-src", "domain|ip")

    assert read_list(data, "ours.json") == WarningList(
        "Ours",
        Match.CIDR,
        ("198.51.100.0/24", "2001:db8::1/128"),
        frozenset({"ipv4", "ipv6", "cidr", "domain"}),
        3,
        (
            Finding(
                "warninglist.entry",
                Weight.WARNING,
                "/list/1",
                "This is not an entry that can be compared as cidr. It is left out.",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("match", "entries", "kind", "value", "hit"),
    [
        ("string", ["Example.com"], "domain", "example.com", True),
        ("string", ["example.com"], "domain", "www.example.com", False),
        ("hostname", [".example.com"], "domain", "a.b.example.com", True),
        ("hostname", ["example.com"], "domain", "notexample.com", False),
        ("hostname", ["example.com"], "url", "https://u:p@www.example.com:8443/x", True),
        ("hostname", ["example.com"], "url", "https://evil.example/?example.com", False),
        ("hostname", {"example.com": "with a comment"}, "email", "a@example.com", True),
        ("cidr", ["198.51.100.0/24"], "ipv4", "198.51.100.255", True),
        ("cidr", ["198.51.100.0/24"], "ipv4", "198.51.101.0", False),
        ("cidr", ["198.51.100.0/24"], "cidr", "198.51.100.128/25", True),
        ("cidr", ["198.51.100.0/24"], "cidr", "198.51.0.0/16", False),
        ("cidr", ["198.51.100.9"], "url", "http://198.51.100.9:80/", True),
        ("cidr", ["2001:db8::/32"], "ipv6", "2001:db8:ffff::1", True),
        ("cidr", ["2001:db8::/32"], "url", "http://[2001:db8::7]/", True),
        ("substring", ["/cdn/"], "url", "https://a.example/CDN/x", True),
        ("substring", ["/cdn/"], "url", "https://a.example/x", False),
        ("regex", ["/^.*\\.gov\\.example$/i"], "domain", "tax.gov.example", True),
        ("regex", ["^(?:www|mail)\\.example$"], "domain", "web.example", False),
    ],
)
def test_each_sort_of_entry_hits_what_it_says_and_no_more(
    match: str, entries: Any, kind: str, value: str, hit: bool
) -> None:
    warnings = Warnings([read_list(written(match, entries), "ours.json")])

    assert warnings.hits(seen(kind, value)) == (("Ours",) if hit else ())


def test_a_list_speaks_only_of_the_attributes_it_names() -> None:
    names = read_list(written("string", ["198.51.100.7", "example.com"], "domain"), "a")
    strange = read_list(written("string", ["example.com"], "iban", name="Accounts"), "b")

    warnings = Warnings([names, strange])

    assert warnings.hits(seen("ipv4", "198.51.100.7")) == ()
    assert warnings.hits(seen("domain", "example.com")) == ("Ours",)


def test_what_the_house_knows_itself_is_told_by_name() -> None:
    warnings = Warnings(BUILT_IN)

    told = {
        value: warnings.hits(seen(kind, value))
        for kind, value in [
            ("ipv4", "192.168.1.1"),
            ("ipv6", "fe80::1"),
            ("domain", "printer.local"),
            ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
            ("ipv4", "8.8.8.8"),
            ("domain", "localhost.com"),
        ]
    }

    assert told == {
        "192.168.1.1": ("Special-use addresses (RFC 6890)",),
        "fe80::1": ("Special-use addresses (RFC 6890)",),
        "printer.local": ("Special-use names (RFC 2606, 6761)",),
        "d41d8cd98f00b204e9800998ecf8427e": ("Hashes of an empty file",),
        "8.8.8.8": (),
        "localhost.com": (),
    }


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+$",
        "(a|a)*",
        "(?=a)b",
        "(a)\\1",
        "a**",
        "a+b+c",
        "^a+b+c+",
        "a?" * 12,
        "(?P<x>a)",
        "((a))",
        "[a",
        "^a|b+c+",
    ],
)
def test_an_expression_that_could_run_away_is_left_out(expression: str) -> None:
    told = read_list(written("regex", [expression]), "ours.json")

    assert (told.entries, len(told.left_out)) == ((), 1)


@pytest.mark.parametrize(
    "expression", ["^[a-z0-9.-]+\\.example$", "^a{1,9}b+$", "\\.(com|net|org)$", "a.*b", "^https?://cdn\\.", "a|b|c"]
)
def test_a_plain_expression_ends_soon(expression: str) -> None:
    begun = time.process_time()

    hits = Warnings([read_list(written("regex", [expression]), "x")]).hits(Observable("url", "a" * 8000))

    assert ends_soon(expression)
    assert hits in ((), ("Ours",))
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[" * 1_000_000,
        b'{"name":"a","x":' + b"[" * 1_000_000,
        written("unheard", []),
        written("string", [1]),
        written("string", [], name="a\x1b[2J"),
        written("string", [], name=""),
        b"\xff\xfe" * 5_000_000,
    ],
)
def test_what_is_no_warning_list_is_refused_quickly_in_plain_words(data: bytes) -> None:
    begun = time.process_time()

    with pytest.raises(Malformed) as refusal:
        read_list(data, "bad\x1b.json")

    assert str(refusal.value).startswith("bad\N{REPLACEMENT CHARACTER}.json")
    assert str(refusal.value).endswith("Nothing is compared with it.")
    assert time.process_time() - begun < 1


def test_findings_are_bounded_however_bad_the_list() -> None:
    told = read_list(written("cidr", ["x"] * 10_000), "ours.json")

    assert len(told.left_out) == 200


def test_a_million_entries_are_looked_up_fast() -> None:
    names = tuple(f"host{at}.site{at % 999}.example" for at in range(500_000))
    networks = tuple(f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}/32" for at in range(500_000))
    warnings = Warnings([WarningList("Names", Match.HOSTNAME, names), WarningList("Networks", Match.CIDR, networks)])
    asked = [
        Observable("domain", "www.host7.site7.example"),
        Observable("ipv4", "10.0.0.7"),
        Observable("md5", "a" * 32),
    ]

    begun = time.process_time()
    told = [warnings.hits(one) for _ in range(10_000) for one in asked]

    # 500,000 a second where it was written; a fifth of it must hold on the slowest machine.
    assert told == [("Names",), ("Networks",), ()] * 10_000
    assert len(told) / (time.process_time() - begun) > 100_000
