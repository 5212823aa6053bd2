"""A register with doors: real argon2 at its cheapest, a clock that is told to go on, seeded chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from diwan.people.accounts import Account, open_account
from diwan.people.doors import MINUTE, Doors
from diwan.people.passwords import Passwords
from diwan.registry.book import Book
from diwan.registry.chain import lines
from diwan.registry.chance import Chance
from diwan.terms.time import Instant, instant


class Clock:
    """Goes on by a thousandth of a second whenever it is looked at, and by as many seconds as it is told."""

    def __init__(self) -> None:
        self.now: Instant = instant(datetime(2017, 1, 24, 8, tzinfo=UTC))

    def __call__(self) -> Instant:
        self.now += 1000
        return self.now

    def wait(self, *, seconds: int = 0, minutes: int = 0) -> None:
        self.now += seconds * 1_000_000 + minutes * MINUTE


class Counting(PasswordHasher):
    """argon2-cffi's own hasher, which also counts what it was asked to work on."""

    __slots__ = ["hashed", "verified"]

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.hashed = 0
        self.verified: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> Counting:
    return Counting(time_cost=CHEAPEST.time_cost, memory_cost=CHEAPEST.memory_cost, parallelism=CHEAPEST.parallelism)


@pytest.fixture
def passwords(hasher: Counting) -> Passwords:
    return Passwords(hasher)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(tmp_path: Path, clock: Clock, register: str) -> Iterator[Book]:
    opened = Book(tmp_path / "register", postgres=register, clock=clock, chance=Chance(1), synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture
def doors(book: Book, passwords: Passwords) -> Doors:
    return Doors(book, passwords, idle=30 * MINUTE, longest=12 * 60 * MINUTE)


@pytest.fixture
def opened(book: Book, passwords: Passwords) -> Callable[..., Account]:
    """Open an account of Kuwait's; its password is “correct horse battery”."""

    def make(name: str = "mariam", **more: Any) -> Account:
        given = {"shown": "Duty officer", "party": "KWT", "password": "correct horse battery", "by": "console"}
        return open_account(book, passwords, **{"name": name, **given, **more})

    return make


@pytest.fixture
def log(book: Book) -> Callable[[], list[dict[str, Any]]]:
    """The audit log so far, decoded."""

    def read() -> list[dict[str, Any]]:
        with book.own_pages() as pages:
            return [msgspec.json.decode(value) for value in lines(pages)]

    return read
