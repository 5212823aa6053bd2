"""Combining labels: never wider than any input, for any reader, on any day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.release.combine import combine
from diwan.release.decide import Rules, admits
from diwan.release.marking import marking, parse_marking
from diwan.release.policy import Policy
from diwan.terms.gate import Stand
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession
from diwan.terms.reader import Reader
from diwan.terms.time import midnight

P = CategoryType.PERMISSIVE
DAYS = [midnight(date(year, 7, 1)) for year in (2004, 2011, 2016, 2018, 2020)]


@settings(max_examples=250, deadline=None, derandomize=True)
@given(data=st.data())
def test_whoever_reads_the_combined_label_reads_every_input_on_every_day(
    data: st.DataObject,
    policies: dict[str, Policy],
    rules: Rules,
    legal_labels: Callable[[Policy], st.SearchStrategy[Label]],
    readers: Callable[[Policy], st.SearchStrategy[Reader]],
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    labels = data.draw(st.lists(legal_labels(policy), min_size=1, max_size=3))
    originator = data.draw(st.sampled_from(["KWT", "NATO", "SOMEONE"]))

    combined = combine(labels, rules)

    if combined is None:
        return
    assert policy.faults(combined) == ()
    assert combined.succession is None
    assert combined.handling.pass_on <= all(label.handling.pass_on for label in labels)
    for reader in data.draw(st.lists(readers(policy), min_size=3, max_size=3)):
        for now in DAYS:
            if admits(reader, Stand(originator, combined), rules, now):
                assert all(admits(reader, Stand(originator, label), rules, now) for label in labels), (reader, now)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_order_and_repetition_do_not_matter(
    data: st.DataObject,
    policies: dict[str, Policy],
    rules: Rules,
    legal_labels: Callable[[Policy], st.SearchStrategy[Label]],
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    one, other = data.draw(legal_labels(policy)), data.draw(legal_labels(policy))

    assert combine([one, other], rules) == combine([other, one, one], rules)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (
            "NATO UNCLASSIFIED // Releasable to ICI, NATO",
            "NATO UNCLASSIFIED // Releasable to ICI, MD, NATO",
            "NATO UNCLASSIFIED // Releasable to ICI, NATO",
        ),
        # Neither framework reads what is made from both.
        (
            "NATO UNCLASSIFIED // Releasable to ICI, NATO",
            "NATO UNCLASSIFIED // Releasable to MD, NATO",
            "NATO UNCLASSIFIED // Releasable to NATO",
        ),
        ("NATO UNCLASSIFIED // Releasable to ICI, NATO", "NATO SECRET", "NATO SECRET"),
        # The framework is not legal at RESTRICTED; the nation is.
        (
            "NATO UNCLASSIFIED // Releasable to ICI, KWT, NATO",
            "NATO RESTRICTED // KWT ONLY",
            "NATO RESTRICTED // Releasable to KWT, NATO // KWT ONLY",
        ),
        ("NATO UNCLASSIFIED // MEDICAL", "NATO SECRET // ATOMAL", "NATO SECRET // ATOMAL"),
        ("NATO SECRET // CRYPTO", "NATO SECRET // ATOMAL", "NATO SECRET // ATOMAL, CRYPTO"),
        (
            "TLP:GREEN // Releasable to ICI",
            "TLP:RED // PAP:RED // Releasable to ICI",
            "TLP:RED // PAP:RED // Releasable to ICI",
        ),
        ("TLP:CLEAR", "TLP:AMBER // Releasable to ICI", "TLP:AMBER // Releasable to ICI"),
        ("TLP:CLEAR", "TLP:CLEAR // Not to be passed on", "TLP:CLEAR // Not to be passed on"),
    ],
)
def test_two_labels_make_one(one: str, other: str, together: str, policies: dict[str, Policy], rules: Rules) -> None:
    known = list(policies.values())

    combined = combine([parse_marking(one, known), parse_marking(other, known)], rules)

    assert combined is not None
    assert marking(combined, policies[combined.policy]) == together


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TLP:RED // Releasable to KWT", "TLP:RED // Releasable to JOR"),
        # Kuwait belongs to ICI today; whether it does tomorrow is not for a label to guess.
        ("TLP:RED // Releasable to KWT", "TLP:RED // Releasable to ICI"),
        ("NATO UNCLASSIFIED", "NATO UNCLASSIFIED // Releasable to KWT"),
        ("NATO UNCLASSIFIED", "NATO UNCLASSIFIED // NATO ONLY"),
        ("NATO RESTRICTED", "NATIONAL RESTRICTED // Releasable to FRA"),
    ],
)
def test_labels_that_do_not_meet_leave_nobody(one: str, other: str, policies: dict[str, Policy], rules: Rules) -> None:
    known = list(policies.values())

    assert combine([parse_marking(one, known), parse_marking(other, known)], rules) is None


def test_an_invalid_label_is_not_laundered_by_a_valid_one(rules: Rules) -> None:
    tags = (Category("Context", P, ("NATO", "Releasable")), Category("Releasable To", P, ("ICI", "NATO")))
    invalid, valid = Label("NATO-EXAMPLE", "RESTRICTED", tags), Label("NATO-EXAMPLE", "UNCLASSIFIED", tags)

    assert combine([valid, valid], rules) == valid
    assert combine([valid, invalid], rules) is None
    assert combine([invalid], rules) is None


def test_no_labels_at_all_leave_nobody(rules: Rules) -> None:
    assert combine([], rules) is None


def test_a_successor_that_narrows_binds_the_combined_label_from_the_start(rules: Rules) -> None:
    wide = Label("TLP", "UNCLASSIFIED", (Category("Releasable To", P, ("KWT", "QAT")),), Handling("TLP:GREEN"))
    narrow = Label("TLP", "UNCLASSIFIED", (Category("Releasable To", P, ("KWT",)),), Handling("TLP:RED"))
    dated = Label("TLP", "UNCLASSIFIED", wide.categories, wide.handling, review_at=9, succession=Succession(7, narrow))

    combined = combine([dated, wide], rules)

    assert combined == Label("TLP", "UNCLASSIFIED", narrow.categories, narrow.handling, review_at=9)
