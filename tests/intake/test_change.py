"""Relabel, rectify and recall: the originator alone, and each reader learns exactly what changed for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from diwan.house import House, shipped_policies
from diwan.reading import Query
from diwan.registry.ink import Ink
from diwan.sealing.envelope import verify
from diwan.sealing.header import decode
from diwan.terms.errors import Conflict, Malformed, NotAllowed, NotFound, Refused
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft, Link, Ref
from diwan.terms.label import Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Reader

POLICIES = shipped_policies()
Hands = Callable[..., Hand]
Notes = Callable[..., Draft]
Labels = Callable[..., Label]


@pytest.fixture
def item(house: House, hand: Hands, note: Notes, amber: Labels) -> Ref:
    """A note of Kuwait that Qatar may read."""
    return house.take(hand("KWT"), note("oil", text="harbour", name="A-1"), amber("QAT"), originator="KWT").refs[0]


def _changes(house: House, party: str, cursor: str | None) -> tuple[list[str], str]:
    answer = house.room(Reader(party, party)).changes(cursor)
    return [change.what for change in answer.changes], answer.cursor


def test_what_an_item_said_before_it_was_for_someone_is_behind_their_wall_too(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    house.rectify(hand("KWT"), item, note("gas", text="as it may be told"))
    house.relabel(hand("KWT"), item, amber("QAT", "BHR"))
    house.rectify(hand("KWT"), item, note("wind", text="told anew"))

    room = house.room(Reader("b", "BHR"))
    with room._opened() as opened:
        shelf = opened.shelf
        held = shelf.ask("SELECT data FROM bytes WHERE item=?", [shelf.item(item)])
    assert {bytes(data) for (data,) in held} == {b"gas\nas it may be told", b"wind\ntold anew"}
    assert [part.data for part in room.parts(room.get(item))] == [b"wind\ntold anew"]


@pytest.mark.parametrize("answers", [0, 40])
def test_every_time_told_of_a_revision_is_that_of_its_own_position(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref, answers: int
) -> None:
    """How long it takes to find what moves along would tell how much others have answered."""
    for number in range(answers):
        house.take(hand("QAT"), note(f"answer {number}", parent=item), amber("KWT"), originator="QAT")
    for change in (
        lambda: house.relabel(hand("KWT"), item, amber("QAT", "BHR")),
        lambda: house.rectify(hand("KWT"), item, note("oil, corrected")),
    ):
        change()

        room = house.room(Reader("b", "BHR"))
        shown = room.get(item)
        header = decode(room.envelope(shown)[0].header)
        assert {header.iat, header.rev, shown.revision} == {shown.at // 1000}


def test_an_item_with_answers_to_answers_as_deep_as_may_be_is_relabelled_and_recalled(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    """Another party must not be able to make an item impossible to take back."""
    here = item
    for level in range(32):
        (here,) = house.take(hand("QAT"), note(f"answer {level}", parent=here), amber("KWT"), originator="QAT").refs

    with pytest.raises(Malformed, match="at most 32 deep"):
        house.take(hand("QAT"), note("one more", parent=here), amber("KWT"), originator="QAT")
    house.relabel(hand("KWT"), item, amber("QAT", "BHR"))
    assert house.room(Reader("q", "QAT")).count() == 33
    assert house.prove().faults == ()
    house.recall(hand("KWT"), item)
    assert house.room(Reader("q", "QAT")).count() == 0


def test_an_answer_stands_in_the_world_of_what_it_answers(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    with pytest.raises(Malformed, match="world"):
        house.take(hand("QAT"), note("drill", parent=item, world=World.EXERCISE), amber("KWT"), originator="QAT")


def test_relabel_is_retracted_from_those_who_lose_it_and_new_to_those_who_gain_it(
    house: House, hand: Hands, amber: Labels, item: Ref
) -> None:
    cursors = {party: _changes(house, party, None)[1] for party in ("KWT", "QAT", "BHR", "ARE")}

    house.relabel(hand("KWT"), item, amber("BHR"))

    told = {party: _changes(house, party, cursor)[0] for party, cursor in cursors.items()}
    assert told == {"KWT": ["revised"], "QAT": ["retracted"], "BHR": ["released"], "ARE": []}


def test_relabelled_item_is_a_new_signed_revision_over_the_same_bytes_with_fresh_salts(
    house: House, hand: Hands, amber: Labels, item: Ref
) -> None:
    room = house.room(hand("KWT").reader)
    before, _ = room.envelope(room.get(item))

    house.relabel(hand("KWT"), item, amber("BHR"))

    after, public = room.envelope(room.get(item))
    header = verify(after, public)
    assert header.rev > verify(before, public).rev
    assert header.label == amber("BHR")
    assert [data for part in after.parts if part for data in part[1:]] == [
        data for part in before.parts if part for data in part[1:]
    ]
    assert not {part[0] for part in after.parts if part} & {part[0] for part in before.parts if part}


def test_narrowed_item_leaves_search_and_count_and_its_history_is_not_shown_to_those_who_gain_it_later(
    house: House, hand: Hands, amber: Labels, note: Notes, item: Ref
) -> None:
    house.rectify(hand("KWT"), item, note("gas", text="harbour", name="A-1"))
    house.relabel(hand("KWT"), item, amber("BHR"))

    qatar, bahrain = house.room(Reader("QAT", "QAT")), house.room(Reader("BHR", "BHR"))
    assert (qatar.count(), qatar.page(Query(words="harbour")).items) == (0, ())
    assert [one.title for one in bahrain.history(bahrain.get(item))] == ["gas"]
    kuwait = house.room(hand("KWT").reader)
    assert [one.title for one in kuwait.history(kuwait.get(item))] == ["gas", "gas", "oil"]


def test_recalled_item_is_retracted_from_every_reader_and_its_children_with_it(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    house.take(hand("QAT"), note("answer", parent=item), amber("KWT"), originator="QAT")
    cursors = {party: _changes(house, party, None)[1] for party in ("KWT", "QAT", "BHR")}

    house.recall(hand("KWT"), item)

    told = {party: _changes(house, party, cursor)[0] for party, cursor in cursors.items()}
    assert told == {"KWT": ["retracted", "retracted"], "QAT": ["retracted", "retracted"], "BHR": []}
    with pytest.raises(NotFound):
        house.room(Reader("QAT", "QAT")).get(item)


def test_only_the_originator_changes_an_item_whoever_else_may_read_it(
    house: House, hand: Hands, amber: Labels, item: Ref
) -> None:
    for act in (
        lambda: house.relabel(hand("QAT"), item, amber("QAT")),
        lambda: house.recall(hand("QAT"), item),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert house.room(hand("QAT").reader).get(item).label == amber("QAT")


def test_relabel_into_a_gate_where_the_name_is_taken_is_refused(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    house.take(hand("KWT"), note("gas", name="A-1"), amber("BHR"), originator="KWT")

    with pytest.raises(Conflict):
        house.relabel(hand("KWT"), item, amber("BHR"))


def test_relabel_of_a_parent_moves_its_children_behind_the_new_gate(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    house.take(hand("KWT"), note("detail", parent=item), amber("QAT", "BHR"), originator="KWT")

    house.relabel(hand("KWT"), item, amber("BHR"))

    seen = {party: sorted(one.title for one in house.room(Reader(party, party)).walk()) for party in ("QAT", "BHR")}
    assert seen == {"QAT": [], "BHR": ["detail", "oil"]}


def test_every_entry_and_change_stands_in_the_audit_log_and_names_no_title(
    house: House, hand: Hands, amber: Labels, item: Ref
) -> None:
    house.relabel(hand("KWT"), item, amber("BHR"))
    house.recall(hand("KWT"), item)

    with house.book.own_pages() as pages:
        lines = [bytes(row[0]) for row in pages.execute("SELECT value FROM leaf ORDER BY number")]
    acts = [line for line in lines if b'"by":"releasing officer of KWT"' in line]
    assert [act for line in acts for act in (b"enter", b"relabel", b"recall") if act in line] == [
        b"enter",
        b"relabel",
        b"recall",
    ]
    assert not [line for line in lines if b"oil" in line or b"harbour" in line or item.id.encode() in line]


def test_rectified_statement_of_membership_opens_nothing_it_no_longer_says(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    house.take(hand("KWT"), note("gas"), amber("ICI"), originator="KWT")
    said = note("member", membership=Membership("ICI", "BHR", Standing.MEMBER))
    stated = house.take(hand("NATO"), said, amber("NATO"), originator="NATO").refs[0]
    before = house.room(Reader("BHR", "BHR")).count()

    house.rectify(hand("NATO"), stated, note("aspirant", membership=Membership("ICI", "BHR", Standing.ASPIRANT)))

    assert (before, house.room(Reader("BHR", "BHR")).count()) == (1, 0)


def test_new_keepers_word_counts_and_the_old_keepers_counts_no_more_once_a_policy_says_so(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    house.take(hand("KWT"), note("gas"), amber("ICI"), originator="KWT")
    for speaker, party in (("NATO", "BHR"), ("KWT", "QAT")):
        said = note(f"{party} by {speaker}", membership=Membership("ICI", party, Standing.MEMBER))
        house.take(hand(speaker), said, amber("NATO"), originator=speaker)
    before = [house.room(Reader(party, party)).count() for party in ("BHR", "QAT")]

    house.install_policies(
        text.replace('id = "ICI"\nkeeper = "NATO"', 'id = "ICI"\nkeeper = "KWT"') for text in POLICIES
    )

    after = [house.room(Reader(party, party)).count() for party in ("BHR", "QAT")]
    assert (before, after) == ([1, 0], [0, 1])


def test_correction_into_a_narrower_cancel_is_refused_and_a_correction_keeps_its_parent(
    house: House, hand: Hands, note: Notes, amber: Labels, item: Ref
) -> None:
    narrow = house.take(hand("KWT"), note("aside"), amber("KWT"), originator="KWT").refs[0]
    child = house.take(hand("KWT"), note("detail", parent=item), amber("QAT"), originator="KWT").refs[0]

    with pytest.raises(NotAllowed, match="never narrower"):
        house.rectify(hand("KWT"), narrow, note("over", links=(Link("cancels", Alias("cap", "A-1")),)))
    house.rectify(hand("KWT"), child, note("more detail"))

    room = house.room(hand("KWT").reader)
    envelope, public = room.envelope(room.get(child))
    assert verify(envelope, public).parent == str(item)


def test_rules_of_a_transaction_that_was_undone_release_nothing(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    house.take(hand("KWT"), note("gas"), amber("ICI"), originator="KWT")
    bahrain = house.room(Reader("BHR", "BHR"))
    said = note("member", membership=Membership("ICI", "BHR", Standing.MEMBER))

    def undone(ink: Ink) -> None:
        ink.state_membership(10**6, "NATO", said.membership)
        raise Refused("undone")

    with pytest.raises(Refused):
        house.book.write(undone)
    other = note("other", membership=Membership("MD", "JOR", Standing.MEMBER))
    house.take(hand("NATO"), other, amber("NATO"), originator="NATO")

    assert bahrain.count() == 0
