"""TAXII 2.1, section 3.6: every refusal is an error message, whatever was wrong and wherever."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from taxii_node import MEDIA, SHELVES, UNKNOWN, Caller, Maker, Node, refused, told

FIELDS = {"title", "description", "error_id", "error_code", "http_status", "external_details", "details"}


@pytest.fixture
def refusals(kuwait: Caller, qatar: Caller, make: Maker) -> list[dict[str, object]]:
    one = make.indicator()
    kuwait.enter("shared", one)
    objects = kuwait.at("shared", "objects")
    return [
        refused(kuwait.ask("/taxii2/nowhere/"), 404),
        refused(kuwait.ask(kuwait.at(UNKNOWN)), 404),
        refused(kuwait.object("shared", f"malware--{make.uuid()}"), 404),
        refused(kuwait.objects("shared", limit="none"), 400),
        refused(kuwait.manifest("shared", added_after="never"), 400),
        refused(kuwait.ask(objects, headers={"Accept": "text/html"}), 406),
        refused(kuwait.post("shared", b"nothing"), 400),
        refused(kuwait.post("shared", b"{}", "text/plain"), 415),
        refused(kuwait.post("shared", b" " * 300_000), 413),
        refused(kuwait.post("closed", b"{}"), 403),
        refused(qatar.delete("shared", one["id"]), 403),
        refused(kuwait.ask(f"{kuwait.root}status/{UNKNOWN}/"), 404),
        refused(kuwait.ask(objects, headers={"Authorization": "Bearer wrong"}), 401),
    ]


def test_every_refusal_has_the_fields_of_the_clause_and_no_other(refusals: list[dict[str, object]]) -> None:
    """3.6.1: `title` is required, the others are left out rather than empty."""
    for said in refusals:
        assert {"title"} <= said.keys() <= FIELDS
        assert all(value not in ("", [], {}, None) for value in said.values())


def test_status_in_a_refusal_is_text(refusals: list[dict[str, object]]) -> None:
    """3.6.1: `http_status` is a string."""
    assert {type(said["http_status"]) for said in refusals} == {str}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_method_that_is_not_defined_is_refused_with_those_that_are(kuwait: Caller, method: str) -> None:
    """3.1, table of endpoints; RFC 9110, 15.5.6: `Allow` names what is served at an address."""
    for path, allow in (
        (kuwait.at("shared", "objects"), "GET, HEAD, OPTIONS, POST"),
        (kuwait.at("shared", "manifest"), "GET, HEAD, OPTIONS"),
        ("/taxii2/", "GET, HEAD, OPTIONS"),
    ):
        answer = kuwait.ask(path, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, allow)


def test_methods_of_an_address_can_be_asked_for(kuwait: Caller) -> None:
    """RFC 9110, 9.3.7."""
    answer = kuwait.ask(kuwait.at("shared", "objects"), "OPTIONS")

    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    assert "content-type" not in answer.headers


HOSTILE = [
    "indicator--%00",
    "..%2f..%2fetc",
    "%E2%80%AE",
    "%1b[31m",
    "<script>",
    "%FF%FE",
    "a" * 4000,
    "'%20OR%201=1",
    "%0d%0aX-Injected:%20yes",
    "%252e%252e",
]


@pytest.mark.parametrize("id", HOSTILE)
@pytest.mark.parametrize("more", [(), ("versions",)])
def test_hostile_id_is_not_found_and_not_said_back(taxii: Node, id: str, more: tuple[str, ...]) -> None:
    """3.6: an error message quotes nothing that could turn a terminal, a log or a header."""
    path = "/".join((f"{taxii.root}collections", SHELVES["shared"].id, "objects", id, *more, ""))
    line = http.client.HTTPConnection(urlsplit(taxii.addresses[0]).netloc, timeout=30)
    line.request("GET", path, headers={"Authorization": f"Bearer {taxii.tokens['kuwait']}", "Accept": MEDIA})
    answer = line.getresponse()
    body = answer.read()
    line.close()

    assert answer.status in (400, 404, 414)
    assert answer.headers["X-Injected"] is None
    assert json.loads(body)["http_status"] == str(answer.status)
    assert body.decode().isprintable()
    assert b"<" not in body


def test_title_does_not_change_with_what_was_asked_for(kuwait: Caller, make: Maker) -> None:
    """3.6.1: not found is one answer, word for word."""
    asked = [f"indicator--{make.uuid()}", f"malware--{make.uuid()}", "nothing", "x-unknown--1"]

    assert len({kuwait.object("shared", id).content for id in asked}) == 1


def test_after_all_that_the_node_still_answers(kuwait: Caller) -> None:
    """4.1: it stands."""
    assert told(kuwait.ask("/taxii2/"))["title"]
