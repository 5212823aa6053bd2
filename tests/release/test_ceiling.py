"""Ceilings: what may be entered or released here at all."""

from __future__ import annotations

import pytest

from diwan.release.ceiling import Ceiling, Height, reasons, within
from diwan.release.decide import Rules
from diwan.release.marking import parse_marking
from diwan.release.policy import Policy
from diwan.terms.errors import Malformed
from diwan.terms.label import Label, Succession

CAVEAT = ("Additional Sensitivity", "CRYPTO")
NODE = Ceiling(
    "this node",
    (Height("NATO-EXAMPLE", "SECRET", (CAVEAT,)), Height("TLP", "UNCLASSIFIED", (), "TLP:GREEN", "TLP:AMBER")),
)
OFFICER = Ceiling("the duty officer", (Height("NATO-EXAMPLE", "RESTRICTED"), Height("TLP", "UNCLASSIFIED")))


@pytest.mark.parametrize(
    ("typed", "why_not"),
    [
        ("NATO RESTRICTED", ()),
        ("NATO SECRET", ("SECRET is above RESTRICTED, the ceiling of the duty officer.",)),
        (
            "NATO RESTRICTED // CRYPTO",
            ("The ceiling of the duty officer does not allow the caveat Additional Sensitivity CRYPTO.",),
        ),
        ("TLP:GREEN // KWT ONLY", ()),
        ("TLP:CLEAR", ("TLP:CLEAR is wider than TLP:GREEN, the ceiling of this node.",)),
        ("TLP:RED // KWT ONLY", ("TLP:RED is stricter than TLP:AMBER, the ceiling of this node.",)),
        (
            "NATIONAL OPEN // KWT ONLY",
            (
                "The ceiling of this node does not allow labels of NATIONAL-EXAMPLE.",
                "The ceiling of the duty officer does not allow labels of NATIONAL-EXAMPLE.",
            ),
        ),
    ],
)
def test_label_needs_to_be_within_every_ceiling(
    typed: str, why_not: tuple[str, ...], policies: dict[str, Policy], rules: Rules
) -> None:
    label = parse_marking(typed, list(policies.values()))

    assert reasons(label, [NODE, OFFICER], rules) == why_not
    assert within(label, [NODE, OFFICER], rules) == (not why_not)


def test_without_a_ceiling_nothing_is_allowed(policies: dict[str, Policy], rules: Rules) -> None:
    label = parse_marking("NATO UNCLASSIFIED", list(policies.values()))

    assert within(label, [NODE], rules)
    assert not within(label, [], rules)
    assert not within(label, [Ceiling("a role", (Height("NATO-EXAMPLE", "COSMIC"),))], rules)


def test_invalid_label_is_within_no_ceiling(rules: Rules) -> None:
    assert not within(Label("NATO-EXAMPLE", "UNCLASSIFIED"), [NODE], rules)
    assert reasons(Label("X", "UNCLASSIFIED"), [NODE], rules) == ("No policy X is installed.",)


def test_successor_must_be_within_as_well(policies: dict[str, Policy], rules: Rules) -> None:
    low, high = (parse_marking(typed, list(policies.values())) for typed in ("NATO UNCLASSIFIED", "NATO SECRET"))
    upgraded = Label(low.policy, low.classification, low.categories, succession=Succession(5, high))

    assert within(low, [OFFICER], rules)
    assert not within(upgraded, [OFFICER], rules)


def test_ceiling_with_a_token_that_is_none_is_not_set() -> None:
    with pytest.raises(Malformed, match="“TLP:WHITE” is not a TLP token"):
        Height("TLP", "UNCLASSIFIED", widest_tlp="TLP:WHITE")
