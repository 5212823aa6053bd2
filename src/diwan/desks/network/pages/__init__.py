"""What the network desk shows: the board as of any day, and one statement of each kind."""

from diwan.desks.network.pages.board import network_board
from diwan.desks.network.pages.shows import framework_view, membership_view, mission_view, party_view
from diwan.desks.network.pages.statements import names_of_parties

__all__ = ["framework_view", "membership_view", "mission_view", "names_of_parties", "network_board", "party_view"]
