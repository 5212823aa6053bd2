"""A visit: who asks, in which world and language; made by the guard, and the only way to a reading room from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request, Response

from diwan.house import House, HouseClerk
from diwan.reading import ReadingRoom
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.web.language import COOKIE, Language, choose

BASES: Final = {World.ACTUAL: "", World.EXERCISE: "/exercise", World.TEST: "/test"}
"""Every world has addresses of its own, so that no page, link or saved search ever mixes them."""

ENTERING: Final = frozenset({Role.DUTY_OFFICER, Role.RELEASING_OFFICER, Role.PROGRAMME_OFFICER})
"""The roles that enter items; nobody else is offered the forms."""

T = TypeVar("T")

Asked = Request[Any, Any, Any]
"""A request, as handlers get it."""

ANSWERS: Final = "answers"
"""What a route that only reads declares in `opt`: an `Answer`, which the guard runs once it knows who asks."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request by someone who is signed in."""

    house: House
    hand: Hand
    name: str
    """How the pages address them."""
    token: str | None
    """What this session's forms carry; None for a program, which sends no cookie and needs none."""
    world: World
    language: Language
    address: str
    """Where to come back to after something that is done beside the way, as choosing a language; none for a program."""

    @property
    def base(self) -> str:
        """Where the addresses of this world begin."""
        return BASES[self.world]

    @property
    def enters(self) -> bool:
        """Whether their roles enter anything; whether a given item may be, intake says."""
        return bool(self.hand.roles & ENTERING)

    @property
    def room(self) -> ReadingRoom:
        """The reading room, in this world."""
        return self.house.room(self.hand.reader, self.world)

    def clerk(self, desk: str) -> HouseClerk:
        """What a service of a desk may do for whoever asks."""
        return self.house.clerk(desk, self.hand, self.world)


def visit_of(request: Asked) -> Visit:
    """Return the visit that the guard made for a request.

    Raises:
        KeyError: the route reads nothing, so nobody was asked to sign in.
    """
    visit = request.scope["state"]["visit"]
    assert isinstance(visit, Visit)  # noqa: S101 -- the guard alone writes it
    return visit


Answer = Callable[[Visit, Asked], T]
"""What reads for a visit, in a thread."""


def read_by_guard(request: Asked, kind: type[T]) -> T:
    """Return what the guard had read for a request to a route that declares what `ANSWERS` it.

    Raises:
        KeyError: the route declares nothing of the kind.
    """
    answer = request.scope["state"][ANSWERS]
    assert isinstance(answer, kind)  # noqa: S101 -- the guard alone writes it
    return answer


async def answered(request: Asked) -> Response[bytes]:
    """Return what the guard had answered: the handler of a route whose answer is ready then."""
    return read_by_guard(request, Response)


def language_of(house: House, request: Asked) -> Language:
    """Return the language in which a request is answered."""
    accepted = request.headers.get("accept-language", "")
    return choose(request.cookies.get(COOKIE), accepted, house.settings.language)
