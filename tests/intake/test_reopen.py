"""A restored node shows nobody anything until what was recalled and relabelled since its backup is done again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from diwan.house import House, lookout, restore_node
from diwan.reading import Query, Released
from diwan.registry import chain
from diwan.registry import journal as journals
from diwan.registry.chance import Chance
from diwan.registry.journal import Journal, read_journals
from diwan.sealing.keys import Signer
from diwan.settings import Settings
from diwan.terms.errors import Malformed, NotAllowed, Refused, Shut, Unjournalled
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Draft, Ref
from diwan.terms.label import Label
from diwan.terms.reader import Reader
from postgres_server import Server

PARTIES = ("NATO", "KWT", "QAT", "BHR", "ARE", "JOR")
Said = dict[str, Any]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    folder = tmp_path / "lent"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(register: str, journal: Path) -> Settings:
    return Settings(keeper="NATO", hosted=PARTIES[1:], postgres=register, journal=str(journal))


@pytest.fixture
def lived(tmp_path: Path, settings: Settings, clock: Any) -> Iterator[House]:
    opened = House(tmp_path / "node", settings, clock=clock, chance=Chance(1), synchronous="OFF")
    yield opened
    finish(opened)


def finish(house: House) -> None:
    """Close a house, unless the test has lost it already."""
    if not house.book._pen._down:
        house.close()


@pytest.fixture
def again(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, clock: Any
) -> Iterator[Callable[..., House]]:
    """Bring the backup back, on the engine of the node that was lost."""
    opened: list[House] = []
    databases: list[str] = []

    def make(kept: Path, **changed: object) -> House:
        where = tmp_path / f"again{len(opened)}"
        if settings.postgres:
            databases.append(request.getfixturevalue("postgres").bare())
        register = databases[-1] if databases else ""
        restore_node(kept, where, postgres=register)
        there = replace(settings, postgres=register, **changed)
        opened.append(House(where, there, clock=clock, chance=Chance(2), synchronous="OFF"))
        return opened[-1]

    yield make
    for house in opened:
        finish(house)
    for database in databases:
        server: Server = request.getfixturevalue("postgres")
        server.drop(database)


def told(value: object) -> object:
    """Return an answer without what says when something was done: it was done later here than there."""
    if isinstance(value, msgspec.Struct):
        late = ("at", "revision", "revision_position", "seal", "cursor", "to")
        shown = (name for name in value.__struct_fields__ if name not in late)
        return type(value).__name__, {name: told(getattr(value, name)) for name in shown}
    if isinstance(value, list | tuple):
        return [told(one) for one in value]
    return value


def view(house: House, party: str, lost: set[Ref]) -> Said:
    """Return all that a reader sees, but of what was entered after the backup.

    By reference and not by position: what moves with its parent lies where chance puts it.
    """
    room = house.room(Reader(f"reader of {party}", party), World.ACTUAL)

    def kept(found: Iterable[Released]) -> list[Released]:
        return sorted((item for item in found if item.ref not in lost), key=lambda item: str(item.ref))

    items = kept(room.walk())
    changes, cursor = [], None
    for _ in range(4):
        found = room.changes(cursor, 50)
        changes += [one for one in found.changes if one.ref not in lost]
        cursor = found.cursor
    return {
        "items": told(items),
        "parts": [told(room.parts(item)) for item in items],
        "history": [told(room.history(item)) for item in items],
        "children": [told(kept(room.children(item))) for item in items],
        "envelopes": [bool(room.envelope(item)) for item in items],
        "count": room.count() - sum(1 for item in room.walk() if item.ref in lost),
        "found": told(kept(room.walk(Query(words="report")))),
        "changes": sorted(repr(told(one)) for one in changes),
        "labels": sorted(map(repr, (told(one) for one in room.labels()))) if not lost else None,
    }


def everyone(house: House, lost: set[Ref] | None = None) -> dict[str, Said]:
    return {party: view(house, party, lost or set()) for party in PARTIES}


def acts(house: House) -> list[Said]:
    with house.book.own_pages() as pages:
        return [msgspec.json.decode(line) for line in chain.lines(pages)]


class Life:
    """What was entered before the backup, and what happened after it."""

    def __init__(self, house: House, hand: Callable[..., Hand], amber: Any, note: Any) -> None:
        self.house, self.hand, self.amber, self.note = house, hand, amber, note
        self.refs: dict[str, Ref] = {}

    def enter(self, name: str, party: str, *to: str, under: str | None = None) -> None:
        parent = self.refs[under] if under else None
        draft = self.note(f"report {name}", name=name, parent=parent)
        taken = self.house.take(self.hand(party), draft, self.amber(*to), originator=party)
        self.refs[name] = taken.refs[0]

    def before(self) -> None:
        self.enter("recalled", "KWT", "QAT", "BHR")
        self.enter("narrowed", "KWT", "QAT", "BHR", "ARE")
        self.enter("widened", "QAT", "KWT")
        self.enter("both", "BHR", "KWT", "QAT")
        self.enter("parent", "KWT", "QAT", "BHR", "JOR")
        self.enter("child", "QAT", "KWT", "BHR", under="parent")
        self.enter("grandchild", "BHR", "KWT", "QAT", under="child")
        self.enter("kept", "JOR", "KWT", "QAT", "ARE")
        self.enter("answer", "ARE", "KWT", "JOR", under="kept")
        self.enter("gone before", "KWT", "QAT")
        self.house.recall(self.hand("KWT"), self.refs["gone before"])
        self.relabel("kept", "JOR", "KWT", "QAT", "ARE", "BHR")

    def after(self) -> None:
        self.enter("lost", "KWT", "QAT", "BHR")
        self.house.recall(self.hand("KWT"), self.refs["recalled"])
        self.relabel("narrowed", "KWT", "QAT")
        self.relabel("widened", "QAT", "KWT", "BHR", "JOR")
        self.relabel("both", "BHR", "KWT")
        self.relabel("both", "BHR", "KWT", "ARE", "JOR")
        self.relabel("kept", "JOR", "ARE")
        self.house.recall(self.hand("KWT"), self.refs["parent"])
        self.house.recall(self.hand("KWT"), self.refs["lost"])

    def relabel(self, name: str, party: str, *to: str) -> None:
        self.house.relabel(self.hand(party), self.refs[name], self.amber(*to))


@pytest.fixture
def life(lived: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]) -> Life:
    made = Life(lived, hand, amber, note)
    made.before()
    return made


def lose(life: Life, kept: Path, journal: Path, again: Callable[..., House]) -> None:
    """Let a node be lost, and brought back with what its journal says."""
    life.house.close()
    life.house = again(kept)
    life.house.reopen([journal])


def test_after_a_loss_nobody_sees_anything_and_after_the_replay_everyone_what_the_lost_node_showed(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    everyone(life.house)  # who looked has a seat, and is told of what they lose
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    lost = {life.refs["lost"]}
    before = everyone(life.house, lost)
    life.house.close()

    house = again(tmp_path / "kept.tar")
    for party in PARTIES:
        for world in World:
            for ask in ("page", "changes", "count"):
                with pytest.raises(Shut, match=r"shut since .* `diwan reopen --journal PATH`"):
                    getattr(house.room(Reader(f"reader of {party}", party), world), ask)()
    with pytest.raises(Shut):
        life.house = house
        life.enter("too early", "KWT", "QAT")
    with pytest.raises(Shut):
        house.recall(life.hand("JOR"), life.refs["kept"])
    with pytest.raises(Shut):
        life.relabel("kept", "JOR", "KWT")
    made = house.reopen([journal])

    assert everyone(house, lost) == before
    assert (made.recalled, made.relabelled, made.withdrawn) == (2, 5, [])
    assert made.unknown == 1
    assert made.known == 2  # child and grandchild went with their parent
    assert house.prove().faults == ()
    assert [line["act"] for line in acts(house)][-1] == "reopen"
    seen = {party: {one[1]["title"] for one in said["items"]} for party, said in before.items()}
    assert seen["BHR"] == {"report both", "report widened"}
    assert "report narrowed" in seen["QAT"]
    life.enter("life goes on", "KWT", "QAT")
    life.relabel("narrowed", "KWT", "QAT", "BHR")
    assert house.prove().faults == ()


def test_reopening_names_the_journals_of_the_keeper_and_no_others(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    life.house.close()
    (own,) = journal.glob("*.journal")
    named = sha256(own.read_bytes()).hexdigest()
    (journal / "KWT.g0.elsewhere.journal").write_bytes(b"another party's\n")
    (journal / "of no party.journal").write_bytes(b"nobody's\n")

    house = again(tmp_path / "kept.tar")
    house.reopen([journal])

    line = acts(house)[-1]
    assert (line["act"], line["of"]) == ("reopen", [named])


def test_a_second_loss_is_made_up_for_from_both_journals_in_their_order(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    lose(life, tmp_path / "kept.tar", journal, again)
    life.relabel("narrowed", "KWT", "JOR")
    life.house.recall(life.hand("QAT"), life.refs["widened"])
    before = everyone(life.house)
    life.house.close()

    house = again(tmp_path / "kept.tar")
    house.reopen([journal])

    def items(views: dict[str, Said]) -> dict[str, object]:
        return {party: said["items"] for party, said in views.items()}

    assert items(everyone(house)) == items(before)
    assert house.book.facts()["generation"] == 2
    assert house.prove().faults == ()


def test_a_later_generations_journal_changes_nothing_that_the_backup_already_holds(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    """Such a journal begins with all that came before it: done again, it would meet what has been entered since."""
    life.enter("moved", "KWT", "QAT", "BHR")
    life.relabel("moved", "KWT", "QAT")
    life.relabel("moved", "KWT", "BHR")
    draft = life.note("another", name="moved")
    life.refs["namesake"] = life.house.take(life.hand("KWT"), draft, life.amber("QAT"), originator="KWT").refs[0]
    life.house.backup(tmp_path / "kept.tar")
    lose(life, tmp_path / "kept.tar", journal, again)
    life.house.recall(life.hand("BHR"), life.refs["both"])
    life.house.close()

    house = again(tmp_path / "kept.tar")
    made = house.reopen([journal])

    assert (made.recalled, made.relabelled, made.withdrawn, made.known) == (1, 0, [], 0)
    assert life.refs["moved"] in {item.ref for item in house.room(Reader("b", "BHR")).walk()}


def test_a_backup_of_a_node_that_is_shut_is_made_up_for_like_the_one_it_came_from(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    life.house.close()
    shut = again(tmp_path / "kept.tar")
    shut.backup(tmp_path / "nightly.tar")
    shut.close()

    house = again(tmp_path / "nightly.tar")
    made = house.reopen([journal])

    assert made.recalled >= 2
    assert life.refs["recalled"] not in {item.ref for item in house.room(Reader("q", "QAT")).walk()}
    assert house.prove().faults == ()


def test_a_generation_of_which_a_journal_stands_is_not_begun_a_second_time(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    """Also where the journal of that generation was not named."""
    life.house.backup(tmp_path / "kept.tar")
    lose(life, tmp_path / "kept.tar", journal, again)
    life.house.recall(life.hand("BHR"), life.refs["both"])
    life.house.close()
    (first,) = journal.glob("NATO.g0.*.journal")

    house = again(tmp_path / "kept.tar")
    house.reopen([first])

    assert house.book.facts()["generation"] == 2
    house.recall(life.hand("BHR"), life.refs["both"])


def test_what_cannot_be_signed_anew_is_withdrawn_and_told(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    life.house.close()

    house = again(tmp_path / "kept.tar", hosted=("KWT", "QAT", "JOR", "ARE"))
    made = house.reopen([journal])

    assert made.withdrawn == [life.refs["both"]]
    assert life.refs["both"] not in {item.ref for item in house.room(Reader("k", "KWT")).walk()}
    assert house.prove().faults == ()


def test_without_its_journal_a_node_opens_for_a_reason_that_is_logged(
    life: Life, tmp_path: Path, again: Callable[..., House]
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    life.house.close()
    house = again(tmp_path / "kept.tar")

    with pytest.raises(Refused, match=r"a reason alone\. The node stays shut"):
        house.reopen_without_journal(" ")
    with pytest.raises(Shut):
        house.check_open()
    house.reopen_without_journal("the other site burnt as well")

    house.check_open()
    line = acts(house)[-1]
    assert (line["act"], line["because"]) == ("reopen", "the other site burnt as well")
    with pytest.raises(Refused, match="The node is open"):
        house.reopen_without_journal("again")


def changed(journal: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    (file,) = journal.glob("*.g0.*.journal")
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))


UNSOUND: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a changed line": (lambda lines: [lines[0], lines[1].replace(b"relabel", b"recall!"), *lines[2:]], "not signed"),
    "a missing line": (lambda lines: [*lines[:2], *lines[3:]], "a line is missing"),
    "no line of ours": (lambda lines: [b'{"change":{}}\n', *lines], "cannot be read"),
}


@pytest.mark.parametrize("how", UNSOUND)
def test_a_journal_that_is_not_sound_opens_nothing(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House], how: str
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    life.after()
    life.house.close()
    house = again(tmp_path / "kept.tar")
    change, match = UNSOUND[how]
    changed(journal, change)

    with pytest.raises(Refused, match=match):
        house.reopen([journal])

    with pytest.raises(Shut):
        house.room(Reader("k", "KWT")).page()


def test_the_journal_of_another_node_or_none_at_all_opens_nothing(
    life: Life, tmp_path: Path, journal: Path, again: Callable[..., House]
) -> None:
    life.house.backup(tmp_path / "kept.tar")
    other = tmp_path / "other"
    other.mkdir()
    life.house.close()
    house = again(tmp_path / "kept.tar")
    with pytest.raises(Refused, match="no journal of NATO there"):
        house.reopen([other])
    strange = House(tmp_path / "strange", Settings(keeper="NATO", journal=str(other)), synchronous="OFF")
    strange.close()
    shutil.copy(next(journal.glob("*.journal")), other / "NATO.g0.elsewhere.journal")
    lines = (other / "NATO.g0.elsewhere.journal").read_bytes()
    assert read_journals([other], "NATO", house.book.keys_of("NATO"))
    with pytest.raises(Malformed, match="not signed by a key of the keeper that this register knows"):
        read_journals([other], "NATO", {})

    (other / "NATO.g0.elsewhere.journal").write_bytes(lines[:-20])  # torn: nobody was told of that line

    assert len(read_journals([other], "NATO", house.book.keys_of("NATO"))) == lines.count(b"\n") - 1


def test_a_change_whose_journal_cannot_be_written_stands_and_is_written_down_later(life: Life, journal: Path) -> None:
    (file,) = journal.glob("*.journal")
    before = file.read_bytes()
    away = journal.rename(journal.with_name("unmounted"))

    with pytest.raises(Unjournalled, match="This was done and is true for everyone"):
        life.house.recall(life.hand("KWT"), life.refs["recalled"])
    with pytest.raises(NotAllowed):
        life.house.recall(life.hand("QAT"), life.refs["kept"])

    assert life.house.journal_fault() is not None
    assert life.refs["recalled"] not in {one.ref for one in life.house.room(Reader("q", "QAT")).walk()}
    away.rename(journal)
    assert life.house.journal_fault() is None
    assert file.read_bytes().startswith(before)
    assert file.read_bytes().count(b"\n") == before.count(b"\n") + 1


def test_what_a_killed_process_did_not_write_down_is_written_when_the_node_opens(
    life: Life, journal: Path, settings: Settings
) -> None:
    life.after()
    (file,) = journal.glob("*.journal")
    whole = file.read_bytes()
    life.house.close()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]) + lines[-3][:50])

    House(life.house.folder, settings, synchronous="OFF").close()

    assert file.read_bytes() == whole


def test_several_processes_write_one_journal_each_line_once(life: Life, journal: Path, settings: Settings) -> None:
    others = [House(life.house.folder, settings, clock=life.house.clock, synchronous="OFF") for _ in range(2)]
    names = [f"many {number}" for number in range(12)]
    for name in names:
        life.enter(name, "KWT", "QAT")

    def recall(house: House, some: list[str]) -> None:
        for name in some:
            house.recall(life.hand("KWT"), life.refs[name])

    houses = [life.house, *others]
    threads = [threading.Thread(target=recall, args=[house, names[n::3]]) for n, house in enumerate(houses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = read_journals([journal], "NATO", life.house.book.keys_of("NATO"))
    for house in others:
        house.close()

    recalled = [change for change in changes if change.act == "recall"]
    assert len(recalled) == len(names) + 1
    assert len({change.number for change in changes}) == len(changes)


def test_a_journal_with_a_hole_before_sound_lines_opens_nothing(life: Life, journal: Path) -> None:
    """Of what stands behind a hole somebody was told: to leave it out would show what was withdrawn."""
    for name in ("one", "two"):
        life.enter(name, "KWT", "QAT")
        life.house.recall(life.hand("KWT"), life.refs[name])
    (file,) = journal.glob("*.journal")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:-2], bytes(len(lines[-2])), lines[-1]]))

    with pytest.raises(Malformed, match="something is missing between its lines"):
        read_journals([journal], "NATO", life.house.book.keys_of("NATO"))


@pytest.mark.parametrize("what", ["the name is not durable", "the register is lost"])
def test_what_was_not_written_down_is_known_until_it_is(
    life: Life, journal: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    life.enter("one", "KWT", "QAT")
    kept = life.house.journal
    assert kept is not None
    kept._done = None
    begun = iter([True])

    def fail(*_: object) -> None:
        if next(begun, False):
            raise OSError("unsettled") if what == "the name is not durable" else life.house.book.failures[0]("lost")

    if what == "the name is not durable":
        monkeypatch.setattr(journals, "settle", fail)
    else:
        whole = kept._pages

        def lend() -> Any:
            fail()
            return whole()

        monkeypatch.setattr(kept, "_pages", lend)

    with pytest.raises(Unjournalled):
        life.house.recall(life.hand("KWT"), life.refs["one"])

    assert kept.fault
    assert life.house.journal_fault() is None
    recalled = [one for one in read_journals([journal], "NATO", life.house.book.keys_of("NATO")) if one.act == "recall"]
    assert list(recalled[-1].of) == [chain.digest(life.refs["one"])]


def test_what_did_not_reach_the_disk_once_is_written_again_and_not_only_synced_again(
    life: Life, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(journals.os, "fsync", fail)
        with pytest.raises(Unjournalled):
            life.house.recall(life.hand("KWT"), life.refs["recalled"])
    (file,) = journal.glob("*.journal")
    named = chain.digest(life.refs["recalled"])
    assert named not in file.read_text()

    assert life.house.journal_fault() is None
    assert named in file.read_text()


def test_what_another_process_wrote_down_meanwhile_is_no_other_history(
    life: Life, journal: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = House(life.house.folder, settings, clock=life.house.clock, synchronous="OFF")
    for name in ("first", "second"):
        life.enter(name, "KWT", "QAT")
    lock, turns = journals._locked, iter(["second"])

    def late(file: Path) -> Any:
        for name in turns:
            other.recall(life.hand("KWT"), life.refs[name])
        return lock(file)

    monkeypatch.setattr(journals, "_locked", late)
    life.house.recall(life.hand("KWT"), life.refs["first"])
    other.close()

    changes = read_journals([journal], "NATO", life.house.book.keys_of("NATO"))
    assert len([change for change in changes if change.act == "recall"]) == 3
    assert life.house.journal_fault() is None


def test_a_node_set_back_by_other_means_is_shut_by_hand_and_replays_what_came_since(
    life: Life, journal: Path, settings: Settings
) -> None:
    life.after()
    before = everyone(life.house)
    life.house.shut_down("recovered to a point in time")
    with pytest.raises(Shut):
        life.house.room(Reader("k", "KWT")).page()

    made = life.house.reopen([journal])

    assert (made.recalled, made.relabelled, made.unknown) == (0, 0, 0)
    assert everyone(life.house) == before
    assert life.house.book.facts()["generation"] == 1


@pytest.fixture
def set_back(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, clock: Any
) -> Iterator[Callable[..., House]]:
    """Open a copy that was taken of a register before, as a standby does that lacked what came last."""
    opened: list[House] = []
    databases: list[str] = []

    def copy(house: House) -> Callable[..., House]:
        house.close()
        where = house.folder
        if settings.postgres:
            databases.append(request.getfixturevalue("postgres").database(like=settings.postgres))
        else:
            where = shutil.copytree(where, tmp_path / "set back")

        def back(**changed: object) -> House:
            there = replace(settings, postgres=databases[-1] if databases else "", **changed)
            opened.append(House(where, there, clock=clock, chance=Chance(2 + len(opened)), synchronous="OFF"))
            return opened[-1]

        return back

    yield copy
    for house in opened:
        finish(house)
    for database in databases:
        request.getfixturevalue("postgres").drop(database)


@pytest.fixture
def lost(
    life: Life, settings: Settings, clock: Any, set_back: Callable[..., Callable[..., House]]
) -> Callable[..., House]:
    """Go on with the node, lose its machine, and let another go on with a register that lacks what came last."""
    everyone(life.house)
    back = set_back(life.house)
    life.house = House(life.house.folder, settings, clock=clock, chance=Chance(9), synchronous="OFF")
    return back


def test_a_register_that_lost_what_its_journal_says_is_shut_by_itself_and_replays_it(
    life: Life, journal: Path, lost: Callable[..., House]
) -> None:
    life.after()
    entered = {life.refs["lost"]}
    before = everyone(life.house, entered)
    life.house.close()

    house = lost()
    assert house.shut
    with pytest.raises(Shut):
        house.room(Reader("k", "KWT")).page()
    made = house.reopen([journal])

    assert (made.recalled, made.relabelled, made.unknown, made.withdrawn) == (2, 5, 1, [])
    assert everyone(house, entered) == before


def test_what_was_changed_after_others_were_lost_is_shown_to_nobody_by_what_was_lost(
    life: Life, journal: Path, lost: Callable[..., House], note: Callable[..., Draft]
) -> None:
    life.relabel("recalled", "KWT", "QAT", "BHR", "JOR")
    life.relabel("narrowed", "KWT", "QAT", "BHR", "ARE", "JOR")
    life.relabel("kept", "JOR", "KWT", "QAT", "BHR")
    life.relabel("widened", "QAT", "KWT", "BHR")
    life.house.close()
    house = lost(journal="")
    life.house = house
    life.relabel("narrowed", "KWT", "QAT")
    house.rectify(life.hand("JOR"), life.refs["kept"], note("what it says now", name="kept"))
    house.recall(life.hand("BHR"), life.refs["both"])
    house.close()

    house = lost()
    made = house.reopen([journal])

    assert made.withdrawn == [life.refs["narrowed"], life.refs["kept"]]
    assert made.relabelled == 2
    for party in PARTIES:
        assert "what it says now" not in repr(view(house, party, set()))
        assert "report narrowed" not in repr(view(house, party, set()))
    assert "report widened" in repr(view(house, "BHR", set()))


def test_another_host_that_goes_on_without_what_was_recalled_is_shut_too_and_replays_both(
    life: Life, journal: Path, lost: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    life.house.recall(life.hand("KWT"), life.refs["recalled"])
    life.house.close()
    monkeypatch.setattr("diwan.house.node.gethostname", lambda: "other")
    away = journal.rename(journal.with_name("away"))
    journal.mkdir()
    house = lost()  # its folder is that of another host, where nothing is known yet
    assert not house.shut
    life.house = house
    house.recall(life.hand("QAT"), life.refs["widened"])
    for file in away.iterdir():
        file.rename(journal / file.name)

    house.shut_where_changes_are_lost()
    assert house.shut
    made = house.reopen([journal])

    assert (made.recalled, made.known, made.unknown) == (1, 0, 0)
    assert life.refs["recalled"] not in {item.ref for item in house.room(Reader("q", "QAT")).walk()}


def test_a_register_set_back_to_before_a_reopening_is_shut(
    life: Life, journal: Path, lost: Callable[..., House]
) -> None:
    life.house.shut_down("recovered to a point in time")
    life.house.reopen([journal])
    life.house.recall(life.hand("KWT"), life.refs["recalled"])
    life.house.close()

    house = lost()

    assert house.shut
    assert house.reopen([journal]).recalled == 1


def told_elsewhere(house: House, journal: Path, signer: Signer, **changed: Any) -> None:
    """Let another host have written down what this register lacks."""
    assert house.journal is not None
    (last,) = house.journal.latest(house.book.keys_of("NATO"))
    other = Journal(journal, "other", "NATO", signer, house.book.apart, ())
    line = other._signed(replace(last, number=last.number + 1, before=-1, **changed))
    (journal / f"NATO.g{changed.get('generation', 0)}.other.journal").write_bytes(line)


def test_a_node_whose_register_loses_a_change_while_it_serves_is_shut_by_its_lookout(life: Life, journal: Path) -> None:
    with lookout(life.house, every=0.01):
        time.sleep(0.1)
        assert not life.house.shut
        told_elsewhere(life.house, journal, life.house._office.signers["NATO"])
        wait_until(lambda: bool(life.house.shut))

    with pytest.raises(Shut):
        life.house.check_open()
    facts = life.house.book.facts()
    said = life.house.book.leaves([facts["lines"] - 1])[facts["lines"] - 1]
    assert facts["generation"] == 1
    assert b"the register lost line" in said


def wait_until(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_nobody_signed_for_the_keeper_shuts_no_node(life: Life, journal: Path) -> None:
    told_elsewhere(life.house, journal, Signer(b"x" * 32))
    life.house.shut_where_changes_are_lost()

    assert not life.house.shut


def test_a_name_of_a_generation_that_never_was_opens_no_node(life: Life, journal: Path) -> None:
    life.house.shut_down("recovered to a point in time")
    strange = journal / "NATO.g1023.elsewhere.journal"
    strange.write_bytes(b"")

    with pytest.raises(Refused, match="generation 1023"):
        life.house.reopen([journal])
    with pytest.raises(Refused, match="generation 1023"):
        life.house.reopen_without_journal("it is lost")
    assert life.house.shut

    strange.unlink()
    life.house.reopen([journal])
    life.relabel("widened", "QAT", "KWT", "BHR")


def test_what_is_no_journal_costs_the_lookout_nothing(life: Life, journal: Path) -> None:
    with (journal / "NATO.g0.hollow.journal").open("wb") as hollow:
        hollow.truncate(1 << 40)
    os.mkfifo(journal / "NATO.g0.pipe.journal")
    begun = time.process_time()

    life.house.shut_where_changes_are_lost()
    told_elsewhere(life.house, journal, life.house._office.signers["NATO"])
    life.house.shut_where_changes_are_lost()

    assert life.house.shut
    assert time.process_time() - begun < 5


def test_a_server_that_shows_the_past_for_a_while_shuts_no_node(
    life: Life, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([True])
    monkeypatch.setattr("diwan.house.node.is_lost", lambda *asked: next(looks, None) or journals.is_lost(*asked))
    life.house.shut_where_changes_are_lost()
    assert not life.house.shut

    told_elsewhere(life.house, journal, life.house._office.signers["NATO"])
    life.house.shut_where_changes_are_lost()
    assert life.house.shut


def test_a_folder_that_is_not_there_shuts_no_node_and_is_looked_at_again(life: Life, journal: Path) -> None:
    away = journal.rename(journal.with_name("away"))
    life.house.shut_where_changes_are_lost()
    assert not life.house.shut

    away.rename(journal)
    told_elsewhere(life.house, journal, life.house._office.signers["NATO"])
    life.house.shut_where_changes_are_lost()
    assert life.house.shut


def test_a_restored_node_makes_no_key_anew(life: Life, tmp_path: Path, again: Callable[..., House]) -> None:
    life.house.backup(tmp_path / "kept.tar", keys=False)

    with pytest.raises(Refused, match=r"cursors\.key is not there.*put its keys back"):
        again(tmp_path / "kept.tar")


KILLED = """
import os, sys
from hashlib import sha256
from pathlib import Path
from diwan.house import House
from diwan.registry import journal as journals
from diwan.registry.journal import Journal
from diwan.settings import Settings
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Ref
from diwan.terms.reader import Reader

Journal.keep_up = lambda self: os._exit(9)
house = House(Path(sys.argv[1]), Settings(keeper="NATO", hosted=("KWT",), postgres=sys.argv[2]))
house._office.journal and None
from msgspec.structs import replace
journal = Journal(Path(sys.argv[3]), "host", "NATO", house._office.signers["NATO"], house.book.apart, ())
house._office = replace(house._office, journal=journal)
house.recall(Hand(Reader("h", "KWT"), frozenset({Role.RELEASING_OFFICER})), Ref("KWT", sys.argv[4]))
"""


def test_killed_between_commit_and_journal_the_change_is_in_the_journal_once_the_node_opens_again(
    life: Life, journal: Path, settings: Settings
) -> None:
    life.house.close()
    words = [str(life.house.folder), settings.postgres, str(journal), life.refs["recalled"].id]
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *words], env={**os.environ, "PYTHONPATH": str(source)}, check=False, timeout=50
    )
    assert done.returncode == 9

    house = House(life.house.folder, settings, synchronous="OFF")
    changes = read_journals([journal], "NATO", house.book.keys_of("NATO"))
    house.close()

    assert changes[-1].of == (chain.digest(life.refs["recalled"]),)
