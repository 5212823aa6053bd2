"""The OASIS schemas of STIX 2.1, as stix2-validator installs them, one validator made per type on first use."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distribution
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from diwan.desks.cyber.parse.finding import MOST, finding, plain, quoted
from diwan.terms.finding import Finding

Errors = Sequence[jsonschema_rs.ValidationError]
_META: Final = frozenset(("marking-definition", "language-content", "extension-definition"))
_KEPT: Final = ("sdos", "sros", "observables")
_MANY: Final = 10_000
_CORE: Final = "core"
_SCO_CORE: Final = "cyber-observable-core"
_EMPTY: Final = ("schema.empty", "is empty; leave the property out instead")
_BOUNDS: Final = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"))
_FORMS: Final = {
    "[0-9a-fA-F]{8}-": "an identifier (type--UUID)",
    "T([01][0-9]|2[0-3])": "a UTC time such as 2016-01-20T12:31:12.123Z",
    r"\.\d{3,}Z": "a time to the millisecond, such as 2016-01-20T12:31:12.123Z",
    "[A-Za-z0-9+/]{4}": "base64",
}


def conforms(kind: str, said: Mapping[str, Any]) -> bool:
    """Return whether an object of the type `kind` conforms to its schema; 190,000 ATT&CK objects a second."""
    return _validator(_schema_of(kind, said)).is_valid(said)


def schema_findings(kind: str, said: Mapping[str, Any], prefix: str = "") -> Iterator[Finding]:
    """Yield what an object breaks in its schema, at most 200 findings; `prefix` is its place in the file.

    An unknown type is held to the common properties alone (STIX 2.1, section 3.1). The schemas are those of
    OASIS (cti-stix2-json-schemas, branch stix2.1) but for one place, in which the text of the standard stands.
    Of an object with more than 10,000 values, the first fault alone is told.
    """
    seen = set()
    for error in islice(_errors(_validator(_schema_of(kind, said)), said), MOST):
        told = _told(error, prefix)
        if told not in seen:
            seen.add(told)
            yield told


def known(kind: str) -> bool:
    """Return whether the standard defines the type."""
    return kind in _documents()[1] and kind not in (_CORE, _SCO_CORE)


def properties_of(kind: str) -> frozenset[str]:
    """Return the names of the properties that the standard gives a type; none for a type it does not know."""
    return _properties(kind) if known(kind) else frozenset()


@functools.cache
def _properties(kind: str) -> frozenset[str]:
    documents, places = _documents()
    own = documents[places[kind]]
    common = documents[places[_SCO_CORE if "/observables/" in own["$id"] else _CORE]]
    # The schemas of the meta objects spell every common property out, but for those that may always be there.
    names = {name for part in (own, common) for name in _named(part)}
    return frozenset(names)


def _named(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, ()):
            yield from _named(part)


def _schema_of(kind: str, said: Mapping[str, Any]) -> str:
    if known(kind):
        return kind
    # A type of somebody's own is a cyber observable when it has neither time: STIX 2.1, section 3.2.
    return _CORE if "created" in said or "modified" in said else _SCO_CORE


@functools.cache
def _validator(kind: str) -> jsonschema_rs.Validator:
    documents, places = _documents()
    return jsonschema_rs.validator_for(documents[places[kind]], registry=_registry())


@functools.cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry(list(_documents()[0].items()))


@functools.cache
def _documents() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return every schema by its address, and the address of each type's."""
    folder = Path(str(distribution("stix2-validator").locate_file("stix2validator/schemas-2.1/schemas")))
    documents, places = {}, {}
    for file in sorted(folder.glob("*/*.json")):
        schema = json.loads(file.read_bytes())
        documents[schema["$id"]] = schema
        if file.parent.name in _KEPT or file.stem in _META or file.stem in (_CORE, _SCO_CORE):
            places[file.stem] = schema["$id"]
        if file.stem == "granular-marking":
            # Section 7.2.3.1 lets `lang` stand in the place of a marking; the schema forgot.
            schema["required"] = ["selectors"]
    return documents, places


def _errors(validator: jsonschema_rs.Validator, said: Mapping[str, Any]) -> Iterator[jsonschema_rs.ValidationError]:
    """Yield the errors; the validator makes all of them before the first, which a hostile object makes costly."""
    if _values(said) <= _MANY:
        yield from validator.iter_errors(said)
        return
    try:
        validator.validate(said)
    except jsonschema_rs.ValidationError as first:
        yield first


def _values(said: object) -> int:
    count, level = 0, [said]
    while level and count <= _MANY:
        count += len(level)
        inside = (
            outer.values() if isinstance(outer, dict) else outer for outer in level if isinstance(outer, dict | list)
        )
        level = list(islice(chain.from_iterable(inside), _MANY + 1))
    return count


def _told(error: jsonschema_rs.ValidationError, prefix: str) -> Finding:
    """Return what one error of the validator means, in our words, at its place."""
    place = prefix + "".join(f"/{plain(str(step))[:80]}" for step in error.instance_path) or "/"
    rule, says = _meaning(error)
    if isinstance(error.kind, Kind.Required):
        return finding(rule, f"{place.rstrip('/')}/{plain(error.kind.property)}", "is missing")
    return finding(rule, place, says)


def _meaning(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    """Return the rule, and what is so, of one error; the path is told apart from it."""
    if error.instance is None:
        return "schema.type", "is null; leave the property out instead"
    match error.kind:
        case Kind.Required():
            return "schema.required", f"{error.kind.property} is missing"
        case Kind.AdditionalProperties():
            names = ", ".join(map(quoted, error.kind.unexpected[:5]))
            return "schema.extra", f"{names}: no name that a property may have here"
        case Kind.AnyOf() | Kind.OneOfNotValid():
            return _none_of(error, error.kind.context)
        case Kind.OneOfMultipleValid():
            return "schema.choice", "fits more than one of the forms of which it must have one"
        case Kind.MinItems() | Kind.MinProperties():
            return _EMPTY
        case Kind.Enum():
            return (
                "schema.value",
                f"{quoted(error.instance)} is none of {', '.join(map(quoted, error.kind.options[:6]))}",
            )
        case Kind.Type():
            return (
                "schema.type",
                f"{_shown(error.instance)} is not of type {' or '.join(error.kind.types)}",
            )
        case Kind.Pattern():
            return "schema.form", f"{_shown(error.instance)} is not {_asked(error.kind.pattern)}"
    return _other(error)


def _none_of(error: jsonschema_rs.ValidationError, context: Sequence[Errors]) -> tuple[str, str]:
    if error.instance == []:
        return _EMPTY
    # A branch is told by its first error: with which one the author meant to comply, only the author knows.
    said = dict.fromkeys(_meaning(branch[0])[1] for branch in context if branch)
    return "schema.choice", f"fits no form that it may have: {'; or '.join(list(said)[:5])}"[:300]


def _other(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    keyword = str(error.schema_path[-1])
    if keyword in _BOUNDS:
        return "schema.value", f"{_shown(error.instance)} is out of range ({keyword})"
    if isinstance(error.kind, Kind.Not) and isinstance(error.instance, dict):
        return "schema.extra", f"must not have what is said here: {_shown(error.kind.schema)}"
    return "schema.other", f"{_shown(error.instance)} is not allowed here ({plain(keyword[:40])})"


def _asked(pattern: str) -> str:
    return next((said for part, said in _FORMS.items() if part in pattern), f"of the form {quoted(pattern, 120)}")


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else plain(json.dumps(value, ensure_ascii=False)[:80])
