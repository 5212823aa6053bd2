"""Taking: what goes in, in whose name, and what is refused with which reason."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from diwan.house import House
from diwan.intake.take import Taken
from diwan.reading import Query
from diwan.sealing.header import decode
from diwan.terms.errors import Conflict, Duplicate, NotAllowed, NotFound, Refused, Unlabelled
from diwan.terms.gate import World
from diwan.terms.hand import Hand, Role
from diwan.terms.item import Draft
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader

Hands = Callable[..., Hand]
Notes = Callable[..., Draft]
Labels = Callable[..., Label]
SECRET = Label(
    "NATO-EXAMPLE",
    "SECRET",
    (
        Category("Context", CategoryType.PERMISSIVE, ("NATO", "Releasable")),
        Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("KWT",)),
    ),
)


def test_item_is_read_by_its_audience_and_its_originator_and_by_nobody_else(
    house: House, hand: Hands, note: Notes, amber: Labels, reader: Callable[..., Reader]
) -> None:
    taken = house.take(hand("KWT"), note("oil"), amber("QAT"), originator="KWT")

    seen = {party: house.room(reader(party)).count() for party in ("KWT", "QAT", "BHR", "NATO", "OUT.EXAMPLE")}

    assert seen == {"KWT": 1, "QAT": 1, "BHR": 0, "NATO": 0, "OUT.EXAMPLE": 0}
    with pytest.raises(NotFound):
        house.room(reader("BHR")).get(taken.refs[0])


def test_hand_enters_in_the_name_of_its_own_party_only(house: House, hand: Hands, note: Notes, amber: Labels) -> None:
    with pytest.raises(NotAllowed, match="You enter in the name of QAT, not of KWT"):
        house.take(hand("QAT"), note("oil"), amber("QAT"), originator="KWT")


def test_administrator_enters_nothing_by_that_role(house: House, hand: Hands, note: Notes, amber: Labels) -> None:
    administrator = hand("KWT", roles=frozenset({Role.ADMINISTRATOR}))

    with pytest.raises(NotAllowed, match="None of your roles"):
        house.take(administrator, note("oil"), amber("QAT"), originator="KWT")


def test_party_without_a_key_at_this_node_enters_nothing(house: House, hand: Hands, note: Notes, amber: Labels) -> None:
    with pytest.raises(NotAllowed, match="not hosted at this node"):
        house.take(hand("OMN"), note("oil"), amber("OMN"), originator="OMN")


@pytest.mark.parametrize(
    "label",
    [
        Label("TLP", "UNCLASSIFIED", (), Handling(tlp="TLP:AMBER")),
        Label("TLP", "UNCLASSIFIED", (Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ()),), Handling(tlp="TLP:RED")),
        Label("TLP", "UNCLASSIFIED", (Category("Unheard Of", CategoryType.PERMISSIVE, ("KWT",)),), Handling("TLP:RED")),
        Label("NO-SUCH-POLICY", "UNCLASSIFIED"),
    ],
    ids=["no audience", "empty audience", "unknown tag", "unknown policy"],
)
def test_label_that_nobody_could_read_is_refused_and_nothing_is_entered(
    house: House, hand: Hands, note: Notes, label: Label
) -> None:
    with pytest.raises(Unlabelled):
        house.take(hand("KWT"), note("oil"), label, originator="KWT")

    assert house.book.facts()["stands"] == 0


def test_label_above_what_the_hand_may_read_is_refused(house: House, hand: Hands, note: Notes) -> None:
    with pytest.raises(NotAllowed, match="one enters what one may read"):
        house.take(hand("KWT", Clearance("NATO-EXAMPLE", "RESTRICTED")), note("oil"), SECRET, originator="KWT")

    assert house.take(hand("KWT", Clearance("NATO-EXAMPLE", "SECRET")), note("oil"), SECRET, originator="KWT").refs


def test_label_above_the_nodes_ceiling_is_refused(house: House, hand: Hands, note: Notes) -> None:
    above = msgspec.structs.replace(SECRET, classification="TOP SECRET")

    with pytest.raises(NotAllowed, match="ceiling of this node"):
        house.take(hand("KWT", Clearance("NATO-EXAMPLE", "TOP SECRET")), note("oil"), above, originator="KWT")


def test_same_bytes_under_the_same_name_are_entered_once_and_other_bytes_are_a_conflict(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    label = amber("QAT")
    house.take(hand("KWT"), note("oil", name="A-1"), label, originator="KWT")

    with pytest.raises(Duplicate):
        house.take(hand("KWT"), note("oil", name="A-1"), label, originator="KWT")
    with pytest.raises(Conflict):
        house.take(hand("KWT"), note("gas", name="A-1"), label, originator="KWT")
    assert house.room(hand("KWT").reader).count() == 1


def test_name_taken_by_another_originator_or_behind_another_gate_is_free(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    house.take(hand("KWT"), note("oil", name="A-1"), amber("QAT"), originator="KWT")

    house.take(hand("QAT"), note("gas", name="A-1"), amber("QAT"), originator="QAT")
    house.take(hand("KWT"), note("gas", name="A-1"), amber("BHR"), originator="KWT")

    assert house.room(hand("QAT").reader).count() == 2


def test_batch_enters_what_is_good_and_says_of_each_other_draft_why_not(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    label = amber("QAT")
    drafts = [note("oil", name="A-1"), note("oil", name="A-1"), note("gas", name="A-1"), note("dust", name="A-2")]

    outcomes = house.take_all(hand("KWT"), [(draft, label) for draft in drafts], originator="KWT")

    assert [type(outcome) for outcome in outcomes] == [Taken, Duplicate, Conflict, Taken]
    assert {item.title for item in house.room(hand("KWT").reader).walk()} == {"oil", "dust"}


def test_every_time_told_of_an_item_is_that_of_its_own_position_and_not_of_the_batch(
    house: House, hand: Hands, note: Notes, amber: Labels, reader: Callable[..., Reader]
) -> None:
    """How far an item lies before the moment of the batch would tell how much else came with it."""
    labelled = [(note(f"note {n}"), amber(("BHR", "QAT")[n % 100 == 0])) for n in range(700)]

    house.take_all(hand("KWT"), labelled, originator="KWT")

    room = house.room(reader("QAT"))
    for item in room.page().items:
        header = decode(room.envelope(item)[0].header)
        assert item.at == item.entered
        assert {header.iat, header.rev, item.revision, int(item.ref.id[:12], 16)} == {item.entered // 1000}
    assert [item.title for item in room.page().items] == [f"note {n}" for n in range(600, -1, -100)]


def test_child_of_an_item_that_is_not_released_is_refused_like_one_of_an_unknown_item(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    hidden = house.take(hand("KWT"), note("oil"), amber("KWT"), originator="KWT").refs[0]
    unknown = msgspec.structs.replace(hidden, id="0" * 32)

    said = []
    for parent in (hidden, unknown):
        with pytest.raises(NotFound) as refusal:
            house.take(hand("QAT"), note("answer", parent=parent), amber("KWT"), originator="QAT")
        said.append(str(refusal.value))

    assert said[0] == said[1]


def test_child_needs_its_parents_label_as_well_as_its_own(
    house: House, hand: Hands, note: Notes, amber: Labels, reader: Callable[..., Reader]
) -> None:
    parent = house.take(hand("KWT"), note("oil"), amber("QAT"), originator="KWT").refs[0]

    house.take(hand("QAT"), note("answer", parent=parent), amber("KWT", "BHR"), originator="QAT")

    seen = {p: [i.title for i in house.room(reader(p)).walk()] for p in ("KWT", "QAT", "BHR")}
    assert seen == {"KWT": ["answer", "oil"], "QAT": ["answer", "oil"], "BHR": []}


def test_worlds_do_not_mix_in_list_count_search_or_feed(house: House, hand: Hands, note: Notes, amber: Labels) -> None:
    for world in World:
        house.take(hand("KWT"), note(f"oil {world}", world=world), amber("QAT"), originator="KWT")

    for world in World:
        room = house.room(hand("QAT").reader, world)
        titles = [f"oil {world}"]
        assert [item.title for item in room.walk()] == titles
        assert [item.title for item in room.walk(Query(words="oil"))] == titles
        assert [change.item.title for change in room.changes().changes if change.item] == titles
        assert room.count() == 1


def test_refusals_are_sentences_that_end_with_what_is_now_true(
    house: House, hand: Hands, note: Notes, amber: Labels
) -> None:
    with pytest.raises(Refused) as refusal:
        house.take(hand("QAT"), note("oil"), amber("QAT"), originator="KWT")

    assert str(refusal.value).endswith("Nothing was entered.")


def test_membership_said_by_another_than_the_keeper_or_in_an_exercise_is_a_claim_that_opens_nothing(
    house: House, hand: Hands, note: Notes, amber: Labels, reader: Callable[..., Reader]
) -> None:
    said = Membership("ICI", "BHR", Standing.MEMBER)
    house.take(hand("KWT"), note("oil"), amber("ICI"), originator="KWT")

    claimed = house.take(hand("KWT"), note("claim", membership=said), amber("BHR"), originator="KWT")
    drilled = note("drill", membership=said, world=World.EXERCISE)
    exercised = house.take(hand("NATO"), drilled, amber("BHR"), originator="NATO")
    before = house.room(reader("BHR")).count()
    stated = house.take(hand("NATO"), note("said", membership=said), amber("KWT"), originator="NATO")

    assert [len(taken.notices) for taken in (claimed, exercised, stated)] == [1, 1, 0]
    assert (before, house.room(reader("BHR")).count()) == (1, 2)
