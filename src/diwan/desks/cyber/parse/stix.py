"""One STIX object's bytes become a draft: everything but the bytes is derived, so every node derives the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.markings import apart, granular_refs, handling_of, said_by
from diwan.desks.cyber.kinds.observable import Observable, of_sco
from diwan.desks.cyber.kinds.stix import MEDIA_TYPE, Brief, alias, instant_of, kind_of, sortable
from diwan.desks.cyber.parse.json_bytes import read_object
from diwan.desks.cyber.parse.observed import of_pattern
from diwan.desks.cyber.parse.rules import faults
from diwan.terms.errors import Malformed
from diwan.terms.finding import Finding
from diwan.terms.item import Draft, Link, Part, Version
from diwan.terms.label import Handling

NAME: Final = "object.json"
ORIGINAL: Final = "original.json"
"""The second part of an object that came as STIX 2.0."""
LIMIT: Final = 1024 * 1024
"""Bytes of one object at most."""
VALUES: Final = 500
"""Facets, values and links kept of one object each; the bytes keep the rest."""
_TITLE: Final = 200
_PATTERN: Final = 500
_JOINERS: Final = "\u200c\u200d"
"""They join letters or keep them apart, and turn nothing."""

_encode: Final = msgspec.json.Encoder().encode
_canonical: Final = msgspec.json.Encoder(order="sorted").encode
_FACETS: Final = (
    "indicator_types", "malware_types", "threat_actor_types", "tool_types", "report_types", "infrastructure_types",
    "sectors", "labels", "pattern_type", "relationship_type", "identity_class", "opinion", "context", "region",
    "country", "x_mitre_domains",
)  # fmt: skip
_SPOKEN: Final = ("name", "description", "abstract", "content", "explanation", "objective", "summary")
_NAMED: Final = ("name", "value", "abstract", "subject", "display_name", "account_login", "key", "path", "pattern")


class Nonconforming(Malformed):
    """The object breaks rules of the standard; `findings` says which."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Tell the first few in the text."""
        super().__init__(f"STIX: {'; '.join(map(str, findings[:5]))}. Not registered.")
        self.findings = tuple(findings)


def parse(
    data: bytes, names: Mapping[str, str], known: Mapping[str, Handling] | None = None, *, detailed: bool = True
) -> Draft:
    """Return the draft of one STIX 2.1 object, with the bytes as they came as its only part.

    `known` are marking definitions beside those of TLP, by id, and what they say.  Unless `detailed`, of an object
    that breaks its schema only that is said, and not where.

    Raises:
        Malformed: not one STIX 2.1 object; the text names the rules that say so.
    """
    if len(data) > LIMIT:
        raise Malformed(f"STIX: an object of more than {LIMIT} bytes. Nothing was entered.")
    said = read_object(data)
    if said.get("type") == "bundle":
        raise Malformed("STIX: a bundle holds many objects; import it, or push it over TAXII. Nothing was entered.")
    if found := faults(said, detailed=detailed):
        raise Nonconforming(found)
    return derive(said, (Part(NAME, MEDIA_TYPE, data),), known or {})


def parse_upgraded(said: Mapping[str, Any], original: bytes, known: Mapping[str, Handling]) -> Draft:
    """Return the draft of an object that was made 2.1 of STIX 2.0, with the original bytes as its second part.

    Raises:
        Nonconforming: what came of it breaks rules of STIX 2.1.
    """
    if found := faults(said):
        raise Nonconforming(found)
    parts = (Part(NAME, MEDIA_TYPE, _encode(said)), Part(ORIGINAL, MEDIA_TYPE, original))
    return derive(said, parts, known)


def derive(said: Mapping[str, Any], parts: tuple[Part, ...], known: Mapping[str, Handling]) -> Draft:
    """Return the draft of an object that was read and found good."""
    own = said_by(said) if said["type"] == "marking-definition" else None
    handling = handling_of(said.get("object_marking_refs", ()), known)
    seen = tuple(dict.fromkeys((*of_sco(said), *of_pattern(said))))[:VALUES]
    brief = _brief(said, own or handling, seen, original=len(parts) > 1)
    return Draft(
        kind=kind_of(said["type"]),
        title=_title(said),
        parts=parts,
        text=tuple(_text(said)),
        facets=tuple(islice(_facets(said, brief), VALUES)),
        values=(*(one.key for one in seen), *([f"attack:{brief.technique}"] if brief.technique else ())),
        aliases=(alias(said["id"]),),
        version=version_of(said),
        links=tuple(islice(_links(said), VALUES)),
        author=said.get("created_by_ref"),
        handling=handling,
        within=apart(handling_of(granular_refs(said.get("granular_markings")), known), handling),
        brief=_encode(brief),
    )


def version_of(said: Mapping[str, Any]) -> Version:
    """Return which version an object is: `modified`, or `created` where it keeps none (TAXII 2.1, section 3.4.1)."""
    written = said.get("modified") or said.get("created") or ""
    content = blake2b(_canonical(said), digest_size=12).digest()
    return Version(sortable(written) or "", written, content)


def refs_in(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (property, id) of every reference that an object makes, in it or in what it embeds."""
    for key, value in said.items():
        if isinstance(value, str):
            if key.endswith("_ref"):
                yield key[:-4], value
        elif isinstance(value, list):
            if key.endswith("_refs"):
                relation = key[:-5]
                for one in value:
                    if isinstance(one, str):
                        yield relation, one
        elif isinstance(value, dict) and value:
            yield from refs_in(value)


def _links(said: Mapping[str, Any]) -> Iterator[Link]:
    for relation, ident in dict.fromkeys(refs_in(said)):
        if "--" in ident:
            yield Link(relation, alias(ident))


def _title(said: Mapping[str, Any]) -> str:
    if said["type"] == "relationship":
        return f"{_kind(said['source_ref'])} {said['relationship_type']} {_kind(said['target_ref'])}"
    if said["type"] == "sighting":
        return f"sighting of {_kind(said['sighting_of_ref'])}"
    for key in _NAMED:
        text = said.get(key)
        if isinstance(text, str) and text.strip():
            return _line(text)
    for value in dict(said.get("hashes") or {}).values():
        return _line(str(value))
    if isinstance(said.get("number"), int):
        return f"AS{said['number']}"
    return str(said["id"])


def _line(text: str) -> str:
    # What a file or a pattern holds that turns the reading direction is evidence: kept in the bytes, and not in a list.
    spaced = " ".join(text[: 4 * _TITLE].split())[:_TITLE]
    if spaced.isprintable():
        return spaced
    return "".join(c if c.isprintable() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in spaced)


def _kind(ident: str) -> str:
    return ident.partition("--")[0]


def _text(said: Mapping[str, Any]) -> Iterator[str]:
    for key in _SPOKEN:
        text = said.get(key)
        if isinstance(text, str):
            yield text
    for key in ("aliases", "x_mitre_aliases", "labels"):
        value = said.get(key)
        if isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
    yield from _external(said)


def _external(said: Mapping[str, Any]) -> Iterator[str]:
    for reference in said.get("external_references", ()):
        if isinstance(reference, dict) and isinstance(reference.get("external_id"), str):
            yield reference["external_id"]


def _facets(said: Mapping[str, Any], brief: Brief) -> Iterator[tuple[str, str]]:
    yield "type", said["type"]
    if brief.tlp:
        yield "tlp", brief.tlp
    if brief.revoked:
        yield "revoked", "true"
    for key in _FACETS:
        if key in said:
            value = said[key]
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, str):
                    yield key, one
    yield from (("tactic", tactic) for tactic in brief.tactics)


def _brief(said: Mapping[str, Any], handling: Handling, seen: Iterable[Observable], *, original: bool) -> Brief:
    kind = said["type"]
    return Brief(
        id=said["id"],
        type=kind,
        name=_title(said),
        version=said.get("modified") or said.get("created") or "",
        revoked=said.get("revoked") is True or said.get("x_mitre_deprecated") is True,
        confidence=said.get("confidence"),
        tlp=handling.tlp,
        pap=handling.pap,
        relation=said.get("relationship_type", "") if kind == "relationship" else "",
        source=said.get("source_ref", "") if kind == "relationship" else "",
        target=said.get("target_ref" if kind == "relationship" else "sighting_of_ref", "") or "",
        pattern=str(said.get("pattern", ""))[:_PATTERN] if kind == "indicator" else "",
        valid_from=_instant(said, "valid_from"),
        valid_until=_instant(said, "valid_until"),
        seen=said.get("count", 1) if kind == "sighting" else None,
        opinion=said.get("opinion", "") if kind == "opinion" else "",
        tactics=_tactics(said) if kind == "attack-pattern" else (),
        technique=_technique(said) if kind == "attack-pattern" else "",
        values=tuple(one.key for one in islice(seen, 50)),
        original=original,
    )


def _instant(said: Mapping[str, Any], key: str) -> int | None:
    value = said.get(key)
    return instant_of(value) if isinstance(value, str) else None


def _tactics(said: Mapping[str, Any]) -> tuple[str, ...]:
    phases = (one for one in said.get("kill_chain_phases", ()) if isinstance(one, dict))
    return tuple(dict.fromkeys(str(one.get("phase_name", "")) for one in phases))


def _technique(said: Mapping[str, Any]) -> str:
    for reference in said.get("external_references", ()):
        if isinstance(reference, dict) and str(reference.get("source_name", "")).startswith("mitre-"):
            return str(reference.get("external_id", ""))
    return ""
