"""Markings: what STIX marking definitions, statements and policies say may be done with an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from diwan.terms.label import Handling

TLP_1: Final = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "white",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}
"""The fixed definitions of TLP 1.0 and their levels. Source: STIX 2.1, section 7.2.1.4."""
TLP_2: Final = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
"""The fixed definitions of TLP 2.0. Source: OASIS, STIX common objects, extension definition `tlp-2.0`."""
TLP_2_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
DEFINITIONS: Final = {f"TLP:{level.upper()}": ident for ident, level in TLP_2.items()}
"""The definition of TLP 2.0 for each token."""
TLP: Final = {
    ident: "TLP:CLEAR" if level == "white" else f"TLP:{level.upper()}" for ident, level in (TLP_1 | TLP_2).items()
}
"""The token of each fixed definition, of either version."""

_ORDER: Final = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
_PAPS: Final = ("PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED")
_SPELT: Final = {
    **{token.lower(): token for token in (*_ORDER, *_PAPS)},
    "tlp:white": "TLP:CLEAR",
    "pap:white": "PAP:CLEAR",
}
_ACTIONS: Final = {
    "none": "PAP:RED",
    "contact for instruction": "PAP:RED",
    "internally visible actions": "PAP:AMBER",
    "externally visible indirect actions": "PAP:GREEN",
    "externally visible direct actions": "PAP:CLEAR",
}
"""Permitted Actions of an IEP as the nearest PAP token that is not freer. Source: FIRST, IEP 2.0."""


def token(text: object) -> str | None:
    """Return the TLP or PAP token that a text is, in either version's spelling; None for any other text."""
    return _SPELT.get(text.strip().lower()) if isinstance(text, str) else None


def strictest(first: Handling, second: Handling) -> Handling:
    """Return what both allow."""
    if second == _FREE:
        return first
    return Handling(
        tlp=max((one for one in (first.tlp, second.tlp) if one), key=_ORDER.index, default=None),
        pap=max((one for one in (first.pap, second.pap) if one), key=_PAPS.index, default=None),
        pass_on=first.pass_on and second.pass_on,
    )


def handling_of(refs: Iterable[str], known: Mapping[str, Handling]) -> Handling:
    """Return what the markings with these ids say together; `known` are definitions beside the fixed ones of TLP."""
    found = _FREE
    for ref in refs:
        tlp = TLP.get(ref)
        found = strictest(found, Handling(tlp=tlp) if tlp else known.get(ref, _FREE))
    return found


def granular_refs(marks: object) -> list[str]:
    """Return the definitions that `granular_markings` name, whatever form it has."""
    found = [one.get("marking_ref") for one in marks if isinstance(one, dict)] if isinstance(marks, list) else []
    return [ref for ref in found if isinstance(ref, str)]


def apart(said: Handling, whole: Handling) -> Handling:
    """Return what is said of parts alone; nothing where the whole is marked as strictly."""
    return said if strictest(said, whole) != whole else Handling()


def said_by(definition: Mapping[str, Any]) -> Handling:
    """Return what one marking definition says: TLP of either version, PAP, an IEP, or a statement that is a token.

    It may be any JSON object: what a definition says counts before the definition itself was found good.
    """
    fixed = TLP.get(str(definition.get("id")))
    if fixed:
        return Handling(tlp=fixed)
    inner, extensions = definition.get("definition"), definition.get("extensions")
    said: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    each = extensions.values() if isinstance(extensions, dict) else ()
    extended = [one for one in each if isinstance(one, dict)]
    found = _FREE
    for kind, text in _tokens(definition, said, extended):
        found = strictest(found, Handling(tlp=text) if kind == "tlp" else Handling(pap=text))
    return found


def _tokens(
    definition: Mapping[str, Any], said: Mapping[str, Any], extended: Iterable[Mapping[str, Any]]
) -> Iterable[tuple[str, str]]:
    texts: list[object] = [definition.get("name"), said.get("statement")]
    texts += [f"tlp:{said['tlp']}"] if "tlp" in said else []
    texts += [f"pap:{said['pap']}"] if "pap" in said else []
    texts += [f"tlp:{one['tlp_2_0']}" for one in extended if "tlp_2_0" in one]
    for one in (said, *extended):
        policy = {key.lower().replace("-", "_"): value for key, value in one.items()}
        texts.append(policy.get("tlp"))
        action = policy.get("permitted_actions")
        if isinstance(action, str) and action.lower() in _ACTIONS:
            yield "pap", _ACTIONS[action.lower()]
    for text in texts:
        found = token(text)
        if found:
            yield found[:3].lower(), found


_FREE: Final = Handling()
