from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.calls.backoff import delay, retry_after
from diwan.desks.cyber.calls.call import Call, Fault
from diwan.desks.cyber.calls.dates import grain_of, instant_of, written
from diwan.desks.cyber.calls.line import connect, fetch, line_to
from diwan.desks.cyber.calls.source import Source, authorization, read_sources
from diwan.terms.errors import Malformed
from diwan.terms.time import Instant

NOW: Instant = 1_485_244_800_000_000
ONE = """
[[sources]]
name = "gulf-cert"
root = "https://taxii.example.org/api1"
collection = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
label = "TLP:AMBER"
"""


def test_a_source_is_read_with_all_that_it_leaves_unsaid() -> None:
    (told,) = read_sources(ONE)

    assert told == Source(
        name="gulf-cert",
        root="https://taxii.example.org/api1/",
        collection="91a7b528-80eb-42ed-a74d-c6fbd5a26116",
        label="TLP:AMBER",
    )


def test_no_sources_are_no_sources() -> None:
    assert read_sources("") == ()


@pytest.mark.parametrize(
    ("change", "at_fault"),
    [
        ('password = "x"', "password"),
        ("page = 0", "page"),
        ('page = "many"', "page"),
        ("every = 1", "every"),
        ('auth = "digest"', "auth"),
        ('auth = "basic"', "keys"),
        ('keys = "a.key"', "keys"),
        ('auth = "basic"\nkeys = "../a.key"', "keys"),
        ('auth = "basic"\nkeys = "/etc/passwd"', "keys"),
        ('direction = "push"\nversion = "2.0"', "version"),
        ("label = ", "line"),
        (ONE, "name"),
        ('certificate = "a/b"', "certificate"),
    ],
)
def test_a_key_that_is_wrong_is_named(change: str, at_fault: str) -> None:
    with pytest.raises(Malformed, match=at_fault) as refused:
        read_sources(f"{ONE}\n{change}\n")

    assert str(refused.value).endswith("No source was read.")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("root", "http://taxii.example.org/"),
        ("root", "https://user:secret@taxii.example.org/"),
        ("root", "https://taxii.example.org/?x=1"),
        ("root", "ftp://taxii.example.org/"),
        ("root", "https://[::1/"),
        ("root", "https://taxii.example.org:99999999/"),
        ("root", "https:///api/"),
        ("root", "https://taxii.example.org/\u202e"),
        ("collection", "../x"),
        ("collection", ".."),
        ("collection", ""),
        ("label", ""),
        ("label", "TLP\u202eRED"),
        ("name", "Gulf CERT"),
    ],
)
def test_a_value_that_could_lead_elsewhere_is_refused(key: str, value: str) -> None:
    old = {"root": "https://taxii.example.org/api1", "collection": "91a7b528-80eb-42ed-a74d-c6fbd5a26116"}
    old |= {"label": "TLP:AMBER", "name": "gulf-cert"}

    with pytest.raises(Malformed, match=rf"\$\.sources\[0?[^]]*\]\.{key}") as refused:
        read_sources(ONE.replace(f'"{old[key]}"', f'"{value}"'))

    assert str(refused.value).isprintable()


def test_http_is_for_this_machine_or_where_it_is_allowed_aloud() -> None:
    addresses = ["http://127.0.0.1:8080/a/", "http://localhost/", "http://[::1]:1/"]

    told = [read_sources(ONE.replace("https://taxii.example.org/api1", one))[0].root for one in addresses]
    (plain,) = read_sources(ONE.replace("https:", "http:") + "plain = true")

    assert told == addresses
    assert plain.root == "http://taxii.example.org/api1/"


def test_hostile_toml_is_refused_cleanly() -> None:
    for text in ("x = " + "[" * 100_000, "x = " + "[" * 10_000 + "]" * 10_000, "\0", "a" * 10_000_000, "sources = 1"):
        with pytest.raises(Malformed, match="No source was read"):
            read_sources(text)


def test_a_key_file_becomes_a_header_and_is_never_quoted() -> None:
    source = read_sources(ONE)[0]
    basic = msgspec.structs.replace(source, auth="basic", keys="a.key")
    bearer = msgspec.structs.replace(source, auth="bearer", keys="a.key")

    assert authorization(source, "anything") == ""
    assert authorization(basic, "majlis:pass:word\n") == "Basic bWFqbGlzOnBhc3M6d29yZA=="
    assert authorization(bearer, "abc.def\r\n") == "Bearer abc.def"
    for who, secret in ((basic, "no-colon"), (bearer, "two words"), (bearer, ""), (bearer, "a\nb"), (bearer, "\u0661")):
        with pytest.raises(Malformed, match=r"gulf-cert: a\.key is not") as refused:
            authorization(who, secret)
        assert not secret or secret not in str(refused.value)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_a_date_that_is_written_is_read_again(at: Instant) -> None:
    assert instant_of(written(at)) == at


@pytest.mark.parametrize(
    ("text", "at", "grain"),
    [
        ("2017-01-24T08:00:00Z", NOW, 1_000_000),
        ("2017-01-24T08:00:00.5Z", NOW + 500_000, 100_000),
        ("2017-01-24T08:00:00.123Z", NOW + 123_000, 1_000),
        ("2017-01-24T08:00:00.123456789Z", NOW + 123_456, 1),
        ("2017-01-24 11:00:00.000001+03:00", NOW + 1, 1),
        ("2017-01-24T08:00:00", NOW, 1_000_000),
        ("undefined", None, 1_000_000),
        ("", None, 1_000_000),
        ("2017-02-30T08:00:00Z", None, 1_000_000),
        ("0001-01-01T00:00:00+14:00", None, 1_000_000),
        ("9" * 100_000, None, 1_000_000),
    ],
)
def test_dates_of_real_servers_are_read_with_their_grain(text: str, at: Instant | None, grain: int) -> None:
    assert (instant_of(text), grain_of(text)) == (at, grain)


@given(st.text(max_size=40))
def test_no_text_makes_a_date_or_a_wait_raise(text: str) -> None:
    at = instant_of(text)

    assert at is None or instant_of(written(at)) == at
    assert 0 <= retry_after(text, NOW) <= 86_400


def test_a_wait_is_what_the_server_asks_for_within_a_day() -> None:
    assert [retry_after(text, NOW) for text in ("17", "Tue, 24 Jan 2017 08:01:00 GMT", "9999999", "-3", "soon")] == [
        17,
        60,
        86_400,
        0,
        0,
    ]


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_back_off_is_full_jitter_under_a_doubling_bound(attempt: int, chance: float) -> None:
    assert delay(attempt, chance) == chance * min(60, 2 ** min(attempt, 10))


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "taxii.example.org")])
    day = datetime.timedelta(days=1)
    today = datetime.datetime.fromtimestamp(0, datetime.UTC) + 20_000 * day
    alt = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - day)
        .not_valid_after(today + 20_000 * day)
        .add_extension(alt, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "peer.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return folder / "peer.pem"


def _answer_once(listener: socket.socket, context: ssl.SSLContext, met: list[object]) -> None:
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as peer:
            met.append(peer.getpeercert() or peer.version())
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    except (ssl.SSLError, ConnectionError):
        met.append("refused")


@pytest.mark.parametrize(("authority", "answered"), [("peer.pem", True), ("", False)])
def test_tls_is_verified_and_our_certificate_is_shown(tmp_path: Path, authority: str, answered: bool) -> None:
    pem = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.load_verify_locations(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    met: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        root = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        threading.Thread(target=_answer_once, args=(listener, context, met), daemon=True).start()
        source = Source(name="p", root=root, collection="c", certificate="peer.pem", authority=authority)
        with connect(source, tmp_path) as client:
            line = line_to(source, client, "", clock=lambda: NOW, wait=lambda _: None, chance=lambda: 0.5)
            if answered:
                assert fetch(line, Call(root)).body == b"{}"
                assert isinstance(met[0], dict)
            else:
                with pytest.raises(Fault, match="no authority we trust") as refused:
                    fetch(line, Call(root))
                assert not refused.value.again
