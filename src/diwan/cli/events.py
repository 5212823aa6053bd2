"""What a MISP event is entered as: whole under the label its audience means, with an edition for the others.

One that is here already is not entered again; what was sighted of it since is. The editions of one event are versions
under one name, which only this node could tell from chance: whoever reads them sees the newest, and that it was edited
only where what they may read was.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec
from msgspec.structs import replace

from diwan.desks.cyber.acts import cut_event
from diwan.desks.cyber.kinds.local import Local
from diwan.desks.cyber.kinds.misp import EventBrief, label_of_all
from diwan.desks.cyber.parse.misp import event_of, is_as_before, is_withdrawn, later
from diwan.desks.cyber.watch import again
from diwan.house import House
from diwan.reading import ReadingRoom, Released
from diwan.release.audience import covers
from diwan.terms.errors import Duplicate, NotAllowed
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft
from diwan.terms.label import Label

_brief = msgspec.json.Decoder(EventBrief)


class _Made(msgspec.Struct, frozen=True):
    """One edition."""

    at: int
    data: bytes
    label: Label


class EventLabels:
    """Cuts each event under its own label; an event that is there already gives what was sighted of it since."""

    def __init__(self, world: World, house: House, hand: Hand, label: Label) -> None:
        """Label no wider than `label` in one world, in the name of the hand's party."""
        local = house.local["cyber"]
        assert isinstance(local, Local)  # noqa: S101 -- the cyber desk's own
        self._local = local
        self._world = world
        self._house = house
        self._party = hand.reader.party
        self._label = label
        self._room: ReadingRoom = house.room(hand.reader, world)
        self._cut: set[tuple[str, str, Label]] = set()
        self._edited: dict[Alias, int] = {}
        self._made: dict[Alias, list[_Made]] = {}

    def __call__(self, draft: Draft) -> list[tuple[Draft, Label]]:
        """Return the event and its edition, each under its label.

        Raises:
            Duplicate: the event is here, and nothing was sighted of it since.
            NotAllowed: it was withdrawn, an audience is not known here, or the rest would tell of what is left out.
        """
        draft = replace(draft, world=self._world)
        event = event_of(draft.parts[0].data)
        held = again(self._room, event, self._party)
        if held is not None:
            if not held.sightings:
                raise Duplicate(f"{event.uuid} is already registered, saying the same. Nothing was added.")
            sharing = self._local.audiences.sharing(self._party)
            return [(draft, label_of_all(claims, sharing, self._label)) for draft, claims in held.sightings]
        if any(is_withdrawn(_brief.decode(item.brief)) for item in self._own(draft.aliases[0])):
            raise NotAllowed(f"{event.uuid} was withdrawn here; recall its withdrawal first. Nothing was entered.")
        ident = edition_of(self._house, self._world, self._party, event.uuid)
        whole, *others = cut_event(draft, self._label, self._local, self._party, UUID(ident).hex)
        known, old = self._known(draft, whole[1]), self._is_old(draft.aliases[0], event.timestamp)
        if known or old:
            # Its edition came with it, or with a later edit, which is what readers are told.
            return [whole]
        return [whole, *(one for other, label in others for one in self._edition(other, label))]

    def _edition(self, draft: Draft, label: Label) -> list[tuple[Draft, Label]]:
        """Return an edition as the newest of its name; none where what its readers may read is as it was.

        It is newer than those that all its readers may read. Of others it tells nothing: its moment would.
        """
        name, rules = draft.aliases[0], self._house.rules()
        made = self._made.setdefault(name, list(self._editions(name)))
        seen = [one for one in made if one.label == label or covers(one.label, label, rules)]
        before = max(seen, key=lambda one: one.at, default=None)
        if before is not None:
            if before.label == label and is_as_before(draft, before.data):
                return []
            draft = later(draft, before.at)
        made.append(_Made(_at(draft.brief), draft.parts[0].data, label))
        return [(replace(draft, world=self._world), label)]

    def _editions(self, name: Alias) -> Iterator[_Made]:
        for item in self._own(name):
            yield _Made(_at(item.brief), self._room.parts(item)[0].data, item.label)

    def _is_old(self, name: Alias, at: int | None) -> bool:
        """Return whether a later edit of the event is here, or came before this one."""
        newest = max([self._edited.get(name, 0), *(_at(item.brief) for item in self._own(name))])
        self._edited[name] = max(newest, at or 0)
        return at is not None and at < newest

    def _own(self, name: Alias) -> list[Released]:
        return [item for item in self._room.known_as(name) if item.ref.originator == self._party]

    def _known(self, draft: Draft, label: Label) -> bool:
        version = draft.version.written if draft.version else ""
        name = (draft.aliases[0].value, version, label)
        there = name in self._cut or any(
            item.label == label and _version(item.brief) == version for item in self._own(draft.aliases[0])
        )
        self._cut.add(name)
        return there


def edition_of(house: House, world: World, party: str, uuid: str) -> str:
    """Return the UUID of the editions of an event that a party entered in a world."""
    return str(UUID(hex=house.name_of("edition", world, party, uuid), version=4))


def _at(brief: bytes) -> int:
    return _brief.decode(brief).timestamp or 0


def _version(brief: bytes) -> str:
    at = _brief.decode(brief).timestamp
    return "" if at is None else str(at)
