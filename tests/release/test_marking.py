"""Markings: printed in the policy's languages, typed back to the same label."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.release.marking import marking, parse_marking
from diwan.release.policy import Policy
from diwan.terms.errors import Malformed
from diwan.terms.label import Category, CategoryType, Handling, Label

P = CategoryType.PERMISSIVE
GULF = Label(
    "NATO-EXAMPLE",
    "UNCLASSIFIED",
    (
        Category("Context", P, ("NATO", "Releasable")),
        Category("Releasable To", P, ("ICI", "NATO")),
        Category("Administrative", CategoryType.INFORMATIVE, ("MANAGEMENT", "STAFF")),
    ),
    Handling("TLP:AMBER+STRICT", "PAP:GREEN", pass_on=False),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_every_marking_a_policy_can_print_is_typed_back_to_its_label(
    data: st.DataObject, policies: dict[str, Policy], legal_labels: Callable[[Policy], st.SearchStrategy[Label]]
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    label = msgspec.structs.replace(data.draw(legal_labels(policy)), review_at=None, succession=None)

    typed_back = {parse_marking(marking(label, policy, spoken), list(policies.values())) for spoken in policy.languages}

    assert typed_back == {label}


@pytest.mark.parametrize(
    ("language", "printed"),
    [
        (
            "en",
            "NATO UNCLASSIFIED // TLP:AMBER+STRICT // PAP:GREEN // Releasable to ICI, NATO // MANAGEMENT, STAFF"
            " // Not to be passed on",
        ),
        (
            "fr",
            "OTAN SANS CLASSIFICATION // TLP:AMBER+STRICT // PAP:GREEN // Communicable à ICI, NATO"
            " // GESTION, ÉTAT-MAJOR // Ne pas retransmettre",
        ),
        # The alliance's policy has no Arabic; a marking is never translated beyond its policy.
        (
            "ar",
            "NATO UNCLASSIFIED // TLP:AMBER+STRICT // PAP:GREEN // Releasable to ICI, NATO // MANAGEMENT, STAFF"
            " // Not to be passed on",
        ),
    ],
)
def test_marking_is_printed_in_the_languages_of_its_policy(
    language: str, printed: str, policies: dict[str, Policy]
) -> None:
    assert marking(GULF, policies["NATO-EXAMPLE"], language) == printed


def test_tokens_stay_as_they_are_in_arabic(policies: dict[str, Policy]) -> None:
    label = Label("TLP", "UNCLASSIFIED", (Category("Releasable To", P, ("ICI", "KWT")),), Handling("TLP:GREEN"))

    assert marking(label, policies["TLP"], "ar") == "TLP:GREEN // متاح إلى ICI، KWT"


@pytest.mark.parametrize(
    "typed",
    [
        "tlp:green//RELEASABLE TO  KWT ,QAT",
        "Releasable to KWT, QAT // TLP:GREEN",
        "TLP:GREEN // Communicable a\u0300 QAT, KWT",
        "\u2066TLP:GREEN\u2069 // متاح إلى \u200eKWT، QAT",
    ],
)
def test_spacing_case_order_and_direction_marks_do_not_matter(typed: str, policies: dict[str, Policy]) -> None:
    meant = Label("TLP", "UNCLASSIFIED", (Category("Releasable To", P, ("KWT", "QAT")),), Handling("TLP:GREEN"))

    assert parse_marking(typed, list(policies.values())) == meant


def test_older_country_codes_are_resolved(policies: dict[str, Policy]) -> None:
    typed = parse_marking("TLP:RED // BAH, FYR ONLY", list(policies.values()))

    assert typed.categories == (Category("Only", P, ("BHR", "MKD")),)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("NATO UNCLASIFIED", "“NATO UNCLASIFIED” is not understood"),
        ("NATO UNCLASSIFIED // Releasable to ICI, Kuwait", "“Kuwait” is not understood"),
        ("NATO UNCLASSIFIED // Releasable to", "“Releasable to” is not understood"),
        ("NATO SECRET // GOSSIP", "“GOSSIP” is not understood"),
        ("TLP:WHITE", "“TLP:WHITE” is not understood"),
        ("NATO SECRET // TLP:RED // TLP:GREEN", "“TLP:RED” and another part say the same thing twice"),
        ("NATO RESTRICTED // Releasable to ICI, NATO", "Releasable To ICI is not legal at RESTRICTED"),
        ("NATIONAL OPEN", "No audience is named"),
        ("NATO SECRET // // TLP:RED", "“” is not understood"),
        ("", "“” is not understood"),
    ],
)
def test_what_is_not_understood_is_named(typed: str, said: str, policies: dict[str, Policy]) -> None:
    with pytest.raises(Malformed, match="Nothing was labelled") as refused:
        parse_marking(typed, list(policies.values()))

    assert said in str(refused.value)


def test_marking_that_two_policies_understand_differently_is_refused(policies: dict[str, Policy]) -> None:
    tlp = policies["TLP"]
    twin = msgspec.structs.replace(tlp, id="TLP-TWIN")

    assert parse_marking("TLP:RED // KWT ONLY", [tlp]).policy == "TLP"
    with pytest.raises(Malformed, match="different things under different policies"):
        parse_marking("TLP:RED // KWT ONLY", [tlp, twin])


def test_part_that_one_policy_understands_in_two_ways_is_refused(policies: dict[str, Policy]) -> None:
    national = policies["NATIONAL-EXAMPLE"]
    tags = tuple(
        msgspec.structs.replace(tag, values=("MEDICAL", "SOURCE")) if tag.name == "Subject" else tag
        for tag in national.tags
    )

    with pytest.raises(Malformed, match="“SOURCE” means more than one thing"):
        parse_marking("NATIONAL OPEN // KWT ONLY // SOURCE", [msgspec.structs.replace(national, tags=tags)])


def test_label_that_is_not_legal_has_no_marking(policies: dict[str, Policy]) -> None:
    with pytest.raises(Malformed, match="has no marking"):
        marking(Label("TLP", "UNCLASSIFIED"), policies["TLP"])


def test_without_policies_no_marking_is_understood() -> None:
    with pytest.raises(Malformed, match="no policy is installed"):
        parse_marking("TLP:RED", [])
