"""Checkpoints: the C2SP text, and what is refused."""

from __future__ import annotations

import base64
import hashlib

import pytest

from diwan.sealing import checkpoint as module
from diwan.sealing.checkpoint import Checkpoint, checkpoint, read_checkpoint
from diwan.sealing.keys import Signer
from diwan.sealing.tree import EMPTY, leaf_hash
from diwan.terms.errors import Malformed

ORIGIN = "kuwait.example/audit"
ROOT = leaf_hash(b"first entry")


def test_a_checkpoint_is_three_lines_a_gap_and_a_signature(signer: Signer) -> None:
    text = f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}\n"
    key_hash = hashlib.sha256(ORIGIN.encode() + b"\n\x01" + signer.public).digest()[:4]
    signature = base64.b64encode(key_hash + signer.sign(text.encode())).decode()

    assert checkpoint(ORIGIN, 1, ROOT, signer).decode() == f"{text}\n— {ORIGIN} {signature}\n"


def test_the_key_hash_is_the_one_that_the_go_checksum_database_publishes() -> None:
    name, key_hash, key = "sum.golang.org", "033de0ae", "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    blob = base64.b64decode(key)

    assert blob[:1] == b"\x01"
    assert module._key_hash(name, blob[1:]).hex() == key_hash


@pytest.mark.parametrize(("size", "root"), [(0, EMPTY), (1, ROOT), (2**60, ROOT)])
def test_a_checkpoint_read_again_says_the_same(signer: Signer, size: int, root: bytes) -> None:
    data = checkpoint(ORIGIN, size, root, signer)

    assert read_checkpoint(data, ORIGIN, signer.public) == Checkpoint(ORIGIN, size, root)


def test_signatures_of_witnesses_beside_ours_are_passed_over(signer: Signer) -> None:
    data = checkpoint(ORIGIN, 1, ROOT, signer)
    text, ours = data.decode().split("\n\n")
    witness = "— witness.example " + base64.b64encode(bytes(76)).decode()
    same_name = f"— {ORIGIN} " + base64.b64encode(bytes(68)).decode()

    witnessed = "\n".join([text, "", witness, same_name, ours]).encode()

    assert read_checkpoint(witnessed, ORIGIN, signer.public) == Checkpoint(ORIGIN, 1, ROOT)


def test_signed_extension_lines_are_not_ours_to_read_but_are_covered(signer: Signer) -> None:
    text = f"{ORIGIN}\n1\n{base64.b64encode(ROOT).decode()}\nextension\n"
    blob = module._key_hash(ORIGIN, signer.public) + signer.sign(text.encode())
    data = f"{text}\n— {ORIGIN} {base64.b64encode(blob).decode()}\n"

    assert read_checkpoint(data.encode(), ORIGIN, signer.public) == Checkpoint(ORIGIN, 1, ROOT)
    with pytest.raises(Malformed):
        read_checkpoint(data.replace("extension", "Extension").encode(), ORIGIN, signer.public)


def test_every_flipped_bit_of_a_checkpoint_is_refused(signer: Signer) -> None:
    data = checkpoint(ORIGIN, 1, ROOT, signer)
    assert read_checkpoint(data, ORIGIN, signer.public)

    for at in range(len(data) * 8):
        flipped = bytes(b ^ ((i == at // 8) << at % 8) for i, b in enumerate(data))
        with pytest.raises(Malformed):
            read_checkpoint(flipped, ORIGIN, signer.public)


def test_a_checkpoint_of_another_log_or_key_is_refused(signer: Signer) -> None:
    data = checkpoint(ORIGIN, 1, ROOT, signer)

    with pytest.raises(Malformed, match="expected"):
        read_checkpoint(data, "doha.example/audit", signer.public)
    with pytest.raises(Malformed, match="no signature by the key"):
        read_checkpoint(data, ORIGIN, Signer(bytes(32)).public)


@pytest.mark.parametrize(
    ("old", "new"),
    [("\n1\n", "\n01\n"), ("\n1\n", "\n-1\n"), ("\n1\n", "\n1 \n"), ("=\n\n", "\n\n"), ("\n\n", "\n"), ("— ", "- ")],
)
def test_a_checkpoint_spelled_otherwise_is_refused(signer: Signer, old: str, new: str) -> None:
    data = checkpoint(ORIGIN, 1, ROOT, signer).decode()
    assert old in data

    with pytest.raises(Malformed):
        read_checkpoint(data.replace(old, new).encode(), ORIGIN, signer.public)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff\n\n\n", b"x" * 70_000, b"a\n1\n\n\xe2\x80\x94 a b\n"])
def test_what_is_no_checkpoint_is_refused(signer: Signer, data: bytes) -> None:
    with pytest.raises(Malformed):
        read_checkpoint(data, ORIGIN, signer.public)


@pytest.mark.parametrize(("origin", "size", "root"), [("a b", 1, ROOT), ("a+b", 1, ROOT), ("", 1, ROOT), ("a\n", 1, ROOT), ("a", -1, ROOT), ("a", 1, b"")])  # fmt: skip # noqa: E501 -- one table
def test_a_checkpoint_that_no_one_could_read_is_not_written(
    signer: Signer, origin: str, size: int, root: bytes
) -> None:
    with pytest.raises(ValueError, match="no checkpoint"):
        checkpoint(origin, size, root, signer)
