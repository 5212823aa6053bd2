"""Which values MISP takes, type by type; what is told here was asked of MISP 2.5.1 itself."""

from __future__ import annotations

import json
import time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.kinds.misp.types import COMPOSITE, HASHES, TYPES
from diwan.desks.cyber.kinds.misp.values import UNSTORED, value_fault

MD5: Final = "d41d8cd98f00b204e9800998ecf8427e"
TAKEN: Final = {
    "ip-src": ["192.0.2.1", "192.0.2.0/24", "192.0.2.1/32", "2001:DB8::1", "2001:db8::/64", "::", "192[.]0[.]2[.]1"],
    "domain|ip": ["a.example|192.0.2.1", ".a.example.|::1", "münchen.example|192.0.2.1"],
    "ip-dst|port": ["192.0.2.1|80", "2001:db8::1|65535", "192.0.2.1/32|1"],
    "hostname|port": ["a_b.example|443"],
    "port": ["1", "65535", "00080", " 80 "],
    "AS": ["0", "AS1", "as64496", "4294967295", "AS65535.65535", "1.70000"],
    "domain": ["a.example", "a.example.", "münchen.example", "a_b.example", "evil[.]example", "-a.example"],
    "hostname": ["a.example", "a..example"],
    "email": ["a@b.c", "a[at]b.example"],
    "link": ["http://a.example", "hxxps://a[.]example/x?y=1#z", "ftp://a.example:21/", "http://[2001:db8::1]:80/"],
    "url": ["anything on one line"],
    "md5": [MD5, MD5.upper()],
    "x509-fingerprint-md5": [MD5, ":".join(MD5[at : at + 2] for at in range(0, 32, 2))],
    "filename|md5": [f"a b.exe|{MD5}", f"ä|{MD5.upper()}"],
    "filename|ssdeep": ["a.exe|3:abc:de"],
    "filename|tlsh": [f"a.exe|T1{'A' * 70}"],
    "malware-sample": [f"a.exe|{MD5}"],
    "ssdeep": ["3:abc:de", "3::", "12:A/+:b"],
    "impfuzzy": ["3:a b:c"],
    "tlsh": [f"T1{'A' * 70}", "a" * 36],
    "telfhash": ["a" * 70, f"t1{'a' * 70}"],
    "cdhash": ["a" * 40, "A" * 64],
    "mac-address": ["00:00:5e:00:53:01", "00005E005301", "0000.5e00.5301", "00-00-5e-00-53-01"],
    "mac-eui-64": ["00:00:5e:ff:fe:00:53:01"],
    "vulnerability": ["CVE-2024-1234", "cve-2024-123456", "CVE\N{EN DASH}2024\N{EN DASH}1234"],
    "weakness": ["CWE-79"],
    "http-method": ["get", "PROPFIND"],
    "onion-address": [f"{'a' * 16}.onion"],
    "ssh-fingerprint": [f"SHA256:{'A' * 43}", f"SHA256:{'A' * 43}=", f"MD5:{MD5}", MD5],
    "datetime": ["2024-03-01", "2024-03-01T08:00:00Z", "2024-03-01 08:00:00.123+03:00"],
    "size-in-bytes": ["0", "12"],
    "float": ["1", "-1.5", ".5", "1e9"],
    "boolean": ["true", "0"],
    "cortex": ['{"a": [1]}'],
    "hex": ["0aF"],
    "phone-number": ["+965 2222 2222", "00965 (0) 2222-2222"],
    "cc-number": ["4111 1111 1111 1111"],
    "iban": ["KW81 CBKU 0000 0000 0000 1234 5601 01"],
    "btc": ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"],
    "windows-service-name": ["x" * 256],
    "regkey|value": ["HKLM\\Software|x"],
    "comment": ["two\nlines", "x" * 65_535, "0"],
}
REFUSED: Final = {
    "ip-src": ["::1%eth0", "fe80::1%25eth0", "192.0.2.300", "192.0.2.0/33", "192.0.2.0/", "2001:db8::/129", "01.2.3.4",
               "192.0.2.0/24/1", "[::1]", "\u0661.2.3.4"],
    "domain|ip": ["a.example|192.0.2.0/24", "a|192.0.2.1", "a.example|::1%eth0", "a.example", "a.example|"],
    "ip-dst|port": ["192.0.2.1|0", "192.0.2.1|65536", "192.0.2.0/24|80", "::1%eth0|80", "192.0.2.1"],
    "hostname|port": ["a.example|0", "a|80", "a.example|x"],
    "port": ["0", "65536", "-1", "1.0", "\u0661", "9" * 5_000],
    "AS": ["4294967296", "AS4294967296", "AS65536.0", "AS 1", "AS1.2.3", "AS", "AS0.1", "-1", "9" * 5_000],
    "domain": ["localhost", "a b.example", "a.example:80", "http://a.example", "a.e"],
    "hostname": ["münchen.example", "a.example.", "localhost"],
    "email": ["a@b", "@b.c", "a b@c.d", "a\n@b.c"],
    "link": ["a.example/x", "http://", "http://a b", "http://münchen.example", "http://a_b.example/", "http://a.example:99999",
             "http://[::1%25eth0]/", "http://a%zz@a.example/", "javascript:alert(1)", "http://a..b/"],
    "url": ["two\nlines"],
    "md5": [MD5[1:], f"{MD5[1:]}g", f"{MD5[2:]}::", ":" * 32],
    "filename|md5": [f"a|b|{MD5}", f"a\nb|{MD5[1:]}", "a.exe", f"|{MD5}"],
    "malware-sample": ["a.exe", f"a|b|{MD5}"],
    "filename|ssdeep": ["a.exe|abc", "a.exe|3:a=:b"],
    "ssdeep": ["x:abc:de", "3:abc", "3:a:b:c", "3:a=:b", ":a:b"],
    "impfuzzy": ["x:a:b", "3:a"],
    "tlsh": ["a" * 35, f"T{'a' * 35}", f"T2{'g' * 70}"],
    "telfhash": ["a" * 71],
    "cdhash": ["a" * 39, "g" * 40],
    "mac-address": ["00:11", "00:00:5e:ff:fe:00:53:01", "00:00:5e:00:53:0g"],
    "mac-eui-64": ["00:00:5e:00:53:01"],
    "vulnerability": ["CVE-2024-123", "EUVD-2024-1", "CVE-2024-1234 x"],
    "weakness": ["CWE-", "79"],
    "http-method": ["PRI"],
    "onion-address": [f"{'a' * 17}.onion", f"{'1' * 16}.onion", f"{'a' * 56}.onion"],
    "ssh-fingerprint": ["SHA256:AAAA", f"SHA256:{'A' * 43}==", "MD5:aa"],
    "datetime": ["garbage", "2024-13-01", "2024-02-30", "2024-03-01T08:00:00,5"],
    "size-in-bytes": ["-1", "1.0", ""],
    "float": ["x", "1,5", "nan"],
    "cortex": ["{'a': 1}", "NaN", "[" * 600 + "]" * 600],
    "hex": ["0x1", "g"],
    "phone-number": ["none", "++1", "0"],
    "iban": ["---"],
    "btc": ["a-b"],
    "windows-service-name": ["a/b", "x" * 257],
    "regkey|value": ["HKLM", "HKLM|a|b"],
    "comment": ["", "  ", "\x01\x02", "x" * 65_536],
    **{kind: ["1", f"a.exe|{MD5}"] for kind in sorted(UNSTORED)},
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, one) for kind, values in TAKEN.items() for one in values])
def test_what_misp_takes_has_no_fault(kind: str, value: str) -> None:
    assert value_fault(kind, value) is None


@pytest.mark.parametrize(("kind", "value"), [(kind, one) for kind, values in REFUSED.items() for one in values])
def test_what_misp_refuses_has_a_fault(kind: str, value: str) -> None:
    assert value_fault(kind, value) is not None


def test_every_checksum_is_its_length_in_hexadecimal_digits_alone_and_beside_a_name() -> None:
    beside = {kind: pair[1] for kind, pair in COMPOSITE.items() if pair[1] in HASHES}

    for kind, length in HASHES.items():
        assert (value_fault(kind, "a" * length), value_fault(kind, "a" * (length - 1)) is None) == (None, False)
    for kind, checksum in beside.items():
        assert value_fault(kind, f"x|{'a' * HASHES[checksum]}") is None
        assert value_fault(kind, f"x|{'a' * (HASHES[checksum] + 1)}") is not None


@given(st.sampled_from(sorted(TYPES)), st.text() | st.from_regex(r"[0-9a-f:./|%]{1,40}", fullmatch=True))
def test_any_value_has_a_fault_or_none_and_blanks_around_it_change_nothing(kind: str, value: str) -> None:
    told = value_fault(kind, value)

    assert told is None or told
    assert value_fault(kind, f" \t{value}\n") == told
    json.dumps(told)


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_value_as_long_as_any_is_judged_at_once(kind: str) -> None:
    begin = time.process_time()
    for sign in ("@", "a@", ".", "a.", "-", "0", "[", ":", "|", "http://a@", "é", "\n@"):
        value_fault(kind, (sign * 65_535)[:65_535])

    assert time.process_time() - begin < 2
