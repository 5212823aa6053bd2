"""The network desk: who there is, who belongs to what since when, and who says so."""

from diwan.desk import Board, Desk, Show
from diwan.desks.network.kinds import FRAMEWORK, KINDS, MEDIA_TYPE, MEMBERSHIP, MISSION, PARTY
from diwan.desks.network.pages import (
    framework_view,
    membership_view,
    mission_view,
    names_of_parties,
    network_board,
    party_view,
)
from diwan.desks.network.parse import parse

DESK = Desk(
    name="network",
    kinds=frozenset(KINDS.values()),
    parses={MEDIA_TYPE: parse},
    boards=(Board("/network", "Network", "network/board.html", "list", network_board),),
    shows={
        PARTY: Show("network/party.html", party_view),
        FRAMEWORK: Show("network/framework.html", framework_view),
        MEMBERSHIP: Show("network/membership.html", membership_view),
        MISSION: Show("network/mission.html", mission_view),
    },
    names=names_of_parties,
    package="diwan.desks.network",
)
