from __future__ import annotations

import datetime
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from diwan.house import House, wall_clock
from diwan.terms.time import moment

Run = Callable[..., Any]
DAY = datetime.timedelta(days=1)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, str]:
    """A client's certificate that lasts for thirty days, and the SHA-256 of its DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sensor.example")])
    now = moment(wall_clock())
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now - DAY, now + 30 * DAY)
    made = builder.sign(key, hashes.SHA256())
    file = tmp_path / "sensor.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file, sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


def account_by(node: Path, fingerprint: str) -> str | None:
    house = House(node)
    found = house.doors.by_certificate(fingerprint)
    house.close()
    return found.name if found else None


def test_a_certificate_that_was_noted_lets_its_holder_in_until_it_is_revoked(
    diwan: Run, node: Path, certificate: tuple[Path, str]
) -> None:
    file, fingerprint = certificate
    diwan("user", "add", "sensor", "--party", "KWT", "--node", node)

    noted = diwan("token", "certificate", "sensor", "SIEM", "--pem", file, "--days", 365, "--node", node, "--json")
    let_in = account_by(node, fingerprint)
    (row,) = diwan("token", "list", "sensor", "--node", node, "--json").told
    revoked = diwan("token", "revoke", row["id"], "--node", node)

    assert noted.code == 0, noted.err
    assert (noted.told[0]["sha256"], let_in) == (fingerprint, "sensor")
    assert (row["sort"], row["name"], row["ends"]) == ("certificate", "SIEM", noted.told[0]["ends"])
    # It counts no longer than the certificate itself does.
    ends = datetime.datetime.fromisoformat(noted.told[0]["ends"])
    assert ends < moment(wall_clock()) + 31 * DAY
    assert (revoked.code, account_by(node, fingerprint)) == (0, None)


def test_what_is_no_certificate_or_is_noted_already_is_refused(
    diwan: Run, node: Path, certificate: tuple[Path, str], tmp_path: Path
) -> None:
    file, fingerprint = certificate
    other = tmp_path / "other.pem"
    other.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for name in ("sensor", "second"):
        diwan("user", "add", name, "--party", "KWT", "--node", node)
    diwan("token", "certificate", "sensor", "SIEM", "--pem", file, "--node", node)

    wrong = diwan("token", "certificate", "sensor", "SIEM", "--pem", other, "--node", node)
    again = diwan("token", "certificate", "second", "SIEM", "--pem", file, "--node", node)

    assert (wrong.code, again.code) == (2, 2)
    assert "is no certificate in PEM. Nothing was done." in wrong.err
    assert "This certificate is noted already. Nothing was changed." in again.err
    assert account_by(node, fingerprint) == "sensor"
