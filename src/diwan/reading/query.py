"""What a reader asks for; every condition is compared with what is released to them, and with nothing else."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

import msgspec

from diwan.registry.words import field, words
from diwan.terms.time import Instant


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """All conditions must hold; an empty query asks for everything."""

    kind: str | None = None
    originator: str | None = None
    facets: tuple[tuple[str, str], ...] = ()
    words: str = ""
    since: Instant | None = None
    """Entered or changed at or after this instant."""
    until: Instant | None = None
    """Entered or changed before this instant."""
    order: Literal["newest", "oldest"] = "newest"

    def terms(self) -> tuple[str, ...]:
        """Return the terms that an entry must all be filed under."""
        fields = [field(name, value) for name, value in self.facets]
        if self.kind is not None:
            fields.append(field("kind", self.kind))
        if self.originator is not None:
            fields.append(field("originator", self.originator))
        return (*fields, *sorted(words(self.words)))

    def fingerprint(self) -> str:
        """Return what ties a cursor to this query."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]
