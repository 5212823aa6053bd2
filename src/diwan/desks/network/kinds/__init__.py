"""What the network desk knows: parties, frameworks, memberships and missions, and the folds to what holds on a day."""

from diwan.desks.network.kinds.days import first_day, holds
from diwan.desks.network.kinds.parties import parties, party_names
from diwan.desks.network.kinds.posts import Post, posts
from diwan.desks.network.kinds.rolls import Place, Roll, rolls
from diwan.desks.network.kinds.statement import (
    FRAMEWORK,
    KINDS,
    MEDIA_TYPE,
    MEMBERSHIP,
    MISSION,
    PARTY,
    SCHEME,
    Belonging,
    Brief,
    Framework,
    FrameworkType,
    Mission,
    MissionType,
    Party,
    PartyType,
    Statement,
    alias,
)
from diwan.desks.network.kinds.told import Told, kept
from diwan.desks.network.kinds.turns import Turn, turns

__all__ = [
    "FRAMEWORK",
    "KINDS",
    "MEDIA_TYPE",
    "MEMBERSHIP",
    "MISSION",
    "PARTY",
    "SCHEME",
    "Belonging",
    "Brief",
    "Framework",
    "FrameworkType",
    "Mission",
    "MissionType",
    "Party",
    "PartyType",
    "Place",
    "Post",
    "Roll",
    "Statement",
    "Told",
    "Turn",
    "alias",
    "first_day",
    "holds",
    "kept",
    "parties",
    "party_names",
    "posts",
    "rolls",
    "turns",
]
