from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

Run = Callable[..., Any]
FILES = ("exercise-cancel-one-line.xml", "latin-1-prefixed.xml", "three-languages.xml", "utf-16-crlf.xml")


@pytest.fixture
def bring(diwan: Run, node: Path) -> Run:
    """Import CAP files as Qatar, to Kuwait."""

    def run(
        *files: Path, label: str = "TLP:AMBER // Releasable to KWT", by: str = "QAT", more: tuple[str, ...] = ()
    ) -> Any:
        return diwan("import", "cap", *files, "--label", label, "--originator", by, "--node", node, *more)

    return run


@pytest.fixture
def feed(specimen: Callable[[str], Path], tmp_path: Path) -> Path:
    """A feed of a sound alert, then one with two faults, on lines of their own."""
    body = specimen("three-languages.xml").read_text().split("-->\n")[1]
    faulty = body.replace("CONF-2017-001", "CONF-2017-009").replace("Moderate", "Bad", 1).replace(">Met<", ">Fog<", 1)
    file = tmp_path / "gulf.atom"
    file.write_text(
        f'<feed xmlns="http://www.w3.org/2005/Atom"><entry>\n{body}</entry><entry>\n{faulty}</entry></feed>\n'
    )
    return file


def rejects(file: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def test_progress_goes_to_people_and_the_outcome_to_programs(
    bring: Run, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    brought = bring(*map(specimen, FILES), more=("--json",))

    assert brought.code == 0
    assert brought.told == [{"entered": 4, "already": 0, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert "4/4" in brought.err
    assert brought.err.endswith("4 entered, 0 already there, 0 rejected\n")
    assert not (tmp_path / "rejects.jsonl").exists()


def test_a_second_import_adds_nothing(bring: Run, diwan: Run, node: Path, specimen: Callable[[str], Path]) -> None:
    bring(*map(specimen, FILES))
    proved = diwan("verify", "--json", "--node", node).told

    again = bring(*map(specimen, FILES), more=("--json",))

    assert again.code == 0
    assert again.told == [{"entered": 0, "already": 4, "rejected": 0, "notices": 0, "narrowed": 0}]
    assert diwan("verify", "--json", "--node", node).told == proved
    assert proved[0]["items"] == 8


def test_a_bad_record_is_listed_with_file_line_and_rule_and_the_rest_goes_in(
    bring: Run, feed: Path, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    brought = bring(feed, specimen("latin-1-prefixed.xml"), more=("--json", "--rejects", "bad.jsonl"))

    lines = feed.read_text().splitlines()
    assert brought.code == 0
    assert brought.told == [{"entered": 2, "already": 0, "rejected": 1, "notices": 0, "narrowed": 0}]
    assert brought.err.endswith("2 entered, 0 already there, 1 rejected (see bad.jsonl)\n")
    assert [
        (row["file"], row["where"], row["line"], row["rule"], row["path"]) for row in rejects(tmp_path / "bad.jsonl")
    ] == [
        (str(feed), "/feed//alert[2]", line_of(lines, "Fog<"), "xsd.enum", "/alert/info[1]/category"),
        (str(feed), "/feed//alert[2]", line_of(lines, "Bad"), "xsd.enum", "/alert/info[1]/severity"),
    ]


def test_no_import_takes_away_or_writes_over_what_another_one_rejected(
    bring: Run, feed: Path, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    bring(feed)
    first = (tmp_path / "rejects.jsonl").read_bytes()

    sound = bring(specimen("latin-1-prefixed.xml"))
    again = bring(feed)
    once_more = bring(feed)

    assert sound.err.endswith("1 entered, 0 already there, 0 rejected\n")
    assert again.err.endswith("0 entered, 1 already there, 1 rejected (see rejects-2.jsonl)\n")
    assert once_more.err.endswith("(see rejects-3.jsonl)\n")
    assert {file.name: file.read_bytes() for file in tmp_path.glob("rejects*")} == dict.fromkeys(
        ("rejects.jsonl", "rejects-2.jsonl", "rejects-3.jsonl"), first
    )


def line_of(lines: list[str], word: str) -> int:
    return next(number for number, text in enumerate(lines, 1) if word in text)


def test_an_import_of_which_nothing_was_taken_ends_with_one(bring: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.xml"
    empty.touch()

    brought = bring(empty)

    assert (brought.code, brought.out) == (1, "")
    assert [(row["file"], row["rule"]) for row in rejects(tmp_path / "rejects.jsonl")] == [
        (str(empty), "xml.wellformed")
    ]


def test_another_text_under_the_same_name_is_rejected_and_the_first_stays(
    bring: Run, diwan: Run, node: Path, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    assert diwan("user", "add", "kuwait", "--party", "KWT", "--node", node).code == 0
    bring(specimen("three-languages.xml"))
    other = tmp_path / "other.xml"
    other.write_bytes(specimen("three-languages.xml").read_bytes().replace(b"Dense fog over", b"No fog over"))

    brought = bring(other, more=("--json",))

    assert brought.told == [{"entered": 0, "already": 0, "rejected": 1, "notices": 0, "narrowed": 0}]
    assert [row["rule"] for row in rejects(tmp_path / "rejects.jsonl")] == ["conflict"]
    found = diwan("as", "kuwait", "search", "fog", "--json", "--node", node).told
    assert [(row["originator"], row["title"]) for row in found] == [
        ("QAT", "Dense fog over the ring road & the harbour"),
        ("KWT", "Dense fog over the ring road & the harbour"),
        ("KWT", "Dense fog over the ring road & the harbour"),
    ]


@pytest.mark.parametrize(
    ("by", "label", "said"),
    [
        ("NATO", "TLP:CLEAR", "NATO is not hosted at this node: its key is not here. Nothing was entered."),
        ("", "TLP:CLEAR", "“” is not a party id"),
        ("QAT", "TLP:PURPLE", "“TLP:PURPLE” is not understood. Nothing was labelled."),
        ("QAT", "TLP:AMBER // Releasable to", "“Releasable to” is not understood. Nothing was labelled."),
        ("QAT", "TLP:AMBER", "Nothing was labelled."),
    ],
)
def test_an_import_in_a_name_or_under_a_marking_that_is_none_enters_nothing(
    bring: Run, diwan: Run, node: Path, specimen: Callable[[str], Path], by: str, label: str, said: str
) -> None:
    refused = bring(specimen("three-languages.xml"), label=label, by=by)

    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert diwan("verify", "--json", "--node", node).told[0]["items"] == 4
