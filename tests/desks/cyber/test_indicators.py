from __future__ import annotations

import csv
import io
import ipaddress
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.kinds.observable import KINDS, Observable, observable
from diwan.desks.cyber.kinds.watched import Watched, settled
from diwan.desks.cyber.render.indicators import (
    FORMATS,
    Format,
    csv_file,
    digest_list,
    hosts,
    plain,
    rpz,
    suricata,
    zeek,
)
from diwan.desks.cyber.render.indicators.suricata import SIDS

AT = 1_485_244_800_000_000
READER = "Centre of Examplia"
HOSTILE = 'x"; sid:1;) \n alert tcp any any -> any any (msg:"\\ \u202e'


def watched(kind: str, value: str, title: str = "Beacon", ref: str = "https://node.example/i/1") -> Watched:
    seen = observable(kind, value)
    assert seen is not None
    return Watched(seen, title, ref, "TLP:GREEN", 80, AT, 70)


MANY = [
    watched("ipv4", "198.51.100.7"),
    watched("ipv6", "2001:db8::57"),
    watched("cidr", "203.0.113.0/24"),
    watched("domain", "evil.example"),
    watched("url", "http://evil.example:8080/a;b?c=d|e#frag"),
    watched("email", "bad@evil.example"),
    watched("md5", "a" * 32),
    watched("sha256", "b" * 64),
    watched("filename", "=run.exe"),
    watched("user-agent", 'probe/1.0 ("x")'),
]


def told(data: bytes, sign: str = "#") -> tuple[list[str], list[str]]:
    lines = data.decode().splitlines()
    return [line for line in lines if line.startswith(sign)], [line for line in lines if not line.startswith(sign)]


_RULE = re.compile(r"alert (ip|dns|tls|http|smtp|smb) (any|\$HOME_NET) any (->|<>) ([0-9a-f.:/]+|any) any \((.*)\)")
_OPTION = re.compile(r' ?([a-z0-9._]+)(?::((?:"(?:[^"\\;])*")|[^";]*))?;')
_ALONE = {
    "dns.query",
    "tls.sni",
    "http.host",
    "http.uri.raw",
    "http.user_agent",
    "dotprefix",
    "nocase",
    "endswith",
    "startswith",
}
_VALUED = {"msg", "reference", "metadata", "flow", "content", "sid", "rev", "filemd5", "filesha1", "filesha256"}


def parsed(line: str) -> dict[str, list[str]]:
    """Read one rule strictly: the head, then options that are all known, each with a value or without as it must."""
    rule = _RULE.fullmatch(line)
    assert rule, line
    options: dict[str, list[str]] = {"protocol": [rule[1]], "to": [rule[4]]}
    at = 0
    while at < len(rule[5]):
        option = _OPTION.match(rule[5], at)
        assert option, rule[5][at:]
        assert option[1] in (_ALONE if option[2] is None else _VALUED), option[0]
        options.setdefault(option[1], []).append(option[2] or "")
        at = option.end()
    for content in options.get("content", []):
        bare = re.sub(r"\|[0-9A-F]{2}\|", "", content[1:-1])
        assert not set(bare) & set('|":;\\ '), content
    assert int(options["sid"][0]) in SIDS
    return options


def test_every_file_begins_with_marking_reader_time_and_count() -> None:
    for form in FORMATS.values():
        data = form.write([MANY[3], MANY[3]], reader=READER, at=AT)

        lines = data.decode().splitlines()
        count = 1 if form.name in ("suricata", "zeek", "csv", "rpz", "hosts", "plain-domain") else 0
        marking = "TLP:GREEN" if count else "none: nothing is in it"
        assert [line[2:] for line in lines[:4]] == [
            f"Marking: {marking}",
            "Released to: Centre of Examplia",
            "Made: 2017-01-24T08:00:00Z",
            f"Indicators: {count}",
        ]
        assert all(line[0] in "#;" for line in lines[:4])


def test_the_rules_match_what_the_indicators_say() -> None:
    _, rules = told(suricata(MANY, reader=READER, at=AT))

    assert [(one["protocol"][0], one["to"][0], one.get("content", [])) for one in map(parsed, rules)] == [
        ("ip", "203.0.113.0/24", []),
        ("dns", "any", ['".evil.example"']),
        ("tls", "any", ['".evil.example"']),
        ("http", "any", ['".evil.example"']),
        ("ip", "198.51.100.7", []),
        ("ip", "2001:db8::57", []),
        ("http", "any", ['"evil.example"', '"/a|3B|b?c=d|7C|e"']),
        ("http", "any", ['"probe/1.0|20|(|22|x|22|)"']),
        *[(carrier, "any", []) for _ in ("md5", "sha256") for carrier in ("http", "smtp", "smb")],
    ]


def test_a_rule_is_written_as_the_guide_asks() -> None:
    _, rules = told(suricata([MANY[3]], reader=READER, at=AT))

    (dns, *_) = rules
    assert re.sub(r"sid:[0-9]{7}", "sid:N", dns) == (
        'alert dns $HOME_NET any -> any any (msg:"Diwan Beacon [domain]"; reference:url,node.example/i/1; '
        "metadata:marking TLP:GREEN, score 80, confidence 70; "
        'dns.query; dotprefix; content:".evil.example"; nocase; endswith; sid:N; rev:1;)'
    )


def test_a_rule_keeps_its_sid_whatever_stands_beside_it_and_no_two_share_one() -> None:
    names = [watched("domain", f"host{at}.example") for at in range(3_000)]

    alone = told(suricata(names[:1], reader=READER, at=AT))[1]
    sids = [parsed(rule)["sid"][0] for rule in told(suricata(names, reader=READER, at=AT))[1]]

    assert parsed(alone[0])["sid"][0] in sids
    assert len(set(sids)) == len(sids) == 9_000


def test_a_uri_longer_than_a_pattern_is_known_by_its_beginning() -> None:
    _, rules = told(suricata([watched("url", "http://evil.example/" + "a" * 400)], reader=READER, at=AT))

    (rule,) = map(parsed, rules)
    assert rule["content"] == ['"evil.example"', '"/' + "a" * 254 + '"']
    assert (len(rule["startswith"]), len(rule["endswith"])) == (2, 1)


def test_rules_that_name_several_sorts_of_digest_say_what_a_sensor_needs_for_that() -> None:
    several, one = (told(suricata(held, reader=READER, at=AT))[0] for held in (MANY, MANY[:7]))

    assert [line for line in several if "force-hash" in line]
    assert not [line for line in one if "force-hash" in line]


def test_digests_stand_in_lists_of_their_own() -> None:
    assert told(digest_list("md5", MANY, reader=READER, at=AT))[1] == ["a" * 32]


def test_zeek_reads_each_indicator_under_its_type() -> None:
    comments, rows = told(zeek(MANY, reader=READER, at=AT))

    assert comments[-1].split("\t") == [
        "#fields",
        "indicator",
        "indicator_type",
        "meta.source",
        "meta.desc",
        "meta.url",
    ]
    assert [tuple(row.split("\t")[:2]) for row in rows] == [
        ("203.0.113.0/24", "Intel::SUBNET"),
        ("evil.example", "Intel::DOMAIN"),
        ("bad@evil.example", "Intel::EMAIL"),
        ("=run.exe", "Intel::FILE_NAME"),
        ("198.51.100.7", "Intel::ADDR"),
        ("2001:db8::57", "Intel::ADDR"),
        ("a" * 32, "Intel::FILE_HASH"),
        ("b" * 64, "Intel::FILE_HASH"),
        ("evil.example:8080/a;b?c=d|e", "Intel::URL"),
        ("evil.example:8080:8080/a;b?c=d|e", "Intel::URL"),
        ('probe/1.0 ("x")', "Intel::SOFTWARE"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "cells"),
    [
        ("user-agent", "probe\\back", ["probe\\x5cback"]),
        ("filename", "a\\x41.exe", ["a\\x5cx41.exe"]),
        ("filename", "-", ["\\x2d"]),
        ("filename", "inv\u202egpj.exe", ["inv\\xe2\\x80\\xaegpj.exe"]),
        ("email", "#x@mail.example", ["\\x23x@mail.example"]),
        ("url", "http://u:p@user.example/x", ["user.example/x"]),
        ("url", "http://pct.example/%7Euser/a%20b", ["pct.example/%7Euser/a%20b", "pct.example/~user/a b"]),
        ("url", "http://ctl.example/a%09b%0Ac%23%FF", ["ctl.example/a%09b%0Ac%23%FF", r"ctl.example/a\x09b\x0ac#\xff"]),
        ("url", "http://web.example:8080/a", ["web.example:8080/a", "web.example:8080:8080/a"]),
    ],
)
def test_zeek_is_told_what_it_will_compare(kind: str, value: str, cells: list[str]) -> None:
    _, rows = told(zeek([watched(kind, value)], reader=READER, at=AT))

    assert [row.split("\t")[0] for row in rows] == cells


def test_a_network_of_mapped_addresses_is_one_of_ipv4() -> None:
    assert observable("cidr", "::ffff:10.0.0.0/104") == Observable("cidr", "10.0.0.0/8")
    assert observable("cidr", "::ffff:0:0/96") == Observable("cidr", "0.0.0.0/0")
    assert observable("cidr", "::ffff:1.2.3.4/128") == Observable("ipv4", "1.2.3.4")


def test_a_spreadsheet_meets_no_formula_and_a_reader_every_cell() -> None:
    data = csv_file([watched("filename", '=cmd|"/c"!A0', '+1,"two"\n')], reader=READER, at=AT)

    assert data.endswith(b"\r\n")
    assert list(csv.reader(io.StringIO(data.decode(), newline="")))[4:] == [
        ["kind", "value", "title", "marking", "score", "confidence", "valid_until", "ref"],
        [
            "filename",
            '\'=cmd|"/c"!A0',
            '\'+1,"two"',
            "TLP:GREEN",
            "80",
            "70",
            "2017-01-24T08:00:00Z",
            "https://node.example/i/1",
        ],
    ]


def test_a_policy_zone_lists_names_with_those_below_and_addresses_backwards() -> None:
    more = [watched("ipv6", "::1"), watched("cidr", "2001:db8::/32"), watched("ipv6", "1:2:3:4:5:6:7:8")]
    comments, lines = told(rpz([*MANY, *more], reader=READER, at=AT), ";")

    assert comments[-1] == "; Left out, because this format cannot carry them: 6"
    assert lines == [
        "$TTL 300",
        "@ IN SOA localhost. root.localhost. 1485244800 3600 600 604800 300",
        "@ IN NS localhost.",
        "32.zz.db8.2001.rpz-ip IN CNAME .",
        "24.0.113.0.203.rpz-ip IN CNAME .",
        "evil.example IN CNAME .",
        "*.evil.example IN CNAME .",
        "32.7.100.51.198.rpz-ip IN CNAME .",
        "128.8.7.6.5.4.3.2.1.rpz-ip IN CNAME .",
        "128.57.zz.db8.2001.rpz-ip IN CNAME .",
        "128.1.zz.rpz-ip IN CNAME .",
    ]


@pytest.mark.parametrize(
    "name",
    ["1.0.0.0.0.rpz-client-ip", "32.7.100.51.198.rpz-ip", "24.0.2.0.192.rpz-nsip", "ns.evil.example.rpz-nsdname"],
)
def test_a_name_that_means_something_else_to_a_policy_zone_is_left_out_of_it(name: str) -> None:
    comments, lines = told(
        rpz([watched("domain", name), watched("domain", "rpz-ip.example")], reader=READER, at=AT), ";"
    )

    assert comments[-1] == "; Left out, because this format cannot carry them: 1"
    assert lines[3:] == ["rpz-ip.example IN CNAME .", "*.rpz-ip.example IN CNAME ."]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_a_network_that_nobody_holds_alone_reaches_no_file(form: Format) -> None:
    held = [watched("cidr", value) for value in ("10.0.0.0/8", "2001::/16")]
    wide = [watched("cidr", value) for value in ("0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3", "::/1")]

    assert form.write([*held, *wide], reader=READER, at=AT) == form.write(held, reader=READER, at=AT)


def test_a_scheme_that_only_begins_like_http_is_not_looked_for_in_http() -> None:
    data = suricata(
        [watched("url", "httpx://evil.example"), watched("url", "https://evil.example")], reader=READER, at=AT
    )

    (line,) = told(data)[1]
    assert 'content:"evil.example"' in line
    assert 'content:""' not in line


@given(st.ip_addresses(v=6))
def test_an_address_in_a_policy_zone_is_that_address(address: ipaddress.IPv6Address) -> None:
    seen = observable("ipv6", str(address))
    assert seen is not None
    line = rpz([Watched(seen, "", "", "", 1)], reader=READER, at=AT).decode().splitlines()[-1]

    bits, *groups = line.split(".rpz-ip")[0].split(".")
    if seen.kind == "ipv4":
        assert (bits, ".".join(reversed(groups))) == ("32", seen.value)
    else:
        back = ":".join("" if group == "zz" else group for group in reversed(groups))
        edged = f":{back}" if groups[-1] == "zz" else back
        whole = f"{edged}:" if groups[0] == "zz" else edged
        assert (bits, ipaddress.IPv6Address("::" if groups == ["zz"] else whole)) == ("128", address)


def test_hosts_and_plain_lists_hold_bare_values() -> None:
    assert told(hosts(MANY, reader=READER, at=AT))[1] == ["0.0.0.0 evil.example"]
    assert told(plain("cidr", MANY, reader=READER, at=AT))[1] == ["203.0.113.0/24"]


def test_a_plain_value_is_never_a_comment() -> None:
    comments, lines = told(plain("filename", [watched("filename", "# nothing.exe")], reader=READER, at=AT))

    assert (comments[-1], lines) == ("# Left out, because this format cannot carry them: 1", [])


def test_an_observable_that_nobody_wrote_by_the_rules_reaches_no_file() -> None:
    forged = Watched(Observable("domain", "a.example IN CNAME evil.\nb.example"), "x", "y", "z", 99)

    assert settled([forged, MANY[3]]) == (MANY[3],)


def test_of_two_indicators_for_one_thing_the_higher_score_is_told() -> None:
    low = Watched(MANY[3].observable, "Old", "r", "TLP:AMBER", 10)

    assert settled([low, MANY[3]]) == settled([MANY[3], low]) == (MANY[3],)


_TEXT = st.one_of(st.text(max_size=40), st.sampled_from([HOSTILE, "=1+1", "#", "-", "a\tb", "\\x0a", "\ud800"]))


@given(st.lists(st.tuples(st.sampled_from(KINDS), _TEXT), max_size=6), _TEXT, _TEXT, _TEXT, _TEXT)
def test_no_value_title_marking_or_reader_adds_a_line_or_an_option(
    values: list[tuple[str, str]], title: str, ref: str, marking: str, reader: str
) -> None:
    seen = [found for kind, value in values if (found := observable(kind, value))]
    hostile = [Watched(one, title, ref, marking, 50) for one in seen]
    tame = [Watched(one, "t", "https://node.example/1", "m", 50) for one in seen]

    for form in FORMATS.values():
        lines = form.write(hostile, reader=reader, at=AT).decode().split("\n")
        assert len(lines) == len(form.write(tame, reader="r", at=AT).decode().split("\n"))
        assert not any(re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]", line) for line in lines)
    for rule in told(suricata(hostile, reader=reader, at=AT))[1]:
        assert len(parsed(rule)["sid"]) == 1
    assert all(line.count("\t") == 4 for line in told(zeek(hostile, reader=reader, at=AT))[1])


def test_bidirectional_marks_in_a_title_do_not_turn_a_rule() -> None:
    (rule, *_) = told(suricata([watched("domain", "evil.example", HOSTILE)], reader=READER, at=AT))[1]

    assert parsed(rule)["msg"] == ["\"Diwan x', sid:1,) alert tcp any any -> any any (msg:'/ [domain]\""]


@pytest.mark.parametrize("name", ["suricata", "zeek", "csv", "rpz"])
def test_twenty_thousand_indicators_are_written_in_seconds(name: str) -> None:
    many = [watched("domain", f"host{at}.example") for at in range(20_000)]

    begun = time.process_time()
    FORMATS[name].write(many, reader=READER, at=AT)

    # Under a second where it was written.
    assert time.process_time() - begun < 5
