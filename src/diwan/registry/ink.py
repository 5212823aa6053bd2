"""What is written, inside one transaction: items, revisions, where they stand, and what finds them again."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

import msgspec
from sqlalchemy import insert

from diwan.registry import schema
from diwan.registry.chain import append
from diwan.registry.chance import Chance, Clock
from diwan.registry.law import load_rules
from diwan.registry.statement import positional
from diwan.release.decide import Rules
from diwan.sealing.envelope import Batch, Sealed
from diwan.sealing.header import decode
from diwan.terms.errors import NotFound
from diwan.terms.gate import Gate, Stand, World
from diwan.terms.item import ENDS, Alias, Draft, Item, Part, Ref, Version
from diwan.terms.label import Label, pack, unpack
from diwan.terms.party import Membership
from diwan.terms.time import Instant

_GAP: Final = 512
"""Positions of one batch lie this far apart at most, in microseconds, so that distances tell nothing."""
_MILE: Final = 1024

_INSERT: Final = {table.name: positional(insert(table)) for table in schema.REGISTER.sorted_tables}
_gates: Final = msgspec.json.Encoder(order="deterministic")
_gate_reader: Final = msgspec.json.Decoder(Gate)


class Written(msgspec.Struct, frozen=True, gc=False):
    """An item as it is about to be written: sealed, behind a gate, with what finds it again."""

    item: Item
    gate: int
    rev: int
    sealed: Sealed
    terms: tuple[str, ...]
    parent: int | None = None


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


def spell(alias: Alias) -> str:
    """Return the one string under which an alias is filed."""
    return f"{alias.scheme}:{alias.value}"


class Ink:
    """The writing side of the register within one transaction of the pen."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, chance: Chance) -> None:
        """Write through `connection`; instants and random gaps come from `clock` and `chance`."""
        self._sql = connection
        self._clock = clock
        self.chance = chance

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this transaction, for the registry's own tables of accounts."""
        return self._sql

    def fact(self, name: str) -> int:
        """Return one of the register's own numbers."""
        (value,) = self._sql.execute("SELECT value FROM state WHERE name=?", [name]).fetchone()
        return int(value)

    def set_fact(self, name: str, value: int) -> None:
        """Set one of the register's own numbers."""
        self._sql.execute("UPDATE state SET value=? WHERE name=?", [value, name])

    def positions(self, count: int) -> list[int]:
        """Return `count` rising positions after every earlier one, none ahead of the clock.

        Where the clock was set back behind the last position, order wins: positions go on from the last one.
        """
        last = self.fact("last_position")
        now = self._clock()
        if last < now < last + count:
            time.sleep((last + count - now + 1) / 1e6)
            now = self._clock()
        high = now if now >= last + count else last + count * _GAP
        given = self.chance.apart(max(last, high - count * _GAP), high, count)
        self.set_fact("last_position", given[-1])
        return given

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

    def label_number(self, label: Label) -> int:
        """Return the number of a label, interning it."""
        return self._intern("label", "value", pack(label), (pack(label),))

    def gate_number(self, gate: Gate) -> int:
        """Return the number of a gate, interning it."""
        value = _gates.encode(gate)
        return self._intern("gate", "world, value", value, (gate.world, value))

    def gate(self, number: int) -> Gate:
        """Return the gate of a number."""
        (value,) = self._sql.execute("SELECT value FROM gate WHERE number=?", [number]).fetchone()
        return _gate_reader.decode(value)

    def _intern(self, table: str, columns: str, value: bytes, row: tuple[object, ...]) -> int:
        found = self._sql.execute(f"SELECT number FROM {table} WHERE value=?", [value]).fetchone()
        if found:
            return int(found[0])
        marks = ",".join("?" * len(row))
        written = self._sql.execute(f"INSERT INTO {table}({columns}) VALUES({marks})", row)
        if table == "gate":
            self.set_fact("gates", int(written.lastrowid or 0))
        return int(written.lastrowid or 0)

    def batch_number(self, batch: Batch) -> int:
        """Write a batch's signature and return its number."""
        row = (None, batch.kid, batch.root, batch.size, batch.signature)
        return int(self._sql.execute(_INSERT["batch"], row).lastrowid or 0)

    def standing(self, ref: Ref) -> Standing:
        """Return where an item stands.

        Raises:
            NotFound: no such item, or it was recalled.
        """
        found = self._find("i.originator=? AND i.id=?", (ref.originator, bytes.fromhex(ref.id)))
        if found is None:
            raise NotFound
        return found

    def stored_draft(self, standing: Standing) -> tuple[Draft, tuple[str, ...]]:
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
        return draft, tuple(terms.split())

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
        rows = self._sql.execute(
            "SELECT s.item, a.version, a.content FROM alias a JOIN stand s ON s.since=a.since"
            " WHERE a.value=? AND a.gate=? AND a.originator=?",
            [spell(alias), gate, originator],
        ).fetchall()
        for item, at, content in rows:
            same = version is not None and content == version.content
            if version is None or at == version.at or (same and not version.at):
                found = self._find("i.number=?", [item])
                return (found, same) if found else None
        return None

    def named(self, names: Iterable[str]) -> dict[str, list[Named]]:
        """Return what stands under each of some names as `spell` writes them; the caller filters by what it may see."""
        found: dict[str, list[Named]] = {}
        for some in _by_hundreds(names):
            rows = self._sql.execute(
                f"SELECT DISTINCT value, gate, originator FROM alias WHERE value IN ({','.join('?' * len(some))})", some
            )
            for value, gate, originator in rows:
                found.setdefault(value, []).append(Named(gate, originator))
        return found

    def ending(self, names: Iterable[str]) -> set[str]:
        """Return those of some names that anything ends."""
        marks = ",".join("?" * len(ENDS))
        found: set[str] = set()
        for some in _by_hundreds(names):
            rows = self._sql.execute(
                f"SELECT value FROM link WHERE value IN ({','.join('?' * len(some))}) AND relation IN ({marks})",
                [*some, *sorted(ENDS)],
            )
            found.update(value for (value,) in rows)
        return found

    def holders(self, alias: Alias) -> list[Standing]:
        """Return every standing item known under `alias`; the caller filters by what its reader may see."""
        rows = self._sql.execute(
            "SELECT s.item FROM alias a JOIN stand s ON s.since=a.since WHERE a.value=?", [spell(alias)]
        )
        return [found for row in rows.fetchall() if (found := self._find("i.number=?", row))]

    def ended_by(self, standing: Standing) -> list[Standing]:
        """Return the standing items of the same originator that end this one."""
        return [one for one in self._over_links(standing, to=True) if one.ref.originator == standing.ref.originator]

    def ended_already(self, aliases: Iterable[Alias], originator: str, world: World) -> list[Standing]:
        """Return the standing items of an originator that end something known under one of these names."""
        marks = ",".join("?" * len(ENDS))
        found = []
        for alias in aliases:
            rows = self._sql.execute(
                "SELECT DISTINCT s.item FROM link t JOIN stand s ON s.since=t.since"
                f" WHERE t.value=? AND t.relation IN ({marks})",
                [spell(alias), *sorted(ENDS)],
            ).fetchall()
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
            f" WHERE h.since=? AND {'t' if to else 'h'}.relation IN ({marks})",
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

    def next_item(self) -> int:
        """Return the number that the next new item gets."""
        return int(self._sql.execute("SELECT coalesce(max(number), 0) + 1 FROM item").fetchone()[0])

    def enter(self, entries: Sequence[Written], batches: Sequence[int]) -> list[int]:
        """Write new items, `batches[i]` being the signature that covers `entries[i]`; return their positions."""
        given = self.positions(len(entries))
        first = self.next_item()
        labels: dict[Label, int] = {}
        items, revisions, parts, stands = [], [], [], []
        holds: list[int] = []
        next_part = self._next_part()
        for number, (entry, batch, position) in enumerate(zip(entries, batches, given, strict=True), first):
            draft, ref = entry.item.draft, entry.item.ref
            if entry.item.label not in labels:
                labels[entry.item.label] = self.label_number(entry.item.label)
            ident = bytes.fromhex(ref.id)
            items.append((number, ref.originator, ident, draft.kind, draft.world, entry.parent, position))
            revisions.append(_revision(entry, number, labels[entry.item.label], batch, position, position))
            holds.append(next_part)
            parts += _parts(entry, number, next_part)
            next_part += len(draft.parts)
            stands.append((position, number, entry.gate, position, None))
        self._sql.executemany(_INSERT["item"], items)
        self._sql.executemany(_INSERT["revision"], revisions)
        self._sql.executemany(_INSERT["part"], parts)
        self._sql.executemany(_INSERT["stand"], stands)
        self._file(entries, given, holds)
        self._count(Counter((entry.gate, entry.item.draft.kind) for entry in entries), newest=given[-1])
        self._milestones(given)
        return given

    def revise(self, before: Standing, entry: Written, batch: int, *, same_parts: bool) -> int:
        """Write a new revision of a standing item, behind `entry.gate`, and return its position.

        With `same_parts` (a relabel) what finds the item moves along; otherwise it is filed anew.
        """
        (position,) = self.positions(1)
        entered = self._sql.execute("SELECT entered FROM item WHERE number=?", [before.item]).fetchone()[0]
        label = self.label_number(entry.item.label)
        row = _revision(entry, before.item, label, batch, position, entered)
        self._sql.execute(_INSERT["revision"], row)
        if same_parts:
            self._sql.executemany(_INSERT["part"], self._same_parts(entry, before.revision))
            self._move(before, entry.gate, position, revision=position)
        else:
            holds = self._next_part()
            self._sql.executemany(_INSERT["part"], _parts(entry, before.item, holds))
            self._unfile(before.since)
            self._restand(before, entry.gate, position, revision=position)
            self._file([entry], [position], [holds])
        self._regate_history(before.item, self.gate(entry.gate))
        return position

    def descend(self, item: int, gate: Gate) -> None:
        """Move everything under `item` behind `gate` as well, all the way down."""
        rows = self._sql.execute(
            "SELECT i.number FROM item i JOIN stand s ON s.item=i.number AND s.until IS NULL WHERE i.parent=?", [item]
        ).fetchall()
        for row in rows:
            child = self._find("i.number=?", row)
            if child is None:
                continue
            inherited = Gate(gate.world, (*gate.stands, Stand(child.ref.originator, child.label)))
            (position,) = self.positions(1)
            self._move(child, self.gate_number(inherited), position, revision=child.revision)
            self._regate_history(child.item, inherited)
            self.descend(child.item, inherited)

    def recall(self, before: Standing) -> list[Standing]:
        """End where an item and everything under it stands; return all that was withdrawn."""
        (position,) = self.positions(1)
        self._unfile(before.since)
        self._sql.execute("UPDATE stand SET until=? WHERE since=?", [position, before.since])
        self._count(Counter({(before.gate, before.kind): -1}))
        gone = [before]
        for row in self._sql.execute("SELECT number FROM item WHERE parent=?", [before.item]).fetchall():
            child = self._find("i.number=?", row)
            if child is not None:
                gone += self.recall(child)
        return gone

    def rules(self, known: Rules | None) -> Rules:
        """Return the rules of this transaction; `known` where nothing changed since."""
        if known is not None and known.revision == self.fact("rules"):
            return known
        return load_rules(self._sql)

    def state_membership(self, item: int, originator: str, said: Membership | None) -> None:
        """Keep what an item states of who belongs to what, or (None) let it state nothing any more."""
        gone = self._sql.execute("DELETE FROM membership WHERE item=?", [item]).rowcount
        if said is not None:
            self._sql.execute(_INSERT["membership"], (item, originator, msgspec.json.encode(said)))
        if gone or said is not None:
            self.set_fact("rules", self.fact("rules") + 1)

    def install_policy(self, name: str, text: str) -> None:
        """Install or replace a policy file; every seat is looked at anew."""
        self._sql.execute("INSERT OR REPLACE INTO policy(id, text) VALUES(?,?)", [name, text])
        self.set_fact("rules", self.fact("rules") + 1)

    def publish_key(self, party: str, kid: str, public: bytes) -> bool:
        """Note the public half of a hosted party's key; return whether it was not known before."""
        row = (kid, party, public, self._clock())
        noted = self._sql.execute(_INSERT["signing_key"].replace("INSERT", "INSERT OR IGNORE", 1), row)
        return noted.rowcount > 0

    def log(self, leaves: Sequence[bytes]) -> None:
        """Append lines to the audit log."""
        append(self._sql, leaves)

    def _same_parts(self, entry: Written, revision: int) -> list[tuple[object, ...]]:
        (item,) = self._sql.execute("SELECT item FROM revision WHERE position=?", [revision]).fetchone()
        return [
            (None, item, sha256(salt + part.data).digest(), part.name, part.media_type, salt, None, number)
            for (number, part), salt in zip(self.parts(revision), entry.sealed.salts, strict=True)
        ]

    def _move(self, before: Standing, gate: int, position: int, *, revision: int) -> None:
        for table in ("alias", "link", "mention"):
            self._sql.execute(f"UPDATE {table} SET gate=?, since=? WHERE since=?", [gate, position, before.since])
        (terms,) = self._sql.execute("SELECT terms FROM revision WHERE position=?", [revision]).fetchone()
        self._sql.execute("DELETE FROM tail WHERE since=?", [before.since])
        self._sql.execute(_INSERT["tail"], (position, gate, terms))
        self._restand(before, gate, position, revision=revision)

    def _restand(self, before: Standing, gate: int, position: int, *, revision: int) -> None:
        self._sql.execute("UPDATE stand SET until=? WHERE since=?", [position, before.since])
        self._sql.execute(_INSERT["stand"], (position, before.item, gate, revision, None))
        self._count(Counter({(before.gate, before.kind): -1}))
        self._count(Counter({(gate, before.kind): 1}), newest=position)
        self._milestones([position])

    def _regate_history(self, item: int, current: Gate) -> None:
        rows = self._sql.execute(
            "SELECT r.position, r.originator, l.value FROM revision r JOIN label l ON l.number=r.label WHERE r.item=?",
            [item],
        ).fetchall()
        for position, originator, label in rows:
            behind = Gate(current.world, (*current.stands, Stand(originator, unpack(label))))
            self._sql.execute("UPDATE revision SET gate=? WHERE position=?", [self.gate_number(behind), position])

    def _next_part(self) -> int:
        return int(self._sql.execute("SELECT coalesce(max(number), 0) + 1 FROM part").fetchone()[0])

    def _file(self, entries: Sequence[Written], given: Sequence[int], holds: Sequence[int]) -> None:
        aliases: list[tuple[object, ...]] = []
        links: set[tuple[object, ...]] = set()
        mentions: set[tuple[object, ...]] = set()
        tail: list[tuple[object, ...]] = []
        for entry, position, part in zip(entries, given, holds, strict=True):
            draft = entry.item.draft
            tail.append((position, entry.gate, f" {' '.join(entry.terms)} "))
            said = draft.version or Version()
            # Where a standard gives no version, entering is one; it sorts before every version that a standard gives.
            at = said.at if draft.version is None else said.at or f"0{position:016}"
            aliases += [
                (spell(a), entry.item.ref.originator, at, entry.gate, position, said.written, said.content, part)
                for a in dict.fromkeys(draft.aliases)
            ]
            links |= {(spell(link.to), entry.gate, position, link.relation) for link in draft.links}
            mentions |= {(value, entry.gate, position) for value in draft.values}
        self._sql.executemany(_INSERT["alias"], aliases)
        self._sql.executemany(_INSERT["link"], links)
        self._sql.executemany(_INSERT["mention"], mentions)
        self._sql.executemany(_INSERT["tail"], tail)

    def _unfile(self, since: int) -> None:
        for table in ("alias", "link", "mention", "tail"):
            self._sql.execute(f"DELETE FROM {table} WHERE since=?", [since])

    def _count(self, changed: Counter[tuple[int, str]], newest: int = 0) -> None:
        self._sql.executemany(
            "INSERT INTO counter(gate, kind, entries) VALUES(?,?,?)"
            " ON CONFLICT(gate, kind) DO UPDATE SET entries=entries+excluded.entries",
            [(gate, kind, n) for (gate, kind), n in changed.items()],
        )
        heads: Counter[int] = Counter()
        for (gate, _), n in changed.items():
            heads[gate] += n
        self._sql.executemany(
            "INSERT INTO head(gate, entries, newest) VALUES(?,?,?) ON CONFLICT(gate) DO UPDATE"
            " SET entries=entries+excluded.entries, newest=max(newest, excluded.newest)",
            [(gate, n, newest) for gate, n in heads.items()],
        )

    def _milestones(self, given: Iterable[int]) -> None:
        before = self.fact("stands")
        stands = before
        for stands, position in enumerate(given, before + 1):
            if stands % _MILE == 0:
                self._sql.execute(_INSERT["mile"], (position,))
        self.set_fact("stands", stands)

    def now(self) -> Instant:
        """Return the present instant as the house tells it."""
        return self._clock()


def _by_hundreds(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while some := list(islice(left, 500)):
        yield some


def _revision(entry: Written, item: int, label: int, batch: int, position: int, entered: int) -> tuple[object, ...]:
    draft, ref, sealed = entry.item.draft, entry.item.ref, entry.sealed
    return (
        position,
        item,
        entry.rev,
        entry.gate,
        label,
        ref.originator,
        bytes.fromhex(ref.id),
        draft.kind,
        entered,
        draft.title,
        draft.author,
        draft.brief,
        f" {' '.join(entry.terms)} ",
        sealed.header,
        sealed.stub,
        batch,
        sealed.index,
        sealed.path,
        sealed.stub_path,
    )


def _parts(entry: Written, item: int, first: int) -> list[tuple[object, ...]]:
    return [
        (number, item, sha256(salt + part.data).digest(), part.name, part.media_type, salt, part.data, None)
        for number, (part, salt) in enumerate(zip(entry.item.draft.parts, entry.sealed.salts, strict=True), first)
    ]
