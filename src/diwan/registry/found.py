"""What is found again under the pen, whatever gate it stands behind; who asks for a reader filters by theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec

from diwan.registry.engines.lines import Asked
from diwan.registry.filing import spell
from diwan.registry.sheet import Sheet
from diwan.sealing.header import decode
from diwan.terms.errors import NotFound, Shut
from diwan.terms.gate import World
from diwan.terms.item import ENDS, Alias, Draft, Part, Ref, Version
from diwan.terms.label import Label, unpack
from diwan.terms.time import iso

T = TypeVar("T")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an item stands now: what a change of it starts from."""

    item: int
    since: int
    gate: int
    revision: int
    rev: int
    ref: Ref
    kind: str
    world: str
    parent: int | None
    label: Label


class Named(msgspec.Struct, frozen=True, gc=False):
    """That an originator has something under a name, behind a gate."""

    gate: int
    originator: str


class Found:
    """The reading side of a writing transaction."""

    def __init__(self, sheet: Sheet) -> None:
        """Read what is written, and what waits on `sheet`."""
        self._sql: Final = sheet

    @property
    def connection(self) -> Asked:
        """The transaction, for the registry's own tables of accounts."""
        return self._sql

    def fact(self, name: str) -> int:
        """Return one of the register's own numbers."""
        return self._sql.fact(name)

    def check_open(self) -> None:
        """Refuse what is done with items while the node is shut.

        Raises:
            Shut: its register was set back, and does not know yet what was recalled since.
        """
        if since := self.fact("shut"):
            raise Shut(iso(since))

    def standing(self, ref: Ref) -> Standing:
        """Return where an item stands.

        Raises:
            NotFound: no such item, or it was recalled.
        """
        found = self._find("i.originator=? AND i.id=?", (ref.originator, bytes.fromhex(ref.id)))
        if found is None:
            raise NotFound
        return found

    def stored_draft(self, standing: Standing) -> tuple[Draft, str]:
        """Return an item as a draft again, as far as a relabel needs it, and the terms that find it."""
        title, author, brief, terms = self._sql.execute(
            "SELECT title, author, brief, terms FROM revision WHERE position=?", [standing.revision]
        ).fetchone()
        names = self._sql.execute(
            "SELECT value, version, written, content FROM alias WHERE since=? ORDER BY value", [standing.since]
        ).fetchall()
        draft = Draft(
            kind=standing.kind,
            title=title,
            parts=tuple(part for _, part in self.parts(standing.revision)),
            world=World(standing.world),
            aliases=tuple(Alias(*name.split(":", 1)) for name, *_ in names),
            version=next((Version(*said) for _, *said in names if said[0]), None),
            parent=self.ref_of(standing.parent) if standing.parent is not None else None,
            author=author,
            brief=brief,
        )
        return draft, terms

    def ref_of(self, item: int) -> Ref:
        """Return the reference of an item by its number."""
        originator, ident = self._sql.execute("SELECT originator, id FROM item WHERE number=?", [item]).fetchone()
        return Ref(originator, ident.hex())

    def standing_of(self, item: int) -> Standing | None:
        """Return where the item of a number stands, or None if it was recalled."""
        return self._find("i.number=?", [item])

    def alias_holder(
        self, alias: Alias, gate: int, originator: str, version: Version | None = None
    ) -> tuple[Standing, bool] | None:
        """Return the item that this originator already registered under `alias` behind `gate`, and if it says the same.

        Of a standard that keeps versions: the one that is of this very version, or that says the very same.
        """
        rows = self._sql.among(
            ("alias",),
            [spell(alias)],
            "SELECT s.item, a.version, a.content FROM alias a JOIN stand s ON s.since=a.since"
            " WHERE a.value=? AND a.gate=? AND a.originator=? ORDER BY a.version, a.since",
            [spell(alias), gate, originator],
        )
        for item, at, content in rows:
            same = version is not None and content == version.content
            if version is None or at == version.at or (same and not version.at):
                found = self._find("i.number=?", [item])
                return (found, same) if found else None
        return None

    def beside(self, names: Iterable[str]) -> tuple[dict[str, list[Named]], set[str]]:
        """Return what stands under each of some names as `spell` writes them, and those of them that anything ends.

        Asked together, for each way to the server counts; the caller filters by what it may see.
        """
        ends = ",".join("?" * len(ENDS))
        found: dict[str, list[Named]] = {}
        ended: set[str] = set()
        for some in by_hundreds(names):
            among = f"value IN ({','.join('?' * len(some))})"
            rows = self._sql.among(
                ("alias", "link"),
                some,
                f"SELECT value, gate, originator FROM alias WHERE {among} GROUP BY value, gate, originator"
                f" UNION ALL SELECT value, NULL, NULL FROM link WHERE {among} AND relation IN ({ends})",
                [*some, *some, *sorted(ENDS)],
            )
            for value, gate, originator in rows:
                if gate is None:
                    ended.add(value)
                else:
                    found.setdefault(value, []).append(Named(gate, originator))
        return found, ended

    def holders(self, alias: Alias) -> list[Standing]:
        """Return every standing item known under `alias`; the caller filters by what its reader may see."""
        rows = self._sql.among(
            ("alias",),
            [spell(alias)],
            "SELECT s.item FROM alias a JOIN stand s ON s.since=a.since WHERE a.value=?"
            " ORDER BY a.originator, a.version, a.gate, a.since",
            [spell(alias)],
        )
        return [found for row in rows if (found := self._find("i.number=?", row))]

    def ended_by(self, standing: Standing) -> list[Standing]:
        """Return the standing items of the same originator that end this one."""
        return [one for one in self._over_links(standing, to=True) if one.ref.originator == standing.ref.originator]

    def ended_already(self, aliases: Iterable[Alias], originator: str, world: World) -> list[Standing]:
        """Return the standing items of an originator that end something known under one of these names."""
        marks = ",".join("?" * len(ENDS))
        found = []
        for alias in aliases:
            rows = self._sql.among(
                ("link",),
                [spell(alias)],
                "SELECT DISTINCT s.item FROM link t JOIN stand s ON s.since=t.since"
                f" WHERE t.value=? AND t.relation IN ({marks}) ORDER BY s.item",
                [spell(alias), *sorted(ENDS)],
            )
            found += [one for row in rows if (one := self._find("i.number=?", row))]
        return [one for one in found if (one.ref.originator, one.world) == (originator, world)]

    def ends(self, standing: Standing) -> list[Standing]:
        """Return the standing items of the same originator that this one ends."""
        return [one for one in self._over_links(standing, to=False) if one.ref.originator == standing.ref.originator]

    def _over_links(self, standing: Standing, *, to: bool) -> list[Standing]:
        here, there = ("alias", "link") if to else ("link", "alias")
        marks = ",".join("?" * len(ENDS))
        rows = self._sql.execute(
            f"SELECT DISTINCT s.item FROM {here} h JOIN {there} t ON t.value=h.value JOIN stand s ON s.since=t.since"
            f" WHERE h.since=? AND {'t' if to else 'h'}.relation IN ({marks}) ORDER BY s.item",
            [standing.since, *sorted(ENDS)],
        ).fetchall()
        return [found for row in rows if (found := self._find("i.number=?", row)) and found.world == standing.world]

    def parts(self, revision: int) -> list[tuple[int, Part]]:
        """Return the parts of a revision in their order, each with the number of the row that holds its bytes."""
        item, header = self._sql.execute("SELECT item, header FROM revision WHERE position=?", [revision]).fetchone()
        rows = self._sql.execute(
            "SELECT p.digest, coalesce(p.same_as, p.number), p.name, p.media_type, coalesce(p.data, o.data)"
            " FROM part p LEFT JOIN part o ON o.number=p.same_as WHERE p.item=?",
            [item],
        )
        held = {digest.hex(): (number, Part(name, kind, data)) for digest, number, name, kind, data in rows}
        return [held[part.d] for part in decode(header).parts]

    def _find(self, where: str, parameters: Sequence[object]) -> Standing | None:
        row = self._sql.execute(
            "SELECT i.number, s.since, s.gate, s.revision, r.rev, i.originator, i.id, i.kind, i.world, i.parent,"
            " l.value"
            " FROM item i JOIN stand s ON s.item=i.number AND s.until IS NULL"
            f" JOIN revision r ON r.position=s.revision JOIN label l ON l.number=r.label WHERE {where}",
            parameters,
        ).fetchone()
        if row is None:
            return None
        item, since, gate, revision, rev, originator, ident, kind, world, parent, label = row
        return Standing(
            item=item,
            since=since,
            gate=gate,
            revision=revision,
            rev=rev,
            ref=Ref(originator, ident.hex()),
            kind=kind,
            world=world,
            parent=parent,
            label=unpack(label),
        )


def by_hundreds(names: Iterable[T]) -> Iterator[list[T]]:
    """Yield what fits into one question at a time."""
    left = iter(names)
    while some := list(islice(left, 500)):
        yield some
