"""The release decision: against an independent oracle, against the clock, and at the size of a register."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import cedarpy
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diwan.release.decide import Rules, admits, in_force, next_turn, open_gates
from diwan.release.policy import Policy
from diwan.terms.errors import Malformed
from diwan.terms.gate import Gate, Stand, World
from diwan.terms.label import Category, CategoryType, Handling, Label, Succession
from diwan.terms.party import Membership, Standing
from diwan.terms.reader import Clearance, Reader
from diwan.terms.time import day, midnight

NOW = midnight(date(2017, 1, 24))
P = CategoryType.PERMISSIVE
QUICK = settings(max_examples=60, deadline=None, derandomize=True)

Labels = Callable[[Policy], st.SearchStrategy[Label]]
Readers = Callable[[Policy], st.SearchStrategy[Reader]]


def for_kuwait(policy: str = "NATIONAL-EXAMPLE", level: str = "OPEN") -> Label:
    return Label(policy, level, (Category("Releasable To", P, ("KWT",)),))


def gate(*labels: Label) -> Gate:
    return Gate(World.ACTUAL, tuple(Stand("FRA", label) for label in labels))


def test_gate_opens_only_when_each_of_its_labels_admits(rules: Rules) -> None:
    kuwait = Reader("r", "KWT")
    gates = {1: gate(for_kuwait()), 2: gate(for_kuwait(), for_kuwait(level="SECRET")), 3: gate(for_kuwait("X"))}

    assert open_gates(kuwait, gates, rules, NOW) == {1}


def test_gate_without_a_label_is_shut(rules: Rules) -> None:
    world = Label("TLP", "UNCLASSIFIED", (), Handling("TLP:CLEAR"))
    gates = {1: gate(), 2: gate(world)}

    assert open_gates(Reader("r", "KWT"), gates, rules, NOW) == {2}


def test_rules_with_two_policies_of_one_id_are_refused(policies: dict[str, Policy]) -> None:
    with pytest.raises(Malformed, match="Two policies share an id"):
        Rules(1, (policies["TLP"], policies["TLP"]))


def test_label_of_a_policy_that_was_withdrawn_is_read_by_nobody(policies: dict[str, Policy], rules: Rules) -> None:
    kuwait, stand = Reader("r", "KWT"), Stand("FRA", for_kuwait())

    assert admits(kuwait, stand, rules, NOW)
    assert not admits(kuwait, stand, Rules(2, (policies["TLP"],), rules.memberships), NOW)


@QUICK
@given(data=st.data())
def test_a_wider_clearance_never_loses_a_label(
    data: st.DataObject, policies: dict[str, Policy], rules: Rules, any_labels: Labels, readers: Readers
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    label, reader = data.draw(any_labels(policy)), data.draw(readers(policy))
    stand = Stand(data.draw(st.sampled_from(["KWT", "NATO"])), label)
    wider = [
        msgspec.structs.replace(reader, clearances=(*others, relaxed))
        for one in reader.clearances
        for others in [tuple(other for other in reader.clearances if other != one)]
        for relaxed in (
            msgspec.structs.replace(one, until=None),
            msgspec.structs.replace(one, classification=max(policy.ranks, key=policy.ranks.__getitem__)),
            msgspec.structs.replace(
                one, caveats=(*one.caveats, ("Caveat", "SOURCE"), ("Additional Sensitivity", "CRYPTO"))
            ),
        )
    ]

    if admits(reader, stand, rules, NOW):
        assert [admits(one, stand, rules, NOW) for one in wider] == [True] * len(wider)


@QUICK
@given(data=st.data())
def test_label_with_one_word_spoilt_is_read_by_nobody(
    data: st.DataObject, policies: dict[str, Policy], rules: Rules, legal_labels: Labels
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    label = data.draw(legal_labels(policy))
    one = data.draw(st.sampled_from(label.categories)) if label.categories else Category("Tag", P, ("KWT",))
    others = tuple(category for category in label.categories if category != one)
    other_type = next(type_ for type_ in CategoryType if type_ != one.type)
    spoilt = [
        msgspec.structs.replace(label, policy="UNKNOWN"),
        msgspec.structs.replace(label, classification="UNKNOWN"),
        *(
            msgspec.structs.replace(label, categories=(*others, category))
            for category in (
                Category("Unknown", one.type, one.values),
                Category(one.tag, other_type, one.values),
                Category(one.tag, one.type, ()),
                Category(one.tag, one.type, (*one.values, "not a value")),
            )
        ),
        msgspec.structs.replace(label, handling=Handling("TLP:PURPLE")),
    ]
    everything = tuple(
        Clearance(known.id, known.levels[-1].name, tuple((t.name, v) for t in known.tags for v in t.values))
        for known in policies.values()
    )

    for label_spoilt in spoilt:
        for party in ("BHR", "FRA", "JOR", "KWT", "NATO"):
            assert not admits(Reader("r", party, everything), Stand("NATO", label_spoilt), rules, NOW), label_spoilt


@QUICK
@given(data=st.data())
def test_until_the_next_turn_nothing_changes_for_the_reader(
    data: st.DataObject, policies: dict[str, Policy], rules: Rules, legal_labels: Labels, readers: Readers
) -> None:
    policy = policies[data.draw(st.sampled_from(sorted(policies)))]
    reader = data.draw(readers(policy))
    labels = data.draw(st.lists(legal_labels(policy), min_size=1, max_size=4))
    gates = {number: gate(label) for number, label in enumerate(labels)}
    now = midnight(data.draw(st.dates(date(2004, 1, 1), date(2020, 1, 1))))

    turn = next_turn(reader, gates, rules, now)

    assert turn is None or turn > now
    last = midnight(date(2200, 1, 1)) if turn is None else turn - 1
    assert open_gates(reader, gates, rules, last) == open_gates(reader, gates, rules, now)


def test_next_turn_is_the_nearest_of_membership_clearance_and_succession(rules: Rules) -> None:
    later = for_kuwait()
    succeeded = Label("NATIONAL-EXAMPLE", "SECRET", later.categories, succession=Succession(NOW + 5, later))
    reader = Reader("r", "QAT", (Clearance("TLP", "UNCLASSIFIED", until=date(2011, 6, 1)),))
    gates = {1: gate(succeeded)}

    turns = []
    now = midnight(date(2004, 1, 1))
    while (turn := next_turn(reader, gates, rules, now)) is not None:
        turns.append(turn)
        now = turn

    days = (date(2005, 2, 1), date(2011, 3, 31), date(2011, 6, 1), date(2011, 11, 1))
    assert turns == [*map(midnight, days), NOW + 5]
    assert in_force(succeeded, NOW + 4) == succeeded
    assert in_force(succeeded, NOW + 5) == later


def test_five_thousand_gates_are_decided_within_a_tenth_of_a_second(rules: Rules) -> None:
    chance = random.Random(5)
    nations = [f"{a}{b}X" for a in "ABCDEFGH" for b in "ABCDEFGH"]
    labels = [
        Label("NATIONAL-EXAMPLE", "OPEN", (Category("Releasable To", P, ("KWT", *chance.sample(nations, 3))),))
        for _ in range(2000)
    ]
    gates = {number: gate(*chance.sample(labels, 3)) for number in range(5000)}
    reader = Reader("r", "KWT")

    took = []
    for _ in range(3):
        began = time.perf_counter()
        opened = open_gates(reader, gates, rules, NOW)
        took.append(time.perf_counter() - began)

    assert len(opened) == 5000
    assert min(took) < 0.1


# --- the oracle ------------------------------------------------------------------------------------------------------

CEDAR = (Path(__file__).parent / "nato_example.cedar").read_text(encoding="utf-8")
LEVELS = ["UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP SECRET"]
CEDAR_NAMES = {
    "Context": "context",
    "Releasable To": "releasable",
    "Only": "only",
    "Additional Sensitivity": "sensitivity",
    "Administrative": "administrative",
}
RIGHT_TYPES = dict(
    zip(CEDAR_NAMES, ["PERMISSIVE", "PERMISSIVE", "PERMISSIVE", "RESTRICTIVE", "INFORMATIVE"], strict=True)
)
VALUES = {
    "Context": ["NATO", "Releasable"],
    "Releasable To": ["NATO", "ICI", "MD", "UP2011", "KWT", "FRA", "QAT"],
    "Only": ["KWT", "FRA", "NATO", "QAT", "ICI"],
    "Additional Sensitivity": ["ATOMAL", "CRYPTO", "GOSSIP"],
    "Administrative": ["MEDICAL", "STAFF", "GOSSIP"],
}


def some_label(chance: random.Random) -> Label:
    said = {tag: chance.sample(VALUES[tag], chance.randint(1, 3 if tag == "Releasable To" else 1)) for tag in VALUES}
    for tag, often in {
        "Releasable To": 0.7,
        "Only": 0.15,
        "Additional Sensitivity": 0.25,
        "Administrative": 0.15,
    }.items():
        if chance.random() > often:
            del said[tag]
    said["Context"] = ["NATO", "Releasable"] if {"Releasable To", "Only"} & said.keys() else ["NATO"]
    types = {tag: RIGHT_TYPES.get(tag, "INFORMATIVE") for tag in [*CEDAR_NAMES, "Eyes"]}
    for _ in range(chance.choice([0, 0, 0, 1])):  # one fault in four
        tag = chance.choice(sorted(said))
        match chance.randrange(5):
            case 0:
                del said[tag]
            case 1:
                said[tag] = []
            case 2:
                types[tag] = chance.choice(["PERMISSIVE", "RESTRICTIVE", "INFORMATIVE"])
            case 3:
                said["Eyes"] = ["KWT"]
            case 4:
                said["Context"] = chance.sample(VALUES["Context"], chance.randint(1, 2))
    return Label(
        "NATO-EXAMPLE",
        chance.choices(LEVELS, [6, 3, 2, 2, 1])[0],
        tuple(Category(tag, CategoryType(types[tag]), tuple(values)) for tag, values in said.items()),
        Handling(chance.choice([None, None, "TLP:AMBER", "TLP:RED", "TLP:WHITE"])),
    )


def some_reader(chance: random.Random) -> Reader:
    clearances = tuple(
        Clearance(
            chance.choice(["NATO-EXAMPLE"] * 5 + ["TLP"]),
            chance.choices(LEVELS, [1, 1, 1, 2, 3])[0],
            tuple(
                ("Additional Sensitivity", value) for value in chance.sample(["ATOMAL", "CRYPTO"], chance.randint(0, 2))
            ),
            chance.choice([None, None, date(2016, 1, 1), date(2018, 1, 1)]),
        )
        for _ in range(chance.randint(1, 2))
    )
    distinct = {(held.policy, held.classification, held.caveats): held for held in clearances}
    return Reader("r", chance.choice(["FRA", "JOR", "KWT", "NATO", "OMN", "QAT"]), tuple(distinct.values()))


def cedar_request(
    reader: Reader, clearance: Clearance, stand: Stand, memberships: tuple[Membership, ...]
) -> dict[str, Any]:
    label = stand.label
    holds = clearance.policy == label.policy and (clearance.until is None or day(NOW) < clearance.until)
    context: dict[str, Any] = {
        "policy": label.policy,
        "classification": label.classification,
        "originator": stand.originator,
        "party": reader.party,
        "frameworks": [
            m.framework
            for m in memberships
            if m.party == reader.party and m.standing is Standing.MEMBER and m.holds(day(NOW))
        ],
        "cleared": LEVELS[: LEVELS.index(clearance.classification) + 1] if holds else [],
        "caveats": [value for _, value in clearance.caveats],
        "others": [category.tag for category in label.categories if category.tag not in CEDAR_NAMES],
    }
    for category in label.categories:
        if category.tag in CEDAR_NAMES:
            context[CEDAR_NAMES[category.tag]] = {"type": category.type.value, "values": list(category.values)}
    if label.handling.tlp is not None:
        context["tlp"] = label.handling.tlp
    return {"principal": 'Reader::"r"', "action": 'Action::"read"', "resource": 'Item::"i"', "context": context}


def test_cedar_told_the_same_rule_agrees_in_every_one_of_500_cases(rules: Rules) -> None:
    chance = random.Random(2017)
    cases = [
        (some_reader(chance), Stand(chance.choice(["NATO", "KWT", "FRA"]), some_label(chance))) for _ in range(500)
    ]
    asked = [
        (number, cedar_request(reader, clearance, stand, rules.memberships))
        for number, (reader, stand) in enumerate(cases)
        for clearance in reader.clearances
    ]

    answers = cedarpy.is_authorized_batch([request for _, request in asked], CEDAR, [])
    wrong = [error for answer in answers for error in answer.diagnostics.errors]
    by_cedar = {number for (number, _), answer in zip(asked, answers, strict=True) if answer.allowed}
    by_us = {number for number, (reader, stand) in enumerate(cases) if admits(reader, stand, rules, NOW)}

    assert wrong == []
    assert by_us == by_cedar
    assert 50 < len(by_us) < 450
