"""Keys, against the first test vector of RFC 8032, section 7.1."""

from __future__ import annotations

import hashlib

import pytest

from diwan.sealing.keys import Signer, key_id, verify

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


def test_a_seed_gives_the_key_and_signature_of_the_standard() -> None:
    signer = Signer(SEED)

    assert signer.public == PUBLIC
    assert signer.sign(b"") == SIGNATURE
    assert verify(PUBLIC, SIGNATURE, b"")


def test_a_key_is_named_by_the_digest_of_its_public_half() -> None:
    assert Signer(SEED).kid == key_id(PUBLIC) == hashlib.sha256(PUBLIC).hexdigest()[:16]


def test_another_key_another_text_and_every_flipped_bit_are_refused() -> None:
    assert verify(PUBLIC, SIGNATURE, b"")

    flipped = [bytes(b ^ (i == at) << bit for i, b in enumerate(SIGNATURE)) for at in range(64) for bit in range(8)]

    assert not verify(PUBLIC, SIGNATURE, b"x")
    assert not verify(Signer(bytes(32)).public, SIGNATURE, b"")
    assert not any(verify(PUBLIC, signature, b"") for signature in flipped)


@pytest.mark.parametrize(
    ("public", "signature"), [(PUBLIC, b""), (PUBLIC, SIGNATURE + b"\0"), (PUBLIC[:-1], SIGNATURE)]
)
def test_a_key_or_signature_of_the_wrong_length_says_no(public: bytes, signature: bytes) -> None:
    assert not verify(public, signature, b"")


def test_a_seed_of_the_wrong_length_makes_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(SEED[:-1])


def test_a_signer_does_not_show_its_seed() -> None:
    shown = repr(Signer(SEED)) + str(Signer(SEED))

    assert SEED.hex() not in shown
    assert repr(SEED) not in shown
