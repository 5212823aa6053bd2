"""What the sealing tests share: a key, and items of a fictitious alert with salts that never repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from diwan.sealing.envelope import Unsealed
from diwan.sealing.keys import Signer
from diwan.terms.item import Draft, Item, Part, Ref
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label

KUWAIT_AND_QATAR = Label(
    "ICI",
    "RESTRICTED",
    (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("KWT", "QAT")),),
    Handling(tlp="TLP:AMBER"),
)


@pytest.fixture
def signer() -> Signer:
    return Signer(bytes(range(32)))


@pytest.fixture
def unsealed() -> Callable[..., Unsealed]:
    def make(
        number: int = 0,
        *,
        label: Label = KUWAIT_AND_QATAR,
        parts: int = 2,
        originator: str = "KWT",
        at: int = 1_485_259_200_000_000,
    ) -> Unsealed:
        def chance(purpose: str) -> str:
            return hashlib.sha256(f"{purpose} {number}".encode()).hexdigest()[:32]

        contents = tuple(
            Part(f"part-{n}.xml", "application/cap+xml", f"<alert>ميناء {number}.{n}</alert>".encode())
            for n in range(parts)
        )
        return Unsealed(
            item=Item(
                draft=Draft(kind="crisis.alert", title="Drifting tanker", parts=contents),
                ref=Ref(originator, chance("id")),
                label=label,
            ),
            revision=1_485_244_800_000 + number,
            at=at,
            salts=tuple(bytes.fromhex(chance(f"salt {n}")) for n in range(parts)),
        )

    return make
