"""The slow audit of a STIX file: our check of every object, and what the OASIS validator has to add to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final

import msgspec

from diwan.desks.cyber.parse.finding import MOST, finding, plain
from diwan.desks.cyber.parse.json_bytes import Cut, Form, objects_in, read_object
from diwan.desks.cyber.parse.rules import check_object
from diwan.desks.cyber.parse.schema import conforms
from diwan.desks.cyber.parse.stix20 import is_old, upgrade
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding, Weight

Progress = Callable[[int, int], None]
"""Called with how many objects are done, and how many there are."""
SLOW: Final = 2_000
"""Objects given to the OASIS validator at most; it takes some hundred a second."""
_BYTES: Final = 256 * 1024
_PATTERN: Final = 2_000
# What it says, and the rule of ours that says it already.
_MUSTS: Final = {
    "must be later than": "time.order",
    "is not a valid timestamp": "time.calendar",
    "is not a valid selector": "marking.selector",
    "circular": "marking.circular",
    "Pattern failed to validate: FAIL: '": "hashes.form",
    "Pattern failed to validate": "pattern.syntax",
    "UUIDv4": "id.v4",
}
_SAID: Final = {
    "validator.custom_prefix": "custom",
    "validator.custom_prefix_lax": "custom",
    "validator.extensions_use": "custom",
    "validator.hash_algo": "hashes.name",
    "validator.uuid_check": "id.deterministic",
    "validator.relationship_types": "relationship.suggested",
    "validator.deprecated_properties": "observed.deprecated",
}
# Its list of languages has 232 tags, where RFC 5646 has no end of them, and its schema forgets that a language may
# stand for a marking: in both ours is the last word.
_OURS: Final = ("RFC 5646", "not a valid language", "'marking_ref' is a required property")


def audit(data: bytes, *, progress: Progress | None = None, slow: int = SLOW) -> tuple[Finding, ...]:
    """Return what a STIX file breaks, errors first, at most 200 findings, each with the line of its object.

    STIX 2.0 is checked as the 2.1 that it becomes. The OASIS validator sees the first `slow` objects that conform to
    their schemas, without the network; its findings are `validator.must` and `validator.<name of the check>`, and what
    a rule of ours has said is not said again. No bytes make it raise.
    """
    try:
        cut = objects_in(data)
    except Malformed as refused:
        return (finding("file.json", "/", plain(str(refused))),)
    kept: dict[Weight, list[Finding]] = {Weight.ERROR: [], Weight.WARNING: []}
    for found in _findings(cut, progress, slow):
        if len(kept[found.severity]) < MOST:
            kept[found.severity].append(found)
    return tuple((kept[Weight.ERROR] + kept[Weight.WARNING])[:MOST])


def _findings(cut: Cut, progress: Progress | None, slow: int) -> Iterator[Finding]:
    validate = _validator()
    version, left, old = str(cut.head.get("spec_version")), slow, 0
    seen: dict[tuple[str, str], bytes] = {}
    bare = cut.form is Form.OBJECT
    for index, (raw, line) in enumerate(zip_longest(cut.objects, cut.lines())):
        where = "" if bare else f"/objects/{index}"
        try:
            said = read_object(raw)
        except Malformed as refused:
            yield Finding("file.json", Weight.ERROR, where or "/", plain(str(refused)), line)
            continue
        was_old = is_old(said, version)
        old += was_old
        for item in upgrade(said) if was_old else [said]:
            slowly = left > 0 and _fit(raw, item)
            left -= slowly
            for found in _merged(item, where, validate if slowly else None):
                yield msgspec.structs.replace(found, line=line)
        yield from _twice(said, raw, where, line, seen)
        if progress:
            progress(index + 1, len(cut.objects))
    yield from _notes(len(cut.objects), old, slow - left, slow)


def _notes(count: int, old: int, slowly: int, slow: int) -> Iterator[Finding]:
    if old:
        yield finding("file.version", "/", f"{old} objects are STIX 2.0 and were checked as the 2.1 that they become")
    if count > slow and slowly == slow:
        yield finding("file.partly", "/", f"the OASIS validator saw {slowly} of {count} objects; ours saw all of them")


def _twice(
    said: dict[str, Any], raw: bytes, where: str, line: int, seen: dict[tuple[str, str], bytes]
) -> Iterator[Finding]:
    """Yield the warning on two objects of one identifier and one version that are not the same (section 3.6)."""
    name = (str(said.get("id")), str(said.get("modified", said.get("created"))))
    if seen.setdefault(name, raw) != raw:
        text = "the same identifier and time stand on another object of this file, which says something else"
        yield Finding("file.twice", Weight.WARNING, where or "/", text, line)


def _merged(said: dict[str, Any], where: str, validate: Callable[[dict[str, Any]], Any] | None) -> Iterator[Finding]:
    ours = check_object(said, where)
    yield from ours
    if validate:
        rules = {found.rule for found in ours} | {found.rule.partition(".")[0] for found in ours}
        for found in _theirs(said, where, validate):
            said_by = _SAID.get(found.rule) or next(
                (rule for part, rule in _MUSTS.items() if part in found.message), ""
            )
            if said_by not in rules:
                yield found


def _theirs(said: dict[str, Any], where: str, validate: Callable[[dict[str, Any]], Any]) -> Iterator[Finding]:
    path = where or "/"
    try:
        results = validate(said)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as failed:
        yield finding("validator.failed", path, f"the OASIS validator itself failed on it ({type(failed).__name__})")
        return
    for error in results.errors:
        text = _plain(str(error), said)
        if not any(part in text for part in _OURS):
            yield Finding("validator.must", Weight.ERROR, path, text)
    for warning in results.warnings:
        text = _plain(str(warning), said)
        code, _, rest = text.removeprefix("{").partition("} ")
        yield Finding(f"validator.{_names().get(code, 'should')}", Weight.WARNING, path, rest or text)


def _plain(text: str, said: dict[str, Any]) -> str:
    return plain(text.removeprefix(f"{said.get('id')}: ")[:300])


def _fit(raw: bytes, said: dict[str, Any]) -> bool:
    """Return whether the OASIS validator can take the object in bounded time: its readers backtrack."""
    kind = said.get("type")
    return (
        len(raw) <= _BYTES
        and isinstance(kind, str)
        and len(str(said.get("pattern", ""))) <= _PATTERN
        and conforms(kind, said)
    )


def _validator() -> Callable[[dict[str, Any]], Any]:
    from stix2validator import ValidationOptions, validate_instance  # noqa: PLC0415 -- slow import

    options = ValidationOptions(version="2.1", silent=True)
    return lambda said: validate_instance(said, options)


@functools.cache
def _names() -> dict[str, str]:
    from stix2validator.v21.enums import CHECK_CODES  # noqa: PLC0415 -- slow import

    return {code: name.replace("-", "_") for code, name in CHECK_CODES.items()}
