from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymisp import MISPEvent

from diwan.house import House

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

    assert first.told == [{"entered": 2, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert again.told == [{"entered": 0, "already": 1, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert twice.told == [{"entered": 0, "already": 2, "rejected": 0, "notices": 0, "narrowed": 0}]
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

    assert (brought.code, brought.told) == (
        1,
        [{"entered": 0, "already": 0, "rejected": 1, "notices": 0, "narrowed": 0}],
    )
    (row,) = [msgspec.json.decode(line) for line in (tmp_path / "rejects.jsonl").read_bytes().splitlines()]
    assert (row["file"], row["where"], row["rule"]) == (str(unknown), "To the connected", "notallowed")
    assert "is no framework at this node" in row["message"]


def test_events_of_a_search_are_taken_one_by_one(bring: Run) -> None:
    brought = bring(SPECIMENS / "answer.json", SPECIMENS / "phishing.json")

    assert (brought.code, brought.told) == (
        0,
        [{"entered": 3, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}],
    )


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
        assert bring(back, label=TO_BOTH).told == [
            {"entered": 0, "already": 1, "rejected": 0, "notices": 0, "narrowed": 0}
        ]

    assert events(diwan, node, "kuwait") == before


def test_what_was_sighted_of_an_event_elsewhere_comes_in_as_items_of_its_own_once(
    shared: None, bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    said = written_anew(Tag=[{"name": "tlp:amber"}, {"name": "PAP:GREEN"}, {"name": "watch-this", "local": True}])
    said["Attribute"][0]["Sighting"] += [SEEN, DOUBTED, OVER]
    back = tmp_path / "back.json"
    back.write_bytes(msgspec.json.encode({"Event": said}))

    first, again = bring(back, label=TO_BOTH), bring(back, label=TO_BOTH)

    assert first.told == [{"entered": 3, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert again.told == [{"entered": 0, "already": 1, "rejected": 0, "notices": 0, "narrowed": 0}]
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

    assert brought.told == [{"entered": 1, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}]
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

    assert edited.told == [{"entered": 1, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert clashed.told == [{"entered": 0, "already": 0, "rejected": 1, "notices": 0, "narrowed": 0}]
    (row,) = [msgspec.json.decode(line) for line in (tmp_path / "rejects.jsonl").read_bytes().splitlines()]
    assert (row["where"], row["rule"]) == ("Other words", "conflict")


def narrower(**more: Any) -> dict[str, Any]:
    """Return the specimen with parts for fewer readers than Kuwait and Bahrain."""
    said: dict[str, Any] = msgspec.json.decode((SPECIMENS / "narrower.json").read_bytes())["Event"]
    return said | BOTH | more


def hidden(said: dict[str, Any]) -> dict[str, Any]:
    (one,) = [one for one in said["Attribute"] if one["distribution"] == "0"]
    return one  # type: ignore[no-any-return] # MISP's JSON


@pytest.fixture
def feed(diwan: Run, bring: Run, shared: None, node: Path, tmp_path: Path) -> Callable[..., list[tuple[str, str, int]]]:
    """Import edits as Kuwait, in one file, and return the feed of a party: uuid, title and moment of each event."""

    def run(*edits: dict[str, Any], of: str = "bahrain") -> list[tuple[str, str, int]]:
        if edits:
            (tmp_path / "edits.json").write_bytes(msgspec.json.encode([{"Event": one} for one in edits]))
            assert bring(tmp_path / "edits.json", label=TO_BOTH).told[0]["rejected"] == 0
        diwan("export", "misp", "--as", of, "--out", tmp_path / of, "--node", node)
        told = msgspec.json.decode((tmp_path / of / "manifest.json").read_bytes())
        found = [(uuid, line["info"], line["timestamp"]) for uuid, line in told.items()]
        return sorted(one for one in found if "informant" in one[1])

    return run


def test_the_editions_of_an_event_are_versions_of_one_and_a_feed_tells_the_newest(
    feed: Callable[..., list[tuple[str, str, int]]],
) -> None:
    (first,) = feed(narrower())
    (edited,) = feed(narrower(timestamp="1700000500", info="Phishing with an informant, edited"))

    assert edited == (first[0], "Phishing with an informant, edited", first[2] + 1)
    assert len(feed(of="kuwait")) == 2


def test_an_edit_of_what_they_may_not_read_tells_readers_of_an_edition_nothing(
    feed: Callable[..., list[tuple[str, str, int]]], diwan: Run, node: Path
) -> None:
    said = narrower()
    before = feed(said), diwan("as", "bahrain", "list", "--json", "--node", node).told
    hidden(said).update(comment="seen again", timestamp="1700000500")

    after = feed(said | {"timestamp": "1700000500"}), diwan("as", "bahrain", "list", "--json", "--node", node).told

    assert after == before
    assert (
        len(
            [row for row in diwan("as", "kuwait", "list", "--json", "--node", node).told if "informant" in row["title"]]
        )
        == 3
    )


def test_an_attribute_that_is_for_fewer_now_leaves_the_edition_with_a_newer_moment(
    feed: Callable[..., list[tuple[str, str, int]]], tmp_path: Path
) -> None:
    said = narrower()
    (first,) = feed(said)
    (url,) = [one for one in said["Attribute"] if one["type"] == "url"]
    url["distribution"] = "0"

    (edited,) = feed(said | {"timestamp": "1700000500"})

    told = msgspec.json.decode((tmp_path / "bahrain" / f"{first[0]}.json").read_bytes())["Event"]
    assert edited == (first[0], first[1], first[2] + 1)
    assert [one for one in told["Attribute"] if one["type"] == "url"] == []


TO_ALL = "TLP:AMBER // Releasable to KWT, BHR, QAT"


def group(*orgs: tuple[str, str]) -> dict[str, Any]:
    """Return an audience of Kuwait and others."""
    named = [("Harbour Watch", "5f0c0050-7a11-4c3e-9b1d-000000000050"), *orgs]
    members = [{"Organisation": {"name": name, "uuid": uuid}} for name, uuid in named]
    return BOTH | {"SharingGroup": {**BOTH["SharingGroup"], "SharingGroupOrg": members}}


SECOND = ("Second CERT", "5f0c0052-7a11-4c3e-9b1d-000000000052")
THIRD = ("Third CERT", "5f0c0053-7a11-4c3e-9b1d-000000000053")


@pytest.fixture
def third(shared: None, diwan: Run, node: Path) -> None:
    """Qatar is known by its MISP's name too, and has an account."""
    with (node / "desks" / "cyber" / "sharing.toml").open("a") as file:
        file.write(f'\n[[members]]\nparty = "QAT"\nname = "{THIRD[0]}"\nuuid = "{THIRD[1]}"\n')
    diwan("user", "add", "third", "--party", "QAT", "--node", node)


def test_the_first_edition_that_one_may_read_does_not_tell_by_its_moment_that_there_was_one_before(
    feed: Callable[..., list[tuple[str, str, int]]], third: None, bring: Run, tmp_path: Path
) -> None:
    first, later = tmp_path / "first.json", tmp_path / "later.json"
    first.write_bytes(msgspec.json.encode({"Event": narrower(**group(SECOND))}))
    later.write_bytes(msgspec.json.encode({"Event": narrower(**group(THIRD), timestamp="1700000500")}))

    assert bring(first, label=TO_ALL).told[0]["entered"] == 2
    (theirs,) = feed(of="bahrain")
    assert bring(later, label=TO_ALL).told[0]["entered"] == 2

    assert feed(of="bahrain") == [theirs]
    assert feed(of="third") == [theirs]


def test_a_withdrawal_names_to_readers_of_a_narrower_edit_also_what_stood_in_a_wider_one(
    third: None, bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    said = msgspec.json.decode((SPECIMENS / "phishing.json").read_bytes())["Event"] | {
        "uuid": "5f0c0009" + "-7a11-4c3e-9b1d-000000000009"
    }
    wide, narrow = tmp_path / "wide.json", tmp_path / "narrow.json"
    wide.write_bytes(msgspec.json.encode({"Event": said | group(SECOND, THIRD)}))
    edit = {"timestamp": "1700020600", "Attribute": said["Attribute"][1:]}
    narrow.write_bytes(msgspec.json.encode({"Event": said | group(SECOND) | edit}))
    for file in (wide, narrow):
        assert bring(file, label=TO_ALL).told[0]["entered"] == 1

    assert "2 edits recalled" in diwan("withdraw", said["uuid"], "--originator", "KWT", "--node", node).err

    gone, moments = said["Attribute"][0]["uuid"], []
    for of in ("bahrain", "third"):
        diwan("export", "misp", "--as", of, "--out", tmp_path / of, "--node", node)
        file = tmp_path / of / f"{said['uuid']}.json"
        assert gone in names_in(file)
        moments.append(int(msgspec.json.decode(file.read_bytes())["Event"]["timestamp"]))
    assert moments[0] > 1700020600 > moments[1]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_older_edit_that_comes_later_does_not_take_the_newest_ones_place(
    feed: Callable[..., list[tuple[str, str, int]]], at_once: bool
) -> None:
    new, old = narrower(timestamp="1700000500", info="The newest with an informant"), narrower()

    for edits in ([new, old],) if at_once else ([new], [old]):
        told = feed(*edits)

    assert [title for _, title, _ in told] == ["The newest with an informant"]


def test_no_two_parties_or_worlds_give_the_editions_of_one_event_one_name(tmp_path: Path) -> None:
    house, other = House(tmp_path / "a"), House(tmp_path / "b")
    about = [("actual", "KWT", "x"), ("actual", "BHR", "x"), ("test", "KWT", "x"), ("actual", "KWT", "y")]
    names = [*(house.name_of("edition", *one) for one in about), other.name_of("edition", *about[0])]
    house.close()
    other.close()
    reopened = House(tmp_path / "a")
    again = reopened.name_of("edition", *about[0])
    reopened.close()

    assert again == names[0]
    assert len(set(names)) == 5
    assert {len(name) for name in names} == {32}


def test_a_withdrawn_event_is_told_by_the_names_of_its_parts_alone_and_comes_in_no_more(
    feed: Callable[..., list[tuple[str, str, int]]], bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    said, uuid = narrower(), "5f0c0002-7a11-4c3e-9b1d-000000000002"
    edited = narrower(timestamp="1700000500", Attribute=said["Attribute"][1:], info="Edited, with an informant")
    ((edition, _, at),) = feed(said, edited)
    feed(of="kuwait")
    before = {
        party: names_in(tmp_path / party / f"{name}.json") for party, name in (("kuwait", uuid), ("bahrain", edition))
    }

    refused = diwan("withdraw", uuid, "--originator", "BHR", "--node", node)
    done = diwan("withdraw", uuid.upper(), "--originator", "KWT", "--node", node)
    again = diwan("withdraw", uuid, "--originator", "KWT", "--node", node)

    assert (refused.code, done.code, again.code) == (2, 0, 0)
    assert ("4 edits recalled" in done.err, "0 edits recalled" in again.err) == (True, True)
    assert [title for title, _ in events(diwan, node, "bahrain")] == ["Phishing against port operators", "Withdrawn"]
    for party, name in (("kuwait", uuid), ("bahrain", edition)):
        feed(of=party)
        told = (tmp_path / party / f"{name}.json").read_bytes()
        assert [word for word in (b"192.0.2", b"informant", b"example.com", b"invoice") if word in told] == []
        assert names_in(tmp_path / party / f"{name}.json") >= before[party]
        withdrawn = msgspec.json.decode(told)["Event"]
        assert int(withdrawn["timestamp"]) > at
        assert {
            one["deleted"] for one in [*withdrawn["Attribute"], *withdrawn["Object"], *withdrawn["EventReport"]]
        } == {True}
        MISPEvent().load(msgspec.json.decode(told))
    (tmp_path / "late.json").write_bytes(msgspec.json.encode({"Event": narrower(timestamp="1700009999")}))
    assert bring(tmp_path / "late.json", label=TO_BOTH).told[0]["rejected"] == 1
    assert b"was withdrawn here" in (tmp_path / "rejects.jsonl").read_bytes()


def names_in(file: Path) -> set[str]:
    """Return the UUIDs of an event's attributes, objects and reports."""
    said = msgspec.json.decode(file.read_bytes())["Event"]
    parts = [*said["Attribute"], *said["Object"], *said["EventReport"]]
    return {one["uuid"] for one in (*parts, *(inner for thing in said["Object"] for inner in thing["Attribute"]))}
