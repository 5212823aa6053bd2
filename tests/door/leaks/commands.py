"""Command lines for every reading command: one without a line here, and not named as the console's own, fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
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
    "db check": "looks at tables and walls, not at items",
    "db upgrade": "changes the register's shape",
    "db roles": "prints fixed text",
    "db shut": "shuts the node",
    "reopen": "withdraws and relabels what was withdrawn and relabelled before",
    "import cap": "enters",
    "import stix": "enters",
    "import misp": "enters",
    "import taxii": "enters what a server gave",
    "withdraw": "enters, and withdraws",
    "collection add": "enters",
    "collection list": "reads what each hosted party entered itself, for the console that enters in their names",
    "collection recall": "withdraws",
    "source list": "calls of servers are the administrator's",
    "source push": "sends out what room.arrivals gives the account of a source",
    "warning-list add": "lists are the administrator's",
    "warning-list list": "lists are the administrator's",
    "check cap": "reads a file, not the register",
    "check stix": "reads a file, not the register",
    "check misp": "reads a file, not the register",
    "policy list": "policies are known to everyone who composes",
    "policy install": "policies are the administrator's",
    "user add": "accounts are the administrator's",
    "user list": "accounts are the administrator's",
    "user change": "accounts are the administrator's",
    "user close": "accounts are the administrator's",
    "user password": "accounts are the administrator's",
    "token add": "tokens are the administrator's",
    "token list": "tokens are the administrator's",
    "token certificate": "tokens are the administrator's",
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


def _export_stix(known: Known) -> Iterator[list[str]]:
    for world in World:
        yield ["export", "stix", "--as", known.name, "--world", world]
    yield ["export", "stix", "--as", known.name, "--type", "relationship", "--originator", "OMN"]


def _export_indicators(known: Known) -> Iterator[list[str]]:
    for form in ("csv", "suricata", "plain-domain"):
        yield ["export", "indicators", "--as", known.name, "--format", form]
    yield ["export", "indicators", "--as", known.name, "--all", "--world", "Exercise"]


def _export_misp(known: Known) -> Iterator[list[str]]:
    for world in World:
        yield ["export", "misp", "--as", known.name, "--world", world, "--out", OUT]


OUT: Final = "{out}"
"""Stands for a folder that each command gets for itself."""
GENERATORS: Final = {
    "export stix": _export_stix,
    "export indicators": _export_indicators,
    "export misp": _export_misp,
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
            with _our_time_and_chance(clock), TemporaryDirectory() as out:
                said = [part.replace(OUT, out) for part in line]
                done = CliRunner().invoke(get_command(_app), [*said, "--node", str(ground.folder)])
                printed = done.stdout_bytes.replace(out.encode(), OUT.encode())
                files = sorted((file.name, file.read_bytes()) for file in Path(out).rglob("*") if file.is_file())
            yield f"diwan {name}", (line, done.exit_code, printed, repr(done.exception), files)


@contextmanager
def _our_time_and_chance(clock: Clock) -> Iterator[None]:
    """Let the command open its node, a real one, as every other view here does."""
    before = opening.House
    opening.House = partial(House, clock=clock, chance=Stream(1, clock), synchronous="OFF")  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        opening.House = before  # type: ignore[misc]
