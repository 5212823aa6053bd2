"""The four statements of the network desk, as their JSON has them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from diwan.terms.item import Alias
from diwan.terms.party import Membership, Standing

MEDIA_TYPE: Final = "application/vnd.diwan.network+json"
SCHEME: Final = "network"
"""The scheme under which statements have names of their own: `party/KWT`, `membership/ICI/KWT/2004-06-28`."""
PARTY: Final = "network.party"
FRAMEWORK: Final = "network.framework"
MEMBERSHIP: Final = "network.membership"
MISSION: Final = "network.mission"


class PartyType(StrEnum):
    """What a party is."""

    NATION = "nation"
    ORGANISATION = "organisation"
    MISSION = "mission"
    CENTRE = "centre"


class FrameworkType(StrEnum):
    """What a party can belong to: a lasting framework, or an operation, to which members contribute."""

    FRAMEWORK = "framework"
    OPERATION = "operation"


class MissionType(StrEnum):
    """A mission is sent to be heard; an office is opened to work in a host country."""

    MISSION = "mission"
    OFFICE = "office"


class _Said(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"
):
    pass


class Party(_Said, frozen=True, kw_only=True, tag_field="kind", tag="party", rename="camel"):
    """A party by its id, with its names by language tag and its codes by the scheme that gives them."""

    id: str
    type: PartyType
    names: dict[str, str]
    codes: dict[str, str] = {}
    part_of: str | None = None
    """The party that a mission or centre belongs to."""
    since: str | None = None
    """As exact as it is known: `2016`, `2016-11` or `2016-11-24`."""
    until: str | None = None
    """The day from which it no longer is, as exact as it is known."""


class Framework(_Said, frozen=True, kw_only=True, tag_field="kind", tag="framework"):
    """A framework or an operation, and the one party that keeps the list of its members."""

    id: str
    type: FrameworkType
    names: dict[str, str]
    keeper: str
    since: str | None = None
    until: str | None = None


class Belonging(_Said, frozen=True, kw_only=True, tag_field="kind", tag="membership"):
    """That a party stood so in a framework; whole days, for release may rest on them."""

    framework: str
    party: str
    standing: Standing
    since: date | None = None
    until: date | None = None

    @property
    def membership(self) -> Membership:
        """Return it as the word that release decisions use."""
        return Membership(self.framework, self.party, self.standing, self.since, self.until)


class Mission(_Said, frozen=True, kw_only=True, tag_field="kind", tag="mission"):
    """A diplomatic mission accredited to a party, or an office that a party opened in a host country."""

    id: str
    """Where the mission or office is a party itself, that party's id."""
    type: MissionType
    of: str
    """The party that sent or opened it."""
    names: dict[str, str] = {}
    to: str | None = None
    """The party to which a mission is accredited; an office has none."""
    host: str | None = None
    """The party in whose country it stands."""
    since: str | None = None
    until: str | None = None


Statement = Party | Framework | Belonging | Mission

KINDS: Final[dict[type[Statement], str]] = {
    Party: PARTY,
    Framework: FRAMEWORK,
    Belonging: MEMBERSHIP,
    Mission: MISSION,
}


class Brief(msgspec.Struct, frozen=True):
    """What a list shows of a statement, and the statement itself, so that pages need not open the parts."""

    headlines: dict[str, str]
    """The title by language tag."""
    statement: Statement


def alias(statement: Statement) -> Alias:
    """Return the name by which other statements refer to this one; a membership of unknown beginning ends in `-`."""
    match statement:
        case Party():
            return Alias(SCHEME, f"party/{statement.id}")
        case Framework():
            return Alias(SCHEME, f"framework/{statement.id}")
        case Mission():
            return Alias(SCHEME, f"mission/{statement.id}")
        case Belonging():
            since = statement.since.isoformat() if statement.since else "-"
            return Alias(SCHEME, f"membership/{statement.framework}/{statement.party}/{since}")
