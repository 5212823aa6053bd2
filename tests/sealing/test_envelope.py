"""Envelopes: what was sealed verifies, anything else is refused, and a stub tells nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.sealing.envelope import (
    Batch,
    Envelope,
    Sealed,
    Unsealed,
    Verifier,
    fold,
    from_wire,
    seal,
    to_wire,
    verify,
    withdrawal,
)
from diwan.sealing.header import Header, PartHead, decode, encode
from diwan.sealing.keys import Signer
from diwan.sealing.keys import verify as signed
from diwan.sealing.tree import leaf_hash, path_root, root
from diwan.terms.errors import Malformed
from diwan.terms.gate import World
from diwan.terms.item import Draft, Item, Part, Ref
from diwan.terms.label import Category, CategoryType, Label

NOON = 1_485_259_200_000_000
Make = Callable[..., Unsealed]


def folded(unsealed: Unsealed, batch: Batch, sealed: Sealed) -> Envelope:
    return fold(batch, sealed, [part.data for part in unsealed.item.draft.parts])


def sealed_one_of(count: int, make: Make, signer: Signer, at: int = 0) -> Envelope:
    items = [make(number) for number in range(count)]
    batch, sealed = seal(items, signer)
    return folded(items[at], batch, sealed[at])


def flips(data: bytes) -> Iterator[bytes]:
    """Yield `data` with each of its bits turned, one at a time."""
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        yield bytes(changed)


def all_refused(envelopes: Iterator[Envelope], signer: Signer) -> bool:
    verifier = Verifier(signer.public)
    for envelope in envelopes:
        with pytest.raises(Malformed):
            verifier.verify(envelope)
    return True


@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_every_item_and_every_withdrawal_of_a_batch_verifies_from_the_wire(
    count: int, unsealed: Make, signer: Signer
) -> None:
    items = [unsealed(number) for number in range(count)]
    batch, sealed = seal(items, signer)
    verifier = Verifier(signer.public)

    for item, one in zip(items, sealed, strict=True):
        envelope = from_wire(to_wire(folded(item, batch, one)))
        taken_back = from_wire(to_wire(withdrawal(envelope)))
        header = verifier.verify(envelope)

        assert (header.ref, header.rev, header.label) == (item.item.ref, item.revision, item.item.label)
        assert verifier.verify(taken_back) == Header(kind="withdraw", org=header.org, id=header.id, rev=header.rev)


def test_a_header_says_what_the_item_is(unsealed: Make, signer: Signer) -> None:
    item = unsealed(1)
    parent = Ref("QAT", "ab" * 16)
    draft = msgspec.structs.replace(item.item.draft, parent=parent, world=World.EXERCISE)
    item = msgspec.structs.replace(item, item=msgspec.structs.replace(item.item, draft=draft))

    batch, (sealed,) = seal([item], signer)
    header = verify(folded(item, batch, sealed), signer.public)

    assert header == decode(sealed.header)
    assert (header.kind, header.type, header.world, header.parent) == (
        "item",
        "crisis.alert",
        World.EXERCISE,
        str(parent),
    )
    assert header.iat == NOON // 1000
    assert [(part.n, part.mt, part.len) for part in header.parts] == [
        (part.name, part.media_type, len(part.data)) for part in draft.parts
    ]


def test_one_signature_covers_the_size_and_root_of_a_batch(unsealed: Make, signer: Signer) -> None:
    items = [unsealed(number) for number in range(5)]

    batch, sealed = seal(items, signer)

    assert batch.kid == signer.kid
    assert batch.size == 2 * len(items)
    assert [one.index for one in sealed] == [0, 1, 2, 3, 4]
    assert signed(signer.public, batch.signature, b"diwan-batch-v1\0" + (10).to_bytes(8, "big") + batch.root)


def test_sealing_the_same_again_gives_the_same_bytes(unsealed: Make, signer: Signer) -> None:
    assert seal([unsealed(1), unsealed(2)], signer) == seal([unsealed(1), unsealed(2)], signer)


contents = st.lists(
    st.tuples(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), st.binary(max_size=40)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(contents, min_size=1, max_size=6), st.data())
def test_any_content_sealed_and_carried_is_what_was_sealed(
    batch_contents: list[list[tuple[str, bytes]]], data: st.DataObject
) -> None:
    signer = Signer(bytes(32))
    label = Label("ICI", "RESTRICTED", (Category("Releasable To", CategoryType.PERMISSIVE, ("KWT",)),))
    items = [
        Unsealed(
            Item(
                Draft(
                    kind="crisis.alert", title="", parts=tuple(Part(name, "text/plain", part) for name, part in parts)
                ),
                Ref("KWT", f"{place:032x}"),
                label,
            ),
            place,
            NOON,
            tuple(bytes([place, number]) + bytes(14) for number in range(len(parts))),
        )
        for place, parts in enumerate(batch_contents)
    ]
    batch, sealed = seal(items, signer)
    at = data.draw(st.integers(0, len(items) - 1))
    kept = [data.draw(st.booleans()) for _ in batch_contents[at]]
    parts = [part if keep else None for (_, part), keep in zip(batch_contents[at], kept, strict=True)]

    envelope = fold(batch, sealed[at], parts)
    came = from_wire(to_wire(envelope))

    assert came == envelope
    assert verify(came, signer.public).id == f"{at:032x}"
    assert [None if part is None else part[1] for part in came.parts] == parts


@pytest.mark.parametrize("field", ["header", "signature", "path", "stub", "stub_path"])
def test_every_flipped_bit_is_refused(field: str, unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(3, unsealed, signer, at=1)
    assert verify(envelope, signer.public)

    changed = (msgspec.structs.replace(envelope, **{field: data}) for data in flips(getattr(envelope, field)))

    assert all_refused(changed, signer)


@pytest.mark.parametrize("field", ["header", "signature", "path"])
def test_every_flipped_bit_of_a_withdrawal_is_refused(field: str, unsealed: Make, signer: Signer) -> None:
    envelope = withdrawal(sealed_one_of(3, unsealed, signer, at=1))
    assert verify(envelope, signer.public)

    changed = (msgspec.structs.replace(envelope, **{field: data}) for data in flips(getattr(envelope, field)))

    assert all_refused(changed, signer)


@pytest.mark.parametrize("which", [0, 1], ids=["salt", "bytes"])
def test_every_flipped_bit_of_a_part_is_refused(which: int, unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(3, unsealed, signer, at=1)
    first, second = envelope.parts
    assert second is not None

    for data in flips(second[which]):
        part = (data, second[1]) if which == 0 else (second[0], data)
        with pytest.raises(Malformed, match=r"part 'part-1\.xml' is not the one"):
            verify(msgspec.structs.replace(envelope, parts=(first, part)), signer.public)


def test_another_place_or_size_is_refused(unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(3, unsealed, signer, at=1)
    assert (envelope.index, envelope.size) == (1, 6)

    others = [(index, size) for size in range(70) for index in range(size + 1) if (index, size) != (1, 6)]
    changed = (msgspec.structs.replace(envelope, index=index, size=size) for index, size in others)

    assert all_refused(changed, signer)


def test_bytes_moved_between_salt_and_part_are_refused(unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(1, unsealed, signer)
    first, second = envelope.parts
    assert first is not None
    salt, data = first

    for moved in [(salt + data[:1], data[1:]), (salt[:-1], salt[-1:] + data)]:
        with pytest.raises(Malformed, match="not the one that was sealed"):
            verify(msgspec.structs.replace(envelope, parts=(moved, second)), signer.public)


def test_parts_erased_on_the_way_are_accepted_as_missing(unsealed: Make, signer: Signer) -> None:
    item = unsealed(1)
    batch, (sealed,) = seal([item], signer)
    whole = folded(item, batch, sealed)

    for parts in [(None, whole.parts[1]), (whole.parts[0], None), (None, None)]:
        erased = from_wire(to_wire(msgspec.structs.replace(whole, parts=parts)))

        assert erased.parts == parts
        assert verify(erased, signer.public) == verify(whole, signer.public)


def test_fewer_more_or_exchanged_parts_are_refused(unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(1, unsealed, signer)
    first, second = envelope.parts

    for parts in [(), (first,), (first, second, None)]:
        with pytest.raises(Malformed, match="parts came"):
            verify(msgspec.structs.replace(envelope, parts=parts), signer.public)
    with pytest.raises(Malformed, match="not the one"):
        verify(msgspec.structs.replace(envelope, parts=(second, first)), signer.public)


def test_each_refusal_says_which_proof_failed(unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(2, unsealed, signer)
    neighbour = sealed_one_of(2, unsealed, signer, at=1)
    withdraw = withdrawal(envelope)

    def reason(base: Envelope, **change: Any) -> str:
        with pytest.raises(Malformed) as refusal:
            verify(msgspec.structs.replace(base, **change), signer.public)
        return str(refusal.value)

    assert "does not cover this batch" in reason(envelope, signature=bytes(64))
    assert "different roots" in reason(envelope, path=bytes(len(envelope.path)))
    assert "no batch of size 4 has such a path" in reason(envelope, path=b"")
    assert "another, canonical spelling" in reason(envelope, header=envelope.header.replace(b",", b", ", 1))
    assert "stub withdraws something else" in reason(envelope, stub=neighbour.stub, stub_path=neighbour.stub_path)
    assert "stub withdraws something else" in reason(envelope, stub=envelope.header, stub_path=envelope.path)
    assert "Not in canonical form" in reason(envelope, stub=b"", stub_path=b"")
    assert "sealed by key" in reason(envelope, kid="0" * 16)
    assert "nothing but its header" in reason(withdraw, parts=envelope.parts)
    assert "nothing but its header" in reason(withdraw, stub=envelope.stub, stub_path=envelope.stub_path)


def test_a_relabelled_header_is_refused_with_every_path_of_its_batch(unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(1, unsealed, signer)
    wider = msgspec.structs.replace(
        decode(envelope.header),
        label=Label("ICI", "RESTRICTED", (Category("Releasable To", CategoryType.PERMISSIVE, ("WORLD",)),)),
    )

    with pytest.raises(Malformed, match="different roots"):
        verify(msgspec.structs.replace(envelope, header=encode(wider)), signer.public)


def test_an_envelope_sealed_by_another_key_is_refused(unsealed: Make, signer: Signer) -> None:
    stranger = Signer(bytes(32))
    envelope = sealed_one_of(1, unsealed, stranger)
    assert verify(envelope, stranger.public)

    with pytest.raises(Malformed, match="sealed by key"):
        verify(envelope, signer.public)
    with pytest.raises(Malformed, match="does not cover"):
        verify(msgspec.structs.replace(envelope, kid=signer.kid), signer.public)


def test_a_verifier_that_knows_a_batch_still_refuses_what_was_not_in_it(unsealed: Make, signer: Signer) -> None:
    verifier = Verifier(signer.public)
    known = sealed_one_of(2, unsealed, signer)
    foreign = sealed_one_of(2, unsealed, Signer(bytes(32)), at=1)
    assert verifier.verify(known) == verifier.verify(known)

    changes: list[dict[str, Any]] = [{"signature": bytes(64)}, {"size": 6}, {"index": 1}, {"path": bytes(64)}]
    for change in changes:
        with pytest.raises(Malformed):
            verifier.verify(msgspec.structs.replace(known, **change))
    with pytest.raises(Malformed):
        verifier.verify(msgspec.structs.replace(foreign, kid=signer.kid, signature=known.signature, path=known.path))
    assert verifier.verify(known)


def test_a_verifier_that_knows_a_batch_refuses_another_size_that_leads_to_the_same_root(
    unsealed: Make, signer: Signer
) -> None:
    verifier = Verifier(signer.public)
    known = withdrawal(sealed_one_of(3, unsealed, signer))
    larger = msgspec.structs.replace(known, size=8)
    leaf = leaf_hash(known.header)
    assert verifier.verify(known)
    assert path_root(leaf, 3, 6, known.path) == path_root(leaf, 3, 8, known.path) is not None

    with pytest.raises(Malformed, match="does not cover"):
        verifier.verify(larger)


@pytest.mark.parametrize(("salt", "length"), [(bytes(15), 3), (bytes(17), 3), (b"", 3), (bytes(16), 2), (bytes(16), 4)])
def test_an_originator_that_seals_a_short_salt_or_a_false_length_is_refused(
    salt: bytes, length: int, signer: Signer
) -> None:
    def sealed_by_hand(salt: bytes, length: int) -> Envelope:
        part = PartHead(n="a", mt="text/plain", len=length, d=sha256(salt + b"abc").hexdigest())
        said: dict[str, Any] = {"org": "KWT", "id": "ab" * 16, "rev": 1}
        head = encode(
            Header(
                kind="item", **said, iat=1, type="crisis.alert", world=World.TEST, label=Label("P", "C"), parts=(part,)
            )
        )
        stub = encode(Header(kind="withdraw", **said))
        leaves = [leaf_hash(head), leaf_hash(stub)]
        statement = b"diwan-batch-v1\0" + (2).to_bytes(8, "big") + root(leaves)
        batch = Batch(kid=signer.kid, root=root(leaves), size=2, signature=signer.sign(statement))
        return fold(batch, Sealed(head, stub, leaves[1], leaves[0], 0, (salt,)), [b"abc"])

    assert verify(sealed_by_hand(bytes(16), 3), signer.public)

    with pytest.raises(Malformed, match="not the one that was sealed"):
        verify(sealed_by_hand(salt, length), signer.public)


def test_a_stub_is_the_same_whatever_the_item_says(unsealed: Make, signer: Signer) -> None:
    open_label = Label("ICI", "UNCLASSIFIED", (Category("Releasable To", CategoryType.PERMISSIVE, ("BHR",)),))

    _, (one,) = seal([unsealed(1)], signer)
    _, (other,) = seal([unsealed(1, label=open_label, parts=1, at=NOON + 5_000_000)], signer)

    assert one.header != other.header
    assert one.stub == other.stub
    assert set(json.loads(one.stub)) == {"v", "kind", "org", "id", "rev"}


def test_a_withdrawal_on_the_wire_carries_nothing_of_the_item(unsealed: Make, signer: Signer) -> None:
    envelope = sealed_one_of(3, unsealed, signer, at=1)
    withdrawn = json.loads(to_wire(withdrawal(envelope)))

    assert "stub" in json.loads(to_wire(envelope))
    assert set(withdrawn) == {"header", "kid", "signature", "size", "index", "path"}
    assert base64.b64decode(withdrawn["header"]) == envelope.stub


def test_a_salt_used_twice_or_of_the_wrong_length_is_refused(unsealed: Make, signer: Signer) -> None:
    one, other = unsealed(1), unsealed(2)

    for salts in [(one.salts[0], one.salts[0]), (one.salts[0], one.salts[1][:15]), (one.salts[0], other.salts[0])]:
        with pytest.raises(Malformed, match="its own salt of 16 bytes"):
            seal([msgspec.structs.replace(one, salts=salts), other], signer)


def test_an_item_with_too_few_salts_or_no_part_is_not_sealed(unsealed: Make, signer: Signer) -> None:
    item = unsealed(1)

    with pytest.raises(Malformed, match="2 parts and 1 salts"):
        seal([msgspec.structs.replace(item, salts=item.salts[:1])], signer)
    with pytest.raises(Malformed, match="one is missing"):
        seal([unsealed(1, parts=0)], signer)


def test_an_empty_batch_and_one_of_two_originators_are_not_sealed(unsealed: Make, signer: Signer) -> None:
    for batch in [[], [unsealed(1), unsealed(2, originator="QAT")]]:
        with pytest.raises(Malformed, match="one originator"):
            seal(batch, signer)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"kid":', b'"key":', id="unknown name"),
        pytest.param(b'{"header"', b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"header"', id="nested 100,000"),
        pytest.param(b'"index":1', b'"index":-1', id="negative"),
        pytest.param(b'"index":1', b'"index":1.0', id="float"),
        pytest.param(b'"index":1', b'"index":9007199254740992', id="2^53"),
        pytest.param(b'"index":1', b'"index":' + b"1" * 100_000, id="100,000 digits"),
        pytest.param(b'"path":"', b'"path":" ', id="space in base64"),
        pytest.param(b'"path":"', b'"path":"' + b"AAAA" * 1000, id="path longer than any tree"),
        pytest.param(b'"signature":"', b'"signature":"AAAA', id="signature too long"),
        pytest.param(b'"parts":[', b'"parts":[' + b"null," * 2000, id="too many parts"),
        pytest.param(b'"parts":[', b'"parts":[[],', id="part without salt and bytes"),
        pytest.param(b"}", b"", id="cut short"),
    ],
)
def test_what_is_not_an_envelope_is_refused(old: bytes, new: bytes, unsealed: Make, signer: Signer) -> None:
    data = to_wire(sealed_one_of(3, unsealed, signer, at=1))
    assert old in data

    with pytest.raises(Malformed, match="Not an envelope"):
        from_wire(data.replace(old, new))


def test_an_envelope_longer_than_64_mebibytes_is_not_even_parsed() -> None:
    with pytest.raises(Malformed, match="longer than"):
        from_wire(bytes(64 * 1024 * 1024 + 1))


@pytest.mark.parametrize("wrong", [-1, 2**53])
def test_a_header_of_a_shape_that_was_proved_is_still_held_to_its_numbers(
    unsealed: Make, signer: Signer, wrong: int
) -> None:
    seal([unsealed(1)], signer)

    with pytest.raises(Malformed, match="cannot be written"):
        seal([msgspec.structs.replace(unsealed(2), revision=wrong)], signer)
    with pytest.raises(Malformed, match="cannot be written"):
        seal([msgspec.structs.replace(unsealed(2), at=wrong * 1000)], signer)
