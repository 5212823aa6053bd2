"""The audience preview: which parties a label would reach."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from diwan.release.audience import Audience, also_for, audience
from diwan.release.decide import Rules
from diwan.release.marking import parse_marking
from diwan.release.policy import Policy
from diwan.terms.gate import Stand
from diwan.terms.label import Category, CategoryType, Label, Succession
from diwan.terms.time import midnight

NOW = midnight(date(2017, 1, 24))
PARTIES = ("BHR", "CHE", "FRA", "JOR", "KWT", "NATO", "OMN", "QAT")


@pytest.mark.parametrize(
    ("typed", "by", "world", "parties"),
    [
        ("NATO UNCLASSIFIED // Releasable to ICI, NATO", "NATO", False, {"BHR", "FRA", "KWT", "NATO", "QAT"}),
        ("NATO SECRET // ATOMAL", "NATO", False, {"FRA", "NATO"}),
        ("NATO SECRET // ATOMAL", "KWT", False, {"FRA", "KWT", "NATO"}),
        ("TLP:RED // QAT ONLY", "EST", False, {"EST", "QAT"}),
        ("TLP:CLEAR", "KWT", True, set(PARTIES)),
        ("TLP:CLEAR // Releasable to JOR", "JOR", False, {"JOR"}),
    ],
)
def test_label_reaches_parties_whatever_their_readers_are_cleared_for(
    typed: str, by: str, world: bool, parties: set[str], policies: dict[str, Policy], rules: Rules
) -> None:
    label = parse_marking(typed, list(policies.values()))

    assert audience(Stand(by, label), PARTIES, rules, NOW) == Audience(world, frozenset(parties))


def test_invalid_label_reaches_nobody_not_even_its_originator(rules: Rules) -> None:
    tags = (Category("Releasable To", CategoryType.PERMISSIVE, ("KWT",)),)
    nobody = Audience(world=False, parties=frozenset())

    assert audience(Stand("KWT", Label("NATIONAL-EXAMPLE", "OPEN", tags)), PARTIES, rules, NOW).parties == {"KWT"}
    assert audience(Stand("KWT", Label("NATIONAL-EXAMPLE", "ULTRA", tags)), PARTIES, rules, NOW) == nobody
    assert audience(Stand("KWT", Label("UNKNOWN", "OPEN", tags)), PARTIES, rules, NOW) == nobody


def test_world_begins_when_the_successor_says_so(policies: dict[str, Policy], rules: Rules) -> None:
    known = list(policies.values())
    closed, opened = parse_marking("TLP:RED // KWT ONLY", known), parse_marking("TLP:CLEAR", known)
    dated = Label(
        closed.policy, closed.classification, closed.categories, closed.handling, succession=Succession(NOW, opened)
    )

    assert audience(Stand("KWT", dated), PARTIES, rules, NOW - 1) == Audience(False, frozenset({"KWT"}))
    assert audience(Stand("KWT", dated), PARTIES, rules, NOW) == Audience(True, frozenset(PARTIES))


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("TLP:AMBER // Releasable to QAT", "TLP:AMBER // Releasable to BHR, QAT"),
        ("TLP:RED // QAT ONLY", "TLP:RED // BHR, QAT ONLY"),
        ("TLP:AMBER // Releasable to ICI // QAT ONLY", "TLP:AMBER // Releasable to BHR, ICI // BHR, QAT ONLY"),
        ("TLP:AMBER // Releasable to BHR", "TLP:AMBER // Releasable to BHR"),
        ("TLP:CLEAR", "TLP:CLEAR"),
    ],
)
def test_party_that_is_named_too_is_of_every_audience_that_is_named_and_nothing_else_changes(
    typed: str, also: str, policies: dict[str, Policy], rules: Rules
) -> None:
    installed = list(policies.values())

    assert also_for(parse_marking(typed, installed), "BHR", rules) == parse_marking(also, installed)


def test_party_that_is_named_too_is_named_by_what_comes_after_too(policies: dict[str, Policy], rules: Rules) -> None:
    first, later, wanted = (
        parse_marking(text, list(policies.values()))
        for text in ("TLP:RED // QAT ONLY", "TLP:AMBER // Releasable to ICI", "TLP:AMBER // Releasable to BHR, ICI")
    )

    found = also_for(msgspec.structs.replace(first, succession=Succession(NOW, later)), "BHR", rules)

    assert found.succession == Succession(NOW, wanted)
