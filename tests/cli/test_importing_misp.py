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
