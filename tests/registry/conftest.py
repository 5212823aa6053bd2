"""A register of its own for each test, with one party that enters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from diwan.intake.office import Office
from diwan.registry.book import Book
from diwan.registry.chance import Chance
from diwan.release.ceiling import Ceiling, Height
from diwan.sealing.keys import Signer
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft, Part
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.reader import Reader


class Time:
    """A clock that goes on by a thousandth of a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 1_485_244_800_000_000

    def __call__(self) -> int:
        self.now += 1000
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def book(tmp_path: Path, time: Time, register: str) -> Iterator[Book]:
    opened = Book(tmp_path / "node", postgres=register, clock=time, chance=Chance(5), synchronous="OFF")
    policy = (files("diwan.release") / "policies" / "tlp.toml").read_text("utf-8")
    opened.write(lambda ink: ink.install_policy("TLP", policy))
    yield opened
    opened.close()


@pytest.fixture
def office(book: Book) -> Office:
    signer = Signer(b"k" * 32)
    ceiling = Ceiling("this node", (Height("TLP", "UNCLASSIFIED"),))
    book.write(lambda ink: ink.publish_key("KWT", signer.kid, signer.public))
    return Office(book, {"KWT": signer}, ceiling, {Role.DUTY_OFFICER: ceiling})


@pytest.fixture
def officer() -> Hand:
    return Hand(Reader("officer", "KWT"), frozenset({Role.DUTY_OFFICER}))


@pytest.fixture
def amber() -> Callable[..., Label]:
    def make(*parties: str) -> Label:
        audience = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, parties)
        return Label("TLP", "UNCLASSIFIED", (audience,), Handling(tlp="TLP:AMBER"))

    return make


@pytest.fixture
def note() -> Callable[..., Draft]:
    def make(title: str, **more: object) -> Draft:
        whole = {"kind": "crisis.alert", "parts": (Part("note.txt", "text/plain", title.encode()),), **more}
        return Draft(title=title, **whole)  # type: ignore[arg-type]

    return make
