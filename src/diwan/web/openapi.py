"""The API described in OpenAPI 3.1, made from the very types that are encoded and decoded."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from diwan.web.api import Count, Entered, Feed, Handed, Listed, Me, Shown
from diwan.web.problems import Problem
from diwan.web.visit import BASES

_ITEM: Final = ("originator", "ident")
_ASKING: Final = {
    "kind": "A kind of item, `crisis.alert`.",
    "originator": "A party id.",
    "facet": "`name:value`; may be given several times, all must hold.",
    "q": "Words that must all occur.",
    "since": "Microseconds since 1970-01-01T00:00:00Z: entered or changed at or after.",
    "until": "Microseconds since 1970-01-01T00:00:00Z: entered or changed before.",
}
_PAGING: Final = {"cursor": "Where the answer before said to go on.", "limit": "1 to 500."}


class Operation(msgspec.Struct, frozen=True):
    """One operation: what it is for, what it takes and gives."""

    summary: str
    answers: type
    asks: dict[str, str] = {}
    takes: type | None = None
    status: int = 200


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("get", "/api/items"): Operation(
        "The items released to you that a query finds, newest first.",
        Listed,
        {**_ASKING, **_PAGING, "order": "`newest` or `oldest`."},
    ),
    ("post", "/api/items"): Operation("Enter a document under a label.", Entered, takes=Handed, status=201),
    ("get", "/api/items/{originator}/{ident}"): Operation("One item, if it is released to you.", Shown),
    ("get", "/api/changes"): Operation("What changed for you, oldest first.", Feed, _PAGING),
    ("get", "/api/count"): Operation("How many items a query finds, counted up to a bound.", Count, _ASKING),
    ("get", "/api/facets"): Operation(
        "How often each value of some facets occurs among the first items that a query finds.",
        dict[str, dict[str, int]],
        {**_ASKING, "of": "Names of facets, between commas."},
    ),
    ("get", "/api/me"): Operation("As whom you read.", Me),
}


def document(title: str) -> bytes:
    """Return the description of the API, as JSON; constraints are those that decoding enforces."""
    types = [t for operation in OPERATIONS.values() for t in (operation.answers, operation.takes) if t is not None]
    schemas, components = msgspec.json.schema_components((*types, Problem), ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(repr, (*types, Problem)), schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(path, operation, schema_of)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": title, "version": "1", "summary": "Every answer holds what is released to who asks."},
            "servers": [{"url": base or "/", "description": world} for world, base in BASES.items()],
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _operation(path: str, operation: Operation, schema_of: dict[str, dict[str, Any]]) -> dict[str, object]:
    parameters = [_parameter(name, "path", "") for name in _ITEM if f"{{{name}}}" in path]
    parameters += [_parameter(name, "query", said) for name, said in operation.asks.items()]
    described: dict[str, object] = {
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): _content("Done.", "application/json", schema_of[repr(operation.answers)]),
            "default": _content("Refused.", "application/problem+json", schema_of[repr(Problem)]),
        },
    }
    if operation.takes is not None:
        body = _content("", "application/json", schema_of[repr(operation.takes)])
        described["requestBody"] = {"required": True, "content": body["content"]}
    return described


def _content(said: str, media_type: str, schema: dict[str, Any]) -> dict[str, object]:
    return {"description": said, "content": {media_type: {"schema": schema}}}


def _parameter(name: str, place: str, said: str) -> dict[str, object]:
    parameter: dict[str, object] = {"name": name, "in": place, "schema": {"type": "string"}}
    if place == "path":
        return {**parameter, "required": True}
    return {**parameter, "description": said}
