"""The doctor at the node's folder: keys, who may read what and who owns it, the file system, and room on it."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from diwan.settings import Settings
from diwan.terms.check import Check

ROOM: Final = 1 << 30
_CURSORS: Final = "cursors"
_MOUNTS: Final = Path("/proc/self/mounts")
_REMOTE: Final = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "fuse.glusterfs", "afs")


def check_folder(folder: Path, *, in_postgres: bool) -> Iterator[Check]:
    """Look at modes, owners, the file system and its room; the register lies there unless it is `in_postgres`."""
    yield from _modes(folder, "keys lie" if in_postgres else "every label's items and keys lie")
    yield _owner(folder)
    yield _file_system(folder, in_postgres=in_postgres)
    yield _space(folder, in_postgres=in_postgres)


def lost_keys(folder: Path, settings: Settings) -> list[Check]:
    """Return a check for each key that the node would make anew when it is opened, since its file is not there.

    Whoever reads this must not open the node: opening makes the keys.
    """
    names = dict.fromkeys((_CURSORS, settings.keeper, *settings.hosted))
    return [
        Check("keys", False, _lost(name, settings)) for name in names if not (folder / "keys" / f"{name}.key").is_file()
    ]


def _lost(name: str, settings: Settings) -> str:
    where = f"keys/{name}.key is not there, and the next start would make another"
    if name == _CURSORS:
        return f"{where}: partners' places in feeds would be refused, and they begin anew. Put it back from a backup"
    new = "" if name == settings.keeper else f"; if {name} was only just named in hosted, start the node to make it"
    return (
        f"{where}: what {name} signs from then on has a key that partners do not know. Put it back from a backup "
        f"before the node is started{new}"
    )


def _modes(folder: Path, lie: str) -> Iterator[Check]:
    keys = folder / "keys"
    loose = [file.name for file in sorted(keys.glob("*")) if _open_to_others(file)]
    said = f"others can read {', '.join(loose)}: chmod 600 them" if loose else "readable by their owner alone"
    yield Check("keys", not loose, said)
    bare = [str(path) for path in (folder, keys) if path.exists() and _open_to_others(path)]
    said = (
        f"others can enter {', '.join(bare)}, where {lie}: chmod 700" if bare else
        "closed to others"
    )  # fmt: skip
    yield Check("folder", not bare, said)


def _open_to_others(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _owner(folder: Path) -> Check:
    owner = folder.stat().st_uid
    files = (path for path in folder.rglob("*") if path.lstat().st_uid != owner)
    foreign = sorted(path.relative_to(folder).as_posix() for path in files)
    if not foreign:
        return Check("owner", True, "one account owns everything")
    shown = ", ".join(foreign[:5]) + (" …" if len(foreign) > 5 else "")
    return Check(
        "owner",
        False,
        f"another account than the folder's owns {shown}, which the node then cannot write: chown -R to the folder's "
        "owner, and type commands as the account that serves",
    )


def _file_system(folder: Path, *, in_postgres: bool) -> Check:
    """Say whether the folder may lie where it does: SQLite's write-ahead log needs memory that all its users share.

    Source: SQLite, Write-Ahead Logging, “WAL does not work over a network filesystem”.
    """
    sort = _sort_of(folder.resolve())
    if sort not in _REMOTE:
        return Check("file system", True, sort or "not known")
    if in_postgres:
        return Check("file system", True, f"{sort}, over a network: the register is in PostgreSQL and not there")
    said = f"{folder} lies on {sort}, over a network, where the register's write-ahead log does not work"
    return Check("file system", False, f"{said}: move the folder to a disk of this machine")


def _sort_of(folder: Path) -> str:
    try:
        mounts = [line.split() for line in _MOUNTS.read_text().splitlines()]
    except OSError:  # another system than Linux
        return ""
    over = [(len(at), sort) for _, at, sort, *_ in mounts if folder.is_relative_to(at)]
    # Of two mounts at one place the later covers the earlier.
    return max(reversed(over), key=lambda one: one[0])[1] if over else ""


def _space(folder: Path, *, in_postgres: bool) -> Check:
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free"
    if in_postgres:
        said += " for keys and settings"  # entries go to the server's disk, which is looked at there
    if free <= ROOM:
        full = "the node is not ready" if in_postgres else "nothing more is entered"
        said += f", less than 1 GiB: on a full disk {full}. Free some, or move the node elsewhere"
    return Check("disk", free > ROOM, said)
