"""Rules of markings and languages: what a marking may say, and what a selector selects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from diwan.desks.cyber.kinds.markings import TLP_1, TLP_2, TLP_2_EXTENSION
from diwan.desks.cyber.parse.finding import finding, plain, quoted
from diwan.terms.finding import Finding

_CREATED_1: Final = "2017-01-20T00:00:00.000Z"
_CREATED_2: Final = "2022-10-01T00:00:00.000Z"
_INDEX: Final = re.compile(r"\[([0-9]{1,9})\]")
_LANGUAGE: Final = re.compile(
    r"""(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?
        (?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?
      | x(?:-[a-z0-9]{1,8})+ | i-[a-z]{3,8} | en-gb-oed | sgn-[a-z]{2}-[a-z]{2}""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PROPERTY: Final = re.compile(r"[a-z0-9_]{3,250}", re.ASCII)


def language(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield what `lang` breaks: a language tag by RFC 5646 (STIX 2.1, section 3.2)."""
    tag = said["lang"]
    if isinstance(tag, str) and not _LANGUAGE.fullmatch(tag):
        yield finding("lang.form", f"{prefix}/lang", f"{quoted(tag)} is no language tag by RFC 5646")


def contents(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield what the contents of a language content object break: STIX 2.1, section 7.1.1."""
    translated = said["contents"]
    if not isinstance(translated, dict):
        return
    for tag, texts in translated.items():
        path = f"{prefix}/contents/{plain(tag)[:80]}"
        if not _LANGUAGE.fullmatch(tag):
            yield finding("contents.lang", path, f"{quoted(tag)} is no language tag by RFC 5646")
        if not isinstance(texts, dict):
            yield finding("contents.property", path, "does not say which properties are translated")
            continue
        for name in texts:
            if not _PROPERTY.fullmatch(name):
                yield finding("contents.property", path, f"{quoted(name)} is no property name")


def granular(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield what granular markings break: STIX 2.1, section 7.2.3: a marking or a language, on what is there."""
    marks = said["granular_markings"]
    for index, mark in enumerate(marks if isinstance(marks, list) else ()):
        if not isinstance(mark, dict):
            continue
        path = f"{prefix}/granular_markings/{index}"
        if ("marking_ref" in mark) == ("lang" in mark):
            yield finding("marking.one_of", path, "has one of marking_ref and lang, not both and not neither")
        if "lang" in mark:
            yield from language(mark, path)
        yield from _selectors(said, mark.get("selectors"), path)


def circular(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield a marking definition that marks itself: STIX 2.1, section 7.2.1."""
    own = said.get("id")
    refs = said.get("object_marking_refs")
    marks = said.get("granular_markings")
    for name, found in (
        ("object_marking_refs", own in refs if isinstance(refs, list) else False),
        (
            "granular_markings",
            any(isinstance(mark, dict) and mark.get("marking_ref") == own for mark in marks)
            if isinstance(marks, list)
            else False,
        ),
    ):
        if found:
            yield finding("marking.circular", f"{prefix}/{name}", "a marking definition does not mark itself")


def tlp(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield a TLP marking that is not one of the fixed ones: STIX 2.1, section 7.2.1.4, and the TLP 2.0 extension."""
    own = said.get("id")
    level_1, level_2 = TLP_1.get(str(own)), TLP_2.get(str(own))
    definition, extensions = said.get("definition"), said.get("extensions")
    extended = extensions.get(TLP_2_EXTENSION) if isinstance(extensions, dict) else None
    if level_1:
        yield from _altered(said, prefix, level_1, definition, "tlp", _CREATED_1)
    elif level_2:
        yield from _altered(said, prefix, level_2, extended, "tlp_2_0", _CREATED_2)
    elif said.get("definition_type") == "tlp" or extended is not None:
        yield finding(
            "tlp.copy", f"{prefix}/id", f"{quoted(own)} is none of the fixed TLP markings, and says that it is"
        )


def _altered(
    said: Mapping[str, Any], prefix: str, level: str, holder: object, name: str, created: str
) -> Iterator[Finding]:
    says = holder.get(name) if isinstance(holder, dict) else None
    title = f"TLP:{level.upper()}"
    if says != level:
        yield finding("tlp.altered", prefix or "/", f"is the fixed {title} and says {quoted(says)}")
    elif said.get("created") != created or said.get("name", title) != title:
        yield finding("tlp.altered", prefix or "/", f"is the fixed {title} and has another name or time")


def _selectors(said: Mapping[str, Any], selectors: object, path: str) -> Iterator[Finding]:
    for index, selector in enumerate(selectors if isinstance(selectors, list) else ()):
        if isinstance(selector, str) and not _selects(said, selector):
            text = f"{quoted(selector)} selects nothing that the object has"
            yield finding("marking.selector", f"{path}/selectors/{index}", text)


def _selects(said: object, selector: str) -> bool:
    for step in selector.split("."):
        index = _INDEX.fullmatch(step)
        if isinstance(said, dict) and not index and step in said:
            said = said[step]
        elif isinstance(said, list) and index and int(index[1]) < len(said):
            said = said[int(index[1])]
        else:
            return False
    return True
