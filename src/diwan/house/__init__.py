"""The house: the composition root, and the care of what it stands on."""

from diwan.house.care import (
    check_register,
    check_unused,
    is_node,
    postgres_script,
    restore_node,
    upgrade_register,
)
from diwan.house.clerk import HouseClerk
from diwan.house.lookout import lookout
from diwan.house.node import House
from diwan.house.policies import shipped_policies
from diwan.registry.chance import wall_clock

__all__ = [
    "House",
    "HouseClerk",
    "check_register",
    "check_unused",
    "is_node",
    "lookout",
    "postgres_script",
    "restore_node",
    "shipped_policies",
    "upgrade_register",
    "wall_clock",
]
