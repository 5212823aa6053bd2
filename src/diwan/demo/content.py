"""What the demo holds, read from the files beside it: statements, alerts, objects and accounts."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, Final, TypeVar

import msgspec

from diwan.terms.hand import Role

_CONTENT: Final = files("diwan.demo") / "content"

_T = TypeVar("_T")


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Network statements that one party makes under one label, written as its marking."""

    by: str
    label: str
    statements: tuple[dict[str, Any], ...]


class Specimen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alert: its file, its originator, and its label as its marking."""

    file: str
    by: str
    label: str

    @property
    def data(self) -> bytes:
        """Return the alert's bytes."""
        return (_CONTENT / "alerts" / self.file).read_bytes()


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One object of the cyber desk: its file, its originator, its label as its marking, and what it is written in."""

    file: str
    by: str
    label: str
    media_type: str = "application/stix+json"

    @property
    def data(self) -> bytes:
        """Return the object's bytes."""
        return (_CONTENT / "cyber" / self.file).read_bytes()


class Post(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A post that someone signs in to: its name there, how pages show it, and what it may do and read."""

    name: str
    shown: str
    party: str
    roles: frozenset[Role]
    clearance: str | None = None
    """The highest classification of NATO-EXAMPLE that it reads; None for no clearance at all."""


class Account(msgspec.Struct, frozen=True):
    """An account that was just made, with the password that is told this once."""

    name: str
    shown: str
    party: str
    roles: frozenset[Role]
    password: str


class Demo(msgspec.Struct, frozen=True):
    """What beginning the demo made; no accounts when it had begun before."""

    accounts: tuple[Account, ...] = ()


def statements() -> tuple[Said, ...]:
    """Return what is said of the network, in the order in which it is entered."""
    return _read("network.toml", "said", tuple[Said, ...])


def alerts() -> tuple[Specimen, ...]:
    """Return the alerts, in the order in which they are entered."""
    return _read("alerts.toml", "alerts", tuple[Specimen, ...])


def told() -> tuple[Told, ...]:
    """Return the objects of the cyber desk, in the order in which they are entered."""
    return _read("cyber.toml", "objects", tuple[Told, ...])


def posts() -> tuple[Post, ...]:
    """Return who can sign in."""
    return _read("accounts.toml", "accounts", tuple[Post, ...])


def settings() -> str:
    """Return the settings file of the demo's node."""
    return (_CONTENT / "settings.toml").read_text("utf-8")


def _read(file: str, table: str, shape: type[_T]) -> _T:
    return msgspec.convert(tomllib.loads((_CONTENT / file).read_text("utf-8"))[table], shape)
