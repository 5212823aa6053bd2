"""The doctor: what is wrong with a node's set-up, by which rule, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from diwan.cli.doctor_cyber import check_files, check_sources
from diwan.cli.doctor_files import check_folder, lost_keys
from diwan.cli.doctor_settings import check_ports, check_settings
from diwan.house import House, is_node
from diwan.settings import Settings, read_settings
from diwan.terms.check import Check
from diwan.terms.errors import Malformed, Refused
from diwan.terms.time import iso

_LAG: Final = 50_000
_SECOND: Final = 1_000_000


def check_up(folder: Path) -> list[Check]:
    """Look at the node in `folder` from the outside in; what cannot be looked at is said to be wrong."""
    if not is_node(folder):
        return [
            Check("node", False, f"There is no node in {folder}. Begin one: diwan init --keeper PARTY --node {folder}")
        ]
    try:
        settings: Settings | Malformed = read_settings(folder)
    except Malformed as wrong:
        settings = wrong
    # Where settings cannot be read it is files that told of a node.
    in_postgres = isinstance(settings, Settings) and bool(settings.postgres)
    found = [Check("node", True, str(folder)), *check_folder(folder, in_postgres=in_postgres), _assets()]
    found += check_files(folder)
    if isinstance(settings, Malformed):
        return [*found, Check("settings", False, str(settings)), _unopened("settings")]
    found += [*check_settings(settings), *check_ports(settings)]
    if lost := lost_keys(folder, settings):
        return [*found, *lost, _unopened("keys")]
    try:
        house = House(folder)
    except Refused as refusal:
        return [*found, Check("register", False, str(refusal))]
    try:
        return [*found, *_house(house), *check_sources(house)]
    finally:
        house.close()


def _unopened(what: str) -> Check:
    return Check("register", False, f"not looked at: see {what}. The node was not opened.")


def _assets() -> Check:
    there = (files("diwan.web") / "assets" / "htmx" / "htmx.min.js").is_file()
    return Check("page assets", there, "there" if there else "missing: install the wheel, or build with npm on PATH")


def _house(house: House) -> Iterator[Check]:
    facts = house.book.facts()
    yield Check("register", True, f"generation {facts['generation']}, {facts['stands']:,} release events")
    yield _clock(facts["last_position"], house.clock())
    names = ", ".join(policy.id for policy in house.rules().policies)
    yield Check("policies", bool(names), names or "none installed: nothing can be labelled")
    known = {policy.id for policy in house.rules().policies}
    unknown = [height.policy for height in house.settings.heights if height.policy not in known]
    yield Check("ceiling", not unknown, f"names {', '.join(unknown)}, not installed" if unknown else "within policies")
    yield _words(facts["waiting"])
    yield _open(house)
    yield _journal(house)


def _clock(last: int, now: int) -> Check:
    if last - now <= _SECOND:
        return Check("clock", True, "after the last entry")
    return Check(
        "clock",
        False,
        f"set back: {iso(now)} is before the last entry ({iso(last)}). Order wins, so what is entered now is dated "
        "ahead of the clock, and what ends at an hour ends late: set the clock right, by a time server",
    )


def _open(house: House) -> Check:
    if not house.shut:
        return Check("open", True, "readers are let in")
    said = f"shut since {iso(house.shut)}, when its register was set back: nobody sees or enters anything until "
    return Check("open", False, f"{said}recalls since are replayed: diwan reopen --journal PATH --node {house.folder}")


def _journal(house: House) -> Check:
    if house.journal is None:
        return Check("journal", True, "none: what is recalled after a backup is not known to a node restored from it")
    fault = house.journal_fault()
    if fault is None:
        return Check("journal", True, f"kept in {house.settings.journal}")
    return Check(
        "journal",
        False,
        f"{fault}: what was recalled or relabelled since is not written down off the node, and a backup restored now "
        "would show it again. Mend the folder that journal in settings.toml names; what is missing is written then",
    )


def _words(waiting: int) -> Check:
    said = f"{waiting:,} entries wait, searched directly meanwhile"
    if waiting < _LAG:
        return Check("word index", True, said)
    more = "it is built while the node serves: start it, and look for “The word index could not go on” in its log"
    return Check("word index", False, f"{said}, and every search is slower for it; {more}")
