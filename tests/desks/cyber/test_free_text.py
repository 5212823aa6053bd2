from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.parse.free_text import defang, extract, refang, techniques

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def keys(text: str) -> list[str]:
    return [found.observable.key for found in extract(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see hxxps://evil[.]example/a?b=1), now", ["url:https://evil.example/a?b=1"]),
        ("hXXp[:]//evil[.]example", ["url:http://evil.example/"]),
        ("hxxp[://]evil{.}example/a", ["url:http://evil.example/a"]),
        ("fxp://files(dot)example/a", ["url:ftp://files.example/a"]),
        ("evil [.] example, mail joe [at] example [dot] org", ["domain:evil.example", "email:joe@example.org"]),
        ("at evil dot example dot com today", ["domain:evil.example.com"]),
        ("the dot in the picture", []),
        ("evil\\.example", ["domain:evil.example"]),
        ("(http://example.com/wiki/A_(b)).", ["url:http://example.com/wiki/A_(b)"]),
        ("198.51.100[.]7:8080", ["ipv4:198.51.100.7"]),
        ("version 10.2.3.4, v1.2.3.4, الإصدار 1.2.3.4, Chrome/120.0.0.0", []),
        ("1.2.3.4.5 and 1.2.3.400", []),
        ("198.51.100.0/24 2001:db8::/32", ["cidr:198.51.100.0/24", "cidr:2001:db8::/32"]),
        ("2001:db8::1, std::vector a::b 12:30:45", ["ipv6:2001:db8::1"]),
        (f"x{EMPTY_MD5} {EMPTY_MD5}0", []),
        (f"md5_{EMPTY_MD5.upper()}", [f"md5:{EMPTY_MD5}"]),
        ("CVE-2021-44228, cve\u20112021\u201144228", ["cve:CVE-2021-44228", "cve:CVE-2021-44228"]),
        ("AS64496 as 5 AS 2017", ["asn:AS64496"]),
        (
            "report.pdf run.exe x.zip main.py login.bank.zip update[.]zip",
            [
                "filename:report.pdf",
                "filename:run.exe",
                "filename:x.zip",
                "filename:main.py",
                "domain:login.bank.zip",
                "domain:update.zip",
            ],
        ),
        ("C:\\Users\\x\\evil.dll and /opt/evil.example", ["filename:evil.dll"]),
        ("done.Next foo.bar() i.e. U.S. e.g. end", []),
        ("EVIL.EXAMPLE Evil.Example", ["domain:evil.example", "domain:evil.example"]),
        (
            "HKLM\\Software\\Windows NT\\Run. Then",
            ["regkey:HKEY_LOCAL_MACHINE\\software\\windows nt\\run"],
        ),
        ("00:1a:2b:3c:4d:5e 00:1a:2b:3c:4d:5e:6f", ["mac:00:1a:2b:3c:4d:5e"]),
        ("الخادمexample.com، وعنوانه 203.0.113.9؛", ["domain:example.com", "ipv4:203.0.113.9"]),
        ("وhttp://example.org/a، وc2.example.net.", ["url:http://example.org/a", "domain:c2.example.net"]),
        ("l’hôte «mal.example.fr», bücher.example", ["domain:mal.example.fr", "domain:xn--bcher-kva.example"]),
        (
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            ["btc:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"],
        ),
    ],
)
def test_a_text_names_its_observables_and_nothing_else(text: str, found: list[str]) -> None:
    assert keys(text) == found


def test_each_find_is_placed_in_the_text_as_written() -> None:
    text = "عنوان hxxp://a[.]example/x ثم joe [at] example [dot] org و 198.51.100[.]7."

    told = [(found.as_written, text[found.start : found.end]) for found in extract(text)]

    assert told == [
        ("hxxp://a[.]example/x", "hxxp://a[.]example/x"),
        ("joe [at] example [dot] org", "joe [at] example [dot] org"),
        ("198.51.100[.]7", "198.51.100[.]7"),
    ]


def test_techniques_are_told_once_in_order() -> None:
    text = "T1059.003 (T1566)، والتقنية T1059.003 XT1234 T12345 T1059.0031 T1027"

    assert techniques(text) == ("T1059.003", "T1566", "T1027")


def test_refanging_leaves_an_ordinary_text_alone() -> None:
    text = "A [note] (see 1.) {x} at 5: f(x) = [a, b] — «مثال». dot"

    assert refang(text) == text


@given(st.text(alphabet="ab1.:/@[]()\\ -_httpxдعé\n", max_size=200))
def test_finds_are_in_order_apart_and_as_written(text: str) -> None:
    found = extract(text)

    assert [text[one.start : one.end] for one in found] == [one.as_written for one in found]
    assert all(one.end <= after.start for one, after in pairwise(found))
    assert all(one.start < one.end for one in found)


@given(
    st.lists(st.sampled_from(["evil.example.com", "198.51.100.7", "http://a.example/b", "j@example.org"]), max_size=9)
)
def test_what_is_defanged_between_words_is_found_again(values: list[str]) -> None:
    seen = [found.observable for value in values for found in extract(value)]

    text = " ثم ".join(defang(one) for one in seen)

    assert [found.observable for found in extract(text)] == seen
    assert len(seen) == len(values)


@pytest.mark.parametrize(
    "part",
    [
        "a.", "a", "://", "http://a", "a@", "a[.]", "a dot ", "1.", "1:", ":", "HKLM\\a b c ", "[ ", "a" * 129 + " ",
        "a-", "\\.", "198.51.100.7 ", "example.com ", "http://a.example/" + ")" * 8000 + " ", "(" * 9, "وexample.com، ",
    ],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_in_about_a_second(part: str) -> None:
    text = part * (1_000_000 // len(part))

    begun = time.process_time()
    extract(text)

    # Half a second where it was written; a quadratic pattern takes minutes.
    assert time.process_time() - begun < 4
