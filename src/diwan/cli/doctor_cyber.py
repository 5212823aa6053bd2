"""The doctor at the cyber desk: the files beside the node, and whether the sources can be called at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from diwan.desks.cyber.calls.source import Source, read_sources
from diwan.desks.cyber.parse.local import LISTS, SHARING, SOURCES, read_local
from diwan.house import House
from diwan.people.accounts import account_named
from diwan.release.marking import parse_marking
from diwan.terms.check import Check
from diwan.terms.errors import Malformed

DESK: Final = Path("desks/cyber")


def check_files(folder: Path) -> Iterator[Check]:
    """Look at the files in `desks/cyber/`, each by itself."""
    root = folder / DESK
    for file in sorted(file for file in root.rglob("*") if file.is_file()):
        name = file.relative_to(root).as_posix()
        if name == SOURCES:
            yield _file(file, name, lambda data: read_sources(data.decode("utf-8", "replace")))
        elif name == SHARING or name.startswith(LISTS):
            yield _file(file, name, _reader(name))
        else:
            yield Check(name, False, f"nothing reads {file}: mend its name or take it away")


def check_sources(house: House) -> Iterator[Check]:
    """Look at each source that can be read: its label, its party or account, and its files in `keys/`."""
    file = house.folder / DESK / SOURCES
    try:
        sources = read_sources(file.read_text("utf-8", "replace")) if file.exists() else ()
    except Malformed:
        return  # told of the file already
    for source in sources:
        faults = list(_faults(house, source))
        yield Check(f"source {source.name}", not faults, "; ".join(faults) or f"{source.direction}, {source.root}")


def _reader(name: str) -> Callable[[bytes], object]:
    return lambda data: read_local({name: data})


def _file(file: Path, name: str, read: Callable[[bytes], object]) -> Check:
    try:
        read(file.read_bytes())
    except Malformed as wrong:
        return Check(name, False, f"{wrong} Mend {file} or take it away")
    return Check(name, True, "sound")


def _faults(house: House, source: Source) -> Iterator[str]:
    for name in (source.keys, source.certificate, source.authority):
        if name and not (house.folder / "keys" / name).is_file():
            yield f"keys/{name} is not there"
    if source.direction == "push":
        account = account_named(house.book, source.account)
        if account is None or account.closed is not None:
            yield f"no open account is named {source.account}"
        return
    try:
        parse_marking(source.label, house.rules().policies)
    except Malformed as wrong:
        yield str(wrong)
    if not house.hosts(source.originator or house.settings.keeper):
        yield f"{source.originator} is not hosted here: nothing can be entered in its name"
