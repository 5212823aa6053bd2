"""The envelope: a header, its parts, and the proof that the originator sealed them in one batch.

A batch is one Merkle tree: the headers of n items, then their n withdraw stubs in the same order. One Ed25519
signature covers its size and root; each item carries its own way to the root. A single item is a batch of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from diwan.sealing import header as headers
from diwan.sealing import tree
from diwan.sealing.canon import BOUND, LONGEST
from diwan.sealing.header import Header, PartHead
from diwan.sealing.keys import SIGNATURE, Signer, key_id
from diwan.sealing.keys import verify as signed
from diwan.terms.errors import Malformed
from diwan.terms.item import Item
from diwan.terms.time import Instant

SALT: Final = 16
"""Bytes of a part's salt."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an envelope on the wire at most."""

_PROVED: Final[set[tuple[object, ...]]] = set()
"""What headers that were proved to read back say besides digits: that holds for as long as the process lives."""
_REMEMBERED: Final = 16_384
_ID: Final = re.compile("[0-9a-f]{32}", re.ASCII)
_DOMAIN: Final = b"diwan-batch-v1\x00"

_Count = Annotated[int, msgspec.Meta(ge=0, lt=BOUND)]
_HeaderBytes = Annotated[bytes, msgspec.Meta(max_length=LONGEST)]
_Path = Annotated[bytes, msgspec.Meta(max_length=64 * tree.WIDTH)]


class Unsealed(msgspec.Struct, frozen=True, gc=False):
    """An item about to be sealed, with one salt of 16 random bytes per part.

    Salts are never used twice, not even for the same bytes in a later revision: who holds an old salt could otherwise
    test guesses of a new header against the hashes beside its stub.
    """

    item: Item
    revision: int
    at: Instant
    """When the header says that it was sealed."""
    salts: tuple[bytes, ...]


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """What sealing adds to an item: to be stored with it, raw."""

    header: bytes
    stub: bytes
    """The withdraw header of the same revision, sealed ahead so that a relay can pass it on when the parts are gone."""
    path: bytes
    stub_path: bytes
    index: int
    """The header's place in the batch; the stub's is half the batch's size further."""
    salts: tuple[bytes, ...]


class Batch(msgspec.Struct, frozen=True):
    """What was signed once for all items of a batch."""

    kid: str
    root: bytes
    size: int
    """Leaves of the tree: twice the number of items."""
    signature: bytes


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What travels: an item with its stub, or a withdrawal, whose header is the stub and which has nothing else."""

    header: _HeaderBytes
    kid: Annotated[str, msgspec.Meta(max_length=16)]
    signature: Annotated[bytes, msgspec.Meta(max_length=SIGNATURE)]
    size: _Count
    index: _Count
    path: _Path
    parts: Annotated[tuple[tuple[bytes, bytes] | None, ...], msgspec.Meta(max_length=1024)] = ()
    """(salt, bytes) in the header's order; None where the part was erased."""
    stub: _HeaderBytes = b""
    stub_path: _Path = b""


def seal(batch: Sequence[Unsealed], signer: Signer) -> tuple[Batch, tuple[Sealed, ...]]:
    """Return the signed batch, and what each item gets, in the order given.

    All items are one originator's, whose key `signer` is, and stand behind one gate: a batch's size tells its readers
    how many items it has.

    Raises:
        Malformed: an item has no canonical header, no part, or not one fresh salt of 16 bytes per part; or the batch
            is empty, or of several originators.
    """
    if len({unsealed.item.ref.originator for unsealed in batch}) != 1:
        raise Malformed("A batch holds items of one originator, at least one (its key signs for all). Nothing sealed.")
    _check_salts(batch)
    labels = {id(unsealed.item.label): unsealed.item.label for unsealed in batch}
    spelled = {number: headers.spell(label) for number, label in labels.items()}
    heads = [_item_header(unsealed, spelled[id(unsealed.item.label)]) for unsealed in batch]
    stubs = list(map(_stub_header, batch))
    leaves = list(map(tree.leaf_hash, heads + stubs))
    paths = tree.paths(leaves)
    size, root = len(leaves), tree.root(leaves)
    signature = signer.sign(_statement(size, root))
    sealed = (
        Sealed(header=head, stub=stub, path=path, stub_path=stub_path, index=index, salts=unsealed.salts)
        for index, (unsealed, head, stub, path, stub_path) in enumerate(
            zip(batch, heads, stubs, paths[: len(heads)], paths[len(heads) :], strict=True)
        )
    )
    return Batch(kid=signer.kid, root=root, size=size, signature=signature), tuple(sealed)


def _check_salts(batch: Sequence[Unsealed]) -> None:
    salts = [salt for unsealed in batch for salt in unsealed.salts]
    if any(len(salt) != SALT for salt in salts) or len(set(salts)) != len(salts):
        raise Malformed(f"Every part needs its own salt of {SALT} bytes. Nothing sealed.")


def _item_header(unsealed: Unsealed, label: bytes) -> bytes:
    draft, ref = unsealed.item.draft, unsealed.item.ref
    if len(draft.parts) != len(unsealed.salts):
        raise Malformed(f"{ref}: {len(draft.parts)} parts and {len(unsealed.salts)} salts. Nothing sealed.")
    parts = tuple((part.name, part.media_type) for part in draft.parts)
    return _written(
        (ref.originator, label, draft.kind, draft.world, draft.parent, parts),
        Header(
            kind="item",
            org=ref.originator,
            id=ref.id,
            rev=unsealed.revision,
            iat=unsealed.at // 1000,
            type=draft.kind,
            world=draft.world,
            parent=None if draft.parent is None else str(draft.parent),
            label=unsealed.item.label,
            parts=tuple(
                PartHead(n=part.name, mt=part.media_type, len=len(part.data), d=_digest(salt, part.data))
                for part, salt in zip(draft.parts, unsealed.salts, strict=True)
            ),
        ),
    )


def _stub_header(unsealed: Unsealed) -> bytes:
    ref = unsealed.item.ref
    return _written((ref.originator,), Header(kind="withdraw", org=ref.originator, id=ref.id, rev=unsealed.revision))


def _written(shape: tuple[object, ...], header: Header) -> bytes:
    """Return a header's bytes; of one shape the first is proved to read back, the others differ in digits alone."""
    numbers = header.rev, header.iat or 0
    if shape in _PROVED and _ID.fullmatch(header.id) and 0 <= min(numbers) <= max(numbers) < BOUND:
        data = headers.spell(header)
        if len(data) <= LONGEST:
            return data
    data = headers.encode(header)
    if len(_PROVED) >= _REMEMBERED:
        _PROVED.clear()
    _PROVED.add(shape)
    return data


def _digest(salt: bytes, data: bytes) -> str:
    return sha256(salt + data).hexdigest()


def _statement(size: int, root: bytes) -> bytes:
    """Return what a batch's signature covers."""
    return _DOMAIN + size.to_bytes(8, "big") + root


# The way out


def fold(batch: Batch, sealed: Sealed, parts: Sequence[bytes | None]) -> Envelope:
    """Return the envelope of a sealed item; `parts` in the header's order, None where one was erased here."""
    return Envelope(
        header=sealed.header,
        kid=batch.kid,
        signature=batch.signature,
        size=batch.size,
        index=sealed.index,
        path=sealed.path,
        parts=tuple(None if data is None else (salt, data) for salt, data in zip(sealed.salts, parts, strict=True)),
        stub=sealed.stub,
        stub_path=sealed.stub_path,
    )


def withdrawal(envelope: Envelope) -> Envelope:
    """Return the envelope that withdraws what this one brought: its stub, and nothing else of it."""
    return Envelope(
        header=envelope.stub,
        kid=envelope.kid,
        signature=envelope.signature,
        size=envelope.size,
        index=envelope.index + envelope.size // 2,
        path=envelope.stub_path,
    )


def to_wire(envelope: Envelope) -> bytes:
    """Return the envelope as JSON, in which bytes are base64."""
    return _to_wire(envelope)


_to_wire: Final = msgspec.json.Encoder().encode
_from_wire: Final = msgspec.json.Decoder(Envelope).decode


# The way in


def from_wire(data: bytes) -> Envelope:
    """Return the envelope that came; what it claims is still to be verified.

    Raises:
        Malformed: longer than 64 MiB, or not an envelope.
    """
    if len(data) > LARGEST:
        raise Malformed(f"An envelope of {len(data)} bytes is longer than {LARGEST}. Refused.")
    try:
        return _from_wire(data)
    except (ValueError, RecursionError) as wrong:
        raise Malformed(f"Not an envelope: {wrong}. Refused.") from None


class Verifier:
    """Checks the envelopes sealed by one key; a batch's signature is checked once for its envelopes in a row."""

    __slots__ = ("_kid", "_last", "_public")

    def __init__(self, public: bytes) -> None:
        """Take the public key; that it is the originator's is the caller's to know."""
        self._public = public
        self._kid = key_id(public)
        self._last: tuple[int, bytes, bytes] | None = None

    def verify(self, envelope: Envelope) -> Header:
        """Return the header of an envelope in which everything that is there is what the originator sealed.

        A part that was erased on the way is accepted as missing. The caller looks the key up by (`org`, `kid`): that
        the header's `org` is the owner of this key is not checked here.

        Raises:
            Malformed: the header or stub is not canonical, their paths do not lead to one root, the signature does
                not cover it, the stub is of something else, or a part is not the one that was sealed.
        """
        header = headers.decode(envelope.header)
        if envelope.kid != self._kid:
            raise Malformed(f"{header.ref}: sealed by key {envelope.kid!r}, checked with key {self._kid}. Refused.")
        root = _path_root(header, envelope.header, envelope.index, envelope.size, envelope.path)
        _check_stub(header, envelope, root)
        self._check_signature(header, envelope, root)
        _check_parts(header, envelope.parts)
        return header

    def _check_signature(self, header: Header, envelope: Envelope, root: bytes) -> None:
        claim = (envelope.size, root, envelope.signature)
        if claim == self._last:
            return
        if not signed(self._public, envelope.signature, _statement(envelope.size, root)):
            raise Malformed(f"{header.ref}: the signature by key {self._kid} does not cover this batch. Refused.")
        self._last = claim


def verify(envelope: Envelope, public_key: bytes) -> Header:
    """Return the header of one envelope; see `Verifier.verify`, which is quicker for many of a batch."""
    return Verifier(public_key).verify(envelope)


def _path_root(header: Header, leaf: bytes, index: int, size: int, path: bytes) -> bytes:
    root = tree.path_root(tree.leaf_hash(leaf), index, size, path)
    if root is None:
        raise Malformed(
            f"{header.ref}: no batch of size {size} has such a path from {index} (RFC 9162, 2.1.3). Refused."
        )
    return root


def _check_stub(header: Header, envelope: Envelope, root: bytes) -> None:
    """Check that an item comes with the stub that will withdraw it, sealed in the same batch; a withdrawal is one."""
    if header.kind == "withdraw":
        if envelope.parts or envelope.stub or envelope.stub_path:
            raise Malformed(f"{header.ref}: a withdrawal brings nothing but its header. Refused.")
        return
    stub = headers.decode(envelope.stub)
    if stub != Header(kind="withdraw", org=header.org, id=header.id, rev=header.rev):
        raise Malformed(f"{header.ref}: its stub withdraws something else. Refused.")
    place = envelope.index + envelope.size // 2
    if _path_root(stub, envelope.stub, place, envelope.size, envelope.stub_path) != root:
        raise Malformed(f"{header.ref}: the paths of header and stub lead to different roots. Refused.")


def _check_parts(header: Header, parts: Sequence[tuple[bytes, bytes] | None]) -> None:
    if len(parts) != len(header.parts):
        raise Malformed(f"{header.ref}: {len(parts)} parts came, the header names {len(header.parts)}. Refused.")
    for head, part in zip(header.parts, parts, strict=True):
        if part is None:
            continue
        salt, data = part
        # The length of the salt is checked, or bytes could move between salt and part under the same digest.
        if len(salt) != SALT or len(data) != head.len or _digest(salt, data) != head.d:
            raise Malformed(f"{header.ref}: part {head.n!r} is not the one that was sealed. Refused.")
