from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
FOG = "Dense fog over the ring road & the harbour"
OUTAGE = "Coupure d'électricité < 1 h ان"
FIELDS = {"at", "marking", "originator", "kind", "title", "id"}


@pytest.fixture
def ask(diwan: Run, node: Path, specimen: Callable[[str], Path]) -> Run:
    """Read as a Qatari or a Jordanian officer of a node that holds Kuwait's alerts to Qatar and one of Qatar's own."""
    for name, party in (("qatar", "QAT"), ("jordan", "JOR")):
        assert diwan("user", "add", name, "--party", party, "--node", node).code == 0
    file, label = specimen("latin-1-prefixed.xml"), "TLP:AMBER // Releasable to JOR"
    assert diwan("import", "cap", file, "--label", label, "--originator", "QAT", "--node", node).code == 0
    return lambda name, *words: diwan("as", name, *words, "--node", node)


def test_a_list_holds_what_is_released_to_the_reader_one_object_a_line(ask: Run) -> None:
    qatar, jordan = ask("qatar", "list", "--json"), ask("jordan", "list", "--json")

    assert [(row["originator"], row["title"]) for row in qatar.told] == [
        ("QAT", OUTAGE), ("KWT", FOG), ("KWT", FOG), ("KWT", OUTAGE),
    ]  # fmt: skip
    assert [(row["originator"], row["title"], row["marking"]) for row in jordan.told] == [
        ("QAT", OUTAGE, "TLP:AMBER // Releasable to JOR")
    ]
    assert all(set(row) == FIELDS for row in qatar.told)
    assert (qatar.code, qatar.err) == (0, "")


def test_a_table_shows_what_the_lines_say_and_is_never_cut_in_a_pipe(ask: Run) -> None:
    shown = ask("jordan", "list").out.splitlines()

    assert shown[0].split() == ["at", "marking", "originator", "title"]
    assert shown[1].split("  ", 1)[1].rstrip() == f"TLP:AMBER // Releasable to JOR  QAT         {OUTAGE}"


def test_counts_are_of_the_reader_the_kind_and_the_world(ask: Run) -> None:
    def count(name: str, *words: str) -> Any:
        (told,) = ask(name, "count", "--json", *words).told
        return told["count"]

    assert [count("qatar"), count("jordan")] == [4, 1]
    assert [count("qatar", "--kind", "crisis.alert"), count("qatar", "--kind", "network.party")] == [4, 0]
    assert [count("qatar", "--world", "Exercise"), count("jordan", "--world", "Exercise")] == [1, 0]


def test_a_limit_takes_the_newest(ask: Run) -> None:
    assert [row["originator"] for row in ask("qatar", "list", "--json", "--limit", "2").told] == ["QAT", "KWT"]


def test_search_needs_every_word_in_any_language_and_finds_nothing_hidden(ask: Run) -> None:
    def found(name: str, *words: str) -> list[str]:
        return [row["title"] for row in ask(name, "search", *words, "--json").told]

    assert found("qatar", "harbour", "FOG") == [FOG, FOG]
    assert found("qatar", "ضباب") == [FOG, FOG]
    assert found("qatar", "harbour", "sunshine") == []
    assert found("jordan", "fog") == []
    assert found("jordan", "électricité") == [OUTAGE]


def test_changes_go_on_where_the_last_call_ended(
    ask: Run, diwan: Run, node: Path, specimen: Callable[[str], Path]
) -> None:
    *first, end = ask("jordan", "changes", "--json").told
    assert [(row["what"], row["title"]) for row in first] == [("released", OUTAGE)]
    assert ask("jordan", "changes", "--json", "--cursor", end["cursor"]).told == [end]

    more = (specimen("three-languages.xml"), "--label", "TLP:CLEAR", "--originator", "KWT", "--node", node)
    assert diwan("import", "cap", *more).code == 0
    *then, _ = ask("jordan", "changes", "--json", "--cursor", end["cursor"]).told

    assert [(row["what"], row["originator"], row["title"]) for row in then] == [("released", "KWT", FOG)]


def test_a_cursor_of_another_reader_is_refused(ask: Run) -> None:
    cursor = ask("qatar", "changes", "--json").told[-1]["cursor"]

    refused = ask("jordan", "changes", "--cursor", cursor)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "Refused. This cursor was not given out for this list. Start again without a cursor.\n"


def test_nobody_reads_as_a_name_that_is_unknown_or_closed(ask: Run, diwan: Run, node: Path) -> None:
    assert diwan("user", "close", "qatar", "--node", node).code == 0

    for name in ("qatar", "nobody", "[/bold]", "x\u202ey"):
        refused = ask(name, "list")
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.startswith("Refused. No open account here is named ")
        assert "\u202e" not in refused.err
