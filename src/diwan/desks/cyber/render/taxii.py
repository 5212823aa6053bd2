"""TAXII 2.1 resources as bytes: envelopes, manifests, versions, collections, statuses and errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from diwan.desks.cyber.kinds.collection import Collection
from diwan.desks.cyber.kinds.stix import written
from diwan.desks.cyber.kinds.taxii import STIX, Listed, Status
from diwan.terms.time import Instant

_encode: Final = msgspec.json.Encoder().encode


def envelope(objects: Sequence[bytes], cursor: str | None) -> bytes:
    """Return an envelope around objects as they came, byte for byte (TAXII 2.1, section 3.7); no empty list is sent."""
    head = b'{"more":true,"next":' + _encode(cursor) if cursor is not None else b'{"more":false'
    return b"".join((head, b',"objects":[', b",".join(objects), b"]}")) if objects else head + b"}"


def manifest(listed: Iterable[Listed], cursor: str | None) -> bytes:
    """Return a manifest (section 5.3.1), with `next` as envelopes have it: real clients page by it."""
    rows = [
        {"id": one.id, "date_added": written(one.at), "version": one.version, "media_type": one.spec} for one in listed
    ]
    return _paged("objects", rows, cursor)


def versions(listed: Iterable[Listed], cursor: str | None) -> bytes:
    """Return the versions of one object (section 5.8.1), each once, though copies of it may differ."""
    return _paged("versions", list(dict.fromkeys(one.version for one in listed)), cursor)


def discovery(title: str, root: str) -> bytes:
    """Return the discovery resource (section 4.1.1)."""
    return _encode({"title": title, "default": root, "api_roots": [root]})


def api_root(title: str, largest: int) -> bytes:
    """Return the resource of an API root (section 4.2.1)."""
    return _encode({"title": title, "versions": ["application/taxii+json;version=2.1"], "max_content_length": largest})


def collection(said: Collection, *, can_write: bool) -> dict[str, Any]:
    """Return a collection resource (section 5.1.1) as a value."""
    told: dict[str, Any] = {"id": said.id, "title": said.title}
    if said.description:
        told["description"] = said.description
    return {**told, "can_read": True, "can_write": can_write, "media_types": [STIX]}


def collections(told: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the collections resource (section 5.1)."""
    return _encode({"collections": told} if told else {})


def status(said: Status) -> bytes:
    """Return a status resource (section 4.3.1); a list that is empty is left out (section 2)."""
    told: dict[str, Any] = {
        "id": said.id,
        "status": "complete",
        "request_timestamp": written(said.requested),
        "total_count": len(said.successes) + len(said.failures),
        "success_count": len(said.successes),
        "failure_count": len(said.failures),
        "pending_count": 0,
    }
    if said.successes:
        told["successes"] = said.successes
    if said.failures:
        told["failures"] = said.failures
    return _encode(told)


def error(code: int, said: str) -> bytes:
    """Return an error message (section 3.6.1)."""
    return _encode({"title": _TITLES.get(code, "The request failed"), "description": said, "http_status": str(code)})


def markings(told: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the labels that a caller may see, each as people read it and as this node keeps it."""
    return _encode({"markings": told} if told else {})


def dates(at: Sequence[Instant]) -> dict[str, str]:
    """Return the headers that say when the first and last of a page were added (section 3.2); none for an empty one."""
    if not at:
        return {}
    return {"x-taxii-date-added-first": written(at[0]), "x-taxii-date-added-last": written(at[-1])}


def _paged(name: str, rows: Sequence[Any], cursor: str | None) -> bytes:
    said: dict[str, Any] = {"more": cursor is not None}
    if cursor is not None:
        said["next"] = cursor
    if rows:
        said[name] = rows
    return _encode(said)


_TITLES: Final = {
    400: "The request is malformed",
    401: "Authentication is required",
    403: "This is not allowed",
    404: "Not found",
    405: "This cannot be done at this address",
    406: "The media type is not offered",
    413: "The request is too large",
    415: "The media type is not understood",
    422: "The content cannot be processed",
    429: "Too many requests",
    500: "The server failed",
}
