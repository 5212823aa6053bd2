"""A security policy: a data file that an authority installs, and what makes a label legal under it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import Final

import msgspec

from diwan.release.clauses import ANYONE, Exclusion, Framework, Level, Protocol, Tag, Wording
from diwan.release.codes import is_party_id
from diwan.release.tlp import PAP, TLP
from diwan.terms.errors import Malformed
from diwan.terms.label import Category, CategoryType, Label
from diwan.terms.time import Instant

__all__ = ["Exclusion", "Framework", "Level", "Policy", "Protocol", "Tag", "Wording", "read_policy"]

RESERVED: Final = ("TLP", "PAP", "Passing On")
"""Tag names that carry a label's handling in ADatP-4774 XML, so that no policy may define them."""

_LAST_INSTANT: Final = 2**53


class Policy(msgspec.Struct, frozen=True, dict=True, kw_only=True, forbid_unknown_fields=True):
    """One security policy (ADatP-4774 Ed A V1, “policy identifier”), read from its file by `read_policy`."""

    id: str
    uri: str
    title: str
    languages: tuple[str, ...]
    levels: tuple[Level, ...]
    tags: tuple[Tag, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    frameworks: tuple[Framework, ...] = ()
    tlp: Protocol = Protocol(tokens=TLP)
    pap: Protocol = Protocol(tokens=PAP)
    world_when: str | None = None
    """The TLP token that, at the open level and with no permissive category at all, means everyone."""
    open_level: str | None = None
    """The classification that every reader holds without a clearance."""
    kept: dict[str, str] = {}
    """By language: how a marking says that partner nodes may not pass the item on."""

    @cached_property
    def ranks(self) -> dict[str, int]:
        """Rank by classification."""
        return {level.name: level.rank for level in self.levels}

    @cached_property
    def by_tag(self) -> dict[str, Tag]:
        """Tag by name."""
        return {tag.name: tag for tag in self.tags}

    @cached_property
    def keepers(self) -> dict[str, str]:
        """Keeper by framework."""
        return {framework.id: framework.keeper for framework in self.frameworks}

    @cached_property
    def _excluded(self) -> frozenset[tuple[str, str, str]]:
        return frozenset((e.tag, e.value, level) for e in self.exclusions for level in e.classifications)

    def legal_at(self, tag: str, value: str, classification: str) -> bool:
        """Return whether a value of a known tag may stand beside `classification`."""
        only_at = self.by_tag[tag].only_at
        return (not only_at or classification in only_at) and (tag, value, classification) not in self._excluded

    def is_world(self, label: Label) -> bool:
        """Return whether a label reaches everyone: no permissive category, and the one token that says so."""
        if self.world_when is None or label.classification != self.open_level:
            return False
        return label.handling.tlp == self.world_when and not any(
            category.type == CategoryType.PERMISSIVE for category in label.categories
        )

    def valid(self, label: Label) -> bool:
        """Return whether the label is legal here; one that is not is read by nobody."""
        return self._judged(label)

    @cached_property
    def _judged(self) -> Callable[[Label], bool]:
        # A label's legality depends on the policy alone, and every reader's decision asks for it again.
        return lru_cache(maxsize=16_384)(lambda label: next(self._faults(label), None) is None)

    def faults(self, label: Label) -> tuple[str, ...]:
        """Return what is wrong with a label, one sentence each; empty means legal, now and after every succession."""
        return () if self.valid(label) else tuple(self._faults(label))

    def _faults(self, label: Label) -> Iterator[str]:
        if label.policy != self.id:
            yield f"Policy {label.policy} is not {self.id}."
            return
        if label.classification not in self.ranks:
            yield f"{self.id} has no classification “{label.classification}”."
        standing = {category.tag: category for category in label.categories}
        if len(standing) != len(label.categories):
            yield "A tag stands twice."
        for category in label.categories:
            yield from self._category_faults(category, label.classification, standing)
        for tag in self.tags:
            if tag.required and tag.name not in standing:
                yield f"{self.id} asks for the tag {tag.name}."
        if not self._names_audience(label):
            yield "No audience is named, so nobody could read it."
        yield from _handling_faults(label.handling.tlp, "TLP", TLP, self.tlp)
        yield from _handling_faults(label.handling.pap, "PAP", PAP, self.pap)
        if label.review_at is not None and not 0 < label.review_at < _LAST_INSTANT:
            yield "The review date is out of range."
        if label.succession is not None:
            yield from self._succession_faults(label.succession.at, label.succession.label)

    def _names_audience(self, label: Label) -> bool:
        return self.is_world(label) or any(
            category.tag in self.by_tag and self.by_tag[category.tag].limits(category.values)
            for category in label.categories
        )

    def _category_faults(self, category: Category, level: str, standing: dict[str, Category]) -> Iterator[str]:
        tag = self.by_tag.get(category.tag)
        if tag is None:
            yield f"{self.id} has no tag {category.tag}."
            return
        if category.type != tag.type:
            yield f"{tag.name} is {tag.type.value} in {self.id}, not {category.type}."
        if not category.values:
            yield f"{tag.name} names no value; an empty set is held by nobody."
        for value in category.values:
            yield from self._value_faults(tag, value, level)
        for value in tag.always:
            if value not in category.values:
                yield f"{tag.name} must say {value}."
        for value, others in tag.stands_with.items():
            if (value in category.values) != any(other in standing for other in others):
                yield f"{tag.name} says {value} exactly when {' or '.join(others)} stands."

    def _value_faults(self, tag: Tag, value: str, level: str) -> Iterator[str]:
        if isinstance(tag.values, tuple):
            if value not in tag.values:
                yield f"{tag.name} has no value “{value}”."
        elif not is_party_id(value):
            yield f"{tag.name}: “{value}” is not a party id."
        elif tag.values == "party" and value in self.keepers and value not in self.keepers.values():
            yield f"{tag.name} takes parties; {value} is a framework."
        if not self.legal_at(tag.name, value, level):
            yield f"{tag.name} {value} is not legal at {level}."

    def _succession_faults(self, at: Instant, successor: Label) -> Iterator[str]:
        if not 0 < at < _LAST_INSTANT:
            yield "The succession date is out of range."
        if successor.succession is not None and successor.succession.at <= at:
            yield "A successor's own succession must come later."
        for fault in self._faults(successor):
            yield f"Successor: {fault}"


def _handling_faults(token: str | None, name: str, known: tuple[str, ...], protocol: Protocol) -> Iterator[str]:
    if token is None:
        if protocol.required:
            yield f"The policy asks for a {name} token."
    elif token not in known:
        yield f"“{token}” is not a {name} token."
    elif token not in protocol.tokens:
        yield f"The policy does not allow {token}."


def read_policy(text: str) -> Policy:
    """Return the policy that a TOML file describes; the shape is that of `Policy`.

    Raises:
        Malformed: not TOML, a key is missing, unknown or of the wrong type, or one clause contradicts another;
            the message names the key.
    """
    try:
        policy = msgspec.convert(tomllib.loads(text), Policy)
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"Policy file: not TOML: {error}. Not installed.") from error
    except msgspec.ValidationError as error:
        raise Malformed(f"Policy file: {error}. Not installed.") from error
    for fault in _unsound(policy):
        raise Malformed(f"Policy {policy.id}: {fault}. Not installed.")
    return policy


def _unsound(policy: Policy) -> Iterator[str]:
    if not re.match(r"urn:[a-z0-9-]+:.", policy.uri):
        yield f"`uri` “{policy.uri}” is not a URN"
    if not policy.languages:
        yield "`languages` is empty"
    if len(policy.ranks) != len(policy.levels) or len(set(policy.ranks.values())) != len(policy.levels):
        yield "`levels`: two share a name or a rank"
    for level in policy.levels:
        for language in policy.languages:
            if language not in level.marking:
                yield f"`levels.{level.name}.marking` lacks {language}"
    if policy.open_level is not None and policy.open_level not in policy.ranks:
        yield f"`open_level` “{policy.open_level}” is not a level"
    if policy.world_when is not None and (policy.open_level is None or policy.world_when not in policy.tlp.tokens):
        yield "`world_when` asks for an `open_level`, and for a token that `tlp.tokens` allows"
    for name, protocol, known in (("tlp", policy.tlp, TLP), ("pap", policy.pap, PAP)):
        for token in set(protocol.tokens) - set(known):
            yield f"`{name}.tokens`: “{token}” is not a token"
    if missing := set(policy.languages) - policy.kept.keys():
        yield f"`kept` lacks {', '.join(sorted(missing))}"
    for framework in policy.frameworks:
        if not is_party_id(framework.id) or not is_party_id(framework.keeper):
            yield f"`frameworks`: {framework.id} or its keeper {framework.keeper} is not a party id"
    if len(policy.keepers) != len(policy.frameworks):
        yield "`frameworks`: one stands twice"
    if len(policy.by_tag) != len(policy.tags):
        yield "`tags`: one stands twice"
    for tag in policy.tags:
        for fault in _unsound_tag(policy, tag):
            yield f"`tags.{tag.name}`: {fault}"
    for exclusion in policy.exclusions:
        tag_excluded = policy.by_tag.get(exclusion.tag)
        if tag_excluded is None or not _may_say(tag_excluded, exclusion.value):
            yield f"`exclusions`: no tag {exclusion.tag} with a value {exclusion.value}"
        if unknown := set(exclusion.classifications) - policy.ranks.keys():
            yield f"`exclusions`: no classification {', '.join(sorted(unknown))}"


def _unsound_tag(policy: Policy, tag: Tag) -> Iterator[str]:
    listed = isinstance(tag.values, tuple)
    if tag.name in RESERVED:
        yield "the name is reserved for handling"
    if tag.type is CategoryType.RESTRICTIVE and not listed:
        yield "a restrictive tag lists its `values`"
    if unknown := set(tag.only_at) - policy.ranks.keys():
        yield f"`only_at`: no classification {', '.join(sorted(unknown))}"
    wanted = set(tag.values) if listed and tag.type is CategoryType.PERMISSIVE else set()
    if set(tag.held_by) != wanted:
        yield "`held_by` says who holds each listed value of a permissive tag, and nothing else"
    for holder in tag.held_by.values():
        if holder != ANYONE and not is_party_id(holder):
            yield f"`held_by`: “{holder}” is not a party id"
    for value in tag.settled:
        if not _may_say(tag, value):
            yield f"no value “{value}”"
    for others in tag.stands_with.values():
        if unknown := set(others) - (policy.by_tag.keys() - {tag.name}):
            yield f"`stands_with`: no other tag {', '.join(sorted(unknown))}"
    if tag.settled and (not tag.required or not isinstance(tag.values, tuple) or set(tag.values) - tag.settled):
        yield "`always` and `stands_with` are for a required tag, and settle each of its listed values"
    for language in policy.languages if not tag.settled else ():
        wording = tag.marking.get(language)
        if wording is None:
            yield f"`marking` lacks {language}"
        elif not listed and not wording.prefix and not wording.suffix:
            yield f"`marking.{language}`: parties need a prefix or a suffix to be told apart"
        elif not wording.separator.strip():
            yield f"`marking.{language}.separator` is blank"


def _may_say(tag: Tag, value: str) -> bool:
    return value in tag.values if isinstance(tag.values, tuple) else is_party_id(value)
