"""What a reader may see, worked out a second time: label by label with `admits`, over the raw tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from diwan.registry.law import load_rules
from diwan.release.decide import Rules, admits
from diwan.terms.gate import Gate, Stand, World
from diwan.terms.item import Ref
from diwan.terms.reader import Reader
from diwan.terms.time import Instant

if TYPE_CHECKING:
    from leaks.ground import Ground


class Standing(msgspec.Struct, frozen=True):
    """Where one item stands."""

    ref: Ref
    kind: str
    world: World
    gate: int


class Sight(msgspec.Struct, frozen=True):
    """Which gates are open to one reader, and what stands behind them and behind the others."""

    open: frozenset[int]
    visible: tuple[Standing, ...]
    hidden: tuple[Standing, ...]
    gone: tuple[Ref, ...]
    """What was recalled, whoever could read it."""


def sight_of(ground: Ground, reader: Reader, now: Instant) -> Sight:
    """Return what `reader` may see at `now`; the gates that the register itself holds open are not asked."""
    with ground.bare() as pages:
        rules = load_rules(pages, pages.value("SELECT value FROM state WHERE name='rules'"))  # type: ignore[arg-type]
        gates = {
            number: msgspec.json.decode(value, type=Gate)
            for number, value in pages.execute("SELECT number, value FROM gate")
        }
        opened = frozenset(number for number, gate in gates.items() if opens(reader, gate.stands, rules, now))
        rows = pages.execute(
            "SELECT i.originator, i.id, i.kind, i.world, s.gate FROM item i LEFT JOIN stand s"
            " ON s.item=i.number AND s.until IS NULL ORDER BY i.number"
        ).fetchall()
    standing = [
        Standing(Ref(party, ident.hex()), kind, World(world), gate) for party, ident, kind, world, gate in rows if gate
    ]
    return Sight(
        opened,
        tuple(one for one in standing if one.gate in opened),
        tuple(one for one in standing if one.gate not in opened),
        tuple(Ref(party, ident.hex()) for party, ident, _, _, gate in rows if gate is None),
    )


def opens(reader: Reader, stands: tuple[Stand, ...], rules: Rules, now: Instant) -> bool:
    """Return whether every one of a gate's labels admits a reader."""
    return bool(stands) and all(admits(reader, stand, rules, now) for stand in stands)
