from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from diwan.desks.cyber.kinds.stix import written_ms
from diwan.house import House, wall_clock
from diwan.reading import Query
from diwan.terms.hand import Hand, Role
from diwan.terms.reader import Reader

Run = Callable[..., Any]
MISP = Path(__file__).parents[1] / "specimens" / "misp"
SHA = hashlib.sha256(b"beacon").hexdigest()


def indicator(name: str, pattern: str) -> dict[str, Any]:
    at = written_ms(wall_clock() - 3_600_000_000)
    head = {"type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid4()}", "created": at, "modified": at}
    return {**head, "name": name, "pattern": pattern, "pattern_type": "stix", "valid_from": at}


@pytest.fixture
def given(diwan: Run, node: Path, tmp_path: Path) -> dict[str, list[Any]]:
    """Kuwait's indicators and events: some for Qatar, some for Bahrain; and a Qatari account."""
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    shown = [
        indicator("Dropper", f"[file:hashes.'SHA-256' = '{SHA}']"),
        indicator("Beacon", "[domain-name:value = 'beacon.example']"),
    ]
    hidden = [indicator("Other", "[domain-name:value = 'hidden.example']")]
    for party, said in (("QAT", shown), ("BHR", hidden)):
        file = tmp_path / f"{party}.json"
        file.write_text(json.dumps(said))
        words = ("--label", f"TLP:AMBER // Releasable to {party}", "--originator", "KWT", "--node", node)
        assert diwan("import", "stix", file, *words).code == 0
    return {"shown": shown, "hidden": hidden}


def test_a_bundle_holds_what_the_account_sees_and_nothing_else(
    diwan: Run, node: Path, given: dict[str, list[Any]], tmp_path: Path
) -> None:
    exported = diwan("export", "stix", "--as", "qatar", "--out", tmp_path / "all.json", "--node", node)
    some = diwan("export", "stix", "--as", "qatar", "--words", "dropper", "--node", node)

    bundle = json.loads((tmp_path / "all.json").read_bytes())
    assert exported.code == 0
    assert (bundle["type"], UUID(bundle["id"].removeprefix("bundle--")).version) == ("bundle", 4)
    assert bundle["objects"] == given["shown"]
    assert json.loads(some.out)["objects"] == given["shown"][:1]
    assert not (tmp_path / "all.json.part").exists()


def test_indicators_come_without_what_stands_on_a_warning_list_unless_all_are_asked_for(
    diwan: Run, node: Path, given: dict[str, list[Any]], tmp_path: Path
) -> None:
    some = diwan("export", "indicators", "--as", "qatar", "--format", "csv", "--node", node)
    every = diwan("export", "indicators", "--as", "qatar", "--format", "plain-domain", "--all", "--node", node)

    rows = [line.split(",")[:4] for line in some.out.splitlines() if line.startswith(("sha256", "domain"))]
    assert rows == [["sha256", SHA, "Dropper", "TLP:AMBER // Releasable to QAT"]]
    assert [line for line in every.out.splitlines() if not line.startswith("#")] == ["beacon.example"]
    assert "# Released to: QAT" in every.out


def test_rules_for_suricata_in_a_file_say_that_their_lists_did_not_come_along(
    diwan: Run, node: Path, given: dict[str, list[Any]]
) -> None:
    one = ("export", "indicators", "--as", "qatar", "--format", "suricata", "--node", node, "--out")

    alone = diwan(*one, "rules")

    assert alone.code == 0
    assert (
        alone.err
        == "rules holds the rules alone; the lists that some of them name come along into a folder that exists.\n"
    )
    Path("beside").mkdir()
    assert diwan(*one, "beside").err == ""


def test_rules_for_suricata_come_with_the_lists_that_they_name(
    diwan: Run, node: Path, given: dict[str, list[Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()

    diwan("export", "indicators", "--as", "qatar", "--format", "suricata", "--out", folder, "--node", node)

    written = {file.name: file.read_text() for file in folder.iterdir()}
    assert sorted(written) == ["diwan-md5.list", "diwan-sha1.list", "diwan-sha256.list", "diwan.rules"]
    assert [name for name, text in written.items() if SHA in text] == ["diwan-sha256.list"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("indicators", "--as", "qatar", "--format", "doc"), "'doc' is none of suricata"),
        (("stix", "--as", "nobody"), "No open account here is named 'nobody'."),
    ],
)
def test_what_cannot_be_exported_is_refused(
    diwan: Run, node: Path, given: dict[str, list[Any]], words: tuple[str, ...], said: str
) -> None:
    refused = diwan("export", *words, "--node", node)

    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err


def test_a_feed_follows_what_is_released(diwan: Run, node: Path, tmp_path: Path) -> None:
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    file = node / "desks" / "cyber" / "sharing.toml"
    file.parent.mkdir(parents=True)
    one, other = MISP / "phishing.json", tmp_path / "other.json"
    said = json.loads(one.read_bytes())
    said["Event"] |= {"uuid": str(uuid4()), "info": "Another", "distribution": "3"}
    other.write_text(json.dumps(said))
    words = ("--label", "TLP:AMBER // Releasable to QAT", "--originator", "KWT", "--node", node)
    file.write_text('community = "QAT"\neveryone = ["QAT"]\n')
    assert diwan("import", "misp", one, other, *words).code == 0
    folder = tmp_path / "feed"

    first = diwan("export", "misp", "--as", "qatar", "--out", folder, "--node", node)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    recall(node, "Another")
    diwan("export", "misp", "--as", "qatar", "--out", folder, "--node", node)

    assert first.code == 0, first.err
    uuid = json.loads(one.read_bytes())["Event"]["uuid"]
    assert sorted(manifest) == sorted([uuid, said["Event"]["uuid"]])
    assert list(json.loads((folder / "manifest.json").read_bytes())) == [uuid]
    assert sorted(file.name for file in folder.iterdir()) == sorted([f"{uuid}.json", "hashes.csv", "manifest.json"])
    assert json.loads((folder / f"{uuid}.json").read_bytes()) == json.loads(one.read_bytes())
    assert {line.partition(",")[2] for line in (folder / "hashes.csv").read_text().splitlines()} == {uuid}


def recall(node: Path, title: str) -> None:
    house = House(node)
    hand = Hand(Reader("officer", "KWT"), frozenset({Role.RELEASING_OFFICER}))
    (item,) = [one for one in house.room(hand.reader).walk(Query(kind="cyber.event")) if one.title == title]
    house.recall(hand, item.ref)
    house.close()


def test_a_collection_is_entered_as_an_item_that_its_readers_see(diwan: Run, node: Path) -> None:
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    words = ("--label", "TLP:AMBER // Releasable to QAT", "--originator", "KWT", "--node", node, "--json")

    added = diwan("collection", "add", "--title", "Indicators", "--type", "indicator", "--push", "TLP:CLEAR", *words)
    wrong = diwan("collection", "add", "--title", "Wrong", "--push", "TLP:PURPLE", *words)
    odd = diwan("collection", "add", "--title", "Odd", "--tlp", "TLP:PURPLE", *words)

    seen = diwan("as", "qatar", "list", "--kind", "cyber.collection", "--json", "--node", node).told
    assert added.code == 0, added.err
    assert UUID(added.told[0]["id"]).version == 4
    assert [f"{row['originator']}/{row['id']}" for row in seen] == [added.told[0]["ref"]]
    assert (wrong.code, odd.code) == (2, 2)
    assert "“TLP:PURPLE” is not understood" in wrong.err
    assert "`tlp` holds something that is not a token of TLP 2.0" in odd.err
