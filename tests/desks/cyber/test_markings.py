"""What markings say: TLP of both versions, PAP, IEP, statements that are tokens, and marks on a part alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from diwan.desks.cyber.acts import Definitions, drafts_of
from diwan.desks.cyber.kinds.markings import DEFINITIONS, TLP, handling_of, said_by, strictest, token
from diwan.desks.cyber.parse.stix import Nonconforming, parse
from diwan.terms.errors import Malformed
from diwan.terms.item import Draft
from diwan.terms.label import Handling

NAME = "5f0d0020-7a11-4c3e-9b1d-000000000020"
OWN = f"marking-definition--{NAME}"
OTHER = "marking-definition--5f0d0021-7a11-4c3e-9b1d-000000000021"
HEAD = {"spec_version": "2.1", "created": "2017-01-20T08:00:00.000Z", "modified": "2017-01-20T08:00:00.000Z"}
EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
ONE = {f"TLP:{level}": f"marking-definition--{uuid}" for level, uuid in (
    ("CLEAR", "613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    ("GREEN", "34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    ("AMBER", "f88d31f6-486f-44da-b317-01333bde0b82"),
    ("RED", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
)}  # fmt: skip


def definition(ident: str = OWN, **said: Any) -> dict[str, Any]:
    head = {"type": "marking-definition", "spec_version": "2.1", "id": ident, "created": HEAD["created"]}
    return {**head, **said}


def statement(text: str, **more: Any) -> dict[str, Any]:
    return definition(definition_type="statement", definition={"statement": text}, **more)


def actor(*refs: str, **more: Any) -> bytes:
    said: dict[str, Any] = {"type": "threat-actor", **HEAD, "id": f"threat-actor--{NAME}", "name": "Limpet", **more}
    return msgspec.json.encode(said | ({"object_marking_refs": refs} if refs else {}))


def mark(ref: str, *selectors: str) -> dict[str, Any]:
    return {"marking_ref": ref, "selectors": selectors}


@pytest.mark.parametrize(("ref", "tlp"), [*((ref, tlp) for tlp, ref in ONE.items()), *TLP.items()])
def test_each_fixed_definition_of_tlp_is_its_token_in_an_object(ref: str, tlp: str) -> None:
    draft = parse(actor(ref), {})

    assert (draft.handling, msgspec.json.decode(draft.brief)["tlp"]) == (Handling(tlp=tlp), tlp)
    assert ("tlp", tlp) in draft.facets


def test_there_is_one_definition_of_tlp_2_for_each_token() -> None:
    assert [TLP[ref] for ref in DEFINITIONS.values()] == list(DEFINITIONS)
    assert len(DEFINITIONS) == 5


def test_the_strictest_of_several_markings_counts_and_pap_and_tlp_hold_together() -> None:
    known = {OWN: Handling(pap="PAP:AMBER"), OTHER: Handling(pap="PAP:RED", tlp="TLP:GREEN")}

    draft = parse(actor(ONE["TLP:AMBER"], OWN, OTHER, DEFINITIONS["TLP:CLEAR"]), {}, known)

    assert draft.handling == Handling(tlp="TLP:AMBER", pap="PAP:RED")
    assert handling_of((OWN, "marking-definition--unknown"), known) == Handling(pap="PAP:AMBER")


def test_strictest_of_two_is_the_same_either_way_and_never_freer_than_one_of_them() -> None:
    tokens = [(tlp, pap) for tlp in (None, *DEFINITIONS) for pap in (None, "PAP:GREEN", "PAP:RED")]
    each = [Handling(tlp=tlp, pap=pap, pass_on=on) for tlp, pap in tokens for on in (True, False)]
    for one in each:
        assert strictest(one, one) == one
        for other in each:
            both = strictest(one, other)
            assert both == strictest(other, one)
            assert strictest(both, one) == both


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("TLP:AMBER+STRICT", "TLP:AMBER+STRICT"),
        (" tlp:white ", "TLP:CLEAR"),
        ("Tlp:Clear", "TLP:CLEAR"),
        ("PAP:WHITE", "PAP:CLEAR"),
        ("pap:amber", "PAP:AMBER"),
        ("TLP:PURPLE", None),
        ("TLP: RED", None),
        ("", None),
        (7, None),
        (None, None),
        (["TLP:RED"], None),
    ],
)
def test_a_text_is_a_token_in_either_versions_spelling_or_none(said: object, means: str | None) -> None:
    assert token(said) == means


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (statement("© Harbour office"), Handling()),
        (statement("PAP:RED"), Handling(pap="PAP:RED")),
        (statement("TLP:AMBER+STRICT"), Handling(tlp="TLP:AMBER+STRICT")),
        # OpenCTI writes its own definitions so.
        (statement("custom", name="PAP:GREEN", x_opencti_color="#2e7d32"), Handling(pap="PAP:GREEN")),
        (
            definition(definition_type="PAP", name="PAP:AMBER", definition={"pap": "amber"}),
            Handling(pap="PAP:AMBER"),
        ),
        (definition(definition_type="tlp", definition={"tlp": "red"}), Handling(tlp="TLP:RED")),
        (
            definition(extensions={EXTENSION: {"extension_type": "property-extension", "tlp_2_0": "amber+strict"}}),
            Handling(tlp="TLP:AMBER+STRICT"),
        ),
        (
            definition(definition_type="iep", definition={"TLP": "x", "tlp": "TLP:GREEN", "PERMITTED-ACTIONS": "NONE"}),
            Handling(tlp="TLP:GREEN", pap="PAP:RED"),
        ),
        (
            definition(extensions={OTHER: {"permitted_actions": "Externally Visible Indirect Actions"}}),
            Handling(pap="PAP:GREEN"),
        ),
        (statement("TLP:GREEN", name="TLP:RED"), Handling(tlp="TLP:RED")),
        # Of the fixed ones the id alone counts, whatever else is said there.
        (
            definition(ONE["TLP:RED"], definition_type="tlp", definition={"tlp": "white"}, name="PAP:CLEAR"),
            Handling(tlp="TLP:RED"),
        ),
    ],
    ids=lambda value: (
        "" if isinstance(value, Handling) else str(value.get("definition") or value.get("extensions"))[:50]
    ),
)
def test_a_definition_says_what_its_name_statement_policy_or_extension_says(
    said: dict[str, Any], means: Handling
) -> None:
    assert said_by(said) == means


@pytest.mark.parametrize(
    "wrong", [None, 0, True, "", "PAP:RED", [], ["PAP:RED"], [1], {}, {"a": 1}, {"a": ["PAP:RED"]}]
)
@pytest.mark.parametrize("key", ["definition", "extensions", "name", "id"])
def test_a_definition_of_any_form_stops_nobody(key: str, wrong: object) -> None:
    said = {**definition(definition={"statement": 1, "tlp": [], "pap": {}, "permitted_actions": 3}), key: wrong}

    assert said_by(said).tlp is None


def test_a_marking_definition_shows_what_it_says_and_is_handled_as_it_is_marked() -> None:
    draft = parse(msgspec.json.encode(statement("PAP:RED", object_marking_refs=[ONE["TLP:GREEN"]])), {})

    assert draft.handling == Handling(tlp="TLP:GREEN")
    assert msgspec.json.decode(draft.brief)["pap"] == "PAP:RED"


@pytest.mark.parametrize(
    ("refs", "marks", "within"),
    [
        ((), [mark(ONE["TLP:RED"], "name")], Handling(tlp="TLP:RED")),
        ((ONE["TLP:RED"],), [mark(ONE["TLP:RED"], "name")], Handling()),
        ((ONE["TLP:RED"],), [mark(ONE["TLP:GREEN"], "name")], Handling()),
        ((ONE["TLP:GREEN"],), [mark(ONE["TLP:AMBER"], "name"), mark(OWN, "id")], Handling("TLP:AMBER", "PAP:RED")),
        ((), [mark(OTHER, "name")], Handling()),
    ],
    ids=["red part", "as strict as the whole", "freer than the whole", "two parts", "unknown"],
)
def test_what_is_said_of_a_part_is_kept_apart_where_it_is_stricter(
    refs: tuple[str, ...], marks: list[dict[str, Any]], within: Handling
) -> None:
    draft = parse(actor(*refs, granular_markings=marks), {}, {OWN: Handling(pap="PAP:RED")})

    assert draft.within == within
    assert draft.handling == handling_of(refs, {})


def test_definitions_that_come_along_count_whatever_their_order_and_the_strictest_of_one_id() -> None:
    came = [actor(OWN), *map(msgspec.json.encode, (statement("PAP:RED"), statement("PAP:CLEAR")))]

    assert Definitions(None, came)[OWN] == Handling(pap="PAP:RED")
    assert Definitions(None, came)[OTHER] == Handling()


def test_a_broken_definition_is_told_in_its_turn_and_holds_up_nothing(house: Any, reader: Any) -> None:
    broken = msgspec.json.encode(definition(extensions=["x"], definition="PAP:RED"))

    first, second, third = drafts_of(house.room(reader("KWT")), [actor(), broken, b'{"type":"marking-definition"'], 9)

    assert isinstance(first, Draft)
    assert isinstance(second, Nonconforming)
    assert isinstance(third, Malformed)


def test_of_what_breaks_its_schema_so_many_are_told_why_and_the_others_alike(house: Any, reader: Any) -> None:
    broken = b'{"type":"indicator","spec_version":"2.1"}'
    room = house.room(reader("KWT"))

    *told, untold = drafts_of(room, [broken, actor(), broken, broken], 2)

    assert [str(one) for one in told if isinstance(one, Malformed)] == [str(told[0])] * 2
    assert "/id: is missing" in str(told[0])
    assert isinstance(told[1], Draft)
    assert isinstance(untold, Nonconforming)
    (said,) = untold.findings
    assert said.message == "breaks the schema of its type; of so many it is not said where"
