"""The shape of a desk: what it parses, and the routes and pages it offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from diwan.intake.office import Edition
from diwan.intake.take import Taken
from diwan.reading import ReadingRoom, Released
from diwan.terms.errors import Refused
from diwan.terms.finding import Finding, Reject
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.time import Instant

Parse = Callable[[bytes, Mapping[str, str]], Draft]
"""Bytes, and the names of parties as texts may write them (name → party id), to a draft."""


class Request(msgspec.Struct, frozen=True):
    """What a desk's route is asked: the path's parts and the query, already decoded."""

    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    """Of a name that stands twice, the last value."""
    pairs: tuple[tuple[str, str], ...] = ()
    """The query as it stands, in order."""
    address: str = ""
    """The absolute address that was asked, without its query."""
    base: str = ""
    """Where the absolute addresses of this world begin."""
    accept: str = ""
    media_type: str = ""
    """Of the body, as the request says it."""
    body: bytes = b""
    local: object = None
    """What the desk knows beside the register."""
    keeper: str = ""
    """The party that runs the node."""
    clerk: Clerk | None = None
    """What the hand may do here, for a board that is for one role alone."""


class Response(msgspec.Struct, frozen=True):
    """What a desk answers."""

    body: bytes
    media_type: str
    status: int = 200
    headers: Mapping[str, str] = {}


class Route(msgspec.Struct, frozen=True):
    """A route that a desk declares: web mounts it, with what it reads for the default-deny guard."""

    method: Literal["GET"]
    path: str
    """With parameters as `{name}`."""
    reads: str
    """What kind of read this is, as the leak matrix names it."""
    handler: Callable[[ReadingRoom, Request], Response]


class Clerk(Protocol):
    """Reads and writes for one hand: what a desk's service may do at this node, and no more."""

    @property
    def room(self) -> ReadingRoom:
        """The reading room of the hand's reader."""

    @property
    def hand(self) -> Hand:
        """Who acts."""

    @property
    def enters(self) -> bool:
        """Whether the hand's roles enter anything, in the name of a party that is hosted here."""

    @property
    def title(self) -> str:
        """The node's name."""

    @property
    def local(self) -> object:
        """What the desk knows beside the register."""

    @property
    def keeper(self) -> str:
        """The party that runs the node."""

    @property
    def largest(self) -> int:
        """Bytes of one body at most."""

    def marking(self, label: Label) -> str:
        """Return a label as people read it."""

    def label(self, marking: str) -> Label:
        """Return the label that a typed marking means under the policies of this node."""

    def take_all(self, labelled: Sequence[tuple[Draft, Label]]) -> list[Taken | Refused]:
        """Enter drafts in the name of the hand's party, each whole or not at all."""

    def recall(self, ref: Ref) -> None:
        """Take an item of the hand's party back."""

    def random(self, count: int) -> bytes:
        """Return random bytes."""

    def keep(self, name: str, value: bytes, ends: Instant) -> None:
        """Keep something of the desk's own under a name, durably, until an instant."""

    def kept(self, name: str) -> bytes | None:
        """Return what the desk kept under a name, or None."""


class Service(msgspec.Struct, frozen=True):
    """A route of a protocol that may also write; who asks must bring a token, a password or a certificate."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    """With parameters as `{name}`."""
    reads: str
    """What kind of read this is, as the leak matrix names it."""
    handler: Callable[[Clerk, Request], Response]


class Wording(msgspec.Struct, frozen=True):
    """How a protocol under one prefix words its refusals, so that its clients understand them."""

    prefix: str
    says: Callable[[int, str], Response]
    """Of an HTTP status and what happened."""


Local = Callable[[Mapping[str, bytes]], object]
"""Makes what a desk knows beside the register of the files in the folder `desks/<name>/` of the node, by name."""

Narrow = Callable[[Draft, Label], tuple[Draft, Label]]
"""A draft and the label chosen for it, as far as what the draft says of itself lets them go."""

Narrows = Callable[[ReadingRoom, object, str], Narrow]
"""Makes what narrows the drafts of one batch: of the room of who enters them, what the desk knows beside the register,
and the originator."""


class Board(msgspec.Struct, frozen=True):
    """A page of the desk's own, rendered by the web shell from a template beside the desk."""

    path: str
    title: str
    """Its name in the menu, an English message for gettext; empty for a page that another board leads to."""
    template: str
    reads: str
    view: Callable[[ReadingRoom, Request], Mapping[str, object]]
    asks: bool = False
    """Whether it can be asked by a form too, for more than an address holds; the fields come as the query."""
    only: Role | None = None
    """The one role it is for; for every other hand there is nothing at its address."""


class Show(msgspec.Struct, frozen=True):
    """How an item of one kind is shown: what goes into which template beside the desk.

    A view that says `told` names what the page need not tell again: `links`, `children`, `related`; its `writer` is the
    item of who wrote this one, where the reader may know it.
    """

    template: str
    view: Callable[[ReadingRoom, Released], Mapping[str, object]]


Opens = Callable[[bytes, str, Mapping[str, str]], Iterable[Draft | Reject]]
"""Opens what was handed in, a single record or a container of many (a feed, an archive): bytes, file name, and the
names of parties, to drafts and rejects."""

Checks = Callable[[bytes], Sequence[Finding]]
"""Says everything that is wrong with bytes, errors and warnings, by the standard's own rule ids."""


class Deed(msgspec.Struct, frozen=True):
    """Who does something, when, and under what new name; chance and clock are passed in."""

    party: str
    ident: str
    """Random, 32 hexadecimal digits."""
    now: Instant
    note: str = ""


class Act(msgspec.Struct, frozen=True):
    """Something a reader can do about an item: the answer is an item of its own, under the one it is about."""

    name: str
    title: str
    """What the button says, an English message for gettext."""
    needs_note: bool
    offered: Callable[[ReadingRoom, Released], bool]
    """Whether this reader can do it about this item."""
    make: Callable[[ReadingRoom, Released, Deed], Draft]
    to: Callable[[Released], tuple[str, ...]]
    """The parties that the answer is for; none: whoever may read what it is about."""
    labels: bool = False
    """Whether whoever answers may choose the label of the answer."""


Ends = Callable[[Released], tuple[Released | None, str, Released | None] | None]
"""Of an item that relates two others: one end, the relation, the other end, each end as far as it is released."""


class Signed(msgspec.Struct, frozen=True):
    """What a signature inside the original bytes says, checked with the keys pinned for its originator."""

    outcome: str
    """`valid`, `broken` or `unverifiable`; none of them keeps an item out."""
    key: str | None
    why: str


Proves = Callable[[bytes, Mapping[str, bytes], Instant], Sequence[Signed]]
"""Checks the signatures that bytes carry: bytes, pinned certificates (name → PEM), and the instant that counts."""


class Desk(msgspec.Struct, frozen=True):
    """One domain at the node, speaking that domain's own standard."""

    name: str
    kinds: frozenset[str]
    background: frozenset[str] = frozenset()
    """Those of its kinds that say little by themselves: the watch leaves them out unless they are asked for."""
    parses: Mapping[str, Parse] = {}
    """Media type → parser."""
    editions: Mapping[str, Edition] = {}
    """Kind → how an edition is made for readers who may not know what an item refers to."""
    opens: Opens | None = None
    checks: Checks | None = None
    acts: Mapping[str, tuple[Act, ...]] = {}
    """Kind → what can be done about it."""
    proves: Proves | None = None
    names: Callable[[ReadingRoom], Mapping[str, str]] | None = None
    """Party ids by the names that texts may use, as far as this reader knows the parties."""
    routes: tuple[Route, ...] = ()
    services: tuple[Service, ...] = ()
    local: Local | None = None
    narrows: Narrows | None = None
    wording: Wording | None = None
    boards: tuple[Board, ...] = ()
    shows: Mapping[str, Show] = {}
    """Kind → how it is shown."""
    ends: Callable[[ReadingRoom, Iterable[Released]], Ends] | None = None
    """Makes what names both ends of each relation among items that are listed together."""
    package: str = ""
    """Where `templates/` lies: the desk's own import name."""
