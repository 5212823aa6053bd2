"""Positions: the instants at which things come to stand and end, given under the write order.

Each is after every earlier one and none is ahead of the clock; who sees only some learns nothing of the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Final

from diwan.registry.chance import Chance, Clock
from diwan.registry.found import Found, Standing
from diwan.registry.sheet import Sheet
from diwan.terms.time import Instant

_SECRET: Final = 16
_GAP: Final = 512
"""Microseconds before the present within which something entered by itself takes its position."""
_WIDE: Final = 4096
"""Microseconds over which the positions of what is entered or moves together lie scattered, up to a thousand of it."""


class Positions(Found):
    """What gives positions, within one transaction of the pen."""

    def __init__(self, sheet: Sheet, clock: Clock, chance: Chance) -> None:
        """Write on `sheet`; instants and random gaps come from `clock` and `chance`."""
        super().__init__(sheet)
        self._clock = clock
        self.chance = chance

    def now(self) -> Instant:
        """Return the present instant as the house tells it."""
        return self._clock()

    def set_fact(self, name: str, value: int) -> None:
        """Set one of the register's own numbers."""
        self._sql.set_fact(name, value)

    def position(self) -> int:
        """Return a position after every earlier one, not ahead of the clock.

        Where the clock was set back behind the last position, order wins: positions go on from the last one.
        """
        low, high = self._stretch(_GAP, needed=1)
        (given,) = self.chance.apart(low, high, 1)
        self.set_fact("last_position", given)
        return given

    def positions(self, counts: Sequence[int]) -> list[list[int]]:
        """Return rising positions for what is entered together, as many behind each gate as `counts` says.

        All are after every earlier one and none ahead of the clock.  Those behind one gate lie at random within a
        stretch that is as long whatever the others are: whoever sees only some learns nothing of how many there are.
        """
        total = sum(counts)
        if total == 1:
            return [[self.position()] if count else [] for count in counts]
        wide = _wide(total)
        low, high = self._stretch(wide, needed=wide)
        drawn = iter(self.chance.apart(low, high, total))
        self.set_fact("last_position", high)
        return [sorted(islice(drawn, count)) for count in counts]

    def scattered(self, moved: Sequence[Standing]) -> list[int]:
        """Return a position for each of what moves together, after every earlier one and none ahead of the clock.

        Each lies where a secret of the moment and its own reference put it: who sees some of what moved learns nothing
        of how much else did, nor of what went before it.
        """
        wide = _wide(len(moved))
        low, high = self._stretch(wide, needed=wide)
        secret, taken = self.chance.bytes(_SECRET), dict[int, None]()
        for one in moved:
            digest = blake2b(str(one.ref).encode(), key=secret, digest_size=8).digest()
            place = int.from_bytes(digest) % wide
            while place in taken:
                place = (place + 1) % wide
            taken[place] = None
        self.set_fact("last_position", high)
        return [low + 1 + place for place in taken]

    def keep_free(self, gates: Iterable[int]) -> int:
        """Keep the next positions free, one for each entry that stands behind `gates`; return how many.

        Whoever gains these gates can then be given each entry at an instant of its own, also where the protocol has
        nothing but instants to go on by.
        """
        held = (self._sql.execute("SELECT entries FROM head WHERE gate=?", [gate]).fetchone() for gate in gates)
        span = sum(int(row[0]) for row in held if row)
        last, now = self.fact("last_position"), self._clock()
        if last < now < last + span:
            time.sleep((last + span - now + 1) / 1e6)
        self.set_fact("last_position", last + span)
        return span

    def _stretch(self, wide: int, *, needed: int) -> tuple[int, int]:
        """Return bounds of at most `wide` free positions up to now, having waited until there are as many as `needed`.

        Where the clock was set back, they lie after the last position.
        """
        last, now = self.fact("last_position"), self._clock()
        if last < now < last + needed:
            time.sleep((last + needed - now + 1) / 1e6)
            now = self._clock()
        high = now if now >= last + needed else last + wide
        return max(last, high - wide), high


def _wide(count: int) -> int:
    """Return over how many microseconds `count` positions lie: for more than a thousand it tells their power of two."""
    return max(_WIDE, 1 << (4 * count).bit_length())
