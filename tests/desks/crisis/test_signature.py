from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner
from signxml.algorithms import CanonicalizationMethod

from diwan.desks.crisis.kinds import instant_of
from diwan.desks.crisis.parse import Outcome, Verdict, check, parse, verify

AT = instant_of("2017-01-24T08:00:00+03:00") or 0
Signer = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def signer(name: str, year: int = 2017) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime(year, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begins).not_valid_after(begins + timedelta(days=365))
    return key, made.sign(key, hashes.SHA256())


def signed(
    data: bytes, by: Signer, method: CanonicalizationMethod = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
) -> bytes:
    root = XMLSigner(signature_algorithm="ecdsa-sha256", c14n_algorithm=method).sign(
        etree.fromstring(data), key=by[0], cert=[by[1]]
    )
    return etree.tostring(root)


@pytest.fixture(scope="module")
def watch() -> Signer:
    return signer("watch")


@pytest.fixture(scope="module")
def relay() -> Signer:
    return signer("relay")


def test_an_unsigned_alert_has_no_verdict(oil: bytes, watch: Signer) -> None:
    assert verify(oil, {"watch": watch[1]}, AT) == ()


@pytest.mark.parametrize("method", [m for m in CanonicalizationMethod if "1_0" in m.name or "1_1" in m.name])
def test_a_signature_by_a_pinned_key_is_valid(
    oil: bytes, watch: Signer, relay: Signer, method: CanonicalizationMethod
) -> None:
    data = signed(oil, watch, method)

    assert verify(data, {"relay": relay[1], "watch": watch[1]}, AT) == (Verdict(Outcome.VALID, "watch"),)
    assert parse(data, {}).parts[0].data == data


def test_a_changed_alert_breaks_its_signature(oil: bytes, watch: Signer) -> None:
    data = signed(oil, watch).replace(b"Reduce intake", b"Raise intake")

    (verdict,) = verify(data, {"watch": watch[1]}, AT)

    assert (verdict.outcome, verdict.key) == (Outcome.BROKEN, "watch")


def test_a_signature_value_that_its_key_did_not_make_is_broken(oil: bytes, watch: Signer) -> None:
    root = etree.fromstring(signed(oil, watch))
    other = etree.fromstring(signed(oil.replace(b"014", b"015"), watch))
    path = ".//{http://www.w3.org/2000/09/xmldsig#}SignatureValue"
    theirs, ours = other.find(path), root.find(path)
    assert theirs is not None
    assert ours is not None
    ours.text = theirs.text

    (verdict,) = verify(etree.tostring(root), {"watch": watch[1]}, AT)

    assert (verdict.outcome, verdict.key) == (Outcome.BROKEN, "watch")


def test_a_certificate_that_comes_with_the_alert_is_not_trusted(oil: bytes, watch: Signer, relay: Signer) -> None:
    (verdict,) = verify(signed(oil, relay), {"watch": watch[1]}, AT)

    assert (verdict.outcome, verdict.key) == (Outcome.UNVERIFIABLE, None)
    assert "no key that is pinned" in verdict.why


def test_author_and_distributor_are_both_verified(oil: bytes, watch: Signer, relay: Signer) -> None:
    data = signed(signed(oil, watch), relay)

    verdicts = verify(data, {"watch": watch[1], "relay": relay[1]}, AT)

    assert verdicts == (Verdict(Outcome.VALID, "watch"), Verdict(Outcome.VALID, "relay"))


def test_an_expired_certificate_verifies_nothing(oil: bytes) -> None:
    old = signer("old", 2010)

    (verdict,) = verify(signed(oil, old), {"old": old[1]}, AT)

    assert (verdict.outcome, verdict.key) == (Outcome.UNVERIFIABLE, "old")
    assert "does not hold" in verdict.why


def test_a_signature_over_a_part_does_not_count(oil: bytes, watch: Signer) -> None:
    data = signed(oil, watch).replace(b'URI=""', b'URI="#inside"')

    (verdict,) = verify(data, {"watch": watch[1]}, AT)

    assert verdict == Verdict(Outcome.UNVERIFIABLE, None, "does not cover the whole alert")


def test_a_signature_that_makes_no_sense_is_unverifiable_and_the_alert_still_conforms(
    oil: bytes, watch: Signer
) -> None:
    ds = "http://www.w3.org/2000/09/xmldsig#"
    whole = (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{{0}}"/><ds:SignatureMethod Algorithm="{{1}}"/>'
        f'<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{ds}enveloped-signature"/></ds:Transforms>'
        '<ds:DigestMethod Algorithm="x"/><ds:DigestValue>AA==</ds:DigestValue></ds:Reference></ds:SignedInfo>'
        "<ds:SignatureValue>%%%</ds:SignatureValue>"
    )
    for inside in ("<ds:SignatureValue>AA==</ds:SignatureValue>", whole.format("x", "y")):
        data = oil.replace(b"</alert>", f'<ds:Signature xmlns:ds="{ds}">{inside}</ds:Signature></alert>'.encode())

        assert [verdict.outcome for verdict in verify(data, {"watch": watch[1]}, AT)] == [Outcome.UNVERIFIABLE]
        assert check(data) == ()


def test_real_signatures_by_rsa_sha1_are_unverifiable_with_the_right_keys_at_hand(shared: Path) -> None:
    keys = {
        name: x509.load_pem_x509_certificate((shared / "real" / f"{name}_x509_cert.pem").read_bytes())
        for name in ("naads", "environment_canada")
    }
    weak = Verdict(Outcome.UNVERIFIABLE, None, "uses rsa-sha1, which no longer proves anything")

    told = {
        name: verify((shared / "real" / name).read_bytes(), keys, AT)
        for name in ("canada_signed.cap", "earthquake-iso8859-1.cap", "earthquake_signed.cap", "canada.cap")
    }

    assert told == {
        "canada_signed.cap": (weak, weak),
        "earthquake-iso8859-1.cap": (weak,),
        "earthquake_signed.cap": (weak,),
        "canada.cap": (),
    }
