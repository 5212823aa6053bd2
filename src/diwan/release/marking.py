"""The marking: a label as people read and type it, in the languages its policy file defines and no other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from diwan.release.clauses import Tag, Wording
from diwan.release.codes import party_id
from diwan.release.policy import Policy
from diwan.terms.errors import Malformed
from diwan.terms.label import Category, Handling, Label

BETWEEN: Final = " // "
"""Stands between the parts of a marking: classification, TLP, PAP, one per tag, and that it is not to be passed on."""

_DIRECTION_MARKS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def marking(label: Label, policy: Policy, language: str = "en") -> str:
    """Return what a reader sees at the head of an item: `NATO UNCLASSIFIED // TLP:AMBER // Releasable to ICI, NATO`.

    In the policy's first language where it does not define `language`. TLP and PAP tokens stay as they are
    (FIRST, TLP 2.0). Review date and succession are not part of a marking.

    Raises:
        Malformed: the label is not legal under the policy, so nothing true could be printed.
    """
    if faults := policy.faults(label):
        raise Malformed(f"The label is not legal and has no marking: {' '.join(faults)}")
    spoken = language if language in policy.languages else policy.languages[0]
    level = next(level for level in policy.levels if level.name == label.classification)
    said = {category.tag: category.values for category in label.categories}
    parts = [
        level.marking[spoken],
        label.handling.tlp or "",
        label.handling.pap or "",
        *(_print(tag.marking[spoken], said[tag.name]) for tag in policy.tags if tag.name in said and not tag.settled),
        "" if label.handling.pass_on else policy.kept[spoken],
    ]
    return BETWEEN.join(part for part in parts if part)


def parse_marking(text: str, policies: Sequence[Policy]) -> Label:
    """Return the label that a typed marking means under the one policy, of those given, that understands it.

    Spaces and case of words do not matter, nor the order of parts; party ids are upper case. Older country codes are
    resolved. Every marking that `marking` prints gives its label back, without review date and succession.

    Raises:
        Malformed: a word is not understood, the marking means several things, or what it means is not legal.
    """
    parts = [_tidy(part) for part in text.split(BETWEEN.strip())]
    meant: set[Label] = set()
    stuck: list[_Stuck] = []
    for policy in policies:
        for language in policy.languages:
            try:
                meant.add(_understand(parts, policy, language))
            except _Stuck as reason:
                stuck.append(reason)
    if len(meant) > 1:
        raise Malformed(f"Marking “{text}”: it means different things under different policies. Nothing was labelled.")
    if meant:
        return meant.pop()
    nearest = max(stuck, key=lambda reason: reason.understood, default=_Stuck(0, "no policy is installed"))
    raise Malformed(f"Marking “{text}”: {nearest}. Nothing was labelled.")


class _Stuck(Exception):
    """One policy in one language did not understand a marking; the furthest one is what the typist meant."""

    def __init__(self, understood: int, reason: str) -> None:
        super().__init__(reason)
        self.understood = understood


class _Said(msgspec.Struct, frozen=True):
    """What one part of a marking means: a slot of the label, with a value or several."""

    slot: Literal["classification", "tlp", "pap", "kept", "tag"]
    name: str
    values: tuple[str, ...] = ()


def _print(wording: Wording, values: tuple[str, ...]) -> str:
    printed = (wording.values.get(value, value) for value in values)
    return f"{wording.prefix}{wording.separator.join(printed)}{wording.suffix}"


def _tidy(text: str) -> str:
    return " ".join(_DIRECTION_MARKS.sub("", unicodedata.normalize("NFC", text)).split())


def _same(one: str, other: str) -> bool:
    return one.casefold() == _tidy(other).casefold()


def _understand(parts: list[str], policy: Policy, language: str) -> Label:
    said: list[_Said] = []
    for part in parts:
        meanings = list(_meanings(part, policy, language))
        if not meanings:
            raise _Stuck(len(said), f"“{_puzzling(part, policy, language)}” is not understood")
        if len(meanings) > 1:
            raise _Stuck(len(said), f"“{part}” means more than one thing in {policy.id}")
        said.append(meanings[0])
    slots = [(meaning.slot, meaning.name if meaning.slot == "tag" else "") for meaning in said]
    if twice := next((part for part, slot in zip(parts, slots, strict=True) if slots.count(slot) > 1), None):
        raise _Stuck(len(said), f"“{twice}” and another part say the same thing twice")
    label = _assemble(said, policy, language)
    if faults := policy.faults(label):
        raise _Stuck(len(said), f"not legal under {policy.id}: {' '.join(faults).rstrip('.')}")
    return label


def _assemble(said: list[_Said], policy: Policy, language: str) -> Label:
    named = {meaning.slot: meaning.name for meaning in said}
    unmarked = next((level.name for level in policy.levels if not level.marking[language]), None)
    classification = named.get("classification", unmarked)
    if classification is None:
        raise _Stuck(len(said) - 1, f"no classification of {policy.id} is named")
    tags = {meaning.name: meaning.values for meaning in said if meaning.slot == "tag"}
    for tag in policy.tags:
        if tag.settled:
            with_others = (value for value, others in tag.stands_with.items() if not tags.keys().isdisjoint(others))
            tags[tag.name] = (*tag.always, *with_others)
    return Label(
        policy.id,
        classification,
        tuple(Category(name, policy.by_tag[name].type, values) for name, values in tags.items()),
        Handling(named.get("tlp"), named.get("pap"), "kept" not in named),
    )


def _meanings(part: str, policy: Policy, language: str) -> Iterator[_Said]:
    if not part:
        return
    for level in policy.levels:
        if _same(part, level.marking[language]):
            yield _Said("classification", level.name)
    # Tokens come from the policy, so that one it does not allow is named as not understood.
    yield from (_Said("tlp", token) for token in policy.tlp.tokens if _same(part, token))
    yield from (_Said("pap", token) for token in policy.pap.tokens if _same(part, token))
    if _same(part, policy.kept[language]):
        yield _Said("kept", "")
    for tag in policy.tags:
        if not tag.settled:
            words = _words(part, tag.marking[language])
            values = [_value(word, tag, tag.marking[language]) for word in words]
            if values and None not in values:
                yield _Said("tag", tag.name, tuple(value for value in values if value is not None))


def _words(part: str, wording: Wording) -> list[str]:
    prefix, suffix = re.escape(wording.prefix), re.escape(wording.suffix)
    framed = re.fullmatch(f"{prefix}(.+){suffix}", part, re.IGNORECASE)
    return [word.strip() for word in framed[1].split(wording.separator.strip())] if framed else []


def _value(word: str, tag: Tag, wording: Wording) -> str | None:
    if isinstance(tag.values, tuple):
        return next((value for value in tag.values if _same(word, wording.values.get(value, value))), None)
    try:
        return party_id(word)
    except Malformed:
        return None


def _puzzling(part: str, policy: Policy, language: str) -> str:
    """Name the first word of a part that is framed like one of the policy's tags, or else the whole part."""
    for tag in policy.tags:
        wording = tag.marking.get(language, Wording())
        if wording.prefix or wording.suffix:
            for word in _words(part, wording):
                if _value(word, tag, wording) is None:
                    return word
    return part
