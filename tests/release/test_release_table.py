"""The decision table, row by row: `release_table.txt` says who may read what, and why."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from diwan.release.decide import Rules, admits, open_gates
from diwan.release.policy import Policy
from diwan.terms.gate import Gate, Stand, World
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import Instant, midnight

NAMES = {"N": "NATO-EXAMPLE", "T": "TLP", "S": "NATIONAL-EXAMPLE"}
TYPES = {
    "Context": "PERMISSIVE",
    "Releasable To": "PERMISSIVE",
    "Only": "PERMISSIVE",
    "Additional Sensitivity": "RESTRICTIVE",
    "Caveat": "RESTRICTIVE",
    "Administrative": "INFORMATIVE",
    "Subject": "INFORMATIVE",
}
NOON = 12 * 3600 * 1_000_000
LINES = (Path(__file__).parent / "release_table.txt").read_text(encoding="utf-8").splitlines()
ROWS = [
    pytest.param(*(cell.strip() for cell in line.split("|")), id=f"line {number}: {line.split('|')[-1].strip()}")
    for number, line in enumerate(LINES, 1)
    if line and not line.startswith("#")
]


def label(text: str) -> Label:
    now, *later = text.split(">", 2)
    policy, classification, *rest = (piece.strip() for piece in now.split(";"))
    categories, tokens = [], {}
    for piece in rest:
        if "=" in piece:
            tag, _, values = piece.partition("=")
            name, _, type_ = tag.partition("!")
            said = tuple(value for value in values.split("+") if value)
            categories.append(Category(name, CategoryType(type_ or TYPES[name]), said))
        else:
            tokens[piece[:3].lower()] = piece
    succession = Succession(midnight(date.fromisoformat(later[0])), label(later[1])) if later else None
    return Label(
        NAMES.get(policy, policy), classification, tuple(categories), Handling(**tokens), succession=succession
    )


def clearance(text: str) -> Clearance:
    policy, level, caveats, until = re.fullmatch(r"(\w+):([A-Z ]+)(?:\[(.*)\])?(?:<(.*))?", text).groups()
    held = tuple(tuple(caveat.split("=")) for caveat in caveats.split("+")) if caveats else ()
    return Clearance(NAMES.get(policy, policy), level, held, date.fromisoformat(until) if until else None)


def case(said: str, by: str, party: str, clearances: str, on: str) -> tuple[Reader, Stand, Instant]:
    held = () if clearances == "-" else tuple(clearance(one.strip()) for one in clearances.split(","))
    at = midnight(date.fromisoformat("2017-01-24" if on == "-" else on)) + NOON
    return Reader("r", "" if party == "?" else party, held), Stand(by, label(said)), at


@pytest.mark.parametrize(("said", "by", "party", "clearances", "on", "answer", "why"), ROWS)
def test_row_of_the_decision_table(
    said: str, by: str, party: str, clearances: str, on: str, answer: str, why: str, rules: Rules
) -> None:
    reader, stand, now = case(said, by, party, clearances, on)

    admitted = admits(reader, stand, rules, now)
    opened = open_gates(reader, {7: Gate(World.ACTUAL, (stand,))}, rules, now)

    assert {True: "yes", False: "no"}[admitted] == answer, why
    assert opened == (frozenset({7}) if answer == "yes" else frozenset()), why


def test_table_says_yes_and_no_often_enough_to_mean_something() -> None:
    answers = [row.values[5] for row in ROWS]

    assert len(answers) >= 60
    assert set(answers) == {"yes", "no"}
    assert min(answers.count("yes"), answers.count("no")) >= 25


def test_table_notices_when_invalid_labels_are_judged_like_legal_ones(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "valid", lambda self, label: True)

    widened = []
    for row in ROWS:
        *given, answer, why = row.values
        try:
            admitted = admits(*_with_rules(case(*given), rules))
        except KeyError:  # a label with unknown words cannot even be judged without the check
            continue
        if admitted and answer == "no":
            widened.append(why)

    assert "no audience tag at all" in widened
    assert "a framework above UNCLASSIFIED" in widened
    assert "a restrictive tag said to be informative" in widened
    assert len(widened) >= 10


def _with_rules(arranged: tuple[Reader, Stand, Instant], rules: Rules) -> tuple[Reader, Stand, Rules, Instant]:
    reader, stand, now = arranged
    return reader, stand, rules, now
