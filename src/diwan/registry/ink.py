"""What is written, inside one transaction: items, revisions, where they stand, and what finds them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from diwan.registry.chain import append, line_of
from diwan.registry.classes import settle
from diwan.registry.filing import filed, spell
from diwan.registry.found import Standing
from diwan.registry.law import load_rules
from diwan.registry.positions import Positions
from diwan.release.decide import Rules
from diwan.sealing.envelope import Batch, Sealed
from diwan.terms.gate import Gate, Stand
from diwan.terms.item import Item, Version
from diwan.terms.label import Label, pack, unpack
from diwan.terms.party import Membership
from diwan.terms.time import Instant

_MILE: Final = 1024

_gates: Final = msgspec.json.Encoder(order="deterministic")
_gate_reader: Final = msgspec.json.Decoder(Gate)


class Written(msgspec.Struct, frozen=True, gc=False):
    """An item as it is about to be written: sealed, behind a gate, with what finds it again."""

    item: Item
    gate: int
    rev: int
    sealed: Sealed
    terms: str
    """As `words.terms_of` makes them."""
    parent: int | None = None


class Places(msgspec.Struct, frozen=True):
    """At which position a new revision is to stand, and where each of those that stand under its item."""

    position: int
    under: tuple[tuple[Standing, int], ...] = ()
    """What another stands under comes before it."""


class Ink(Positions):
    """The writing side of the register within one transaction of the pen."""

    @property
    def life(self) -> int:
        """Which life of the register this transaction belongs to; see `lines.Line.life`."""
        return self._sql.life

    def next_item(self) -> int:
        """Return the number that the next new item gets."""
        return self.fact("items") + 1

    def label_number(self, label: Label) -> int:
        """Return the number of a label, interning it."""
        value = pack(label)
        number = self._sql.number_of("label", value)
        if number is None:
            number = self._sql.next_number("labels")
            self._sql.intern("label", value, number, (number, value))
        return number

    def gate_number(self, gate: Gate) -> int:
        """Return the number of a gate, interning it."""
        value = _gates.encode(gate)
        number = self._sql.number_of("gate", value)
        if number is None:
            number = self._sql.next_number("gates")
            self._sql.intern("gate", value, number, (number, str(gate.world), value, self.fact("last_position")))
            named = dict.fromkeys(self.label_number(stand.label) for stand in gate.stands)
            self._sql.insert("gate_label", [(label, number) for label in named])
        return number

    def gate(self, number: int) -> Gate:
        """Return the gate of a number."""
        (value,) = self._sql.execute("SELECT value FROM gate WHERE number=?", [number]).fetchone()
        return _gate_reader.decode(value)

    def batch_number(self, batch: Batch) -> int:
        """Write a batch's signature and return its number."""
        number = self._sql.next_number("batches")
        self._sql.insert("batch", [(number, batch.kid, batch.root, batch.size, batch.signature, self._sql.promise)])
        return number

    def enter(self, entries: Sequence[Written], batches: Sequence[int], given: Sequence[int]) -> None:
        """Write new items at rising positions; `batches[i]` is the number of the signature that covers `entries[i]`."""
        first = self._sql.next_number("items", len(entries))
        labels: dict[Label, int] = {}
        items, revisions, parts, stands = [], [], [], []
        holds: list[int] = []
        next_part = self._sql.next_number("parts", sum(len(entry.item.draft.parts) for entry in entries))
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
        self._sql.insert("item", items)
        self._sql.insert("revision", revisions)
        self._sql.insert("part", parts)
        self._sql.insert("stand", stands)
        self._file(entries, given, holds)
        self._sql.count(Counter((entry.gate, entry.item.draft.kind) for entry in entries), newest=given[-1])
        self._milestones(given)

    def places(self, before: Standing, gate: int) -> Places:
        """Return where a new revision of a standing item is to stand behind `gate`, and what moves along with it.

        What is told of the revision, its own time first of all, is to be made of its position: how long it took to find
        what moves along tells how much that is.
        """
        if gate == before.gate:
            return Places(self.position())
        under = self._under(before.item)
        position, *others = self.scattered([before, *under])
        return Places(position, tuple(zip(under, others, strict=True)))

    def revise(self, before: Standing, entry: Written, batch: int, places: Places, *, same_parts: bool) -> None:
        """Write a new revision of a standing item, behind `entry.gate`, where `places` says.

        With `same_parts` (a relabel) what finds the item moves along; otherwise it is filed anew.  What stands under
        the item moves with it, all the way down.
        """
        position = places.position
        entered = self._sql.execute("SELECT entered FROM item WHERE number=?", [before.item]).fetchone()[0]
        label = self.label_number(entry.item.label)
        row = _revision(entry, before.item, label, batch, position, entered)
        self._sql.insert("revision", [row])
        if same_parts:
            self._sql.insert("part", self._same_parts(entry, before.revision))
            self._move(before, entry.gate, position, revision=position)
        else:
            holds = self._sql.next_number("parts", len(entry.item.draft.parts))
            self._sql.insert("part", _parts(entry, before.item, holds))
            self._unfile(before.since)
            self._restand(before, entry.gate, position, revision=position)
            self._file([entry], [position], [holds])
        gates = {before.item: self.gate(entry.gate)}
        self._regate_history(before.item, gates[before.item])
        for child, place in places.under:
            assert child.parent is not None  # noqa: S101 -- it was found under another
            above = gates[child.parent]
            gates[child.item] = Gate(above.world, (*above.stands, Stand(child.ref.originator, child.label)))
            self._move(child, self.gate_number(gates[child.item]), place, revision=child.revision)
            self._regate_history(child.item, gates[child.item])

    def recall(self, before: Standing) -> list[Standing]:
        """End where an item and everything under it stands; return all that was withdrawn."""
        gone = [before, *self._under(before.item)]
        for one, position in zip(gone, self.scattered(gone), strict=True):
            self._unfile(one.since)
            self._sql.execute("UPDATE stand SET until=? WHERE since=?", [position, one.since])
            self._sql.count(Counter({(one.gate, one.kind): -1}), ended=position)
        return gone

    def rules(self, known: Rules | None) -> Rules:
        """Return the rules of this transaction; `known` where nothing changed since."""
        if known is not None and known.revision == self.fact("rules"):
            return known
        return load_rules(self._sql, self.fact("rules"))

    def state_membership(self, item: int, originator: str, said: Membership | None) -> None:
        """Keep what an item states of who belongs to what, or (None) let it state nothing any more."""
        stated = self._sql.execute("SELECT 1 FROM membership WHERE item=?", [item]).fetchone()
        if said is None and stated is None:
            return
        settle(self._sql, self.rules(None), self.fact("last_position"))
        self._sql.execute("DELETE FROM membership WHERE item=?", [item])
        if said is not None:
            self._sql.insert("membership", [(item, originator, msgspec.json.encode(said))])
        self.set_fact("rules", self.fact("rules") + 1)

    def install_policy(self, name: str, text: str) -> None:
        """Install or replace a policy file; every seat is looked at anew."""
        settle(self._sql, self.rules(None), self.fact("last_position"))
        self._sql.execute(
            "INSERT INTO policy(id, text) VALUES(?,?) ON CONFLICT(id) DO UPDATE SET text=excluded.text", [name, text]
        )
        self.set_fact("rules", self.fact("rules") + 1)

    def publish_key(self, party: str, kid: str, public: bytes) -> None:
        """Note the public half of a hosted party's key, in the audit log too, unless it is known."""
        noted = self._sql.execute(
            "INSERT INTO signing_key(kid, party, public, since) VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
            [kid, party, public, self.now()],
        )
        if noted.rowcount > 0:
            self.log([line_of("publish key", self.now(), by="node", of=[kid], party=party)])

    def log_change(self, leaf: bytes) -> None:
        """Append the line of a recall or relabel, which a journal off the node has to know as well."""
        self.log([leaf])
        self.set_fact("last_change", self.fact("lines"))

    def shut(self, at: Instant) -> int:
        """Shut the node in a new restore generation, and return that: what was made in this one may be lost."""
        generation = self.fact("generation") + 1
        self.set_fact("generation", generation)
        self.set_fact("shut", at)
        return generation

    def log(self, leaves: Sequence[bytes]) -> None:
        """Append lines to the audit log."""
        append(self._sql, leaves)

    def _same_parts(self, entry: Written, revision: int) -> list[tuple[object, ...]]:
        (item,) = self._sql.execute("SELECT item FROM revision WHERE position=?", [revision]).fetchone()
        held = self.parts(revision)
        first = self._sql.next_number("parts", len(held))
        return [
            (fresh, item, sha256(salt + part.data).digest(), part.name, part.media_type, salt, None, number)
            for fresh, ((number, part), salt) in enumerate(zip(held, entry.sealed.salts, strict=True), first)
        ]

    def depth(self, standing: Standing) -> int:
        """Return under how many others an item stands."""
        over, above = 0, standing.parent
        while above is not None:
            over += 1
            (above,) = self._sql.execute("SELECT parent FROM item WHERE number=?", [above]).fetchone()
        return over

    def _under(self, item: int) -> list[Standing]:
        """Return what stands under an item, all the way down; what another stands under comes before it."""
        under: list[Standing] = []
        above = [item]
        while above:
            asked = "SELECT number FROM item WHERE parent=? ORDER BY number"
            rows = [row for number in above for row in self._sql.execute(asked, [number]).fetchall()]
            level = [child for row in rows if (child := self._find("i.number=?", row)) is not None]
            under += level
            above = [child.item for child in level]
        return under

    def _move(self, before: Standing, gate: int, position: int, *, revision: int) -> None:
        for table in ("alias", "link", "mention"):
            self._sql.execute(f"UPDATE {table} SET gate=?, since=? WHERE since=?", [gate, position, before.since])
        (terms,) = self._sql.execute("SELECT terms FROM revision WHERE position=?", [revision]).fetchone()
        self._sql.execute("DELETE FROM tail WHERE since=?", [before.since])
        self._sql.insert("tail", [(position, gate, terms)])
        self._restand(before, gate, position, revision=revision)

    def _restand(self, before: Standing, gate: int, position: int, *, revision: int) -> None:
        self._sql.execute("UPDATE stand SET until=? WHERE since=?", [position, before.since])
        self._sql.insert("stand", [(position, before.item, gate, revision, None)])
        self._sql.count(Counter({(before.gate, before.kind): -1}), ended=position)
        self._sql.count(Counter({(gate, before.kind): 1}), newest=position)
        self._milestones([position])

    def _regate_history(self, item: int, current: Gate) -> None:
        rows = self._sql.execute(
            "SELECT r.position, r.originator, l.value FROM revision r JOIN label l ON l.number=r.label WHERE r.item=?",
            [item],
        ).fetchall()
        for position, originator, label in rows:
            behind = Gate(current.world, (*current.stands, Stand(originator, unpack(label))))
            self._sql.execute("UPDATE revision SET gate=? WHERE position=?", [self.gate_number(behind), position])

    def _file(self, entries: Sequence[Written], given: Sequence[int], holds: Sequence[int]) -> None:
        aliases: list[tuple[object, ...]] = []
        links: set[tuple[object, ...]] = set()
        mentions: set[tuple[object, ...]] = set()
        tail: list[tuple[object, ...]] = []
        for entry, position, part in zip(entries, given, holds, strict=True):
            draft = entry.item.draft
            tail.append((position, entry.gate, entry.terms))
            said = draft.version or Version()
            # Where a standard gives no version, entering is one; it sorts before every version that a standard gives.
            at = said.at if draft.version is None else said.at or f"0{position:016}"
            aliases += [
                (spell(a), entry.item.ref.originator, at, entry.gate, position, said.written, said.content, part)
                for a in dict.fromkeys(draft.aliases)
            ]
            links |= {(spell(link.to), entry.gate, position, link.relation) for link in draft.links}
            mentions |= {(filed(value), entry.gate, position) for value in draft.values}
        self._sql.insert("alias", aliases)
        self._sql.insert("link", links)
        self._sql.insert("mention", mentions)
        self._sql.insert("tail", tail)

    def _unfile(self, since: int) -> None:
        for table in ("alias", "link", "mention", "tail"):
            self._sql.execute(f"DELETE FROM {table} WHERE since=?", [since])

    def _milestones(self, given: Iterable[int]) -> None:
        before = self.fact("stands")
        stands = before
        for stands, position in enumerate(given, before + 1):
            if stands % _MILE == 0:
                self._sql.insert("mile", [(position,)])
        self.set_fact("stands", stands)


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
        entry.terms,
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
