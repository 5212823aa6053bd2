from __future__ import annotations

import gzip
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

Run = Callable[..., Any]
ACTOR = {
    "type": "intrusion-set",
    "spec_version": "2.1",
    "id": "intrusion-set--5c6d54f5-0f3a-4a4b-8f0e-0a2d3d1f9b01",
    "created": "2017-01-20T08:00:00.000Z",
    "modified": "2017-01-20T08:00:00.000Z",
    "name": "Dust Heron",
}


def bundle(*objects: dict[str, Any]) -> str:
    head = {"type": "bundle", "id": "bundle--5c6d54f5-0f3a-4a4b-8f0e-0a2d3d1f9b02", "objects": objects}
    return json.dumps(head, indent=1)


@pytest.fixture
def bring(diwan: Run, node: Path) -> Run:
    """Import STIX files as Kuwait, to Qatar."""

    def run(*files: Path, label: str = "TLP:AMBER // Releasable to QAT", more: tuple[object, ...] = ()) -> Any:
        return diwan("import", "stix", *files, "--label", label, "--originator", "KWT", "--node", node, *more)

    return run


@pytest.fixture
def ics(data: Path, tmp_path: Path) -> Path:
    """ATT&CK for industrial control systems, 1,826 objects."""
    file = tmp_path / "ics.json"
    file.write_bytes(gzip.decompress((data / "stix" / "attack-ics-18.1.json.gz").read_bytes()))
    return file


def rows(file: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def test_objects_go_in_with_their_exact_bytes_and_a_second_import_adds_nothing(
    bring: Run, diwan: Run, node: Path, data: Path
) -> None:
    file = data / "stix" / "oasis-apt1.json"
    count = len(json.loads(file.read_bytes())["objects"])
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    had = diwan("as", "qatar", "count", "--json", "--node", node).told[0]["count"]

    first = bring(file, more=("--json",))
    again = bring(file, more=("--json",))

    assert first.told == [{"entered": count, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert "1/1" in first.err
    assert f"{count:,} records, " in first.err
    assert again.told == [{"entered": 0, "already": count, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert diwan("as", "qatar", "count", "--json", "--node", node).told[0]["count"] == had + count


def test_what_is_refused_is_listed_with_file_line_and_rule_and_the_rest_goes_in(
    bring: Run, tmp_path: Path, node: Path
) -> None:
    file = tmp_path / "mixed.json"
    wrong = {**ACTOR, "id": "intrusion-set--5c6d54f5-0f3a-4a4b-8f0e-0a2d3d1f9b03", "name": 7}
    file.write_text(bundle(ACTOR, wrong))
    broken = tmp_path / "broken.json"
    broken.write_text("{")

    brought = bring(file, broken, more=("--json", "--rejects", "bad.jsonl"))

    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "9b03" in text) - 3
    assert brought.code == 0
    assert brought.told == [{"entered": 1, "already": 0, "rejected": 2, "notices": 0, "narrowed": 0}]
    found = [(row["file"], row["where"], row["rule"], row["line"]) for row in rows(tmp_path / "bad.jsonl")]
    assert found == [(str(file), "/objects/1", "schema.type", line), (str(broken), "/", "json.read", None)]


def test_how_many_stand_under_a_stricter_label_than_was_typed_is_told(bring: Run, tmp_path: Path) -> None:
    file = tmp_path / "marked.json"
    red = {"object_marking_refs": ["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]}
    other = {**ACTOR, "id": "intrusion-set--5c6d54f5-0f3a-4a4b-8f0e-0a2d3d1f9b03"}
    file.write_text(bundle({**ACTOR, **red}, other))

    brought = bring(file, more=("--json",))

    assert brought.told == [{"entered": 2, "already": 0, "rejected": 0, "notices": 0, "narrowed": 1}]
    assert brought.err.splitlines()[-1] == (
        "2 entered, 0 already there, 0 rejected, 1 under a stricter label as they say of themselves"
    )


def test_what_refers_to_things_its_audience_may_not_know_is_entered_and_told_of(
    diwan: Run, node: Path, tmp_path: Path
) -> None:
    known, about = tmp_path / "known.json", tmp_path / "about.json"
    known.write_text(json.dumps(ACTOR))
    note = {key: ACTOR[key] for key in ("spec_version", "created", "modified")}
    note |= {"type": "note", "id": f"note--{uuid4()}", "abstract": "Of a heron", "content": "Seen."}
    about.write_text(json.dumps(note | {"object_refs": [ACTOR["id"]]}))
    one = ("--originator", "KWT", "--node", node, "--label")
    diwan("import", "stix", known, *one, "TLP:AMBER // Releasable to QAT")

    brought = diwan("import", "stix", about, *one, "TLP:AMBER // Releasable to BHR")

    assert brought.err.splitlines()[-2:] == [
        "1 entered, 0 already there, 0 rejected, 1 with notices",
        f"{about}: Of a heron: It refers to 1 item(s) that BHR may not know.",
    ]


def test_an_object_is_never_labelled_freer_than_its_own_marking(
    bring: Run, diwan: Run, node: Path, tmp_path: Path
) -> None:
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    red = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
    file = tmp_path / "red.json"
    file.write_text(bundle({**ACTOR, "object_marking_refs": [red]}))

    bring(file)

    (row,) = diwan("as", "qatar", "search", "heron", "--json", "--node", node).told
    assert row["marking"] == "TLP:RED // Releasable to QAT"


def test_a_world_is_kept_apart_from_the_others(bring: Run, diwan: Run, node: Path, tmp_path: Path) -> None:
    diwan("user", "add", "qatar", "--party", "QAT", "--node", node)
    file = tmp_path / "one.json"
    file.write_text(json.dumps(ACTOR))

    bring(file, more=("--world", "Exercise"))

    found = [
        [row["title"] for row in diwan("as", "qatar", "search", "heron", "--json", "--node", node, *more).told]
        for more in (("--world", "Exercise"), ())
    ]
    assert found == [["Dust Heron"], []]


def test_an_import_that_was_killed_goes_on_where_it_stopped(ics: Path, diwan: Run, node: Path, bring: Run) -> None:
    count = len(json.loads(ics.read_bytes())["objects"])
    before = diwan("verify", "--json", "--node", node).told[0]["items"]
    words = ("import", "stix", ics, "--label", "TLP:CLEAR", "--originator", "KWT", "--node", node, "--batch", 20)
    program = Path(sys.executable).with_name("diwan")
    running = subprocess.Popen([program, *map(str, words)], stderr=subprocess.DEVNULL, cwd=node.parent)

    while entered(node) < before + 100 and running.poll() is None:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    there = entered(node) - before
    again = bring(ics, label="TLP:CLEAR", more=("--json",))

    assert 100 <= there < count
    assert again.told == [{"entered": count - there, "already": there, "rejected": 0, "notices": 0, "narrowed": 0}]
    (proof,) = diwan("verify", "--json", "--node", node).told
    assert (proof["items"], proof["faults"]) == (before + count, [])


def entered(node: Path) -> int:
    """Count revisions as another process does, without opening the node."""
    with sqlite3.connect(f"file:{node / 'register.db'}?mode=ro", uri=True, timeout=30) as pages:
        (count,) = pages.execute("SELECT count(*) FROM revision").fetchone()
    pages.close()
    return int(count)
