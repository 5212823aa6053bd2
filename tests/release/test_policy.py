"""Policy files: what is installed, what is refused, and what each says is wrong with a label."""

from __future__ import annotations

import pytest

from diwan.release.policy import Policy, read_policy
from diwan.terms.errors import Malformed
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession

P, R = CategoryType.PERMISSIVE, CategoryType.RESTRICTIVE
SMALL = """
id = "SMALL"
uri = "urn:oid:1.2.3"
title = "A small policy"
languages = ["en"]
open_level = "LOW"
world_when = "TLP:CLEAR"
kept = { en = "Kept" }
levels = [{ name = "LOW", rank = 1, marking = { en = "LOW" } }, { name = "HIGH", rank = 2, marking = { en = "HIGH" } }]
exclusions = [{ tag = "For", value = "ICI", classifications = ["HIGH"] }]
frameworks = [{ id = "ICI", keeper = "NATO" }]
[[tags]]
name = "For"
type = "PERMISSIVE"
values = "audience"
marking = { en = { prefix = "For " } }
[[tags]]
name = "Circle"
type = "PERMISSIVE"
values = ["INNER", "ALL"]
held_by = { INNER = "ICI", ALL = "anyone" }
marking = { en = { suffix = " circle" } }
"""


def test_shipped_policies_name_who_keeps_each_framework(policies: dict[str, Policy]) -> None:
    kept = {"ICI": "NATO", "MD": "NATO", "NATO": "NATO", "UP2011": "NATO"}

    assert {name: policy.keepers for name, policy in policies.items()} == {
        "NATIONAL-EXAMPLE": kept,
        "NATO-EXAMPLE": kept,
        "TLP": kept,
    }


def test_small_policy_is_read() -> None:
    policy = read_policy(SMALL)

    assert policy.ranks == {"LOW": 1, "HIGH": 2}
    assert policy.by_tag["Circle"].values == ("INNER", "ALL")
    assert policy.valid(Label("SMALL", "LOW", (Category("For", P, ("KWT",)),)))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('id = "SMALL"', "id = SMALL", "not TOML"),
        ('title = "A small policy"', "", "`title`"),
        ("rank = 2", 'rank = "2"', "$.levels[1].rank"),
        ('world_when = "TLP:CLEAR"', 'wrold_when = "TLP:CLEAR"', "`wrold_when`"),
        ('type = "PERMISSIVE"\nvalues = "audience"', 'type = "OPTIONAL"\nvalues = "audience"', "$.tags[0].type"),
        ('values = "audience"', 'values = "everyone"', "$.tags[0].values"),
        ("urn:oid:1.2.3", "1.2.3", "`uri`"),
        ('languages = ["en"]', "languages = []", "`languages`"),
        ('languages = ["en"]', 'languages = ["en", "fr"]', "`levels.LOW.marking` lacks fr"),
        ("rank = 2", "rank = 1", "`levels`: two share"),
        ('open_level = "LOW"', 'open_level = "NONE"', "`open_level`"),
        ('open_level = "LOW"', "", "`world_when` asks for an `open_level`"),
        ('"TLP:CLEAR"', '"TLP:WHITE"', "`world_when`"),
        ('open_level = "LOW"', 'open_level = "LOW"\ntlp = { tokens = ["TLP:CLEAR", "TLP:BLUE"] }', "`tlp.tokens`"),
        ('kept = { en = "Kept" }', "", "`kept` lacks en"),
        ('keeper = "NATO"', 'keeper = "nato"', "`frameworks`"),
        ("frameworks = [{", 'frameworks = [{ id = "ICI", keeper = "KWT" }, {', "`frameworks`: one stands twice"),
        ('name = "Circle"', 'name = "For"', "`tags`: one stands twice"),
        ('name = "Circle"', 'name = "TLP"', "`tags.TLP`: the name is reserved"),
        ('"PERMISSIVE"\nvalues = "audience"', '"RESTRICTIVE"\nvalues = "audience"', "`tags.For`: a restrictive tag"),
        ('values = "audience"', 'values = "audience"\nonly_at = ["TOP"]', "`tags.For`: `only_at`"),
        ('held_by = { INNER = "ICI", ALL = "anyone" }', 'held_by = { ALL = "anyone" }', "`tags.Circle`: `held_by`"),
        ('ALL = "anyone"', 'ALL = "everyone"', "`tags.Circle`: `held_by`: “everyone”"),
        (
            "held_by = {",
            'always = ["ALL"]\nheld_by = {',
            "`tags.Circle`: `always` and `stands_with` are for a required",
        ),
        ("held_by = {", 'always = ["OUTER"]\nheld_by = {', "`tags.Circle`: no value “OUTER”"),
        ("held_by = {", 'stands_with = { ALL = ["Far"] }\nheld_by = {', "`tags.Circle`: `stands_with`"),
        ('prefix = "For "', 'prefix = ""', "`tags.For`: `marking.en`: parties need"),
        ('suffix = " circle"', 'separator = " "', "`tags.Circle`: `marking.en.separator`"),
        ('marking = { en = { prefix = "For " } }', "", "`tags.For`: `marking` lacks en"),
        ('tag = "For"', 'tag = "Against"', "`exclusions`: no tag Against"),
        ('classifications = ["HIGH"]', 'classifications = ["HIGHEST"]', "`exclusions`: no classification HIGHEST"),
    ],
)
def test_policy_file_with_a_fault_is_refused_by_the_name_of_its_key(old: str, new: str, named: str) -> None:
    assert old in SMALL

    with pytest.raises(Malformed, match="Not installed") as refused:
        read_policy(SMALL.replace(old, new, 1))

    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("label", "faults"),
    [
        (Label("SMALL", "LOW", (Category("Circle", P, ("INNER",)),)), ()),
        (Label("SMALL", "LOW", (), Handling("TLP:CLEAR")), ()),
        (Label("OTHER", "LOW"), ("Policy OTHER is not SMALL.",)),
        (Label("SMALL", "LOW"), ("No audience is named, so nobody could read it.",)),
        # The world is at the open level alone, and a value that anyone holds names no audience.
        (Label("SMALL", "HIGH", (), Handling("TLP:CLEAR")), ("No audience is named, so nobody could read it.",)),
        (
            Label("SMALL", "LOW", (Category("Circle", P, ("ALL", "INNER")),), Handling("TLP:CLEAR")),
            ("No audience is named, so nobody could read it.",),
        ),
        (
            Label(
                "SMALL", "TOP", (Category("For", P, ("ICI", "kwt")), Category("For", R, ()), Category("Odd", R, ("X",)))
            ),
            (
                "SMALL has no classification “TOP”.",
                "A tag stands twice.",
                "For: “kwt” is not a party id.",
                "For is PERMISSIVE in SMALL, not RESTRICTIVE.",
                "For names no value; an empty set is held by nobody.",
                "SMALL has no tag Odd.",
            ),
        ),
        (
            Label("SMALL", "HIGH", (Category("For", P, ("ICI",)),), Handling("TLP:WHITE", "PAP:WHITE"), review_at=-1),
            (
                "For ICI is not legal at HIGH.",
                "“TLP:WHITE” is not a TLP token.",
                "“PAP:WHITE” is not a PAP token.",
                "The review date is out of range.",
            ),
        ),
        (
            Label("SMALL", "LOW", (Category("For", P, ("KWT",)),), succession=Succession(2**60, Label("SMALL", "LOW"))),
            ("The succession date is out of range.", "Successor: No audience is named, so nobody could read it."),
        ),
    ],
)
def test_faults_are_told_in_sentences(label: Label, faults: tuple[str, ...]) -> None:
    assert sorted(read_policy(SMALL).faults(label)) == sorted(faults)
    assert read_policy(SMALL).valid(label) == (not faults)


def test_policy_may_allow_fewer_tokens() -> None:
    policy = read_policy(SMALL.replace("open_level", 'tlp = { tokens = ["TLP:CLEAR"], required = true }\nopen_level'))
    tags = (Category("For", P, ("KWT",)),)

    assert policy.faults(Label("SMALL", "LOW", tags, Handling("TLP:CLEAR"))) == ()
    assert policy.faults(Label("SMALL", "LOW", tags, Handling("TLP:RED"))) == ("The policy does not allow TLP:RED.",)
    assert policy.faults(Label("SMALL", "LOW", tags)) == ("The policy asks for a TLP token.",)
