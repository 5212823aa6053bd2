"""What a reader asks for; every condition is compared with what is released to them, and with nothing else."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal

import msgspec

from diwan.registry.words import field, words
from diwan.terms.errors import Malformed
from diwan.terms.time import Instant

TERMS: Final = 32
"""Words and filters of one query at most."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """All conditions must hold; an empty query asks for everything."""

    kind: str | None = None
    but: tuple[str, ...] = ()
    """The kinds to leave out."""
    originator: str | None = None
    facets: tuple[tuple[str, str], ...] = ()
    words: str = ""
    since: Instant | None = None
    """Entered or changed at or after this instant."""
    until: Instant | None = None
    """Entered or changed before this instant."""
    order: Literal["newest", "oldest"] = "newest"

    def terms(self) -> tuple[str, ...]:
        """Return the terms that an entry must all be filed under.

        Raises:
            Malformed: more than `TERMS` of them.
        """
        fields = [field(name, value) for name, value in self.facets]
        if self.kind is not None:
            fields.append(field("kind", self.kind))
        if self.originator is not None:
            fields.append(field("originator", self.originator))
        terms = (*fields, *sorted(words(self.words)))
        if len(terms) > TERMS:
            raise Malformed(
                f"A search has at most {TERMS} words and filters; this one has {len(terms)}. Ask for fewer."
            )
        return terms

    def fingerprint(self) -> str:
        """Return what ties a cursor to this query."""
        return sha256(msgspec.json.encode(self.said())).hexdigest()[:16]

    def said(self) -> dict[str, object]:
        """Return what it asks for as values: of two that ask for the same, the same."""
        said = msgspec.structs.asdict(self)
        if not self.but:
            del said["but"]  # cursors that software without it gave out go on being good
        return said


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions of a standard's objects are asked for; a standing query narrows them like any list."""

    scheme: str
    """The scheme of their names, `stix`."""
    names: tuple[str, ...] | None = None
    """Only what bears one of these names; None: any name."""
    which: tuple[Literal["last", "first", "all"], ...] = ("last",)
    """Any of them is enough."""
    versions: tuple[str, ...] = ()
    """Or one of these, as `terms.item.Version.at` writes them."""
    query: Query = Query()
    """Its kind, originator, facets and words; kinds to leave out, dates and order are not looked at."""
    alternatives: tuple[tuple[tuple[str, str], ...], ...] = ()
    """Of each of these, at least one (facet, value); `originator` and `kind` count as facets here."""
    data: bool = True
    """Whether the bytes are wanted."""
    refs: bool = False
    """Whether the references of the items that hold them are."""
    listed: bool = True
    """Whether name, version and originator of each are wanted: where the bytes alone are, a quarter of the time is
    saved without them."""

    def fingerprint(self) -> str:
        """Return what ties a cursor to this selection: whatever is wanted of each, it is one list."""
        same = msgspec.structs.asdict(msgspec.structs.replace(self, data=True, refs=False))
        same["query"] = self.query.said()
        del same["listed"]  # cursors that software without it gave out go on being good
        return sha256(msgspec.json.encode(same)).hexdigest()[:16]

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Return the terms of which at least one of each group must hold."""
        return tuple(tuple(field(name, value) for name, value in group) for group in self.alternatives)
