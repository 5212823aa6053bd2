"""A proof finds what was changed outside the sealed bytes, and nothing in a register that is merely written to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from diwan.house import House
from diwan.registry import chain
from diwan.registry.proof import root_at
from diwan.sealing import tree
from diwan.sealing.keys import Signer
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link
from diwan.terms.label import Label
from tampering import Tamper


@pytest.fixture
def lived(house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]) -> House:
    """A house with an alert that was relabelled and rectified, what stands under it, an exercise and a recall."""
    kuwait = hand("KWT")

    def enter(title: str, label: Label, **more: object) -> Any:
        return house.take(kuwait, note(title, **more), label, originator="KWT").refs[0]

    parent = enter(
        "first",
        amber("QAT", "BHR"),
        aliases=(Alias("cap", "A"),),
        values=("incident=1",),
        links=(Link("about", Alias("cap", "B")),),
    )
    under = enter("second", amber("QAT", "BHR"), parent=parent)
    enter("third", amber("QAT"), parent=under)
    house.relabel(kuwait, parent, amber("QAT"))
    house.rectify(kuwait, under, note("second, corrected"))
    enter("fourth", amber("BHR"), world=World.EXERCISE)
    house.recall(kuwait, enter("fifth", amber("BHR")))
    assert house.room(hand("BHR").reader).count() == 0
    return house


def faults_after(house: House, tamper: Tamper, *statements: str) -> tuple[str, ...]:
    with tamper() as register:
        for statement in statements:
            assert register.execute(statement).rowcount != 0
    return house.book.prove().faults


def test_a_register_that_lived_has_no_fault(lived: House) -> None:
    proof = lived.book.prove()

    assert (proof.items, proof.faults) == (7, ())
    assert (proof.lines, proof.root) == lived.book.audit_root()


FIRST = "(SELECT min(number) FROM item)"
ENTERED = "(SELECT min(position) FROM revision)"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"UPDATE revision SET label=(SELECT max(number) FROM label) WHERE position={ENTERED}", "another label"),
        ("UPDATE label SET value=replace(value, 'QAT', 'JOR') WHERE number=1", "another label"),
        ("UPDATE label SET value=x'00' WHERE number=1", "another label"),
        ("DELETE FROM label WHERE number=1", "another label"),
        (f"UPDATE item SET kind='crisis.other' WHERE number={FIRST}", "sealed as crisis.alert, kept as crisis.other"),
        (f"UPDATE revision SET kind='crisis.other' WHERE position={ENTERED}", "sealed as crisis.alert"),
        (f"UPDATE item SET world='Test' WHERE number={FIRST}", "sealed in world Actual, kept in Test"),
        ("UPDATE item SET parent=NULL WHERE number=2", "kept under nothing"),
        ("UPDATE item SET parent=3 WHERE number=2", "kept under KWT/"),
        ("UPDATE item SET parent=99 WHERE number=2", "kept under nothing"),
        ("UPDATE item SET id=zeroblob(16) WHERE number=2", "no line of the audit log enters it"),
        (f"UPDATE item SET originator='QAT' WHERE number={FIRST}", "under QAT/"),
        (f"UPDATE item SET id=zeroblob(16) WHERE number={FIRST}", "under KWT/00000000000000000000000000000000"),
        (f"UPDATE revision SET id=zeroblob(16) WHERE position={ENTERED}", "kept as KWT/000000000000000000000000"),
        (f"UPDATE revision SET rev=rev-1 WHERE position={ENTERED}", "kept as "),
        (f"UPDATE revision SET header=x'00' WHERE position={ENTERED}", "Refused."),
        ("DELETE FROM part WHERE number=1", "part 'note.txt' is missing"),
        ("UPDATE part SET data=NULL, same_as=NULL WHERE number=1", "part 'note.txt' is missing"),
        ("UPDATE part SET media_type='text/html' WHERE number=1", "is kept as 'note.txt', text/html"),
        ("DELETE FROM signing_key WHERE party='KWT'", "without a batch, or whose batch's key"),
        ("DELETE FROM batch WHERE number=1", "1 revisions belong to no item or to no batch"),
        ("DELETE FROM item WHERE number=2", "an item that is not there"),
        ("DELETE FROM revision WHERE position=(SELECT max(position) FROM revision)", "stand for no revision"),
        ("UPDATE stand SET gate=(SELECT max(number) FROM gate) WHERE item=1 AND until IS NULL", "behind another gate"),
        ("UPDATE stand SET gate=(SELECT min(number) FROM gate) WHERE item=3 AND until IS NULL", "behind another gate"),
        ("UPDATE gate SET world='Test' WHERE number=1", "Gate 1 is filed under Test"),
        ("UPDATE gate SET value=replace(value, 'Actual', 'Test')", "behind another gate"),
        (f"UPDATE revision SET gate=1 WHERE position={ENTERED}", "its history is kept behind another gate"),
        (f"UPDATE stand SET revision={ENTERED} WHERE item=1 AND until IS NULL", "replaced it"),
        ("UPDATE stand SET until=NULL WHERE item=1", "items stand in more than one place"),
        ("UPDATE stand SET until=NULL WHERE item=5", "stands, though it was recalled"),
        ("UPDATE stand SET until=since+1 WHERE item=4", "stands nowhere, and nobody recalled it"),
        ("DELETE FROM stand WHERE item=4", "stands nowhere, and nobody recalled it"),
        ("UPDATE stand SET until=since+1 WHERE item=1 AND until IS NULL", "under what does not stand"),
        ("UPDATE tail SET gate=gate+1 WHERE since=(SELECT max(since) FROM tail)", "rows of `tail` are not behind"),
        ("UPDATE mention SET gate=gate+1", "1 rows of `mention` are not behind"),
        ("UPDATE alias SET gate=gate+1", "1 rows of `alias` are not behind"),
        ("UPDATE link SET since=since+1", "1 rows of `link` are not behind"),
        ("UPDATE alias SET part=(SELECT max(number) FROM part)", "1 names lead to the bytes of another item"),
        ("UPDATE reader_class SET open='[1,2,3,4]'", "holds other gates open than"),
        ("UPDATE leaf SET value=x'00' WHERE number=3", "Line 3 of the audit log cannot be read"),
        ("DELETE FROM node", "it was removed"),
        ("DELETE FROM leaf WHERE number=3", "lines are missing"),
    ],
)
def test_a_change_outside_the_sealed_bytes_is_a_fault(lived: House, tamper: Tamper, statement: str, said: str) -> None:
    faults = faults_after(lived, tamper, statement)

    assert any(said in fault for fault in faults), faults


def test_an_item_that_vanished_with_all_its_rows_is_missed_by_the_audit_log(lived: House, tamper: Tamper) -> None:
    tables = {"item": "number", "revision": "item", "stand": "item", "part": "item"}

    (missed, left) = faults_after(
        lived, tamper, *(f"DELETE FROM {table} WHERE {column}=4" for table, column in tables.items())
    )[::-1]

    assert "of the audit log enters" in missed
    assert "an item that is not there" in missed
    assert "rows of `tail`" in left


def test_a_relabel_that_was_undone_is_missed_by_the_audit_log(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft], tamper: Tamper
) -> None:
    """With every row as it was before: who lost the item would read it again."""
    (ref,) = house.take(hand("KWT"), note("narrowed"), amber("QAT", "BHR"), originator="KWT").refs
    house.relabel(hand("KWT"), ref, amber("QAT"))

    faults = faults_after(
        house,
        tamper,
        "DELETE FROM part WHERE data IS NULL",
        "DELETE FROM revision WHERE position=(SELECT max(position) FROM revision)",
        "DELETE FROM batch WHERE number=(SELECT max(number) FROM batch)",
        "DELETE FROM stand WHERE until IS NULL",
        "UPDATE stand SET until=NULL",
        "UPDATE revision SET gate=(SELECT gate FROM stand)",
        "UPDATE tail SET gate=(SELECT gate FROM stand), since=(SELECT since FROM stand)",
    )

    assert faults == (f"{ref}: has 1 revisions, and the audit log tells of 2.",)


def test_what_is_sealed_by_a_key_that_nobody_published_is_a_fault(
    house: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft], tamper: Tamper
) -> None:
    house.take(hand("KWT"), note("true"), amber("QAT"), originator="KWT")
    forger = Signer(b"f" * 32)
    with tamper() as register:
        register.insert("signing_key", [(forger.kid, "KWT", forger.public, 1)])

    assert house.book.prove().faults == (f"Key {forger.kid} of KWT: no line of the audit log publishes it.",)


def test_a_ring_of_parents_is_a_fault_and_the_proof_ends(lived: House, tamper: Tamper) -> None:
    faults = faults_after(lived, tamper, "UPDATE item SET parent=3 WHERE number=1")

    assert any("under what does not stand" in fault for fault in faults)


def test_a_proof_beside_a_running_writer_finds_no_fault(
    lived: House, hand: Callable[..., Hand], amber: Callable[..., Label], note: Callable[..., Draft]
) -> None:
    kuwait, ended, written = hand("KWT"), threading.Event(), []

    def write() -> None:
        while not ended.wait(0.005):
            (ref,) = lived.take(kuwait, note(f"note {len(written)}"), amber("QAT"), originator="KWT").refs
            lived.relabel(kuwait, ref, amber("BHR"))
            if len(written) % 2:
                lived.recall(kuwait, ref)
            written.append(ref)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found, rounds = list(lived.book.prove().faults), 1
        while rounds < 50 or (len(written) <= 5 and writer.is_alive()):
            found += lived.book.prove().faults
            rounds += 1
    finally:
        ended.set()
        writer.join()

    assert found == []
    assert len(written) > 5


def test_the_root_over_any_number_of_first_lines_is_that_of_a_tree_over_them(lived: House) -> None:
    lived.book.write(lambda ink: ink.log([b"line %d" % number for number in range(70)]))
    with lived.book.own_pages() as pages:
        lines = list(chain.lines(pages))
        roots = [root_at(pages, size) for size in range(len(lines) + 1)]

    assert roots == [tree.root([tree.leaf_hash(line) for line in lines[:size]]) for size in range(len(lines) + 1)]
