"""STIX 2.0 made 2.1: the same objects under the same identifiers, with what the newer version asks for."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from diwan.desks.cyber.kinds.markings import TLP_1
from diwan.desks.cyber.kinds.naming import CONTRIBUTING, deterministic_id
from diwan.desks.cyber.parse.pattern_tokens import PatternError, tokens_of

_TYPES: Final = {
    "indicator": "indicator_types",
    "malware": "malware_types",
    "report": "report_types",
    "threat-actor": "threat_actor_types",
    "tool": "tool_types",
}
_FILE_TIMES: Final = {"created": "ctime", "modified": "mtime", "accessed": "atime"}
_RENAMED: Final = {
    "directory": _FILE_TIMES,
    "file": _FILE_TIMES,
    "process": {"created": "created_time", "binary_ref": "image_ref"},
    "user-account": {"password_last_changed": "credential_last_changed"},
    "windows-registry-key": {"modified": "modified_time"},
}
# References that make one another's identifiers; real ones are two deep, an archive in an archive in a directory.
_DEEPEST: Final = 4


def is_old(said: Mapping[str, Any], bundle: str | None = None) -> bool:
    """Return whether an object is STIX 2.0: it says so, or says nothing, and `bundle`, if any, does not say 2.1.

    STIX 2.1, section 3.2: without `spec_version` an object is 2.0, unless it is an observable, which 2.0 has not.
    """
    version = said.get("spec_version", bundle if bundle == "2.0" else None)
    if version is not None:
        return bool(version == "2.0")
    return "created" in said or said.get("type") == "marking-definition"


def upgrade(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the object as STIX 2.1, first, and after it the observables that it held, if it is observed data.

    Identifier, times and creator stay. What 2.0 called `labels` of an indicator, malware, report, threat actor or tool
    is its `…_types`; a selector follows. Observables get identifiers by their content and the markings of what held
    them. What 2.1 has no name for (a process's `name`) stays as a property of its own. Of bytes nothing is kept here.

    Source: STIX 2.1, sections 3.2, 4.7, 4.11, 4.14, 6 and 7.2.1, against STIX 2.0, parts 1, 2 and 4.
    """
    kind = said["type"] if isinstance(said.get("type"), str) else ""
    new = {"type": said.get("type"), "spec_version": "2.1"} | {
        key: value for key, value in said.items() if key != "spec_version"
    }
    if kind in _TYPES and isinstance(said.get("labels"), list):
        _move_labels(new, _TYPES[kind])
    if kind == "indicator":
        new |= {"pattern_type": "stix", "pattern": _pattern(said.get("pattern"))}
    elif kind == "malware":
        # 2.0 knows malware by name alone; MITRE says true of the very objects that it had published before.
        new.setdefault("is_family", True)
    elif kind == "marking-definition" and (level := TLP_1.get(str(said.get("id")))):
        new["name"] = f"TLP:{level.upper()}"
    elif kind == "observed-data" and isinstance(said.get("objects"), dict):
        return _observed(new)
    return [new]


def _move_labels(new: dict[str, Any], name: str) -> None:
    new.setdefault(name, new.pop("labels"))
    if isinstance(marks := new.get("granular_markings"), list):
        new["granular_markings"] = [_moved(mark, "labels", name) for mark in marks]


def _moved(mark: Any, old: str, name: str) -> Any:
    if not isinstance(mark, dict) or not isinstance(mark.get("selectors"), list):
        return mark
    return mark | {"selectors": [_renamed(selector, old, name) for selector in mark["selectors"]]}


def _renamed(selector: Any, old: str, name: str) -> Any:
    first, dot, rest = str(selector).partition(".")
    return f"{name}{dot}{rest}" if first == old else selector


def _pattern(text: Any) -> Any:
    """Return a pattern with its START and STOP written as 2.1 writes them, t'…'; one that is none stays as it is."""
    if not isinstance(text, str):
        return text
    try:
        tokens = tokens_of(text)
    except PatternError:
        return text
    for word, time in reversed(list(pairwise(tokens))):
        if word.sort in ("START", "STOP") and time.sort == "text":
            text = f"{text[: time.at]}t{text[time.at :]}"
    return text


def _observed(new: dict[str, Any]) -> list[dict[str, Any]]:
    held = new.pop("objects")
    marks, inside = _split(new.pop("granular_markings", None))
    if marks:
        new["granular_markings"] = marks
    seeds = f"{new.get('id')} {new.get('modified')}"
    namer = _Namer({key: _sco(value) for key, value in held.items() if isinstance(value, dict)}, seeds)
    found: dict[str, dict[str, Any]] = {}
    for key, sco in namer.held.items():
        made = {"type": "", **namer.pointed(sco, ()), "spec_version": "2.1", "id": namer.name(key)}
        if isinstance(refs := new.get("object_marking_refs"), list):
            made["object_marking_refs"] = list(refs)
        if key in inside:
            made["granular_markings"] = inside[key]
        # Two that are one thing have one name, and are one object.
        found.setdefault(made["id"], made)
    return [new | {"object_refs": list(found)}, *found.values()]


def _sco(held: dict[str, Any]) -> dict[str, Any]:
    names = _RENAMED.get(str(held.get("type")), {})
    return {names.get(key, key): value for key, value in held.items()}


def _split(marks: Any) -> tuple[list[Any], dict[str, list[Any]]]:
    """Return the granular markings that stay on the observed data, and those of each observable, by its key."""
    stay: list[Any] = []
    inside: dict[str, list[Any]] = {}
    for mark in marks if isinstance(marks, list) else ():
        selectors = mark.get("selectors") if isinstance(mark, dict) else None
        for selector in selectors if isinstance(selectors, list) else ():
            first, _, rest = str(selector).partition(".")
            key, _, place = rest.partition(".")
            if first == "objects" and key:
                names = [place] if place else ["type", "id"]
                inside.setdefault(key, []).append(mark | {"selectors": names})
            else:
                stay.append(mark | {"selectors": ["object_refs" if first == "objects" else selector]})
    return stay, inside


class _Namer:
    """The observables of one observed data object, and the identifier that each of them gets."""

    def __init__(self, held: dict[str, dict[str, Any]], seed: str) -> None:
        self.held = held
        self._seed = seed
        self._names: dict[str, str] = {}

    def name(self, key: str, path: tuple[str, ...] = ()) -> str:
        """Return the identifier of the observable under this key; `path` is by which others it was come to."""
        if key not in self._names:
            sco = self.held[key]
            made = None
            if key not in path and len(path) < _DEEPEST:
                names = ("type", *CONTRIBUTING.get(str(sco.get("type")), ()))
                parts = {name: sco[name] for name in names if name in sco}
                made = deterministic_id(self.pointed(parts, (*path, key)))
            # Of a ring, the first that is met again has no name that its content makes, and keeps the one it got.
            self._names.setdefault(key, made or f"{sco.get('type')}--{self._free(key)}")
        return self._names[key]

    def pointed(self, value: Any, path: tuple[str, ...], *, ref: bool = False) -> Any:
        """Return a value whose references say identifiers instead of keys."""
        if isinstance(value, dict):
            return {key: self.pointed(item, path, ref=key.endswith(("_ref", "_refs"))) for key, item in value.items()}
        if isinstance(value, list):
            return [self.pointed(item, path, ref=ref) for item in value]
        return self.name(value, path) if ref and isinstance(value, str) and value in self.held else value

    def _free(self, key: str) -> UUID:
        # It must look random (2.9: a UUIDv4), and be the same at every node that reads the same object.
        return UUID(bytes=sha256(f"{self._seed} {key}".encode("utf-8", "surrogatepass")).digest()[:16], version=4)
