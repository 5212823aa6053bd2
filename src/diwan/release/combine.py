"""The label of what is made from several items: never wider than any of them; nobody where they do not meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diwan.release.clauses import Tag
from diwan.release.decide import Rules
from diwan.release.policy import Policy
from diwan.release.tlp import PAP, TLP, strictest
from diwan.terms.label import Category, CategoryType, Handling, Label


def combine(labels: Sequence[Label], rules: Rules) -> Label | None:
    """Return one label that admits only readers whom each of `labels` admits; None means that nobody reads.

    Classification: the highest. Restrictive: all values of all. Permissive: the values common to those that carry the
    tag, without values that are not legal at the highest classification. Informative: all that are legal there.
    TLP and PAP: the strictest. Passing on: only if all allow it. Review: the earliest. A succession is not carried
    over; its label counts as one more input, for it may be narrower than what it succeeds. No labels at all, two
    policies, an invalid label, or values that do not meet: None. A framework and one of its members do not meet,
    for who belongs changes; such a pair is for people to decide.

    Holds for readers of any party as long as all labels are set by one originator.

    Source: ADatP-4774.1 Ed A, rules for combining labels, except where those would drop a permissive tag and so widen.
    """
    if not labels or len({label.policy for label in labels}) != 1 or not all(rules.valid(label) for label in labels):
        return None
    policy = rules.policy(labels[0].policy)
    if policy is None:
        return None
    combined = _meet([stage for label in labels for stage in _stages(label)], policy)
    return combined if policy.valid(combined) else None


def _stages(label: Label) -> Iterator[Label]:
    yield label
    while label.succession is not None:
        label = label.succession.label
        yield label


def _meet(stages: list[Label], policy: Policy) -> Label:
    classification = max((label.classification for label in stages), key=policy.ranks.__getitem__)
    said: dict[str, set[str]] = {}
    for tag in policy.tags:
        sets = [set(c.values) for label in stages for c in label.categories if c.tag == tag.name]
        if sets:
            said[tag.name] = _values(tag, sets, classification, policy)
    _drop_implied(said, policy)
    return Label(
        policy.id,
        classification,
        # An emptied permissive tag stays and makes the label invalid; left out, it would no longer restrict anyone.
        tuple(
            Category(name, policy.by_tag[name].type, tuple(values))
            for name, values in said.items()
            if values or policy.by_tag[name].type is not CategoryType.INFORMATIVE
        ),
        Handling(
            tlp=strictest((label.handling.tlp for label in stages), TLP),
            pap=strictest((label.handling.pap for label in stages), PAP),
            pass_on=all(label.handling.pass_on for label in stages),
        ),
        review_at=min((label.review_at for label in stages if label.review_at is not None), default=None),
    )


def _values(tag: Tag, sets: list[set[str]], classification: str, policy: Policy) -> set[str]:
    if tag.type is CategoryType.RESTRICTIVE:
        return set.union(*sets)
    values = set.intersection(*sets) if tag.type is CategoryType.PERMISSIVE else set.union(*sets)
    return {value for value in values if policy.legal_at(tag.name, value, classification)}


def _drop_implied(said: dict[str, set[str]], policy: Policy) -> None:
    """Leave out audiences that say no more than a tag whose companion value is gone.

    NATO meets NATO releasable to ICI and NATO: the context is NATO alone, and whoever holds that is of the audience.
    """
    for tag in policy.tags:
        for value, others in tag.stands_with.items():
            if tag.name not in said or value in said[tag.name]:
                continue
            holders = {tag.held_by.get(left) for left in said[tag.name]}
            for other in others:
                if other in said and policy.by_tag[other].values == "audience" and holders <= said[other]:
                    del said[other]
