"""MISP's distribution and a label: what each means as the other, and that neither way widens."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diwan.desks.cyber.kinds.misp import (
    Claims,
    Group,
    Known,
    Member,
    Org,
    Sharing,
    distribution_of,
    is_narrower,
    label_of,
    label_of_all,
)
from diwan.desks.cyber.kinds.misp.marks import PAP, TLP, pap_of, tlp_of
from diwan.release.policy import read_policy
from diwan.terms.errors import NotAllowed, Unlabelled
from diwan.terms.label import RELEASABLE_TO, Category, CategoryType, Handling, Label, Succession

HARBOUR = Org("Harbour Watch", "5f0c0050-7a11-4c3e-9b1d-000000000050")
SECOND = Org("Second CERT", "5f0c0052-7a11-4c3e-9b1d-000000000052")
SHARING = Sharing(
    own="KWT",
    community="GCC",
    connected=("ICI",),
    members=(
        Member("KWT", HARBOUR.name, HARBOUR.uuid),
        Member("QAT", SECOND.name, SECOND.uuid),
        Member("OMN", "Third CERT", "5f0c0053-7a11-4c3e-9b1d-000000000053"),
        Member("BHR", "Nameless"),
    ),
    groups=(Known("5f0c0046-7a11-4c3e-9b1d-000000000046", "Inner circle", ("KWT", "QAT")),),
)
TLP_POLICY = read_policy((files("diwan.release") / "policies" / "tlp.toml").read_text("utf-8"))
INNER = Group(SHARING.groups[0].uuid, "Inner circle", (HARBOUR, SECOND), "6")


def label(*values: str, tag: str = RELEASABLE_TO, tlp: str | None = "TLP:AMBER", pap: str | None = None) -> Label:
    categories = (Category(tag, CategoryType.PERMISSIVE, values),) if values else ()
    return Label("TLP", "UNCLASSIFIED", categories, Handling(tlp=tlp, pap=pap))


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (Claims(0, tags=("tlp:amber",)), label("KWT", tag="Only")),
        (Claims(1, tags=("tlp:amber",)), label("GCC")),
        (Claims(2, tags=("tlp:amber",)), label("GCC", "ICI")),
        (Claims(3, tags=("tlp:clear",)), label(tlp="TLP:CLEAR")),
        (Claims(3, tags=("tlp:white",)), label(tlp="TLP:CLEAR")),
        (Claims(4, INNER, ("tlp:amber",)), label("KWT", "QAT", tag="Only")),
        (Claims(4, Group(INNER.uuid, "Inner circle"), ("tlp:amber",)), label("KWT", "QAT", tag="Only")),
        (Claims(4, Group("", "", (SECOND,)), ("tlp:amber",)), label("QAT", tag="Only")),
        (Claims(1, tags=("TLP:AMBER+STRICT", "PAP:WHITE")), label("GCC", tlp="TLP:AMBER+STRICT", pap="PAP:CLEAR")),
        (Claims(1, tags=("tlp:green", "tlp:red", "PAP:AMBER")), label("GCC", tlp="TLP:RED", pap="PAP:AMBER")),
        (Claims(1, tags=("tlp:ex:chr",)), label("GCC", tlp="TLP:RED")),
    ],
)
def test_a_distribution_means_this_label(claims: Claims, expected: Label) -> None:
    assert label_of(claims, SHARING) == expected
    assert TLP_POLICY.faults(expected) == ()


@pytest.mark.parametrize(
    ("claims", "error", "said"),
    [
        (Claims(3, tags=("tlp:green",)), NotAllowed, "All communities, without TLP:CLEAR"),
        (Claims(4, None, ("tlp:green",)), NotAllowed, "carries none"),
        (Claims(4, Group("", "Elsewhere", number="9"), ("tlp:red",)), NotAllowed, "not known here"),
        (
            Claims(4, Group("", "", (HARBOUR, Org("Far\u202e CERT", "x"))), ("tlp:red",)),
            NotAllowed,
            "here: Far\ufffd CERT",
        ),
        (Claims(5, tags=("tlp:green",)), NotAllowed, "0 to 4"),
        (Claims(1), Unlabelled, "no tlp: tag"),
        (Claims(None, tags=("tlp:green",)), Unlabelled, "does not say who it is for"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(claims: Claims, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said.replace("+", r"\+")):
        label_of(claims, SHARING)


def test_an_organisation_with_a_known_name_and_a_strange_uuid_is_unknown() -> None:
    impostor = Group("", "", (Org("Second CERT", "00000000-0000-4000-8000-000000000000"),))

    with pytest.raises(NotAllowed, match="Second CERT"):
        label_of(Claims(4, impostor, ("tlp:red",)), SHARING)


def test_a_known_group_reaches_no_more_than_the_event_lists_and_no_more_than_is_known_here() -> None:
    third = Org("Third CERT", "5f0c0053-7a11-4c3e-9b1d-000000000053")
    fewer = Group(INNER.uuid, "Inner circle", (SECOND,))
    more = Group(INNER.uuid, "Inner circle", (HARBOUR, SECOND, third))

    assert label_of(Claims(4, fewer, ("tlp:red",)), SHARING) == label("QAT", tag="Only", tlp="TLP:RED")
    assert label_of(Claims(4, more, ("tlp:red",)), SHARING) == label("KWT", "QAT", tag="Only", tlp="TLP:RED")


@pytest.mark.parametrize(
    ("claims", "chosen", "expected"),
    [
        (Claims(1), label("GCC", tlp="TLP:GREEN"), label("GCC", tlp="TLP:GREEN")),
        (Claims(1, tags=("tlp:green",)), label("GCC", tlp="TLP:RED"), label("GCC", tlp="TLP:RED")),
        (Claims(None), label("QAT"), label("QAT")),
        (Claims(2, tags=("tlp:amber",)), label("GCC"), label("GCC")),
        (Claims(3, tags=("tlp:clear",)), label("QAT"), label("QAT")),
        (Claims(1, tags=("tlp:amber",)), label(tlp="TLP:CLEAR"), label("GCC")),
        (Claims(0), label("GCC"), label("KWT", tag="Only")),
        (Claims(1), label("KWT"), label("KWT", tag="Only")),
    ],
)
def test_a_chosen_label_only_ever_narrows(claims: Claims, chosen: Label, expected: Label) -> None:
    assert label_of(claims, SHARING, chosen) == expected


def test_some_parties_of_a_community_must_be_both_of_it_and_named() -> None:
    both = label_of(Claims(1), SHARING, label("QAT", "OMN"))

    assert both.categories == (
        Category("Only", CategoryType.PERMISSIVE, ("OMN", "QAT")),
        Category(RELEASABLE_TO, CategoryType.PERMISSIVE, ("GCC",)),
    )
    assert TLP_POLICY.faults(both) == ()


def test_two_audiences_without_a_party_in_common_are_refused() -> None:
    with pytest.raises(NotAllowed, match="in common"):
        label_of(Claims(4, INNER, ("tlp:red",)), SHARING, label("OMN", tag="Only"))


def test_a_succession_cannot_widen_what_the_event_says_later() -> None:
    later = Succession(10, label(tlp="TLP:CLEAR"))
    chosen = Label("TLP", "UNCLASSIFIED", label("GCC").categories, Handling(tlp="TLP:AMBER"), succession=later)

    got = label_of(Claims(1, tags=("tlp:amber",)), SHARING, chosen)

    assert got.succession == Succession(10, label("GCC"))


def test_all_claims_of_an_event_and_its_parts_hold_together() -> None:
    first = Claims(1, tags=("tlp:amber",))

    assert label_of_all([first], SHARING) == label("GCC")
    assert label_of_all([first, Claims(0)], SHARING) == label("KWT", tag="Only")
    assert label_of_all([first, Claims(4, INNER)], SHARING) == Label(
        "TLP",
        "UNCLASSIFIED",
        (*label("GCC").categories, *label("KWT", "QAT", tag="Only").categories),
        Handling(tlp="TLP:AMBER"),
    )
    assert label_of_all([Claims(3, tags=("tlp:clear",)), Claims(5, tags=("tlp:red",))], SHARING) == label(
        "KWT", tag="Only", tlp="TLP:RED"
    )


def test_a_part_for_a_group_unknown_here_leaves_the_whole_to_its_originator() -> None:
    first = Claims(1, tags=("tlp:amber",))
    strange = Claims(4, Group("", "", (Org("Nobody we know", "x"),)), ("tlp:red",))

    assert label_of_all([first, strange], SHARING) == label("KWT", tag="Only", tlp="TLP:RED")


def test_a_part_that_inherits_adds_its_tlp_token_alone() -> None:
    assert label_of_all([Claims(1, tags=("tlp:amber",)), Claims(5, tags=("tlp:red",))], SHARING) == label(
        "GCC", tlp="TLP:RED"
    )


@pytest.mark.parametrize(
    ("said", "claims"),
    [
        (label("KWT", tag="Only"), Claims(0, tags=("tlp:amber",))),
        (label("KWT"), Claims(0, tags=("tlp:amber",))),
        (label("GCC", pap="PAP:RED"), Claims(1, tags=("tlp:amber", "PAP:RED"))),
        (label("GCC", "KWT"), Claims(1, tags=("tlp:amber",))),
        (label("GCC", "ICI"), Claims(2, tags=("tlp:amber",))),
        (label(tlp="TLP:CLEAR"), Claims(3, tags=("tlp:clear",))),
        (
            label("QAT", tlp="TLP:AMBER+STRICT"),
            Claims(4, Group(INNER.uuid, "Inner circle", (HARBOUR, SECOND)), ("tlp:amber+strict",)),
        ),
    ],
)
def test_a_label_is_said_as_this_distribution(said: Label, claims: Claims) -> None:
    assert distribution_of(said, SHARING) == claims


def test_parties_with_organisations_become_a_group_that_is_the_same_group_again() -> None:
    first = distribution_of(label("OMN", "QAT"), SHARING)
    again = distribution_of(label("QAT", "OMN", tlp="TLP:RED"), SHARING)

    assert first.group is not None
    assert [org.name for org in first.group.organisations] == ["Harbour Watch", "Third CERT", "Second CERT"]
    assert first.group.name == "Releasable to KWT, OMN, QAT"
    assert again.group == first.group


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Label("NATO", "UNCLASSIFIED"), "policy"),
        (Label("TLP", "SECRET"), "classification"),
        (
            Label("TLP", "UNCLASSIFIED", (Category("Caveat", CategoryType.RESTRICTIVE, ("X",)),), Handling(tlp=TLP[2])),
            "caveat",
        ),
        (label("GCC", tlp=None), "TLP token"),
        (label(tlp="TLP:GREEN"), "no audience"),
        (label("ICI"), "no known sharing group"),
        (label("BHR"), "no known sharing group"),
        (label("GCC", tag="Only"), "no known sharing group"),
        (
            Label("TLP", "UNCLASSIFIED", label("GCC").categories, Handling(tlp="TLP:RED", pass_on=False)),
            "not be passed on",
        ),
        (
            Label(
                "TLP",
                "UNCLASSIFIED",
                (*label("GCC").categories, *label("QAT", tag="Only").categories),
                Handling(tlp="TLP:RED"),
            ),
            "Two audiences",
        ),
    ],
)
def test_what_misp_cannot_say_is_refused_with_the_reason(said: Label, why: str) -> None:
    with pytest.raises(NotAllowed, match=f"{why}.*Nothing was exported"):
        distribution_of(said, SHARING)


FRAMEWORKS = {"GCC": {"KWT", "QAT", "OMN", "BHR"}, "ICI": {"KWT", "QAT", "BHR", "ARE"}}
EVERYONE = {"KWT", "QAT", "OMN", "BHR", "ARE", "SAU", "FRA"}


def readers(said: Label) -> set[str]:
    """Who reads an item of Kuwait's under a label, worked out by hand and not by the house's own decision."""
    left = set(EVERYONE)
    for one in said.categories:
        frameworks = FRAMEWORKS if one.tag == RELEASABLE_TO else {}
        left &= set().union(*(frameworks.get(value, {value}) for value in one.values))
    return left | {"KWT"} if said.categories or said.handling.tlp == "TLP:CLEAR" else {"KWT"}


_values = st.sets(st.sampled_from([*sorted(EVERYONE), *FRAMEWORKS]), max_size=4)
_labels = st.builds(
    lambda rel, only, tlp, pap, pass_on: Label(
        "TLP",
        "UNCLASSIFIED",
        tuple(
            Category(tag, CategoryType.PERMISSIVE, tuple(values))
            for tag, values in ((RELEASABLE_TO, rel), ("Only", only))
            if values
        ),
        Handling(tlp=tlp, pap=pap, pass_on=pass_on),
    ),
    _values,
    st.one_of(st.just(set()), _values),
    st.sampled_from(TLP),
    st.sampled_from([None, *PAP]),
    st.booleans(),
)
_claims = st.builds(
    Claims,
    st.sampled_from([None, 0, 1, 2, 3, 4]),
    st.sampled_from([None, INNER, Group("", "", (SECOND,))]),
    st.lists(st.sampled_from(["tlp:white", "tlp:green", "tlp:amber+strict", "TLP:RED", "PAP:RED"]), max_size=2).map(
        tuple
    ),
)


@given(_labels)
def test_a_label_said_in_misp_and_read_back_never_reaches_more(said: Label) -> None:
    try:
        claims = distribution_of(said, SHARING)
    except NotAllowed:
        return
    back = label_of(claims, SHARING)

    assert readers(back) <= readers(said)
    assert back.handling == said.handling


@given(_claims, _labels)
def test_claims_and_a_chosen_label_never_reach_more_than_either(claims: Claims, chosen: Label) -> None:
    try:
        got = label_of(claims, SHARING, chosen)
    except (NotAllowed, Unlabelled):
        return

    assert readers(got) <= (readers(chosen) if chosen.categories else EVERYONE)
    assert TLP.index(got.handling.tlp or "") >= TLP.index(tlp_of(claims.tags) or TLP[0])
    assert TLP.index(got.handling.tlp or "") >= TLP.index(chosen.handling.tlp or "")
    if claims.distribution == 1:
        assert readers(got) <= FRAMEWORKS["GCC"] | {"KWT"}
    if claims.distribution == 0:
        assert readers(got) == {"KWT"}
    if claims.distribution == 4:
        assert readers(got) <= {"KWT", "QAT"}


@pytest.mark.parametrize(
    ("part", "event", "narrower"),
    [
        (Claims(5), Claims(1), False),
        (Claims(None), Claims(0), False),
        (Claims(1), Claims(1), False),
        (Claims(3), Claims(1), False),
        (Claims(0), Claims(1), True),
        (Claims(1), Claims(3), True),
        (Claims(2), Claims(None), True),
        (Claims(3), Claims(None), False),
        (Claims(0), Claims(0), False),
        (Claims(4, INNER), Claims(3), True),
        (Claims(4, INNER), Claims(4, INNER), False),
        (Claims(4, Group(number="6")), Claims(4, INNER), False),
        (Claims(4, Group(number="7")), Claims(4, INNER), True),
        (Claims(4, None), Claims(4, None), True),
        (Claims(1), Claims(4, INNER), True),
        (Claims(3), Claims(4, INNER), False),
        (Claims(5, tags=("tlp:red",)), Claims(1, tags=("tlp:amber",)), True),
        (Claims(5, tags=("tlp:green",)), Claims(1, tags=("tlp:amber",)), False),
        (Claims(5, tags=("tlp:green",)), Claims(1), True),
    ],
)
def test_a_part_that_may_reach_fewer_than_its_event_is_narrower(part: Claims, event: Claims, narrower: bool) -> None:
    assert is_narrower(part, event) is narrower


def test_tokens_of_both_tlp_versions_are_read() -> None:
    assert [tlp_of([tag]) for tag in ("tlp:white", "TLP:CLEAR", "tlp:amber+strict", "tlp:unclear", "other")] == [
        "TLP:CLEAR",
        "TLP:CLEAR",
        "TLP:AMBER+STRICT",
        "TLP:RED",
        None,
    ]
    assert [pap_of([tag]) for tag in ("PAP:WHITE", "pap:green", "tlp:red")] == ["PAP:CLEAR", "PAP:GREEN", None]
