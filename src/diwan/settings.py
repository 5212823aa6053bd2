"""What an administrator sets: one frozen value, read once, handed down as arguments."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from diwan.release.ceiling import Ceiling, Height
from diwan.terms.errors import Malformed
from diwan.terms.hand import Role

FILE: Final = "settings.toml"
_POSTGRES: Final = re.compile(r"\s*postgres\s*=")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One node's settings; `settings.toml` in the node's folder holds those that differ from these."""

    title: str = "Diwan"
    """The node's name, as its pages show it."""
    keeper: str = "NATO"
    """The party that runs this node."""
    hosted: tuple[str, ...] = ()
    """Parties whose keys are kept here, so that items can be entered in their name."""
    postgres: str = ""
    """Where the register is kept in PostgreSQL: a libpq conninfo that names no user; empty: in files of the folder."""
    journal: str = ""
    """A folder that another host lends, where recalls and relabels are written down too; empty: nowhere."""
    host: str = "127.0.0.1"
    port: int = 8017
    log: Literal["text", "json"] = "text"
    """How a serving node writes what it says of itself: warnings for people, or each event as one JSON object."""
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """Where Prometheus gets the node's numbers, on the loopback address alone; 0: nowhere."""
    proxy: str = ""
    """The address of the proxy that ends TLS; from it alone X-Forwarded-For and X-Forwarded-Proto are believed."""
    heights: tuple[Height, ...] = (Height("TLP", "UNCLASSIFIED"),)
    """This node's ceiling: the highest label, per policy, that may be entered or released here."""
    role_heights: dict[str, tuple[Height, ...]] = {}
    """Lower ceilings for single roles; a role that is not named has the node's."""
    largest: int = 4 * 1024 * 1024
    """Bytes of one uploaded document at most."""
    idle_minutes: int = 30
    session_hours: int = 12
    language: str = "en"

    @property
    def node_ceiling(self) -> Ceiling:
        """The ceiling of the node."""
        return Ceiling("this node", self.heights)

    @property
    def role_ceilings(self) -> dict[Role, Ceiling]:
        """The ceilings of the roles that enter items."""
        roles = (Role.DUTY_OFFICER, Role.RELEASING_OFFICER, Role.PROGRAMME_OFFICER)
        return {role: Ceiling(str(role), self.role_heights.get(role, self.heights)) for role in roles}


def read_settings(folder: Path) -> Settings:
    """Return the settings of the node in `folder`; without a file, the defaults.

    Raises:
        Malformed: the file is not TOML, or says something that is not a setting.
    """
    file = folder / FILE
    if not file.exists():
        return Settings()
    try:
        return settings_in(file.read_bytes())
    except ValueError as wrong:
        raise Malformed(f"{file}: {wrong}. The node was not opened.") from None


def settings_in(text: bytes) -> Settings:
    """Return the settings that the text of a file holds.

    Raises:
        ValueError: it is not TOML in UTF-8, or says something that is not a setting.
    """
    return msgspec.convert(tomllib.loads(text.decode()), Settings)


def with_postgres(text: bytes, conninfo: str) -> bytes:
    """Return the text of a settings file that says where the register is kept, and nothing else anew.

    Raises:
        Malformed: the setting is not written on one line, so it cannot be replaced.
    """
    before = tomllib.loads(text.decode())
    if before.get("postgres", "") == conninfo:
        return text
    lines = [line for line in text.decode().splitlines(keepends=True) if not _POSTGRES.match(line)]
    first = [f"postgres = {json.dumps(conninfo, ensure_ascii=False)}\n"] if conninfo else []
    now = "".join([*first, *lines])
    wanted = {name: value for name, value in before.items() if name != "postgres"}
    if _read(now) != (wanted | {"postgres": conninfo} if conninfo else wanted):
        raise Malformed(f"{FILE} says postgres over several lines or in a table: it was not changed. Mend it by hand.")
    return now.encode()


def _read(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
