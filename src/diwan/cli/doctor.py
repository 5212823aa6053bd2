"""The doctor: what is wrong with a node's set-up, and what to do about it."""

from __future__ import annotations

import shutil
import socket
import stat
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from diwan.cli.check import Check
from diwan.cli.doctor_cyber import check_files, check_sources
from diwan.house import House, is_node
from diwan.terms.errors import Refused
from diwan.terms.time import iso

_ROOM: Final = 1 << 30
_LAG: Final = 50_000
_SECOND: Final = 1_000_000


def check_up(folder: Path) -> list[Check]:
    """Look at the node in `folder` from the outside in; what cannot be looked at is said to be wrong."""
    if not is_node(folder):
        return [
            Check("node", False, f"There is no node in {folder}. Begin one: diwan init --keeper PARTY --node {folder}")
        ]
    found = [Check("node", True, str(folder)), *_keys(folder), _space(folder), _assets(), *check_files(folder)]
    try:
        house = House(folder)
    except Refused as refusal:
        return [*found, Check("register", False, str(refusal))]
    try:
        return [*found, *_house(house), *check_sources(house)]
    finally:
        house.close()


def _keys(folder: Path) -> Iterator[Check]:
    loose = [file.name for file in (folder / "keys").glob("*") if _open_to_others(file)]
    said = f"others can read {', '.join(loose)}: chmod 600 them" if loose else "readable by their owner alone"
    yield Check("keys", not loose, said)
    bare = _open_to_others(folder)
    said = f"others can enter {folder}, where every label's items lie: chmod 700 it" if bare else "closed to others"
    yield Check("folder", not bare, said)


def _open_to_others(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _space(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free" + ("" if free > _ROOM else ": intake will stop politely when it is full")
    return Check("disk", free > _ROOM, said)


def _assets() -> Check:
    there = (files("diwan.web") / "assets" / "htmx" / "htmx.min.js").is_file()
    return Check("page assets", there, "there" if there else "missing: install the wheel, or build with npm on PATH")


def _house(house: House) -> Iterator[Check]:
    facts = house.book.facts()
    yield Check("register", True, f"generation {facts['generation']}, {facts['stands']:,} release events")
    ahead = facts["last_position"] - house.clock()
    said = "after the last entry" if ahead <= 0 else f"behind the last entry ({iso(facts['last_position'])}): set it"
    yield Check("clock", ahead <= _SECOND, said)
    names = ", ".join(policy.id for policy in house.rules().policies)
    yield Check("policies", bool(names), names or "none installed: nothing can be labelled")
    known = {policy.id for policy in house.rules().policies}
    unknown = [height.policy for height in house.settings.heights if height.policy not in known]
    yield Check("ceiling", not unknown, f"names {', '.join(unknown)}, not installed" if unknown else "within policies")
    waiting = facts["waiting"]
    yield Check("word index", waiting < _LAG, f"{waiting:,} entries wait, searched directly meanwhile")
    yield _port(house.settings.host, house.settings.port)


def _port(host: str, port: int) -> Check:
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex((host, port)) == 0
    return Check(
        "port", True, f"{host}:{port} " + ("answers: the node runs, or another program does" if taken else "is free")
    )
