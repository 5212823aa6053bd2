"""TAXII 2.1, section 1.6.8, and RFC 9110, section 12.5.1: what a client says it takes, and what it gets."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from taxii_node import MEDIA, Caller, Maker, Node, refused, told

TAKEN = [
    "application/taxii+json;version=2.1",
    "application/taxii+json; version=2.1",
    "application/taxii+json ; version=2.1",
    'application/taxii+json;version="2.1"',
    "Application/TAXII+JSON;Version=2.1",
    "application/taxii+json",
    "application/taxii+json;version=2.1;q=0.9",
    "application/taxii+json; version=2.1, application/json",
    "application/json, application/taxii+json;version=2.1",
    "application/vnd.oasis.taxii+json; version=2.0, application/taxii+json; version=2.1",
    "text/html;q=0.9, application/taxii+json;version=2.1;q=0.1",
    "application/taxii+json;version=2.0, application/taxii+json;version=2.1",
    "application/*",
    "*/*",
    "text/html, */*;q=0.1",
]
REFUSED = [
    "text/html",
    "application/xml",
    "application/taxii+json;version=2.0",
    "application/taxii+json;version=1.1",
    "application/taxii+json;version=2",
    "application/vnd.oasis.taxii+json;version=2.0",
    "application/taxii+json;version=2.1;q=0",
    "application/taxii+json;version=2.1;q=0.000",
    "application/stix+json;version=2.0",
    "nothing",
    "text/*",
]


@pytest.fixture
def paths(kuwait: Caller, make: Maker) -> list[str]:
    """Every endpoint that is read."""
    one = make.indicator()
    status = kuwait.push("shared", [one])
    collection = [kuwait.at("shared", *more) for more in ((), ("objects",), ("manifest",))]
    object_ = [kuwait.at("shared", "objects", one["id"]), kuwait.at("shared", "objects", one["id"], "versions")]
    return [
        "/taxii2/",
        kuwait.root,
        f"{kuwait.root}collections/",
        *collection,
        *object_,
        f"{kuwait.root}status/{status['id']}/",
    ]


@pytest.mark.parametrize("accept", TAKEN)
def test_who_takes_taxii_gets_taxii_however_it_is_said(kuwait: Caller, paths: list[str], accept: str) -> None:
    """1.6.8: without a version, spaced, quoted, in a list, with a weight, in any case; never 406."""
    for path in paths:
        said = told(kuwait.ask(path, params={"limit": 1} if "/objects/" in path else None, headers={"Accept": accept}))
        assert said


@pytest.mark.parametrize("accept", REFUSED)
def test_who_takes_something_else_alone_is_told_so(kuwait: Caller, paths: list[str], accept: str) -> None:
    """5.x, 406: an endpoint of TAXII has nothing else to give."""
    for path in paths:
        refused(kuwait.ask(path, headers={"Accept": accept}), 406)


def test_who_says_nothing_gets_taxii(taxii: Node, paths: list[str]) -> None:
    """RFC 9110, section 12.5.1: no Accept means any."""
    for path in paths:
        line = http.client.HTTPConnection(urlsplit(taxii.addresses[0]).netloc, timeout=30)
        line.request("GET", path, headers={"Authorization": f"Bearer {taxii.tokens['kuwait']}"})
        answer = line.getresponse()
        answer.read()
        line.close()
        assert (answer.status, answer.headers["Content-Type"]) == (200, MEDIA)


@pytest.mark.parametrize("media", [MEDIA, "application/json", "text/plain", "nothing"])
def test_type_of_a_body_that_is_not_there_is_passed_over(kuwait: Caller, paths: list[str], media: str) -> None:
    """MISP and others send Content-Type with GET; there is no body it could be of."""
    for path in paths:
        told(kuwait.ask(path, headers={"Content-Type": media}))


def test_answer_of_every_endpoint_names_taxii_and_its_version(kuwait: Caller, paths: list[str], make: Maker) -> None:
    """1.6.8: `Content-Type: application/taxii+json;version=2.1` on every response, refusals too."""
    for path in paths:
        assert kuwait.ask(path).headers["content-type"] == MEDIA
    for path in (kuwait.at("shared", "objects", f"indicator--{make.uuid()}"), kuwait.at(make.uuid())):
        assert kuwait.ask(path).headers["content-type"] == MEDIA


def test_pushing_asks_for_the_type_of_its_answer_as_reading_does(kuwait: Caller, make: Maker) -> None:
    """5.5: 406, and nothing is entered."""
    one = make.indicator()
    body = b'{"objects": [' + json.dumps(one).encode() + b"]}"
    headers = {"Content-Type": MEDIA, "Accept": "text/html"}

    refused(kuwait.ask(kuwait.at("shared", "objects"), "POST", content=body, headers=headers), 406)
    refused(kuwait.object("shared", one["id"]), 404)


def test_answers_are_not_kept_by_anything_between(kuwait: Caller, paths: list[str]) -> None:
    """8.2: what is for one caller must reach no other out of a cache."""
    for path in paths:
        assert "no-store" in kuwait.ask(path).headers["cache-control"]


def test_head_is_the_answer_without_its_body(kuwait: Caller, paths: list[str]) -> None:
    """RFC 9110, section 9.3.2: where there is GET there is HEAD; what stands before a node asks for it."""
    for path in paths:
        get, head = kuwait.ask(path), kuwait.ask(path, "HEAD")

        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "x-taxii-date-added-first", "x-taxii-date-added-last"):
            assert head.headers.get(name) == get.headers.get(name)
