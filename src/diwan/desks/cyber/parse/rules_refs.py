"""Rules of references: which types an object may point at, and which relationships the standard names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from diwan.desks.cyber.kinds.naming import CONTRIBUTING
from diwan.desks.cyber.parse.finding import finding, quoted
from diwan.terms.finding import Finding

Rule = Callable[[Mapping[str, Any], str], Iterator[Finding]]
"""A rule takes an object and its place, and yields what the object breaks."""
SDOS: Final = frozenset(
    """attack-pattern campaign course-of-action grouping identity incident indicator infrastructure intrusion-set
    location malware malware-analysis note observed-data opinion report threat-actor tool vulnerability""".split()  # noqa: SIM905 -- a table to read
)
"""The domain objects of STIX 2.1, section 4."""
SROS: Final = frozenset(("relationship", "sighting"))
META: Final = frozenset(("marking-definition", "language-content", "extension-definition", "bundle"))
SCOS: Final = frozenset(CONTRIBUTING)
"""The cyber observables of STIX 2.1, section 6."""
_ADDRESSES: Final = ("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name")
_TARGETS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "directory": {"contains_refs": ("file", "directory")},
    "domain-name": {"resolves_to_refs": ("ipv4-addr", "ipv6-addr", "domain-name")},
    "email-addr": {"belongs_to_ref": ("user-account",)},
    "email-message": {
        **dict.fromkeys(("from_ref", "sender_ref", "to_refs", "cc_refs", "bcc_refs"), ("email-addr",)),
        "raw_email_ref": ("artifact",),
    },
    "file": {"content_ref": ("artifact",), "parent_directory_ref": ("directory",)},
    "ipv4-addr": {"resolves_to_refs": ("mac-addr",), "belongs_to_refs": ("autonomous-system",)},
    "ipv6-addr": {"resolves_to_refs": ("mac-addr",), "belongs_to_refs": ("autonomous-system",)},
    "malware": {"sample_refs": ("file", "artifact"), "operating_system_refs": ("software",)},
    "malware-analysis": {
        **dict.fromkeys(("host_vm_ref", "operating_system_ref", "installed_software_refs"), ("software",)),
        "sample_ref": ("file", "artifact", "network-traffic"),
    },
    "network-traffic": {
        **dict.fromkeys(("src_ref", "dst_ref"), _ADDRESSES),
        **dict.fromkeys(("src_payload_ref", "dst_payload_ref"), ("artifact",)),
        **dict.fromkeys(("encapsulates_refs", "encapsulated_by_ref"), ("network-traffic",)),
    },
    "process": {
        "opened_connection_refs": ("network-traffic",),
        "creator_user_ref": ("user-account",),
        "image_ref": ("file",),
        **dict.fromkeys(("parent_ref", "child_refs"), ("process",)),
    },
    "sighting": {"observed_data_refs": ("observed-data",), "where_sighted_refs": ("identity", "location")},
    "windows-registry-key": {"creator_user_ref": ("user-account",)},
}
_COMMON: Final = {"created_by_ref": ("identity",), "object_marking_refs": ("marking-definition",)}
_EVERY: Final = """related-to derived-from duplicate-of"""
_RELATIONSHIPS: Final = """
attack-pattern delivers malware | attack-pattern targets identity location vulnerability
attack-pattern uses malware tool | campaign attributed-to intrusion-set threat-actor
campaign compromises infrastructure | campaign originates-from location
campaign targets identity location vulnerability | campaign uses attack-pattern infrastructure malware tool
course-of-action investigates indicator
course-of-action mitigates attack-pattern indicator malware tool vulnerability
course-of-action remediates malware vulnerability | identity located-at location
indicator indicates attack-pattern campaign infrastructure intrusion-set malware threat-actor tool
indicator based-on observed-data | infrastructure communicates-with infrastructure ipv4-addr ipv6-addr domain-name url
infrastructure consists-of infrastructure observed-data SCO | infrastructure controls infrastructure malware
infrastructure delivers malware | infrastructure has vulnerability | infrastructure hosts tool malware
infrastructure located-at location | infrastructure uses infrastructure
intrusion-set attributed-to threat-actor | intrusion-set compromises infrastructure
intrusion-set hosts infrastructure | intrusion-set owns infrastructure | intrusion-set originates-from location
intrusion-set targets identity location vulnerability | intrusion-set uses attack-pattern infrastructure malware tool
malware authored-by threat-actor intrusion-set | malware beacons-to infrastructure
malware exfiltrates-to infrastructure | malware communicates-with ipv4-addr ipv6-addr domain-name url
malware controls malware | malware downloads malware tool file | malware drops malware tool file
malware exploits vulnerability | malware originates-from location
malware targets identity infrastructure location vulnerability
malware uses attack-pattern infrastructure malware tool | malware variant-of malware
malware-analysis characterizes malware | malware-analysis analysis-of malware
malware-analysis static-analysis-of malware | malware-analysis dynamic-analysis-of malware
threat-actor attributed-to identity | threat-actor compromises infrastructure | threat-actor hosts infrastructure
threat-actor owns infrastructure | threat-actor impersonates identity | threat-actor located-at location
threat-actor targets identity location vulnerability | threat-actor uses attack-pattern infrastructure malware tool
tool delivers malware | tool drops malware | tool has vulnerability | tool uses infrastructure
tool targets identity infrastructure location vulnerability
domain-name resolves-to domain-name ipv4-addr ipv6-addr | ipv4-addr resolves-to mac-addr
ipv4-addr belongs-to autonomous-system | ipv6-addr resolves-to mac-addr | ipv6-addr belongs-to autonomous-system
"""


def reference_rules(kind: str) -> dict[str, Rule]:
    """Return the rules on references of a type, by the property that each looks at.

    STIX 2.1: 3.2 (created_by_ref, object_marking_refs), 4.11 and 4.12 (samples, software), 4.14 (object_refs of
    observed data), 5.2 (what is sighted, and where), 6.1 to 6.18 (each observable).
    """
    rules = {name: _only(name, allowed) for name, allowed in {**_COMMON, **_TARGETS.get(kind, {})}.items()}
    if kind == "sighting":
        rules["sighting_of_ref"] = _never("sighting_of_ref", SCOS | SROS | META, "a domain object")
    if kind == "file":
        rules["contains_refs"] = _never("contains_refs", SDOS | SROS | META, "an observable")
    if kind == "malware-analysis":
        rules["analysis_sco_refs"] = _never("analysis_sco_refs", SDOS | SROS | META, "an observable")
    if kind == "observed-data":
        rules["object_refs"] = _something_seen
    return rules


def suggested(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Yield the warning on a relationship that the tables of section 4 and appendix B do not suggest (5.1, SHOULD)."""
    source, name, target = (said.get(key) for key in ("source_ref", "relationship_type", "target_ref"))
    if not (isinstance(source, str) and isinstance(name, str) and isinstance(target, str)):
        return
    triple = (_kind(source), name, _kind(target))
    if triple not in _SUGGESTED and name not in _EVERY and {triple[0], triple[2]} <= SDOS | SCOS:
        text = f"no relationship {quoted(name)} from {quoted(triple[0])} to {quoted(triple[2])} is suggested"
        yield finding("relationship.suggested", f"{prefix}/relationship_type", text)


def references(value: object) -> Iterator[tuple[str, str]]:
    """Yield every reference in the value of a `…_ref` or `…_refs` property, and the end of its path."""
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, list):
        for index, ref in enumerate(value):
            if isinstance(ref, str):
                yield f"/{index}", ref


def _only(name: str, allowed: tuple[str, ...]) -> Rule:
    starts = tuple(f"{kind}--" for kind in allowed)
    text = "refers to " + " or ".join(allowed) + " alone"

    def rule(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
        for end, ref in references(said[name]):
            if not ref.startswith(starts):
                yield finding("ref.type", f"{prefix}/{name}{end}", f"{text}, not to {quoted(_kind(ref))}")

    return rule


def _never(name: str, forbidden: frozenset[str], wanted: str) -> Rule:
    def rule(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
        for end, ref in references(said[name]):
            if _kind(ref) in forbidden:
                yield finding("ref.type", f"{prefix}/{name}{end}", f"refers to {wanted}, not to {quoted(_kind(ref))}")

    return rule


def _something_seen(said: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    kinds = {_kind(ref) for _, ref in references(said["object_refs"])}
    if kinds and kinds <= SDOS | SROS | META:
        yield finding("ref.type", f"{prefix}/object_refs", "refers to no observable, so nothing was observed")


def _kind(ref: str) -> str:
    return ref.partition("--")[0]


def _triples() -> Iterator[tuple[str, str, str]]:
    for line in _RELATIONSHIPS.replace("|", "\n").strip().split("\n"):
        source, name, *targets = line.split()
        for target in targets:
            for kind in SCOS if target == "SCO" else (target,):
                yield source, name, kind


_SUGGESTED: Final = frozenset(_triples())
