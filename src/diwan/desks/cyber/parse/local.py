"""The files that an administrator lays in `desks/cyber/` of the node's folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Final

import msgspec

from diwan.desks.cyber.kinds.local import Audiences, Local
from diwan.desks.cyber.kinds.warning import BUILT_IN, Warnings
from diwan.desks.cyber.parse.warning_list import read_list
from diwan.terms.errors import Malformed

SHARING: Final = "sharing.toml"
LISTS: Final = "warninglists/"
SOURCES: Final = "sources.toml"


def read_local(files: Mapping[str, bytes]) -> Local:
    """Return what the files say, by their names below the desk's folder.

    Raises:
        Malformed: a file is not what its name says; the text names it.
    """
    lists = [read_list(data, name) for name, data in sorted(files.items()) if name.startswith(LISTS)]
    # A fault in the sources keeps nobody from the register: it is told where they are called, and by the doctor.
    sources = files.get(SOURCES, b"").decode("utf-8", "replace")
    return Local(_audiences(files.get(SHARING)), Warnings((*BUILT_IN, *lists)), sources)


def _audiences(data: bytes | None) -> Audiences:
    if data is None:
        return Audiences()
    try:
        return msgspec.convert(tomllib.loads(data.decode()), Audiences)
    except (ValueError, msgspec.ValidationError) as wrong:
        raise Malformed(f"{SHARING}: {wrong}. The node was not opened.") from None
