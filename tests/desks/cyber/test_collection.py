"""Collections: what they may say, which of them a caller sees, and what each selects for whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from diwan.desks.cyber.acts import check_file, open_file
from diwan.desks.cyber.kinds.collection import COLLECTION, MEDIA_TYPE, MOST, Collection, everything
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE as STIX
from diwan.desks.cyber.parse.collection import LIMIT, parse_collection
from diwan.desks.cyber.routes.asked import Asked
from diwan.desks.cyber.routes.collections import all_collections, collection_of, nothing, selection
from diwan.house import House
from diwan.terms.errors import Malformed, NotFound
from diwan.terms.finding import Reject
from diwan.terms.gate import World
from diwan.terms.hand import Hand
from diwan.terms.item import Alias, Draft
from diwan.terms.label import Label

NAME = "5f0d0060-7a11-4c3e-9b1d-000000000060"
T1 = "2017-01-20T08:00:00.000Z"
Hands = Callable[..., Hand]
Labels = Callable[..., Label]


def written(**more: Any) -> bytes:
    return msgspec.json.encode({"id": NAME, "title": "Shared indicators", **more})


def test_a_collection_is_a_draft_with_its_bytes_its_title_and_its_name() -> None:
    data = b' {"id": "' + NAME.encode() + b'",\n  "title": "Shared", "types": ["tool"], "description": "Two\\nlines"}\n'

    draft = parse_collection(data, {})

    assert draft == Draft(
        kind=COLLECTION,
        title="Shared",
        parts=draft.parts,
        text=("Two\nlines",),
        aliases=(Alias("collection", NAME),),
        brief=draft.brief,
    )
    assert [(part.name, part.media_type, part.data) for part in draft.parts] == [("collection.json", MEDIA_TYPE, data)]
    assert msgspec.json.decode(draft.brief, type=Collection) == Collection(
        id=NAME, title="Shared", description="Two\nlines", types=("tool",)
    )


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"id": NAME.upper()}, "`id` is not a UUID of version 4"),
        ({"id": NAME.replace("-4c3e-", "-1c3e-")}, "`id` is not a UUID of version 4"),
        ({"id": NAME.replace("-", "")}, "`id` is not a UUID of version 4"),
        ({"id": f"{{{NAME}}}"}, "`id` is not a UUID of version 4"),
        ({"id": ""}, "`id` is not a UUID of version 4"),
        ({"title": " "}, "`title` is not one line"),
        ({"title": "x" * 201}, "`title` is not one line"),
        ({"title": "Shared\nTwo"}, "`title` is not one line"),
        ({"title": "Shared \u202eTREC"}, "`title` is not one line"),
        ({"description": "\u0007"}, "`description` holds characters"),
        ({"push": "x" * 201}, "`push` is not a marking"),
        ({"types": ["tool"] * (MOST + 1)}, "`types` has more than 32"),
        ({"originators": ["a\nb"]}, "`originators` has more than 32"),
        ({"tlp": ["TLP:WHITE"]}, "`tlp` holds something that is not a token"),
        ({"title": 7}, "Expected `str`, got `int` - at `$.title`"),
        ({"titel": "x"}, "unknown field `titel`"),
        ({"\u202e": "x"}, "unknown field `\ufffd`"),
        ({"types": "tool"}, "Expected `array`"),
    ],
)
def test_what_a_collection_may_not_say_is_refused_with_the_field(said: dict[str, Any], why: str) -> None:
    data = written(**said)

    with pytest.raises(Malformed) as refusal:
        parse_collection(data, {})

    assert why in str(refusal.value)
    assert str(refusal.value).startswith("Collection: ")
    assert str(refusal.value).endswith("Not registered.")
    assert str(refusal.value).isprintable()


def test_a_collection_has_a_size() -> None:
    with pytest.raises(Malformed, match=f"more than {LIMIT} bytes"):
        parse_collection(written(description="x" * LIMIT), {})


def test_a_file_with_a_title_and_no_type_is_a_collection_and_is_checked_as_one() -> None:
    (draft,) = open_file(written(), "shared.json", {})
    (reject,) = open_file(written(tlp=["RED"]), "wrong.json", {})

    assert isinstance(draft, Draft)
    assert draft == parse_collection(written(), {})
    assert isinstance(reject, Reject)
    assert [(one.rule, one.path) for one in reject.findings] == [("collection.form", "/")]
    assert check_file(written()) == ()
    assert [one.message for one in check_file(written(tlp=["RED"]))] == [reject.findings[0].message]


@pytest.mark.parametrize(
    "said",
    [{"type": "report", "title": "x"}, {"objects": [], "title": "x"}, {"Event": {}, "title": "x"}, {"name": "x"}],
)
def test_any_other_file_is_no_collection(said: dict[str, Any]) -> None:
    found = [one for one in open_file(msgspec.json.encode(said), "x.json", {}) if isinstance(one, Reject)]

    assert all(finding.rule != "collection.form" for one in found for finding in one.findings)


def test_everything_is_a_collection_of_each_node_and_world_and_the_same_each_time() -> None:
    made = {(keeper, world): everything(keeper, world) for keeper in ("NATO", "KWT") for world in World}

    assert len({one.id for one in made.values()}) == 2 * len(World)
    assert [UUID(one.id).version for one in made.values()] == [4] * len(made)
    assert made == {key: everything(*key) for key in made}
    assert [parse_collection(msgspec.json.encode(one), {}).title for one in made.values()] == [
        "Everything released to you"
    ] * len(made)


@pytest.fixture
def shelf(house: House, hand: Hands, amber: Labels) -> Callable[..., None]:
    """Enter a collection as Kuwait, for Qatar unless another label is said."""

    def make(label: Label | None = None, by: str = "KWT", world: World = World.ACTUAL, **more: Any) -> None:
        draft = msgspec.structs.replace(house.draft(MEDIA_TYPE, written(**more)), world=world)
        house.take(hand(by), draft, label or amber("QAT"), originator=by)

    return make


def titles(house: House, hand: Hand, world: World = World.ACTUAL) -> list[str]:
    return [one.title for one in all_collections(house.clerk("cyber", hand, world))]


def test_a_caller_sees_the_collections_that_are_released_to_them_in_order_of_their_entering(
    house: House, hand: Hands, amber: Labels, shelf: Callable[..., None]
) -> None:
    ids = [str(UUID(int=number, version=4)) for number in range(3)]
    shelf(id=ids[2], title="First")
    shelf(id=ids[1], title="For others", label=amber("BHR"))
    shelf(id=ids[0], title="Third")
    shelf(id=NAME, title="Played", world=World.EXERCISE)

    whole = "Everything released to you"
    assert titles(house, hand("QAT")) == [whole, "First", "Third"]
    assert titles(house, hand("BHR")) == [whole, "For others"]
    assert titles(house, hand("JOR")) == [whole]
    assert titles(house, hand("QAT"), World.EXERCISE) == [whole, "Played"]
    clerk = house.clerk("cyber", hand("QAT"), World.ACTUAL)
    assert [collection_of(clerk, ids[n]).title for n in (2, 0)] == ["First", "Third"]
    for ident in (ids[1], NAME, str(UUID(int=9, version=4)), "", "x"):
        with pytest.raises(NotFound):
            collection_of(clerk, ident)


def test_of_two_collections_with_one_id_the_first_counts_for_whoever_may_see_it(
    house: House, hand: Hands, amber: Labels, shelf: Callable[..., None]
) -> None:
    shelf(title="Kuwait's", label=amber("QAT"))
    shelf(title="Bahrain's", label=amber("QAT", "JOR"), by="BHR")

    told = {}
    for party in ("QAT", "JOR"):
        clerk = house.clerk("cyber", hand(party), World.ACTUAL)
        told[party] = (collection_of(clerk, NAME).title, [one.title for one in all_collections(clerk)][1:])

    assert told == {"QAT": ("Kuwait's", ["Kuwait's"]), "JOR": ("Bahrain's", ["Bahrain's"])}


def test_nothing_is_pushed_into_a_collection_whose_id_two_parties_bear(
    house: House, hand: Hands, amber: Labels, shelf: Callable[..., None]
) -> None:
    """Whoever recalls theirs to enter it anew would leave others' pushes to the label of the other party."""
    shelf(push="TLP:AMBER // Releasable to KWT, QAT")
    clerk = house.clerk("cyber", hand("QAT"), World.ACTUAL)
    assert collection_of(clerk, NAME).push is not None

    shelf(label=amber("QAT", "JOR"), by="BHR", push="TLP:CLEAR")

    assert collection_of(clerk, NAME).push is None
    assert [one.push for one in all_collections(clerk)] == [None, None]
    other = house.clerk("cyber", hand("JOR"), World.ACTUAL)
    assert collection_of(other, NAME).push == "TLP:CLEAR"


def test_nobody_takes_the_place_of_the_collection_of_everything(
    house: House, hand: Hands, amber: Labels, shelf: Callable[..., None]
) -> None:
    clerk = house.clerk("cyber", hand("QAT"), World.ACTUAL)
    whole = everything(clerk.keeper, World.ACTUAL)
    shelf(id=whole.id, title="Everything, says Kuwait", types=["tool"])

    assert (collection_of(clerk, whole.id), all_collections(clerk)) == (whole, [whole])


def test_a_collection_holds_what_is_of_its_types_originators_tokens_and_words_and_released(
    house: House, hand: Hands, amber: Labels
) -> None:
    amber_ref = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"

    def thing(number: int, kind: str, name: str, by: str = "KWT", to: str = "QAT", **more: Any) -> None:
        head = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{UUID(int=number, version=4)}", "name": name}
        data = msgspec.json.encode({**head, "created": T1, "modified": T1, **more})
        house.take(hand(by), house.draft(STIX, data), amber(to), originator=by)

    thing(1, "tool", "Limpet")
    thing(2, "tool", "Barnacle", object_marking_refs=[amber_ref])
    thing(3, "campaign", "Limpet at sea")
    thing(4, "tool", "Limpet of Bahrain", by="BHR")
    thing(5, "tool", "Limpet for Jordan", to="JOR")
    room = house.room(hand("QAT").reader)

    def held(wanted: Asked | None = None, **said: Any) -> list[str]:
        chosen = selection(Collection(id=NAME, title="x", **said), wanted or Asked(), data=True)
        return [json.loads(one.data)["name"] for one in room.arrivals(chosen).found]

    assert held() == ["Limpet", "Barnacle", "Limpet at sea", "Limpet of Bahrain"]
    assert held(types=("tool",)) == ["Limpet", "Barnacle", "Limpet of Bahrain"]
    assert held(types=("tool", "campaign"), originators=("KWT",)) == ["Limpet", "Barnacle", "Limpet at sea"]
    assert held(tlp=("TLP:AMBER", "TLP:RED")) == ["Barnacle"]
    assert held(words="limpet", originators=("KWT", "BHR"), types=("tool",)) == ["Limpet", "Limpet of Bahrain"]
    assert held(words="limpet jordan") == []
    assert held(Asked(types=("campaign", "tool")), types=("campaign",)) == ["Limpet at sea"]
    assert held(Asked(ids=(f"tool--{UUID(int=5, version=4)}",))) == []
    assert held(originators=("",)) == []


def test_a_request_for_types_that_a_collection_leaves_out_finds_nothing_and_not_everything() -> None:
    said = Collection(id=NAME, title="x", types=("tool",))

    asked = (Asked(), Asked(types=("tool", "x")), Asked(types=("x",)), Asked(wanted=False))
    assert [nothing(said, one) for one in asked] == [False, False, True, True]
    assert not nothing(Collection(id=NAME, title="x"), Asked(types=("x",)))
