"""Two events that say the same in one edit, however a MISP spells it; and what was sighted in one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diwan.desks.cyber.kinds.misp import Event
from diwan.desks.cyber.kinds.misp.same import new_sightings, says_no_more
from diwan.desks.cyber.parse.misp import event_of, parse_event
from diwan.desks.cyber.parse.misp.sighting import sighting_draft
from diwan.terms.item import Alias

HELD = (Path(__file__).parents[2] / "specimens" / "misp" / "phishing.json").read_bytes()
SEEN = {
    "uuid": "5f0c00f0-7a11-4c3e-9b1d-0000000000f0",
    "type": "0",
    "date_sighting": "1700010000",
    "source": "relay",
    "Organisation": {"name": "Second CERT", "uuid": "5f0c0052-7a11-4c3e-9b1d-000000000052"},
}
Change = Callable[[dict[str, Any]], object]


def written(change: Change | None = None) -> bytes:
    tree = json.loads(HELD)
    if change:
        change(tree["Event"])
    return json.dumps(tree).encode()


def first(said: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = said["Attribute"][0]
    return one


SAME: dict[str, Change] = {
    "numbers": lambda said: said.update(id="1", org_id="9", Org={"name": "Other", "uuid": ""}),
    "publishing": lambda said: said.update(published=False, publish_timestamp="1"),
    "distribution": lambda said: said.update(distribution="0"),
    "a tag": lambda said: said["Tag"].append({"name": "from-a-feed"}),
    "spelling": lambda said: [one.update(value=f"{one['value'].upper()} ") for one in said["Attribute"][:2]],
    "order": lambda said: said["Attribute"].reverse(),
    "sightings": lambda said: first(said)["Sighting"].append(SEEN),
    "a loss": lambda said: said["Attribute"].pop(),
    "a moment": lambda said: first(said).update(timestamp="1700000399"),
}
OTHER: dict[str, Change] = {
    "an edit": lambda said: said.update(timestamp="1700000401"),
    "a title": lambda said: said.update(info="Else"),
    "a level": lambda said: said.update(threat_level_id="1"),
    "a value": lambda said: first(said).update(value="192.0.2.99"),
    "a comment": lambda said: first(said).update(comment="else"),
    "detection": lambda said: first(said).update(to_ids=False),
    "an attribute": lambda said: said["Attribute"].append(first(said) | {"uuid": SEEN["uuid"]}),
    "a report": lambda said: said.setdefault("EventReport", []).append({"name": "New", "content": "x"}),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_a_misp_does_to_an_event_that_it_fetched_makes_it_no_other(change: Change) -> None:
    assert says_no_more(event_of(written(change)), event_of(HELD))


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_what_says_more_or_other_is_not_the_same(change: Change) -> None:
    assert not says_no_more(event_of(written(change)), event_of(HELD))


def test_an_event_that_lost_parts_is_held_and_the_whole_is_not_held_by_what_is_left() -> None:
    less = event_of(written(SAME["a loss"]))

    assert not says_no_more(event_of(HELD), less)


def test_events_without_a_moment_of_their_last_edit_are_not_compared() -> None:
    bare = event_of(written(lambda said: said.pop("timestamp")))

    assert not says_no_more(bare, bare)


def test_a_version_is_the_same_where_an_event_was_only_written_anew_and_another_where_a_sighting_would_be_lost() -> (
    None
):
    def version(name: str) -> object:
        return parse_event(written((SAME | OTHER)[name]), {}).version

    held = parse_event(HELD, {}).version
    same = {name for name in (*SAME, *OTHER) if version(name) == held}

    assert same == SAME.keys() - {"sightings", "a loss"}


def test_a_sighting_of_its_own_goes_by_its_uuid_and_names_the_attribute_as_misps_stix_does() -> None:
    held: Event = event_of(HELD)
    (said,) = new_sightings(event_of(written(SAME["sightings"])), held)

    draft = sighting_draft(said, detected=True, edited=0)

    told = json.loads(draft.parts[0].data)
    assert draft.aliases == (Alias("stix", f"sighting--{SEEN['uuid']}"),)
    assert told == {
        "type": "sighting", "spec_version": "2.1", "id": f"sighting--{SEEN['uuid']}",
        "created": "2023-11-15T01:00:00.000Z", "modified": "2023-11-15T01:00:00.000Z",
        "created_by_ref": "identity--5f0c0052-7a11-4c3e-9b1d-000000000052",
        "sighting_of_ref": "indicator--5f0c000a-7a11-4c3e-9b1d-00000000000a", "count": 1,
        "last_seen": "2023-11-15T01:00:00.000Z", "description": "Second CERT, relay",
    }  # fmt: skip
    assert new_sightings(held, held) == ()


def test_a_sighting_without_a_uuid_is_the_same_object_whenever_it_comes() -> None:
    bare = {key: value for key, value in SEEN.items() if key != "uuid"} | {"type": "2"}
    (said,) = new_sightings(event_of(written(lambda said: first(said)["Sighting"].append(bare))), event_of(HELD))

    once, again = (sighting_draft(said, detected=False, edited=0) for _ in range(2))

    assert once == again
    told = json.loads(once.parts[0].data)
    assert (told["type"], told["opinion"], told["labels"]) == ("opinion", "neutral", ["expiration"])
    assert told["object_refs"] == ["observed-data--5f0c000a-7a11-4c3e-9b1d-00000000000a"]
