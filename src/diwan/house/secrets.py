"""The node's secrets: one file each in its folder, made when it is first asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from diwan.registry.chance import Chance
from diwan.registry.whole import make_folder, write_once
from diwan.terms.errors import Refused

_SEED: Final = 32


def secret(folder: Path, name: str, chance: Chance, *, known: bool) -> bytes:
    """Return 32 bytes that are secret to the node in `folder`; made anew where they are missing and not `known` before.

    Raises:
        Refused: the file is no key, or is missing though it was there before.
    """
    file = folder / "keys" / f"{name}.key"
    if not file.exists():
        if known:
            raise Refused(
                f"{file} is not there, and this node's register was set back: put its keys back, for a key"
                " made anew is one that nobody knows. The node was not opened."
            )
        make_folder(file.parent)
        write_once(file, chance.bytes(_SEED).hex().encode())
    try:
        held = bytes.fromhex(file.read_text("ascii").strip())
    except ValueError:
        held = b""
    if len(held) != _SEED:
        raise Refused(f"{file} does not hold a key of {_SEED} bytes in hexadecimal. The node was not opened.")
    return held
