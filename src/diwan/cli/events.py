"""What a MISP event is entered as: whole under the label its audience means, with an edition for the others.

One that is here already is not entered again; what was sighted of it since is.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from diwan.desks.cyber.acts import cut_event
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.misp import EventBrief, label_of_all
from diwan.desks.cyber.parse.misp import event_of
from diwan.desks.cyber.watch import again
from diwan.house import House
from diwan.reading import ReadingRoom
from diwan.terms.errors import Duplicate
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft
from diwan.terms.label import Label

_brief = msgspec.json.Decoder(EventBrief)


class EventLabels:
    """Cuts each event under its own label; an event that is there already gives what was sighted of it since."""

    def __init__(self, world: World, house: House, hand: Hand, label: Label) -> None:
        """Label no wider than `label` in one world, in the name of the hand's party."""
        local = house.local["cyber"]
        assert isinstance(local, Local)  # noqa: S101 -- the cyber desk's own
        self._local = local
        self._world = world
        self._chance = house.chance
        self._party = hand.reader.party
        self._label = label
        self._room: ReadingRoom = house.room(hand.reader, world)
        self._cut: set[tuple[str, str, Label]] = set()

    def __call__(self, draft: Draft) -> list[tuple[Draft, Label]]:
        """Return the event and its edition, each under its label.

        Raises:
            Duplicate: the event is here, and nothing was sighted of it since.
            NotAllowed: an audience is not known here, or the rest would tell of what is left out.
        """
        draft = replace(draft, world=self._world)
        event = event_of(draft.parts[0].data)
        known = again(self._room, event, self._party)
        if known is not None:
            if not known.sightings:
                raise Duplicate(f"{event.uuid} is already registered, saying the same. Nothing was added.")
            sharing = self._local.audiences.sharing(self._party)
            return [(draft, label_of_all(claims, sharing, self._label)) for draft, claims in known.sightings]
        whole, *others = cut_event(draft, self._label, self._local, self._party, self._chance.bytes(16).hex())
        if others and self._known(draft, whole[1]):
            # An edition bears a random name, so nothing would tell that it is there; it came with its whole.
            return [whole]
        return [whole, *((replace(other, world=self._world), label) for other, label in others)]

    def _known(self, draft: Draft, label: Label) -> bool:
        version = draft.version.written if draft.version else ""
        name = (draft.aliases[0].value, version, label)
        there = name in self._cut or any(
            item.ref.originator == self._party and item.label == label and _version(item.brief) == version
            for item in self._room.known_as(draft.aliases[0])
        )
        self._cut.add(name)
        return there


def _version(brief: bytes) -> str:
    at = _brief.decode(brief).timestamp
    return "" if at is None else str(at)
