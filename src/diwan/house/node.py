"""The composition root: opens the book, the doors and the desks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from hashlib import sha256
from hmac import digest as keyed
from importlib.metadata import entry_points
from pathlib import Path
from socket import gethostname
from typing import Final

import msgspec

from diwan.desk import Act, Deed, Desk, Signed
from diwan.house.bounds import against_label, against_text, narrowing
from diwan.house.clerk import HouseClerk
from diwan.house.policies import install, shipped_policies, unreadable_under
from diwan.house.proving import prove
from diwan.house.reopening import reopen, reopen_without_journal
from diwan.house.secrets import secret
from diwan.intake import change
from diwan.intake.beyond import Beyond
from diwan.intake.office import Office
from diwan.intake.replay import Replayed
from diwan.intake.take import Taken, take, take_all
from diwan.people.doors import MINUTE, Doors
from diwan.people.passwords import Passwords
from diwan.reading import ReadingRoom, Released, open_room
from diwan.reading.cursor import CursorKey
from diwan.registry.book import Book
from diwan.registry.chain import line_of
from diwan.registry.chance import Chance, Clock, wall_clock
from diwan.registry.ink import Ink
from diwan.registry.journal import Change, Journal, is_lost
from diwan.registry.keeping import CHECKPOINT
from diwan.registry.pen import Told
from diwan.registry.proof import Progress, Proof
from diwan.registry.whole import make_folder, write_whole
from diwan.release.audience import Audience, also_for, audience, known_parties, only_for
from diwan.release.decide import Rules
from diwan.sealing.keys import Signer
from diwan.settings import Settings, read_settings
from diwan.terms.errors import Malformed, NotAllowed, Refused, Shut, Unjournalled
from diwan.terms.gate import Stand, World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Handling, Label
from diwan.terms.reader import Reader
from diwan.terms.time import iso

_SEEN: Final = 1.0
_ANSWER: Final = Label("TLP", "UNCLASSIFIED", handling=Handling(tlp="TLP:AMBER"))
"""What an answer to an item without a nameable audience is labelled from."""


class House:
    """One running node."""

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        *,
        clock: Clock = wall_clock,
        chance: Chance | None = None,
        synchronous: str = "FULL",
    ) -> None:
        """Open the node in `folder`, beginning it where there is none."""
        self.folder = folder
        self.settings = settings or read_settings(folder)
        self.clock = clock
        self.chance = chance or Chance()
        self.book = Book(
            folder, postgres=self.settings.postgres, clock=clock, chance=self.chance, synchronous=synchronous
        )
        self.shut = self.book.shut_since()
        """Since when the node is shut, its register having been set back, as was last seen; 0 where it is open."""
        self._open_until = 0.0
        own = self._secret("cursors")
        self._cursors = CursorKey(own)
        self._naming = sha256(b"diwan-name-v1\0" + own).digest()
        signers = {party: self._signer(party) for party in (self.settings.keeper, *self.settings.hosted)}
        self.journal = self._journal(signers[self.settings.keeper]) if self.settings.journal else None
        self.shut_where_changes_are_lost()
        self._office = Office(
            book=self.book,
            signers=signers,
            node_ceiling=self.settings.node_ceiling,
            role_ceilings=self.settings.role_ceilings,
            journal=self.journal,
        )
        self.passwords = Passwords()
        self.doors = Doors(
            self.book,
            self.passwords,
            idle=self.settings.idle_minutes * MINUTE,
            longest=self.settings.session_hours * 60 * MINUTE,
        )
        self.desks = _desks()
        self._by_kind = {kind: desk for desk in self.desks.values() for kind in desk.kinds}
        self.local = {name: desk.local(_beside(folder, name)) for name, desk in self.desks.items() if desk.local}
        if not self.book.rules().policies:
            self.install_policies(shipped_policies())

    def _journal(self, keeper: Signer) -> Journal:
        where, party = Path(self.settings.journal), self.settings.keeper
        journal = Journal(where, gethostname(), party, keeper, self.book.apart, self.book.failures)
        # What a process that was killed did not write down is written now; if not, doctor and `/ready` say so.
        with suppress(Unjournalled):
            journal.keep_up()
        return journal

    def journal_fault(self) -> str | None:
        """Return why the last change is not written down off the node, having tried again, or None."""
        if self.journal is None or self.journal.fault is None:
            return None
        with suppress(Unjournalled):
            self.journal.keep_up()
        return self.journal.fault

    @property
    def known_open(self) -> bool:
        """Whether the node was seen open within the last second."""
        return time.monotonic() < self._open_until

    def check_open(self) -> None:
        """Look whether the node is open.

        Raises:
            Shut: its register was set back, and does not know yet what was recalled since.
        """
        self.shut = self.book.shut_since()
        if self.shut:
            raise Shut(iso(self.shut))
        self._open_until = time.monotonic() + _SEEN

    def shut_down(self, because: str) -> None:
        """Shut the node in a new restore generation: its register was set back, so recalls may be missing in it."""
        self.book.write(lambda ink: _shut(ink, "console", because))
        self.shut, self._open_until = self.book.shut_since(), 0.0

    def shut_where_changes_are_lost(self) -> None:
        """Shut the node where its register lacks what a journal says was recalled or relabelled.

        As when a standby took over that lacked it, or a disk was set back: what is missing would be shown again.  The
        folder may lie on another host, so nobody who asks for something is kept waiting for this.

        Raises:
            Refused: the register cannot be read or written.
        """
        if self.journal is None or self.book.shut_since():
            return
        for last in self.journal.latest(self.book.keys_of(self.settings.keeper)):
            with self.book.own_pages() as pages:
                (generation,) = pages.execute("SELECT value FROM state WHERE name='generation'").fetchone()
                suspected = is_lost(pages, generation, last)
            # Looked at anew under the write order: a server that another took over from shows the past for a while.
            if suspected and self.book.write(partial(_shut_for, last)):
                self.shut, self._open_until = self.book.shut_since(), 0.0
                return

    def reopen(self, journals: Sequence[Path]) -> Replayed:
        """Replay what was recalled and relabelled since the backup, and open the node; whole or not at all.

        Raises:
            Refused: the node is open, or the journals are not its keeper's, not sound, or of another history.
        """
        made = reopen(self.book, self._office, self.settings.keeper, journals, self._journals())
        self.shut = 0
        return made

    def reopen_without_journal(self, because: str) -> Replayed:
        """Open a node though nobody knows what was recalled since its backup; who says why stands in the audit log.

        Raises:
            Refused: the node is open, or no reason is given.
        """
        made = reopen_without_journal(self.book, self._office, self.settings.keeper, self._journals(), because)
        self.shut = 0
        return made

    def _journals(self) -> list[Path]:
        return [Path(self.settings.journal)] if self.settings.journal else []

    def room(self, reader: Reader, world: World = World.ACTUAL) -> ReadingRoom:
        """Open the reading room for `reader`: the only way to see anything."""
        return open_room(self.book, self._cursors, reader, world)

    def name_of(self, *about: str) -> str:
        """Return a name of 32 hexadecimal digits: always the same for what it is about, and to everyone else chance."""
        return keyed(self._naming, msgspec.json.encode(about), "sha256")[:16].hex()

    def take_a_turn(self) -> None:
        """Wait for a turn under the write order and write nothing."""
        self.book.write(lambda _: None)

    def facts(self) -> dict[str, int]:
        """Return the register's own numbers; of everything that is kept here, whoever may read it."""
        return self.book.facts()

    @property
    def readers(self) -> int:
        """How many threads of one process read best at once."""
        return self.book.readers

    def told(self) -> Told:
        """Return what this process has written since it was started."""
        return self.book.told

    def turned(self, reader: Reader) -> bool:
        """Return whether a date has passed since `reader` last looked at which a gate may have opened or shut."""
        return self.book.turned(reader)

    def heard(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `wake`, from another thread, whenever anything was written, as long as this lasts; never what."""
        return self.book.bell.heard(wake)

    def desk_for(self, media_type: str) -> Desk:
        """Return the desk that reads a media type.

        Raises:
            Malformed: no desk does.
        """
        for desk in self.desks.values():
            if media_type in desk.parses:
                return desk
        raise Malformed(f"No desk at this node reads {media_type}. Nothing was entered.")

    def desk_of(self, kind: str) -> Desk:
        """Return the desk that knows a kind of item."""
        return self._by_kind[kind]

    def draft(self, media_type: str, data: bytes, names: Mapping[str, str] | None = None) -> Draft:
        """Return what a desk understands from bytes.

        Raises:
            Malformed: the bytes are not what they claim to be; the text says which rule.
        """
        return self.desk_for(media_type).parses[media_type](data, names or {})

    def names(self, reader: Reader) -> Mapping[str, str]:
        """Return party ids by the names that texts may use, as far as `reader` knows the parties."""
        room = self.room(reader)
        return {name: party for desk in self.desks.values() if desk.names for name, party in desk.names(room).items()}

    def take(self, hand: Hand, draft: Draft, label: Label, *, originator: str, beyond: Beyond = Beyond.WARN) -> Taken:
        """Enter one draft; durable when this returns.

        Raises:
            Refused: with the reason; nothing was entered.
        """
        edition = self.desk_of(draft.kind).editions.get(draft.kind)
        draft, fit = narrowing(self, hand, originator)(draft, label)
        editions = {draft.kind: edition} if edition else {}
        taken = take(self._office, hand, draft, fit, originator=originator, beyond=beyond, editions=editions)
        return taken if fit == label else msgspec.structs.replace(taken, narrowed=True)

    def take_all(
        self,
        hand: Hand,
        labelled: Sequence[tuple[Draft, Label]],
        *,
        originator: str,
        beyond: Beyond = Beyond.WARN,
    ) -> list[Taken | Refused]:
        """Enter many drafts, each under its label, and say of each what became of it."""
        editions = {kind: edition for desk in self.desks.values() for kind, edition in desk.editions.items()}
        narrow = narrowing(self, hand, originator)
        refused: dict[int, Refused] = {}
        fit: list[tuple[Draft, Label]] = []
        each = list(enumerate(labelled))
        for number, (draft, label) in each:
            try:
                fit.append(narrow(draft, label))
            except Refused as refusal:
                refused[number] = refusal
        taken = iter(take_all(self._office, hand, fit, originator=originator, beyond=beyond, editions=editions))
        under = iter(label for _, label in fit)
        return [refused[n] if n in refused else _told(next(taken), next(under) != chosen) for n, (_, chosen) in each]

    def clerk(self, desk: str, hand: Hand, world: World) -> HouseClerk:
        """Return what a service of a desk may do at this node for `hand`, in one world."""
        return HouseClerk(self, desk, hand, world)

    def preview(self, originator: str, label: Label) -> Audience:
        """Return whom a label would reach if `originator` set it now; nobody if it is at fault."""
        rules = self.book.rules()
        return audience(Stand(originator, label), known_parties(rules, [label]), rules, self.clock())

    def hosts(self, party: str) -> bool:
        """Return whether a party's key is kept here, so that items can be entered in its name."""
        return party in self._office.signers

    def act(self, hand: Hand, item: Released, act: Act, note: str = "", label: Label | None = None) -> Taken:
        """Do something about an item: the answer is an item of its own under it, for the parties the act says.

        It stands under `label`, where the act lets one be chosen; whatever that is, nobody reads the answer who may not
        read what it stands under.

        Raises:
            Refused: the act asks for a note or names its readers, or the hand may not enter; nothing was entered.
        """
        if act.needs_note and not note.strip():
            raise Malformed("This answer needs a reason in its note. Nothing was entered.")
        if label is not None and not act.labels:
            raise NotAllowed(
                "Who gets this answer follows from what it is: it takes no other label. Nothing was entered."
            )
        deed = Deed(hand.reader.party, self.chance.bytes(16).hex(), self.clock(), note.strip())
        draft = act.make(self.room(hand.reader, item.world), item, deed)
        return self.take(hand, draft, label or self.answer_label(hand, item, act), originator=hand.reader.party)

    def answer_label(self, hand: Hand, item: Released, act: Act) -> Label:
        """Return the label under which an answer stands where none is chosen."""
        rules, parties = self.book.rules(), act.to(item)
        if parties:
            return only_for(item.label, parties, rules) or only_for(_ANSWER, parties, rules) or _ANSWER
        if hand.reader.party != item.ref.originator:
            # An originator is of the audience of its own items alone, so an answer to its item has to name it.
            return also_for(item.label, item.ref.originator, rules)
        return item.label

    def proofs(self, item: Released, room: ReadingRoom) -> Sequence[Signed]:
        """Return what the signatures inside an item's bytes say, by the certificates pinned for its originator.

        Certificates lie as PEM in the node's folder, `pins/ORIGINATOR/name.pem`; what comes with an item counts not.
        """
        proves = self.desk_of(item.kind).proves
        if proves is None:
            return ()
        folder = self.folder / "pins" / item.ref.originator
        pinned = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.pem"))}
        return proves(room.parts(item)[0].data, pinned, item.entered)

    def relabel(self, hand: Hand, ref: Ref, label: Label) -> None:
        """Put an item behind a new label; only its originator may, and no wider than the item's own text says.

        Raises:
            NotFound: the item is unknown, or not released to the hand.
            Refused: the hand or the label is not good; nothing was changed.
        """
        change.relabel(self._office, hand, ref, label, against_label(self, hand, ref, label))

    def rectify(self, hand: Hand, ref: Ref, draft: Draft) -> None:
        """Replace what an item says, keeping what it said as history; only its originator may.

        Raises:
            NotFound: the item is unknown, or not released to the hand.
            Refused: the hand may not, or the new text asks for a stricter label than stands; nothing was changed.
        """
        change.rectify(self._office, hand, draft, ref, against_text(self, hand, ref, draft))

    def recall(self, hand: Hand, ref: Ref) -> None:
        """Take an item back; only its originator may."""
        change.recall(self._office, hand, ref)

    def rules(self) -> Rules:
        """Return the policies and keepers' statements that release now."""
        return self.book.rules()

    def install_policies(self, texts: Iterable[str], *, by: str = "node") -> None:
        """Install policy files; what they change takes effect with the next question anyone asks.

        Raises:
            Malformed: a file is not a sound policy, or two are of one id; none was installed.
        """
        install(self.book, texts, by)

    def unreadable_under(self, texts: Iterable[str]) -> dict[str, int]:
        """Return the faults that policy files would find with labels that are legal now, and how many items stand so.

        Nobody could read these items any more, not even their originators.

        Raises:
            Malformed: a file is not a sound policy, or two are of one id.
        """
        return unreadable_under(self.book, texts)

    def prove(self, progress: Progress = lambda _, __, ___: None) -> Proof:
        """Check every signature, every byte and the audit log, also against the last signed checkpoint; sign a new one.

        A log that was cut short or rewritten since then is a fault, though it may be sound in itself.
        """
        keeper = self.settings.keeper
        return prove(self.book, self.folder / CHECKPOINT, keeper, self._office.signers[keeper], progress)

    def lay(self, desk: str, name: str, data: bytes) -> None:
        """Lay a file beside the node for a desk, in place of what bore its name; read when the node is opened again."""
        file = self.folder / "desks" / desk / name
        make_folder(file.parent)
        write_whole(file, data)

    def backup(self, file: Path, *, keys: bool = True, progress: Progress = lambda _, __, ___: None) -> None:
        """Write all that cannot be made anew into one bundle, readable by its owner alone; the node may go on writing.

        Without `keys` what lies in `keys/` stays out of it: private keys, and what sources are shown.

        Raises:
            Refused: the file exists already.
        """
        keeper = self.settings.keeper
        named = self.book.bundle(file, self._office.signers[keeper], keeper, keys=keys, progress=progress)
        self.book.write(lambda ink: ink.log([line_of("backup", ink.now(), by="console", of=[named])]))

    def close(self) -> None:
        """Finish writing and close the node."""
        self.book.close()

    def _signer(self, party: str) -> Signer:
        signer = Signer(self._secret(party))
        self.book.write(lambda ink: ink.publish_key(party, signer.kid, signer.public))
        return signer

    def _secret(self, name: str) -> bytes:
        return secret(self.folder, name, self.chance, known=bool(self.shut))


def _told(taken: Taken | Refused, narrowed: bool) -> Taken | Refused:
    """Return what became of a draft, saying that its label was narrowed before it was taken."""
    return msgspec.structs.replace(taken, narrowed=True) if narrowed and isinstance(taken, Taken) else taken


def _shut_for(last: Change, ink: Ink) -> bool:
    if ink.fact("shut") or not is_lost(ink.connection, ink.fact("generation"), last):
        return False
    _shut(ink, "node", f"the register lost line {last.number} of generation {last.generation}, a {last.act}")
    return True


def _shut(ink: Ink, by: str, because: str) -> None:
    generation = ink.shut(ink.now())
    ink.log([line_of("shut", ink.now(), by=by, of=[], generation=generation, because=because)])


def _beside(folder: Path, desk: str) -> dict[str, bytes]:
    """Return the files that an administrator laid beside the node for a desk, by their names below its folder."""
    root = folder / "desks" / desk
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


def _desks() -> dict[str, Desk]:
    return {point.name: point.load() for point in sorted(entry_points(group="diwan.desks"), key=lambda p: p.name)}
