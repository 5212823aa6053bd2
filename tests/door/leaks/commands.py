"""Command lines for every reading command: one without a line here, and not named as the console's own, fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from click.testing import CliRunner
from leaks.ground import Clock, Ground, Stream
from leaks.known import Known
from typer.main import get_command

from diwan.cli import opening
from diwan.cli.app import _app
from diwan.house import House
from diwan.terms.gate import World

CONSOLE: Final = {
    "init": "begins a node",
    "serve": "runs it",
    "demo": "runs it",
    "verify": "proves the whole register to its administrator",
    "backup": "copies the whole register for its administrator",
    "restore": "makes a register",
    "doctor": "looks at the set-up, not at items",
    "import cap": "enters",
    "check cap": "reads a file, not the register",
    "policy list": "policies are known to everyone who composes",
    "policy install": "policies are the administrator's",
    "user add": "accounts are the administrator's",
    "user list": "accounts are the administrator's",
    "user change": "accounts are the administrator's",
    "user close": "accounts are the administrator's",
    "user password": "accounts are the administrator's",
    "token add": "tokens are the administrator's",
    "token list": "tokens are the administrator's",
    "token revoke": "tokens are the administrator's",
}
"""Commands that read for nobody: whoever can run them can read the register's file."""


def _list(known: Known) -> Iterator[list[str]]:
    for world in World:
        yield ["as", known.name, "list", "--world", world, "--json"]
    yield ["as", known.name, "list"]
    yield ["as", known.name, "list", "--kind", "network.party", "--limit", "3"]


def _count(known: Known) -> Iterator[list[str]]:
    yield ["as", known.name, "count", "--json"]
    yield ["as", known.name, "count", "--kind", "network.mission", "--world", "Exercise"]


def _search(known: Known) -> Iterator[list[str]]:
    for word in (*known.words[:2], "tanker", "hidden"):
        yield ["as", known.name, "search", word, "--json"]


def _changes(known: Known) -> Iterator[list[str]]:
    for kept in known.cursors:
        if kept.feed and kept.world == World.ACTUAL:
            yield ["as", known.name, "changes", "--json", "--cursor", kept.cursor]
    yield ["as", known.name, "changes", "--world", "Test"]


def _label(known: Known) -> Iterator[list[str]]:
    yield ["label", "TLP:AMBER // Releasable to ICI", "--originator", known.person.reader.party, "--json"]
    yield ["label", "TLP:CLEAR", "--json"]


GENERATORS: Final = {
    "as list": _list,
    "as count": _count,
    "as search": _search,
    "as changes": _changes,
    "label": _label,
}


def command_names(command: Any = None, before: str = "") -> Iterator[str]:
    """Yield the name of every command, `as list` and so on."""
    command = command or get_command(_app)
    for name, one in command.commands.items():
        if hasattr(one, "commands"):
            yield from command_names(one, f"{before}{name} ")
        else:
            yield before + name


def command_view(ground: Ground, known: Known, clock: Clock) -> Iterator[tuple[str, object]]:
    """Yield what every reading command prints; the node must not be open."""
    for name, generate in GENERATORS.items():
        for line in generate(known):
            clock.now += 1_000_000
            with _our_time_and_chance(clock):
                done = CliRunner().invoke(get_command(_app), [*line, "--node", str(ground.folder)])
            yield f"diwan {name}", (line, done.exit_code, done.stdout_bytes, repr(done.exception))


@contextmanager
def _our_time_and_chance(clock: Clock) -> Iterator[None]:
    """Let the command open its node, a real one, as every other view here does."""
    before = opening.House
    opening.House = partial(House, clock=clock, chance=Stream(1, clock), synchronous="OFF")  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        opening.House = before  # type: ignore[misc]
