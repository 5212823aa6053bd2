"""The last edit of an event that is taken back: names of its parts and nothing that they said."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from diwan.desks.cyber.kinds.misp import EventBrief
from diwan.desks.cyber.parse.misp import event_of, is_withdrawn, withdrawal
from diwan.terms.errors import Malformed
from diwan.terms.item import Alias

SPECIMENS = Path(__file__).parents[2] / "specimens" / "misp"
WHOLE = (SPECIMENS / "phishing.json").read_bytes()


def brief(data: bytes) -> EventBrief:
    return msgspec.json.decode(data, type=EventBrief)


def test_a_withdrawal_names_every_part_of_every_edit_and_says_nothing_else_of_them() -> None:
    old = json.loads(WHOLE)
    new = json.loads(WHOLE)
    new["Event"] |= {"timestamp": "1700000500", "Attribute": new["Event"]["Attribute"][:1], "Object": []}

    draft = withdrawal([json.dumps(edit).encode() for edit in (old, new)])

    made = json.loads(draft.parts[0].data)["Event"]
    thing, held = made["Object"][0], old["Event"]["Object"][0]
    assert [one["uuid"] for one in made["Attribute"]] == [one["uuid"] for one in old["Event"]["Attribute"]]
    assert (thing["uuid"], [one["uuid"] for one in thing["Attribute"]]) == (
        held["uuid"], [one["uuid"] for one in held["Attribute"]]
    )  # fmt: skip
    assert {one["value"] for one in (*made["Attribute"], *thing["Attribute"])} == {"withdrawn"}
    assert (draft.title, draft.values, draft.text, draft.links, draft.author) == (
        "Withdrawn", (), ("tlp:amber", "PAP:GREEN", "Withdrawn"), (), "Example CERT"
    )  # fmt: skip
    assert draft.aliases == (Alias("misp", old["Event"]["uuid"]),)
    assert {int(one["timestamp"]) for one in (made, thing, *made["Attribute"], *made["EventReport"])} == {1700000501}
    assert event_of(draft.parts[0].data).claims == event_of(WHOLE).claims


def test_a_withdrawal_is_known_by_its_brief_and_an_event_is_none() -> None:
    draft = withdrawal([WHOLE])

    assert is_withdrawn(brief(draft.brief))
    assert not is_withdrawn(brief(draft.brief.replace(b"Withdrawn", b"Phishing")))
    assert withdrawal([draft.parts[0].data]).values == ()


@pytest.mark.parametrize("junk", [b"", b"[]", b"{}", b'{"Event": {"uuid": 1}}', b'{"Event": []}'])
def test_what_is_no_event_cannot_be_withdrawn(junk: bytes) -> None:
    with pytest.raises((Malformed, ValueError)):
        withdrawal([junk])


def test_parts_of_any_shape_are_withdrawn_by_their_names_or_left_out() -> None:
    tree = json.loads(WHOLE)["Event"]
    tree |= {"Attribute": [{"uuid": 5}, {}, tree["Attribute"][0] | {"deleted": True}], "Object": [], "EventReport": []}

    made = json.loads(withdrawal([json.dumps(tree).encode()]).parts[0].data)["Event"]

    assert [one["uuid"] for one in made["Attribute"]] == [tree["Attribute"][2]["uuid"]]
