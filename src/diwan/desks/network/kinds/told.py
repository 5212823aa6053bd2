"""A statement with who said it: what the folds are made of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from diwan.desks.network.kinds.statement import Framework, Statement
from diwan.terms.item import Ref
from diwan.terms.time import Instant


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One statement as its originator made it."""

    statement: Statement
    ref: Ref
    at: Instant
    """When it was entered."""

    @property
    def by(self) -> str:
        """Return the party that answers for it."""
        return self.ref.originator


def in_order(told: Iterable[Told]) -> tuple[Told, ...]:
    """Return the statements oldest first, so that every fold is the same in whatever order they came."""
    return tuple(sorted(told, key=lambda one: (one.at, one.ref)))


def kept(told: Iterable[Told]) -> dict[str, dict[str, Told]]:
    """Return, by framework and keeper, the newest description that a keeper itself gave.

    A description by anyone else is no evidence of who keeps the list, and does not make its author's word count.
    """
    found: dict[str, dict[str, Told]] = {}
    for one in in_order(told):
        if isinstance(one.statement, Framework) and one.statement.keeper == one.by:
            found.setdefault(one.statement.id, {})[one.by] = one
    return found
