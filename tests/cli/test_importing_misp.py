from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

Run = Callable[..., Any]
SPECIMENS = Path(__file__).parents[1] / "specimens" / "misp"
SHARING = """
community = "GCC"

[[members]]
party = "KWT"
name = "Harbour Watch"
uuid = "5f0c0050-7a11-4c3e-9b1d-000000000050"

[[members]]
party = "BHR"
name = "Second CERT"
uuid = "5f0c0052-7a11-4c3e-9b1d-000000000052"
"""


@pytest.fixture
def bring(diwan: Run, node: Path) -> Run:
    """Import MISP events as Kuwait, at a node that knows what MISP's audiences mean."""
    file = node / "desks" / "cyber" / "sharing.toml"
    file.parent.mkdir(parents=True)
    file.write_text(SHARING)

    def run(*files: Path, label: str = "TLP:AMBER // Releasable to GCC") -> Any:
        return diwan("import", "misp", *files, "--label", label, "--originator", "KWT", "--node", node, "--json")

    return run


def events(diwan: Run, node: Path, name: str) -> list[tuple[str, str]]:
    told = diwan("as", name, "list", "--kind", "cyber.event", "--json", "--node", node).told
    return sorted((row["title"], row["marking"]) for row in told)


def test_an_event_with_narrower_parts_is_entered_whole_and_as_an_edition_once(
    bring: Run, diwan: Run, node: Path
) -> None:
    diwan("user", "add", "kuwait", "--party", "KWT", "--node", node)
    file = SPECIMENS / "narrower.json"

    first, again = bring(file), bring(file)
    twice = bring(file, file)

    assert first.told == [{"entered": 2, "already": 0, "rejected": 0, "notices": 0}]
    assert again.told == [{"entered": 0, "already": 1, "rejected": 0, "notices": 0}]
    assert twice.told == [{"entered": 0, "already": 2, "rejected": 0, "notices": 0}]
    found = events(diwan, node, "kuwait")
    assert len(found) == 2
    assert len({marking for _, marking in found}) == 2


def test_an_event_for_an_audience_unknown_here_is_rejected_by_name_and_the_rest_goes_in(
    bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    said = msgspec.json.decode((SPECIMENS / "phishing.json").read_bytes())
    said["Event"] |= {"distribution": "2", "uuid": "5f0c0099-7a11-4c3e-9b1d-000000000099", "info": "To the connected"}
    unknown = tmp_path / "unknown.json"
    unknown.write_bytes(msgspec.json.encode(said))
    (node / "desks" / "cyber" / "sharing.toml").write_text(SHARING.replace('community = "GCC"', ""))

    brought = bring(unknown)

    assert (brought.code, brought.told) == (1, [{"entered": 0, "already": 0, "rejected": 1, "notices": 0}])
    (row,) = [msgspec.json.decode(line) for line in (tmp_path / "rejects.jsonl").read_bytes().splitlines()]
    assert (row["file"], row["where"], row["rule"]) == (str(unknown), "To the connected", "notallowed")
    assert "is no framework at this node" in row["message"]


def test_events_of_a_search_are_taken_one_by_one(bring: Run) -> None:
    brought = bring(SPECIMENS / "answer.json", SPECIMENS / "phishing.json")

    assert (brought.code, brought.told) == (0, [{"entered": 3, "already": 0, "rejected": 0, "notices": 0}])


BOTH = {
    "distribution": "4",
    "sharing_group_id": "6",
    "SharingGroup": {
        "uuid": "5f0c0046-7a11-4c3e-9b1d-000000000046",
        "name": "Inner circle",
        "SharingGroupOrg": [
            {"Organisation": {"name": "Harbour Watch", "uuid": "5f0c0050-7a11-4c3e-9b1d-000000000050"}},
            {"Organisation": {"name": "Second CERT", "uuid": "5f0c0052-7a11-4c3e-9b1d-000000000052"}},
        ],
    },
}
"""A sharing group of Kuwait and Bahrain."""
TO_BOTH = "TLP:AMBER // Releasable to KWT, BHR"


@pytest.fixture
def shared(bring: Run, diwan: Run, node: Path, tmp_path: Path) -> None:
    """Kuwait has the specimen here, for itself and for Bahrain; both have an account."""
    for name, party in (("kuwait", "KWT"), ("bahrain", "BHR")):
        diwan("user", "add", name, "--party", party, "--node", node)
    said = msgspec.json.decode((SPECIMENS / "phishing.json").read_bytes())
    said["Event"] |= BOTH
    (tmp_path / "shared.json").write_bytes(msgspec.json.encode(said))
    assert bring(tmp_path / "shared.json", label=TO_BOTH).told[0]["entered"] == 1


def written_anew(number: str = "7", **more: Any) -> dict[str, Any]:
    """Return the specimen as a MISP writes it that fetched it: numbers, tags, spelling and publishing are its own."""
    said: dict[str, Any] = msgspec.json.decode((SPECIMENS / "phishing.json").read_bytes())["Event"]
    head = {"id": number, "org_id": number, "published": False, "publish_timestamp": "1700009999"}
    said |= head | {"sighting_timestamp": "0", **BOTH, "Tag": [*said["Tag"], {"name": "from-diwan"}], **more}
    for one in said["Attribute"]:
        one |= {"id": f"{number}{one['id']}", "event_id": number, "value": f"{one['value']} "}
    return said


SEEN = {
    "uuid": "5f0c00f0-7a11-4c3e-9b1d-0000000000f0",
    "type": "0",
    "date_sighting": "1700010000",
    "source": "mail relay",
    "Organisation": {"name": "Second CERT", "uuid": "5f0c0052-7a11-4c3e-9b1d-000000000052"},
}
DOUBTED = {"uuid": "5f0c00f1-7a11-4c3e-9b1d-0000000000f1", "type": "1", "date_sighting": "1700010001", "source": ""}
OVER = {"type": "2", "date_sighting": "1700010002", "source": "sinkholed"}


def test_an_event_that_a_misp_only_wrote_down_anew_is_here_already_whatever_its_distribution_there(
    shared: None, bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    before = events(diwan, node, "kuwait")
    back = tmp_path / "back.json"

    for said in (written_anew(), written_anew(distribution="0")):
        back.write_bytes(msgspec.json.encode({"response": [{"Event": said}]}))
        assert bring(back, label=TO_BOTH).told == [{"entered": 0, "already": 1, "rejected": 0, "notices": 0}]

    assert events(diwan, node, "kuwait") == before


def test_what_was_sighted_of_an_event_elsewhere_comes_in_as_items_of_its_own_once(
    shared: None, bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    said = written_anew(Tag=[{"name": "tlp:amber"}, {"name": "PAP:GREEN"}, {"name": "watch-this", "local": True}])
    said["Attribute"][0]["Sighting"] += [SEEN, DOUBTED, OVER]
    back = tmp_path / "back.json"
    back.write_bytes(msgspec.json.encode({"Event": said}))

    first, again = bring(back, label=TO_BOTH), bring(back, label=TO_BOTH)

    assert first.told == [{"entered": 3, "already": 0, "rejected": 0, "notices": 0}]
    assert again.told == [{"entered": 0, "already": 1, "rejected": 0, "notices": 0}]
    told = diwan("as", "bahrain", "list", "--json", "--node", node).told
    (event,) = [row for row in told if row["kind"] == "cyber.event"]
    assert sorted(row["kind"] for row in told) == ["cyber.event", "cyber.opinion", "cyber.opinion", "cyber.sighting"]
    assert {row["marking"] for row in told} == {event["marking"]}


def test_a_sighting_goes_to_no_more_readers_than_the_event_has_at_the_misp_that_recorded_it(
    shared: None, bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    said = written_anew(distribution="0")
    said["Attribute"][0]["Sighting"] += [SEEN]
    back = tmp_path / "back.json"
    back.write_bytes(msgspec.json.encode({"Event": said}))

    brought = bring(back, label=TO_BOTH)

    assert brought.told == [{"entered": 1, "already": 0, "rejected": 0, "notices": 0}]
    seen = {
        name: len(diwan("as", name, "list", "--kind", "cyber.sighting", "--json", "--node", node).told)
        for name in ("kuwait", "bahrain")
    }
    assert seen == {"kuwait": 1, "bahrain": 0}
    assert len(events(diwan, node, "bahrain")) == 1


def test_an_edit_is_a_new_version_and_other_words_in_the_same_edit_are_a_conflict(
    shared: None, bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    edit, clash = tmp_path / "edit.json", tmp_path / "clash.json"
    edit.write_bytes(msgspec.json.encode({"Event": written_anew(timestamp="1700010400", info="Edited")}))
    clash.write_bytes(msgspec.json.encode({"Event": written_anew(info="Other words")}))

    edited, clashed = bring(edit, label=TO_BOTH), bring(clash, label=TO_BOTH)

    assert edited.told == [{"entered": 1, "already": 0, "rejected": 0, "notices": 0}]
    assert clashed.told == [{"entered": 0, "already": 0, "rejected": 1, "notices": 0}]
    (row,) = [msgspec.json.decode(line) for line in (tmp_path / "rejects.jsonl").read_bytes().splitlines()]
    assert (row["where"], row["rule"]) == ("Other words", "conflict")
