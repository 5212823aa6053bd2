"""Wires of our own: each member in a network namespace, on a cable that can be pulled.  Linux, as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

_BRIDGE: Final = "diwan-drill"
_NET: Final = "198.18.83"
"""Out of what RFC 2544 keeps for trying networks out: nobody's addresses."""


def can_wire() -> bool:
    """Return whether this machine lets us lay wires."""
    return os.geteuid() == 0 and all(map(shutil.which, ("ip", "setpriv")))


class Network:
    """A switch with the drill itself on its first port and a member on each other."""

    address: Final = f"{_NET}.1"

    def __init__(self, names: Sequence[str]) -> None:
        """Lay a cable for each name."""
        self.addresses = {name: f"{_NET}.{number}" for number, name in enumerate(names, 11)}
        self.remove()
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for name, address in self.addresses.items():
            space = _space(name)
            _ip("netns", "add", space)
            _ip("link", "add", _cable(name), "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", _cable(name), "master", _BRIDGE)
            _ip("link", "set", _cable(name), "up")
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def at(self, name: str) -> list[str]:
        """Return the words that run a command at the end of a cable."""
        return ["ip", "netns", "exec", _space(name)]

    def pull(self, name: str) -> None:
        """Pull a cable: nothing is refused and nothing is closed, what is sent is gone."""
        _ip("link", "set", _cable(name), "down")

    def plug(self, name: str) -> None:
        """Put a cable back."""
        _ip("link", "set", _cable(name), "up")

    def remove(self) -> None:
        """Take everything away again, also what a drill that was cut short left behind."""
        cables = [("link", "del", _cable(name)) for name in self.addresses]
        spaces = [("netns", "del", _space(name)) for name in self.addresses]
        for words in [*cables, *spaces, ("link", "del", _BRIDGE)]:
            with suppress(subprocess.CalledProcessError):
                _ip(*words)


def _space(name: str) -> str:
    return f"{_BRIDGE}-{name}"


def _cable(name: str) -> str:
    return f"drill-{name}"  # an interface's name has fifteen letters at most


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
