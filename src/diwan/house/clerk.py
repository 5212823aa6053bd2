"""The house's clerk: what a service of a desk may do for one hand in one world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from diwan.intake.take import Taken
from diwan.registry.notes import read_note, write_note
from diwan.release.marking import marking, parse_marking
from diwan.terms.errors import Refused
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.time import Instant

if TYPE_CHECKING:
    from diwan.house.node import House


class HouseClerk:
    """Reads and writes for one hand in one world; see `desk.Clerk`."""

    def __init__(self, house: House, desk: str, hand: Hand, world: World) -> None:
        """Use `House.clerk`."""
        self.hand: Final = hand
        self.room: Final = house.room(hand.reader, world)
        self.title: Final = house.settings.title
        self.keeper: Final = house.settings.keeper
        self.largest: Final = house.settings.largest
        self.local: Final = house.local.get(desk)
        self._house = house
        self._desk = desk
        self._world = world

    @property
    def enters(self) -> bool:
        """Whether the hand's roles enter anything, in the name of a party that is hosted here."""
        return bool(self.hand.roles & self._house.settings.role_ceilings.keys()) and self._house.hosts(
            self.hand.reader.party
        )

    def marking(self, label: Label) -> str:
        """Return a label as people read it."""
        policy = self._house.rules().policy(label.policy)
        return marking(label, policy) if policy is not None and policy.valid(label) else ""

    def label(self, marking: str) -> Label:
        """Return the label that a typed marking means under the policies of this node.

        Raises:
            Malformed: it means nothing, or several things.
        """
        return parse_marking(marking, self._house.rules().policies)

    def take_all(self, labelled: Sequence[tuple[Draft, Label]]) -> list[Taken | Refused]:
        """Enter drafts in the name of the hand's party, in this world, each whole or not at all."""
        here = [
            (draft if draft.world is self._world else replace(draft, world=self._world), label)
            for draft, label in labelled
        ]
        return self._house.take_all(self.hand, here, originator=self.hand.reader.party)

    def recall(self, ref: Ref) -> None:
        """Take an item of the hand's party back."""
        self._house.recall(self.hand, ref)

    def random(self, count: int) -> bytes:
        """Return random bytes."""
        return self._house.chance.bytes(count)

    def keep(self, name: str, value: bytes, ends: Instant) -> None:
        """Keep something of the desk's own under a name, durably, until an instant."""
        self._house.book.write(
            lambda ink: write_note(ink.connection, self._desk, f"{self._world}/{name}", value, ends, ink.now())
        )

    def kept(self, name: str) -> bytes | None:
        """Return what the desk kept under a name, or None."""
        with self._house.book.own_pages() as pages:
            return read_note(pages, self._desk, f"{self._world}/{name}", self._house.clock())
