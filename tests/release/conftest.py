"""What the release tests share: the shipped policies, a few memberships, and ways to draw labels and readers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import strategies as st

from diwan.release.decide import Rules
from diwan.release.policy import Policy, read_policy
from diwan.release.tlp import PAP
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import midnight

POLICIES = Path(__file__).parents[2] / "src" / "diwan" / "release" / "policies"
PARTIES = ("BHR", "FRA", "JOR", "KWT", "NATO", "OMN", "QAT")
AUDIENCES = (*PARTIES, "ICI", "MD", "UP2011")
# Dates are chosen for the tests, not taken from history.
MEMBERSHIPS = (
    Membership("NATO", "FRA", Standing.MEMBER),
    Membership("NATO", "ITA", Standing.MEMBER, date(1949, 4, 4)),
    Membership("ICI", "KWT", Standing.MEMBER, date(2004, 12, 1)),
    Membership("ICI", "QAT", Standing.MEMBER, date(2005, 2, 1)),
    Membership("ICI", "BHR", Standing.MEMBER, date(2005, 2, 1)),
    Membership("ICI", "OMN", Standing.ASPIRANT, date(2005, 1, 1)),
    Membership("ICI", "SAU", Standing.ASPIRANT),
    Membership("ICI", "SAU", Standing.MEMBER, date(2019, 1, 1)),
    Membership("ICI", "AAA", Standing.MEMBER, date(2004, 1, 1)),
    Membership("ICI", "AAA", Standing.FORMER, date(2010, 1, 1)),
    Membership("ICI", "BBB", Standing.MEMBER, date(2004, 1, 1)),
    Membership("ICI", "BBB", Standing.FORMER, date(2004, 1, 1)),
    Membership("MD", "JOR", Standing.MEMBER),
    Membership("UP2011", "QAT", Standing.MEMBER, date(2011, 3, 31), date(2011, 11, 1)),
    Membership("UNKEPT", "KWT", Standing.MEMBER),
)


@pytest.fixture(scope="session")
def policies() -> dict[str, Policy]:
    read = (read_policy(path.read_text(encoding="utf-8")) for path in sorted(POLICIES.glob("*.toml")))
    return {policy.id: policy for policy in read}


@pytest.fixture(scope="session")
def rules(policies: dict[str, Policy]) -> Rules:
    return Rules(revision=1, policies=tuple(policies.values()), memberships=MEMBERSHIPS)


@pytest.fixture(scope="session")
def legal_labels() -> Callable[[Policy], st.SearchStrategy[Label]]:
    """Ways to draw labels that are legal under a policy, most without a succession."""

    def of(policy: Policy) -> st.SearchStrategy[Label]:
        plain = _labels(policy).filter(policy.valid)
        later = st.builds(
            lambda label, at, successor: _with_succession(label, midnight(at), successor),
            plain,
            st.dates(date(2016, 1, 1), date(2019, 1, 1)),
            plain,
        )
        return st.one_of(plain, plain, later)

    return of


@pytest.fixture(scope="session")
def any_labels() -> Callable[[Policy], st.SearchStrategy[Label]]:
    """Ways to draw labels that speak a policy's words, many of them not legal."""
    return _labels


@pytest.fixture(scope="session")
def readers() -> Callable[[Policy], st.SearchStrategy[Reader]]:
    """Ways to draw readers with at most two clearances under a policy."""

    def of(policy: Policy) -> st.SearchStrategy[Reader]:
        clearances = st.builds(
            Clearance,
            st.just(policy.id),
            st.sampled_from([level.name for level in policy.levels]),
            st.lists(st.sampled_from(caveats(policy)), max_size=3).map(tuple) if caveats(policy) else st.just(()),
            st.sampled_from([None, None, date(2016, 6, 1), date(2018, 1, 1)]),
        )
        # Two clearances of one level and the same caveats say nothing that the longer one does not.
        several = st.lists(clearances, max_size=2, unique_by=lambda held: (held.classification, held.caveats))
        return st.builds(Reader, st.just("r"), st.sampled_from(PARTIES), several.map(tuple))

    return of


def caveats(policy: Policy) -> list[tuple[str, str]]:
    return [
        (tag.name, value)
        for tag in policy.tags
        if tag.type is CategoryType.RESTRICTIVE and isinstance(tag.values, tuple)
        for value in tag.values
    ]


@st.composite
def _labels(draw: st.DrawFn, policy: Policy) -> Label:
    level = draw(st.sampled_from(list(policy.ranks)))
    said: dict[str, tuple[str, ...]] = {}
    for tag in policy.tags:
        known = {"audience": AUDIENCES, "party": PARTIES}.get(tag.values, tag.values)
        chance = {"audience": 4, "party": 1}.get(tag.values, 1)
        if not tag.settled and draw(st.integers(0, 4)) < chance:
            said[tag.name] = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=4)))
    for tag in policy.tags:
        if tag.settled and draw(st.integers(0, 9)):
            beside = [value for value, others in tag.stands_with.items() if not said.keys().isdisjoint(others)]
            said[tag.name] = (*tag.always, *beside)
    handling = Handling(
        tlp=draw(
            st.sampled_from([None, *policy.tlp.tokens, "TLP:CLEAR"] if not policy.tlp.required else policy.tlp.tokens)
        ),
        pap=draw(st.sampled_from([None, None, *PAP])),
        pass_on=draw(st.booleans()),
    )
    review = draw(st.sampled_from([None, midnight(date(2018, 3, 1)), midnight(date(2018, 3, 1)) + 1]))
    categories = tuple(Category(name, policy.by_tag[name].type, values) for name, values in said.items())
    return Label(policy.id, level, categories, handling, review)


def _with_succession(label: Label, at: int, successor: Label) -> Label:
    return Label(
        label.policy, label.classification, label.categories, label.handling, label.review_at, Succession(at, successor)
    )
