"""What an administrator lays beside the node for the cyber desk: warning lists, and what MISP's audiences mean here."""

from __future__ import annotations

import msgspec

from diwan.desks.cyber.kinds.misp import Known, Member, Sharing
from diwan.desks.cyber.kinds.warning import BUILT_IN, Warnings


class Audiences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sharing.toml`: what MISP's distribution levels and sharing groups mean, for every originator hosted here."""

    community: str = ""
    connected: tuple[str, ...] = ()
    everyone: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    groups: tuple[Known, ...] = ()

    def sharing(self, originator: str) -> Sharing:
        """Return what they mean in the mouth of one originator."""
        return Sharing(
            own=originator,
            community=self.community,
            connected=self.connected,
            everyone=self.everyone,
            members=self.members,
            groups=self.groups,
        )


class Local:
    """What the desk knows beside the register; read once, when the node opens."""

    def __init__(self, audiences: Audiences | None = None, warnings: Warnings | None = None, sources: str = "") -> None:
        """Know what was laid there, or only what the desk brings along; `sources` is a text that `calls` reads."""
        self.audiences = audiences or Audiences()
        self.warnings = warnings or Warnings(BUILT_IN)
        self.sources = sources
