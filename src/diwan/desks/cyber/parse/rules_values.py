"""Rules of values: identifiers, times and their order, hashes, patterns, extensions and names of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from diwan.desks.cyber.kinds.naming import CONTRIBUTING, deterministic_id
from diwan.desks.cyber.kinds.pattern import Operator, Pattern
from diwan.desks.cyber.parse.finding import finding, quoted
from diwan.desks.cyber.parse.pattern import comparisons, parse_pattern
from diwan.desks.cyber.parse.pattern_tokens import PatternError
from diwan.desks.cyber.parse.rules_refs import Rule
from diwan.desks.cyber.parse.schema import known, properties_of
from diwan.terms.finding import Finding

_SEEN: Final = ("first_seen", "last_seen", False)
ORDERED: Final[dict[str, tuple[str, str, bool]]] = {
    **dict.fromkeys(
        ("campaign", "infrastructure", "intrusion-set", "malware", "sighting", "threat-actor"),
        _SEEN,
    ),
    "indicator": ("valid_from", "valid_until", True),
    "observed-data": ("first_observed", "last_observed", False),
    "relationship": ("start_time", "stop_time", True),
    "network-traffic": ("start", "end", False),
}
"""Which time must not come after which, and whether they must differ: STIX 2.1, sections 4, 5 and 6.12."""
TIMES: Final[dict[str, tuple[str, ...]]] = {
    "directory": ("ctime", "mtime", "atime"),
    "email-message": ("date",),
    "file": ("ctime", "mtime", "atime"),
    "language-content": ("object_modified",),
    "malware-analysis": ("submitted", "analysis_started", "analysis_ended"),
    "process": ("created_time",),
    "report": ("published",),
    "user-account": (
        "account_created",
        "account_expires",
        "credential_last_changed",
        "account_first_login",
        "account_last_login",
    ),
    "windows-registry-key": ("modified_time",),
    "x509-certificate": ("validity_not_before", "validity_not_after"),
}
"""The other times of each type."""
_LENGTHS: Final = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128}
_BARE: Final = {name.replace("-", ""): name for name in (*_LENGTHS, "SSDEEP", "TLSH")}
_HEX: Final = re.compile(r"[0-9a-fA-F]*", re.ASCII)
_CUSTOM: Final = 5


def identifier(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield what an identifier breaks: it starts with the object's own type (STIX 2.1, section 2.9)."""
    own, kind = said["id"], said.get("type")
    if isinstance(own, str) and isinstance(kind, str) and (own[-38:-36] != "--" or own[:-38] != kind):
        yield finding("id.type", f"{prefix}/id", f"starts with {quoted(own.partition('--')[0])}, not with its own type")


def random_identifier(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield an observable without a contributing property whose UUID is not random: 2.9 and 6.13, a UUIDv4 MUST be."""
    own = said["id"]
    names = CONTRIBUTING.get(str(said.get("type")), ())
    if isinstance(own, str) and own[-22:-21] != "4" and not any(name in said for name in names):
        yield finding(
            "id.v4", f"{prefix}/id", "nothing in the object makes its identifier, so its UUID is of version 4"
        )


def made_identifier(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on a UUIDv5 that the object's properties do not make (section 2.9, SHOULD)."""
    own = said["id"]
    if not isinstance(own, str) or own[-22:-21] != "5":
        return
    made = deterministic_id(said)
    if made is not None and made != own.lower():
        yield finding("id.deterministic", f"{prefix}/id", f"its properties make {quoted(made)}")


def calendar(name: str) -> Rule:
    """Return the rule that a time is in the calendar: RFC 3339, section 5.7, which section 2.15 asks for."""

    def rule(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
        value = said[name]
        # The schema lets every month have 31 days; a day up to 28 needs no calendar.
        if isinstance(value, str) and value[8:10] > "28" and not _in_calendar(value[:10]):
            yield finding("time.calendar", f"{prefix}/{name}", f"{quoted(value)} is no day of the calendar")

    return rule


def ordered(first: str, last: str, *, differ: bool, cut: int | None = None) -> Rule:
    """Return the rule that one time does not come after another; with `differ`, nor at the same moment.

    `cut` is after how many characters times are no longer compared.
    """
    text = f"is not later than {first}" if differ else f"is earlier than {first}"

    def rule(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
        before, after = said.get(first), said[last]
        # To the second, texts sort as times do; what comes after it may be cut shorter.
        if not (isinstance(before, str) and isinstance(after, str)) or before[:19] < after[:19]:
            return
        from_, to = _moment(before[:cut]), _moment(after[:cut])
        if from_ > to or (differ and from_ == to):
            yield finding("time.order", f"{prefix}/{last}", text)

    return rule


def hashes(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on hashes under another name than the vocabulary's (2.7 and 10.6: `SHA-256`, not `sha256`)."""
    given = said["hashes"]
    for name in given if isinstance(given, dict) else ():
        usual = _BARE.get(name.upper().replace("-", "").replace("_", ""))
        if usual and usual != name:
            yield finding("hashes.name", f"{prefix}/hashes", f"{quoted(name)} is called {usual} in the vocabulary")


def pattern(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield what the pattern of an indicator breaks: STIX 2.1, sections 4.7 and 9; other languages are not read."""
    read = _pattern(said)
    if isinstance(read, PatternError):
        yield finding("pattern.syntax", f"{prefix}/pattern", f"column {read.column}: {read.why}")


def pattern_hashes(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on a pattern that asks for a hash of a form that no hash of that name has."""
    read = _pattern(said)
    for comparison, _ in comparisons(read) if isinstance(read, Pattern) else ():
        name = comparison.path.steps[-1]
        if comparison.operator is Operator.EQUAL and "hashes" in comparison.path.steps and isinstance(name, str):
            yield from _never_matches(name, comparison.values[0], f"{prefix}/pattern")


def extensions(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on an extension that makes a new type of a type that the standard defines (section 7.3)."""
    given, kind = said["extensions"], str(said.get("type"))
    for name, extension in given.items() if isinstance(given, dict) else ():
        sort = extension.get("extension_type") if isinstance(extension, dict) else None
        if isinstance(sort, str) and sort.startswith("new-") and known(kind):
            text = f"is of the sort {quoted(sort)}, but the standard defines {quoted(kind)}"
            yield finding("extension.kind", f"{prefix}/extensions/{name}", text)


def customs(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on a type or properties of somebody's own without an extension (11.1 and 11.3, SHOULD)."""
    kind, given = str(said.get("type")), said.get("extensions")
    sorts = (
        [extension.get("extension_type") for extension in given.values() if isinstance(extension, dict)]
        if (isinstance(given, dict))
        else []
    )
    if not known(kind):
        if not any(str(sort).startswith("new-") for sort in sorts):
            yield finding(
                "custom.object", f"{prefix}/type", f"{quoted(kind)} is a type of somebody's own, without extension"
            )
        return
    own = said.keys() - properties_of(kind)
    if own and "toplevel-property-extension" not in sorts:
        names = ", ".join(quoted(name, 40) for name in sorted(own)[:_CUSTOM])
        yield finding("custom.properties", prefix or "/", f"has {len(own)} properties of somebody's own: {names}")


def deprecated(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on observed data that hold their observables inside: deprecated since 2.1, section 4.14."""
    if "objects" in said:
        yield finding(
            "observed.deprecated", f"{prefix}/objects", "observables stand beside observed data since STIX 2.1"
        )


def versioned(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on a marking definition with the properties of versions, which it has not (7.2.1)."""
    for name in ("modified", "revoked"):
        if name in said:
            yield finding("marking.versioned", f"{prefix}/{name}", "a marking definition has no versions")


def creator(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield an extension definition that names no creator: required by section 7.3."""
    if "created_by_ref" not in said:
        yield finding("schema.required", f"{prefix}/created_by_ref", "is missing")


def _pattern(said: Mapping[str, Any]) -> Pattern | PatternError | None:
    text = said["pattern"]
    if said.get("pattern_type") != "stix" or not isinstance(text, str):
        return None
    try:
        return parse_pattern(text)
    except PatternError as refused:
        return refused


def _never_matches(name: str, value: object, path: str) -> Iterator[Finding]:
    length = _LENGTHS.get(_BARE.get(name.upper().replace("-", ""), ""))
    if length and not (isinstance(value, str) and len(value) == length and _HEX.fullmatch(value)):
        yield finding("hashes.form", path, f"{quoted(value)} is no {name}, so nothing will ever match")


def _in_calendar(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _moment(time: str) -> str:
    """Return a UTC time so that texts sort as times do: without the final letter, and without needless zeros."""
    text = time.removesuffix("Z")
    return text.rstrip("0").rstrip(".") if "." in text else text
